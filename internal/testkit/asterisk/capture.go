package asterisk

import (
	"context"
	"testing"
)

// A Capture is an AMI client of its own, which keeps every byte that it is sent, from
// the greeting on. It is for the use of one goroutine at a time, and ends with its test.
type Capture struct {
	tb     testing.TB
	stream *stream
}

// Capture logs in as the user under test and keeps what that is sent.
func (s *Server) Capture() *Capture {
	s.tb.Helper()
	return s.capture(s.settings.AMI)
}

// CaptureAll does as [Server.Capture] does, with all rights.
func (s *Server) CaptureAll() *Capture {
	s.tb.Helper()
	return s.capture(s.settings.Admin)
}

func (s *Server) capture(who account) *Capture {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	stream, err := dialStream(ctx, s.AMIAddress(), who)
	if err != nil {
		s.tb.Fatalf("capture: %v", err)
	}
	s.tb.Cleanup(stream.close)
	return &Capture{tb: s.tb, stream: stream}
}

// Action sends an action, as its header lines such as "Action: Ping\r\n" without an
// ActionID, and returns its response.
func (c *Capture) Action(headers string) string {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	reply, err := c.stream.action(ctx, headers)
	if err != nil {
		c.tb.Fatalf("capture: %q: %v", headers, err)
	}
	return reply
}

// Await returns the first message that holds all these texts, such as
// "Event: Hold\r\n", when it has come.
func (c *Capture) Await(ctx context.Context, texts ...string) string {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(ctx, timeout/2)
	defer cancel()
	message, err := c.stream.await(ctx, 0, texts...)
	if err != nil {
		c.tb.Fatalf("capture: waited for %q: %v; there is\n%s", texts, err, c)
	}
	return message
}

// String returns what has come so far.
func (c *Capture) String() string { return c.stream.received() }

// Stop ends the connection and returns all that came.
func (c *Capture) Stop() string {
	c.stream.close()
	return c.String()
}
