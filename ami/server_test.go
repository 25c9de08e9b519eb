package ami

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	greeting = "Asterisk Call Manager/11.0.0\r\n"
	user     = "clavija"
	secret   = "hush-hush"
	nonce    = "840415273"
)

// peer is the server's side of one connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *Reader
}

// serve runs script for the first connection to the address that it returns, and ends
// before the test does.
func serve(t *testing.T, tlsConfig *tls.Config, script func(p *peer)) (address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return // The test did not connect.
		}
		defer conn.Close()
		script(&peer{t, conn, NewReader(conn)})
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return address
}

func (p *peer) send(text string) {
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Errorf("server: %v", err)
	}
}

// expect reads the action of that name and returns it, or an empty Message.
func (p *peer) expect(action string) Message {
	m, err := p.r.Read()
	if err != nil || m.Get("Action") != action {
		p.t.Errorf("server: received %v, %v, want %s", fields(m), err, action)
		return Message{}
	}
	return m
}

// untilClosed waits for the client to close the connection.
func (p *peer) untilClosed() {
	if m, err := p.r.Read(); err == nil {
		p.t.Errorf("server: received %v", fields(m))
	}
}

// login plays a login that succeeds, with extra packets before its responses.
func (p *peer) login(extra ...string) {
	between := strings.Join(extra, "")
	p.send(greeting)
	m := p.expect("Challenge")
	p.send(between + "Response: Success\r\nActionID: " + m.ActionID() + "\r\nChallenge: " + nonce + "\r\n\r\n")
	m = p.expect("Login")
	sum := md5.Sum([]byte(nonce + secret))
	want := packet{
		{"Action", "Login"},
		{"Username", user},
		{"AuthType", "MD5"},
		{"Key", hex.EncodeToString(sum[:])},
		{"Events", "on"},
		{"ActionID", m.ActionID()},
	}
	if diff := cmp.Diff(want, fields(m)); diff != "" {
		p.t.Errorf("login (-want +got):\n%s", diff)
	}
	p.send(between + success(m))
}

func success(action Message) string {
	return "Response: Success\r\nActionID: " + action.ActionID() + "\r\nMessage: Authentication accepted\r\n\r\n"
}

func refusal(action Message, reason string) string {
	return "Response: Error\r\nActionID: " + action.ActionID() + "\r\nMessage: " + reason + "\r\n\r\n"
}

func event(name string) string { return "Event: " + name + "\r\n\r\n" }

// expectEvents reads the named events, in order.
func expectEvents(t *testing.T, c *Conn, names ...string) {
	t.Helper()
	for _, want := range names {
		if m, err := c.Read(); err != nil || m.Event() != want {
			t.Fatalf("read %v, %v, want event %s", fields(m), err, want)
		}
	}
}
