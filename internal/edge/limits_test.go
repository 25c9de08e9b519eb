package edge_test

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/edge"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// get makes a request that asks for a WebSocket, and returns the status of its answer.
func (o *office) get(t *testing.T, path string, header http.Header) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.Origins = []string{"https://crm.example.com"}
	o := newOffice(t, settings)
	for origin, want := range map[string]int{
		"":                        http.StatusSwitchingProtocols,
		o.http.URL:                http.StatusSwitchingProtocols,
		"https://crm.example.com": http.StatusSwitchingProtocols,
		"https://evil.example":    http.StatusForbidden,
		"null":                    http.StatusForbidden,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		if got := o.get(t, "/agent", header); got != want {
			t.Errorf("origin %q: %d instead of %d", origin, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	for path, want := range map[string]int{"/": http.StatusOK, "/nowhere": http.StatusNotFound} {
		if got := o.get(t, path, nil); got != want {
			t.Errorf("%s: %d instead of %d", path, got, want)
		}
	}
}

func TestNoMoreConnectionsThanAllowed(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(s *edge.Settings){
		"in all":           func(s *edge.Settings) { s.MaxConnections = 2 },
		"from one address": func(s *edge.Settings) { s.MaxPerAddress = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := usual()
			limit(&settings)
			o := newOffice(t, settings)
			first := o.login("/ws", "eva")
			o.login("/agent", "ana")
			if got := o.get(t, "/agent", nil); got != http.StatusServiceUnavailable {
				t.Errorf("the third gets %d", got)
			}
			first.Close()
			for o.Clients() > 1 {
				// The server is about to notice.
			}
			o.login("/ws", "eva")
		})
	}
}

func TestWhoDoesNotLogInIsClosed(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.AuthTimeout = 50 * time.Millisecond
	o := newOffice(t, settings)
	if code, reason := watch.Dial(t, o.url("/ws")).AwaitClose(); code != protocol.ClosePolicyViolation {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestSilenceIsNormal(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.PingInterval = 20 * time.Millisecond
	o := newOffice(t, settings)
	c := o.login("/agent", "ana")
	// The client answers pings by itself, and sends nothing else.
	pings := o.raw(t)
	for range 3 {
		pings.awaitPing(t)
		pings.write(t, 0x8A, nil)
	}
	c.Fence()
}

func TestWhoDoesNotAnswerPingsIsCut(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.PingInterval = 20 * time.Millisecond
	o := newOffice(t, settings)
	dead := o.raw(t)
	dead.awaitPing(t)
	if _, err := io.Copy(io.Discard, dead.r); err != nil {
		t.Error(err)
	}
}

func TestWhoFloodsIsToldAndThenClosed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.raw(t)
	go func() {
		for {
			if _, err := c.conn.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'}); err != nil {
				return
			}
		}
	}()
	told := false
	for {
		first, data := c.frame(t)
		told = told || strings.Contains(string(data), string(protocol.CodeRateLimited))
		if first == 0x88 {
			if code := int(data[0])<<8 | int(data[1]); code != int(protocol.ClosePolicyViolation) || !told {
				t.Errorf("told: %v; closed with %d", told, code)
			}
			return
		}
	}
}

func TestWhoNeverEndsAMessageIsClosed(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.PingInterval = 20 * time.Millisecond
	settings.MessageTimeout = 50 * time.Millisecond
	o := newOffice(t, settings)
	c := o.raw(t)
	c.write(t, 0x01, []byte("{"))
	go func() {
		for {
			if _, err := c.conn.Write([]byte{0x8A, 0x80, 0, 0, 0, 0}); err != nil { // is alive
				return
			}
		}
	}()
	if code := c.awaitClose(t); code != int(protocol.ClosePolicyViolation) {
		t.Errorf("closed with %d", code)
	}
}

func TestViolationsCloseWithTheirCode(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	for name, tt := range map[string]struct {
		first byte
		data  string
		code  int
	}{
		"binary":      {0x82, "x", 1003},
		"reserved":    {0x83, "x", 1002},
		"bad UTF-8":   {0x81, "\xff", 1007},
		"a close":     {0x88, "\x03\xe8", 1000},
		"a bad close": {0x88, "\x03", 1002},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := o.raw(t)
			c.write(t, tt.first, []byte(tt.data))
			code := c.awaitClose(t)
			if code != tt.code {
				t.Errorf("closed with %d instead of %d", code, tt.code)
			}
		})
	}
}

// rawClient speaks WebSocket by hand.
type rawClient struct {
	conn net.Conn
	r    *bufio.Reader
}

// raw connects and logs ana in.
func (o *office) raw(t *testing.T) *rawClient {
	t.Helper()
	return o.rawAs(t, "/agent", "ana")
}

func (o *office) rawAs(t *testing.T, path, user string) *rawClient {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(o.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &rawClient{conn, bufio.NewReader(conn)}
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	c.write(t, 0x81, protocol.AuthPlain{User: user, Passwd: password}.AppendJSON(nil))
	return c
}

// write writes a short frame, masked with zeros.
func (c *rawClient) write(t *testing.T, first byte, data []byte) {
	t.Helper()
	frame := append([]byte{first, 0x80 | byte(len(data)), 0, 0, 0, 0}, data...)
	if _, err := c.conn.Write(frame); err != nil {
		t.Fatal(err)
	}
}

func (c *rawClient) frame(t *testing.T) (first byte, data []byte) {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.r, head); err != nil {
		t.Fatal(err)
	}
	size := int(head[1])
	if size == 126 {
		long := make([]byte, 2)
		if _, err := io.ReadFull(c.r, long); err != nil {
			t.Fatal(err)
		}
		size = int(long[0])<<8 | int(long[1])
	}
	data = make([]byte, size)
	if _, err := io.ReadFull(c.r, data); err != nil {
		t.Fatal(err)
	}
	return head[0], data
}

func (c *rawClient) awaitPing(t *testing.T) {
	t.Helper()
	for {
		if first, _ := c.frame(t); first == 0x89 {
			return
		}
	}
}

func (c *rawClient) awaitClose(t *testing.T) int {
	t.Helper()
	for {
		if first, data := c.frame(t); first == 0x88 {
			return int(data[0])<<8 | int(data[1])
		}
	}
}
