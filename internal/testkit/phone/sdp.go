package phone

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// A direction is what one side of a session does with its media (RFC 4566, section 6).
type direction string

const (
	sendRecv direction = "sendrecv"
	sendOnly direction = "sendonly"
	recvOnly direction = "recvonly"
	inactive direction = "inactive"
)

// answer is the direction that answers an offer, by a side that wants what it says.
func (d direction) answer(offer direction) direction {
	send := d.sends() && (offer == sendRecv || offer == recvOnly)
	receive := d.receives() && offer.sends()
	switch {
	case send && receive:
		return sendRecv
	case send:
		return sendOnly
	case receive:
		return recvOnly
	default:
		return inactive
	}
}

func (d direction) sends() bool { return d == sendRecv || d == sendOnly }

func (d direction) receives() bool { return d == sendRecv || d == recvOnly }

// G.711's payload types (RFC 3551, section 6).
const (
	pcmu = 0
	pcma = 8
)

// A session is one side's description of a call's media: one stream of G.711.
type session struct {
	address   *net.UDPAddr
	payloads  []int
	direction direction
}

// sdp writes the session, for the version-th time.
func (s session) sdp(version int) []byte {
	var b strings.Builder
	ip := s.address.IP
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n", version, ip, ip)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", s.address.Port)
	for _, payload := range s.payloads {
		fmt.Fprintf(&b, " %d", payload)
	}
	// Otherwise RTCP goes to the next port, which is somebody else's.
	fmt.Fprintf(&b, "\r\na=rtcp-mux\r\na=ptime:20\r\na=%s\r\n", s.direction)
	return []byte(b.String())
}

// parseSDP reads what a session needs, and takes the rest as it comes.
func parseSDP(body []byte) (session, error) {
	s := session{address: &net.UDPAddr{}, direction: sendRecv}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		kind, value, _ := strings.Cut(line, "=")
		switch kind {
		case "c":
			s.address.IP = net.ParseIP(strings.TrimPrefix(value, "IN IP4 "))
		case "m":
			fields := strings.Fields(value)
			if len(fields) < 4 || fields[0] != "audio" {
				return session{}, fmt.Errorf("sdp: no audio in %q", line)
			}
			port, err := strconv.Atoi(fields[1])
			if err != nil {
				return session{}, fmt.Errorf("sdp: %w", err)
			}
			s.address.Port = port
			for _, field := range fields[3:] {
				if payload, err := strconv.Atoi(field); err == nil && (payload == pcmu || payload == pcma) {
					s.payloads = append(s.payloads, payload)
				}
			}
		case "a":
			if d := direction(value); slices.Contains([]direction{sendRecv, sendOnly, recvOnly, inactive}, d) {
				s.direction = d
			}
		}
	}
	if s.address.IP == nil || len(s.payloads) == 0 {
		return session{}, fmt.Errorf("sdp: nothing that suits in %q", body)
	}
	return s, nil
}
