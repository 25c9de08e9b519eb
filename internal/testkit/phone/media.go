package phone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"
)

// media is the audio of one call: silence, every 20 ms, to the far end. A PBX wants
// it: Asterisk takes Local channels out of a call only when audio comes by.
type media struct {
	conn  net.PacketConn
	local *net.UDPAddr  // where we want to get audio; what comes is not read
	stop  chan struct{} // closed at the call's end
	end   sync.Once

	mu      sync.Mutex
	remote  *net.UDPAddr // guarded by mu; nil to be silent
	payload int          // guarded by mu
	started bool         // guarded by mu
}

func newMedia(ip string) (*media, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return nil, err
	}
	local, err := net.ResolveUDPAddr("udp", conn.LocalAddr().String())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &media{conn: conn, local: local, stop: make(chan struct{})}, nil
}

// sendTo starts sending, or changes where to. A nil remote pauses it.
func (m *media) sendTo(remote *net.UDPAddr, payload int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remote, m.payload = remote, payload
	if !m.started {
		m.started = true
		go m.run()
	}
}

func (m *media) close() {
	m.end.Do(func() {
		close(m.stop)
		_ = m.conn.Close()
	})
}

func (m *media) run() {
	const samples = 160 // in 20 ms at 8 kHz
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	packet := make([]byte, 12+samples) // RFC 3550, section 5.1
	packet[0] = 2 << 6
	var sequence uint16
	var timestamp uint32
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		m.mu.Lock()
		remote, payload := m.remote, m.payload
		m.mu.Unlock()
		sequence++
		timestamp += samples
		if remote == nil {
			continue
		}
		silence := byte(0xff)
		if payload == pcma {
			silence = 0xd5
		}
		packet[1] = byte(payload)
		binary.BigEndian.PutUint16(packet[2:], sequence)
		binary.BigEndian.PutUint32(packet[4:], timestamp)
		copy(packet[12:], bytes.Repeat([]byte{silence}, samples))
		_, _ = m.conn.WriteTo(packet, remote) // nobody may listen any more
	}
}
