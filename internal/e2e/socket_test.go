package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

const (
	welcome     = `{"type":"welcome","servername":"BOBIf","version":"1.0","auth":"required","server":"pbx1"}`
	forbidden   = `{"type":"auth-resp","auth":"forbidden","server":"pbx1","error":"invalid credentials"}`
	credentials = `{"type":"auth-plain","user":"eva","passwd":"` + password + `"}`
)

// TestWire compares, byte for byte, what a client gets that was written for the hosted service.
func TestWire(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := newSite(t, version, "")
		watching := s.supervisor(t)
		awaitExtensions(watching)
		s.agent(t, "ana", "default", "pbx1", "101")
		lab := scenario.New(t, s.asterisk)
		lab.Phone("101")
		lab.Phone("102").SetMode(phone.AutoAnswer())

		// A call comes and goes, and another comes, before the client says who it is: it hears of none of it.
		supervisor, agent := dialSocket(t, s, "/ws"), dialSocket(t, s, "/agent")
		first := lab.Phone("101").Dial("102")
		lab.Step("first", "PJSIP/101 Up + PJSIP/102 Up")
		first.Hangup()
		lab.Step("none")
		second := lab.Phone("101").Dial("102")
		legs := lab.Step("second", "PJSIP/101 Up + PJSIP/102 Up")
		s.checkAgainst(t, watching, legs)
		watching.AwaitState(func(r *watch.Replica) bool {
			return r.Status("pbx1", "101") == protocol.StatusInUse && r.Status("pbx1", "102") == protocol.StatusInUse
		})

		from, to := legs[0].UniqueID, legs[1].UniqueID
		caller := fmt.Sprintf(`{"Extension":"101","Hint":"PJSIP/101","Status":"InUse","Calls":[`+
			`{"Monitored":true,"CallID":"%s","CallDirection":"outbound","PhoneA":"101","PhoneB":"102","DIDA":"","DIDB":"",`+
			`"Status":"6","StatusDesc":"Up","Bridge":"%s","Hold":false}]}`, from, to)
		callee := fmt.Sprintf(`{"Extension":"102","Hint":"PJSIP/102","Status":"InUse","Calls":[`+
			`{"Monitored":true,"CallID":"%s","CallDirection":"inbound","PhoneA":"101","PhoneB":"102","DIDA":"","DIDB":"",`+
			`"Status":"6","StatusDesc":"Up","Bridge":"%s","Hold":false}]}`, to, from)
		idle := func(number, hint string) string {
			return `{"Extension":"` + number + `","Hint":"` + hint + `","Status":"Unavailable","Calls":[]}`
		}
		all := []string{
			caller, callee, idle("103", "PJSIP/103"), idle("104", "PJSIP/104"), idle("105", "PJSIP/105"), idle("106", "PJSIP/106"),
			idle("107", "PJSIP/107&PJSIP/1107"), idle("108", "PJSIP/108"),
		}

		supervisor.wantText(welcome)
		supervisor.say(strings.Replace(credentials, password, "wrong horse battery", 1))
		supervisor.wantText(forbidden)
		supervisor.say(`{"type":"action","action":"hangup","call":["` + from + `"]}`)
		supervisor.wantText(`{"type":"error","code":"not_authenticated","message":"log in first: send auth-plain","action":"hangup"}`)
		supervisor.say(credentials)
		supervisor.wantLike(`{"type":"auth-resp","auth":"ok","server":"pbx1","extension":"","agent":"eva","token":"[\w-]{22,}"}`)
		supervisor.wantText(`{"type":"init","server":"pbx1","data":[` + strings.Join(all, ",") + `]}`)
		agent.wantText(welcome)
		agent.say(strings.Replace(credentials, "eva", "ana", 1))
		agent.wantLike(`{"type":"auth-resp","auth":"ok","server":"pbx1","extension":"101","agent":"ana","token":"[\w-]{22,}"}`)
		agent.wantText(`{"type":"init","server":"pbx1","data":[` + caller + `]}`)

		// How the messages of different extensions interleave is up to the PBX.
		second.Hangup()
		ends := func(number, id string) []string {
			about := `"server":"pbx1","extension":"` + number + `"`
			return []string{
				`{"type":"update","action":"extension-status",` + about + `,"status":"Idle"}`,
				`{"type":"update","action":"hangup",` + about + `,"callid":"` + id + `","cause":"16"}`,
			}
		}
		agent.wantEach(ends("101", from)...)
		supervisor.wantEach(slices.Concat(ends("101", from), ends("102", to))...)
	})
}

// TestFragments has a client send its credentials in the smallest pieces that there are: a frame for each byte, pings in between, and
// all of it byte by byte.
func TestFragments(t *testing.T) {
	t.Parallel()
	s := &site{}
	s.serve(t, listenConfig(t))
	s.user(t, "eva", "default")
	c := dialSocket(t, s, "/ws")
	c.wantText(`{"type":"welcome","servername":"BOBIf","version":"1.0","auth":"required","server":""}`)
	var pieces []byte
	for i := range len(credentials) {
		op := opContinuation
		if i == 0 {
			op = opText
		}
		if i == len(credentials)-1 {
			op |= final
		}
		pieces = append(pieces, clientFrame(op, credentials[i:i+1])...)
		if i%25 == 0 {
			pieces = append(pieces, clientFrame(opPing|final, fmt.Sprint("still ", i))...)
		}
	}
	for i := range pieces {
		c.write(pieces[i : i+1])
	}
	// Of pings that come faster than they can be answered, all but the last may go without (RFC 6455, section 5.5.3).
	var texts []string
	for last := ""; last != fmt.Sprint("still ", (len(credentials)-1)/25*25) || len(texts) == 0; {
		switch op, payload := c.read(); op {
		case opPong | final:
			last = payload
		case opText | final:
			texts = append(texts, payload)
		default:
			t.Fatalf("got a frame %#x %q", op, payload)
		}
	}
	if !strings.HasPrefix(texts[0], `{"type":"auth-resp","auth":"ok",`) || len(texts) > 1 {
		t.Errorf("got %q, want to be let in", texts)
	}
}

// TestSilentClients has clients that connect and say nothing, or not enough: they are let go, whether they answer to that or not.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	s := &site{}
	s.serve(t, listenConfig(t)+"[websocket]\nauth_timeout = \"1s\"\n")
	silent, pinging, half := dialSocket(t, s, "/ws"), dialSocket(t, s, "/agent"), dialSocket(t, s, "/ws")
	half.write(clientFrame(opText, credentials[:20])) // and the rest never comes
	for _, c := range []*socket{silent, pinging, half} {
		c.read() // welcome
	}
	pinging.write(clientFrame(opPing|final, "here"))
	if op, _ := pinging.read(); op != opPong|final {
		t.Errorf("got %#x, want a pong", op)
	}
	for _, c := range []*socket{silent, pinging, half} {
		op, payload := c.read()
		if op != opClose|final || !strings.HasPrefix(payload, "\x03\xf0") { // 1008
			t.Errorf("got %#x %q, want a close with 1008", op, payload)
		}
		if n, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read %d bytes, %v after the close, want the end", n, err)
		}
	}
}

// TestOrigins looks who may connect: programs, pages of the server's own host, pages of origins that are configured.
func TestOrigins(t *testing.T) {
	t.Parallel()
	s := &site{}
	s.serve(t, listenConfig(t)+"[websocket]\norigins = [\"https://crm.example.com\"]\n")
	host := s.clavija.Address("plain")
	for origin, want := range map[string]int{
		"":                                    http.StatusSwitchingProtocols,
		"http://" + host:                      http.StatusSwitchingProtocols,
		"https://crm.example.com":             http.StatusSwitchingProtocols,
		"http://crm.example.com":              http.StatusForbidden,
		"https://crm.example.com:8443":        http.StatusForbidden,
		"https://evil.example.com":            http.StatusForbidden,
		"https://crm.example.com.example.net": http.StatusForbidden,
		"null":                                http.StatusForbidden,
	} {
		for _, path := range []string{"/ws", "/agent"} {
			header := ""
			if origin != "" {
				header = "Origin: " + origin + "\r\n"
			}
			if got := upgradeByHand(t, dialTCP(t, host), path, header); got != want {
				t.Errorf("origin %q, %s: %d, want %d", origin, path, got, want)
			}
		}
	}
}

// socket is a client that speaks WebSocket by hand (RFC 6455), and knows nothing of what it is sent.
type socket struct {
	t    *testing.T
	conn net.Conn
}

// The first byte of a frame.
const (
	opContinuation = 0x0
	opText         = 0x1
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
	final          = 0x80
)

func dialTCP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// upgradeByHand asks for a WebSocket and returns the status of the answer. It reads no further than that.
func upgradeByHand(t *testing.T, conn net.Conn, path, header string) int {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, conn.RemoteAddr(), header); err != nil {
		t.Fatal(err)
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var next [1]byte
		if _, err := conn.Read(next[:]); err != nil {
			t.Fatal(err)
		}
		head = append(head, next[0])
	}
	var status int
	if _, err := fmt.Sscanf(string(head), "HTTP/1.1 %d", &status); err != nil {
		t.Fatal(err)
	}
	return status
}

func dialSocket(t *testing.T, s *site, path string) *socket {
	t.Helper()
	c := &socket{t, dialTCP(t, s.clavija.Address("plain"))}
	if status := upgradeByHand(t, c.conn, path, ""); status != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", status)
	}
	return c
}

// clientFrame returns a client's frame of less than 126 bytes, masked with zeros.
func clientFrame(op int, payload string) []byte {
	return append([]byte{byte(op), 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func (c *socket) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// say sends a text.
func (c *socket) say(text string) {
	c.t.Helper()
	c.write(clientFrame(opText|final, text))
}

// read returns the next frame: its first byte and its content.
func (c *socket) read() (op int, payload string) {
	c.t.Helper()
	var header [10]byte
	c.fill(header[:2])
	size := int(header[1])
	switch header[1] {
	case 126:
		c.fill(header[2:4])
		size = int(binary.BigEndian.Uint16(header[2:4]))
	case 127:
		c.fill(header[2:10])
		size = int(binary.BigEndian.Uint64(header[2:10]))
	}
	content := make([]byte, size)
	c.fill(content)
	return int(header[0]), string(content)
}

func (c *socket) fill(b []byte) {
	c.t.Helper()
	if _, err := io.ReadFull(c.conn, b); err != nil {
		c.t.Fatalf("read: %v", err)
	}
}

// text returns the next message, and answers the pings before it.
func (c *socket) text() string {
	c.t.Helper()
	for {
		switch op, payload := c.read(); op {
		case opText | final:
			return payload
		case opPing | final:
			c.write(clientFrame(opPong|final, payload))
		default:
			c.t.Fatalf("got a frame %#x %q, want a text", op, payload)
		}
	}
}

// wantText looks whether the next message is exactly that.
func (c *socket) wantText(want string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.text()); diff != "" {
		c.t.Fatalf("(-want +got): %s", diff)
	}
}

// wantLike looks whether the next message is such; the pattern's braces at both ends are themselves.
func (c *socket) wantLike(pattern string) {
	c.t.Helper()
	if got := c.text(); !regexp.MustCompile(`^\` + pattern + `$`).MatchString(got) {
		c.t.Fatalf("got %s, want %s", got, pattern)
	}
}

// wantEach looks whether the next messages are these, in whatever order.
func (c *socket) wantEach(want ...string) {
	c.t.Helper()
	var got []string
	for range want {
		got = append(got, c.text())
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Fatalf("(-want +got): %s", diff)
	}
}
