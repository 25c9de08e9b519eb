package phone

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// tracedConn keeps what was said, for a test that failed.
type tracedConn struct {
	net.PacketConn
	reading chan struct{} // closed when somebody reads

	once sync.Once
	mu   sync.Mutex
	log  []string // guarded by mu
}

func listen(ip string) (*tracedConn, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return nil, err
	}
	return &tracedConn{PacketConn: conn, reading: make(chan struct{})}, nil
}

// ReadFrom reads a message.
func (c *tracedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.once.Do(func() { close(c.reading) })
	n, addr, err := c.PacketConn.ReadFrom(b)
	if err == nil {
		c.note("<-", b[:n])
	}
	return n, addr, err
}

// WriteTo writes a message.
func (c *tracedConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	c.note("->", b)
	return c.PacketConn.WriteTo(b, addr)
}

func (c *tracedConn) note(direction string, message []byte) {
	const most = 500
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.log) < most {
		c.log = append(c.log, fmt.Sprintf("%s %s %s", time.Now().Format("15:04:05.000"), direction, message))
	}
}

func (c *tracedConn) trace() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.log, "\n")
}
