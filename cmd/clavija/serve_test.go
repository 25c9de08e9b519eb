package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestServe does what the README says, by its very examples: the configuration, the manager user's rights, the users; then a call
// that an agent places, and of which all clients hear, by both paths of both ports.
func TestServe(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := func(pattern string) string {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(string(readme))
		if found == nil {
			t.Fatalf("the README has no %s", pattern)
		}
		return found[1]
	}
	config := example("(?s)```toml\n(.*?)```")
	rights := asterisk.WithRights(example(`(?m)^read = (\S+)$`), example(`(?m)^write = (\S+)$`))
	for _, command := range []string{"user add eva\n", "agent set 101 --user ana\n"} {
		example(`(?m)^(go run \./cmd/clavija ` + command + `)`)
	}

	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		pbx := asterisk.Start(t, version, rights)
		own := strings.NewReplacer("127.0.0.1:5038", pbx.AMIAddress(), "change-me", pbx.AMISecret()).Replace(config)
		p := serve(t, "[listen]\nplain = \"127.0.0.1:0\"\ntls = \"127.0.0.1:0\"\n"+own)
		p.await("pbx is followed", "pbx=pbx1")
		p.clavija(password, "user", "add", "eva", "--password-stdin")
		p.clavija(password, "agent", "set", "101", "--user", "ana", "--password-stdin")
		var clients []*watch.Client
		for _, listener := range []string{"plain", "tls"} {
			clients = append(clients, p.login(listener, "/ws", "eva"), p.login(listener, "/agent", "ana"))
		}

		lab := scenario.New(t, pbx)
		lab.Phone("101").SetMode(phone.AutoAnswer())
		lab.Phone("102").SetMode(phone.AutoAnswer())
		ana := clients[1]
		ana.Do(protocol.Originate{Phone: "102"})
		lab.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
		var id string
		for _, c := range clients {
			call := watch.Await(c, func(m protocol.NewCall) bool { return m.Extension == "101" })
			id = call.CallID
			if diff := cmp.Diff(protocol.NewCall{
				Server: "pbx1", Extension: "101", CallID: id, Direction: protocol.DirectionOutbound, PhoneA: "101", PhoneB: "102",
			}, call); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
			watch.Await(c, watch.Equal(protocol.CallState{
				Server: "pbx1", Extension: "101", CallID: id, State: "6", StateDesc: "Up",
			}))
		}
		ana.Do(protocol.HangupCalls{Calls: []string{id}})
		for _, c := range clients {
			watch.Await(c, watch.Equal(protocol.Hangup{Server: "pbx1", Extension: "101", CallID: id, Cause: "16"}))
		}
		if p.logged("level=WARN") || p.logged("level=ERROR") {
			t.Error("the log has complaints")
		}
	})
}

// TestUsers changes users under a running server, which takes them up at once. There need not be a PBX for that.
func TestUsers(t *testing.T) {
	t.Parallel()
	p := serve(t, `
data_dir = "data"
[listen]
plain = "127.0.0.1:0"
tls = ""
[[pbx]]
name = "pbx1"
driver = "asterisk"
address = "127.0.0.1:1"
username = "clavija"
secret = "secret"
contexts = ["from-internal"]
`)
	p.await("level=ERROR", "pbx cannot be followed", "pbx=pbx1", "connection refused", "advice=")
	p.wantForbidden("/ws", "eva", password)
	p.clavija(password, "user", "add", "eva", "--password-stdin")
	eva := p.login("plain", "/ws", "eva")
	p.wantForbidden("/agent", "eva", password)
	p.clavija(password, "agent", "set", "102", "--user", "bob", "--pbx", "pbx1", "--password-stdin")
	bob := p.login("plain", "/agent", "bob")

	// Another password, another agent, or none any more ends the sessions, and those alone.
	const other = "staple battery horse"
	p.clavija(other, "user", "password", "eva", "--password-stdin")
	wantClose(t, eva, protocol.CloseRevoked)
	p.wantForbidden("/ws", "eva", password)
	eva = p.dial("plain", "/ws")
	eva.Login("eva", other)
	bob.Fence()
	p.clavija(password, "agent", "set", "102", "--user", "cid", "--password-stdin")
	wantClose(t, bob, protocol.CloseRevoked)
	p.wantForbidden("/agent", "bob", password)
	cid := p.login("plain", "/agent", "cid")
	p.clavija("", "agent", "remove", "102")
	wantClose(t, cid, protocol.CloseRevoked)
	eva.Fence()
	p.clavija("", "user", "remove", "eva")
	wantClose(t, eva, protocol.CloseRevoked)
	p.wantForbidden("/ws", "eva", other)
}

// TestStop has a server end: who follows is told, who doesn't answer or doesn't read holds it up for some seconds at most.
func TestStop(t *testing.T) {
	t.Parallel()
	pbx := asterisk.Start(t, asterisk.V22, asterisk.WithConfig("extensions.conf", manyHints()))
	open := func(t *testing.T) (p *process, clients []*watch.Client) {
		t.Helper()
		p = serve(t, minimal(pbx))
		p.clavija(password, "user", "add", "eva", "--password-stdin")
		p.await("pbx is followed")
		return p, []*watch.Client{
			p.login("plain", "/ws", "eva"), p.login("tls", "/ws", "eva"),
			p.dial("plain", "/agent"), // has not logged in yet
		}
	}

	t.Run("all answer", func(t *testing.T) {
		t.Parallel()
		p, clients := open(t)
		took := p.stop()
		for _, c := range clients {
			wantClose(t, c, protocol.CloseGoingAway)
		}
		if took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("some are stuck", func(t *testing.T) {
		t.Parallel()
		p, clients := open(t)
		for range 3 {
			p.stuck()
		}
		took := p.stop()
		for _, c := range clients {
			wantClose(t, c, protocol.CloseGoingAway)
		}
		if took > 8*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("a second signal", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		p.stuck()
		p.exit = -1 // of a process that was ended by a signal
		p.signal(syscall.SIGTERM)
		p.await("msg=stopping")
		// One that comes within the same moment is taken for the first.
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-p.ended:
				return
			case <-again.C:
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	})
}

// manyHints is a dial plan whose state does not fit into the buffers of a connection.
func manyHints() string {
	var plan strings.Builder
	plan.WriteString("[from-internal]\n")
	for number := 2001; number <= 5000; number++ {
		fmt.Fprintf(&plan, "exten => %d,hint,PJSIP/%d\n", number, number)
	}
	return plan.String()
}

// stuck connects a client that logs in and then reads no more. Its buffers are small, and so are, therefore, the server's.
func (p *process) stuck() {
	p.t.Helper()
	dialer := &net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
		})
	}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	p.t.Cleanup(transport.CloseIdleConnections)
	conn, _, err := websocket.Dial(p.t.Context(), "ws://"+p.address("plain")+"/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.CloseNow() })
	credentials := protocol.AuthPlain{User: "eva", Passwd: password}.AppendJSON(nil)
	if err := conn.Write(p.t.Context(), websocket.MessageText, credentials); err != nil {
		p.t.Fatal(err)
	}
	for range 2 { // welcome and auth-resp
		if _, _, err := conn.Read(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestServeRefused has servers that can't start: they must end at once and say why, with the line where there is one.
func TestServeRefused(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	const anywhere = "[listen]\nplain = \"127.0.0.1:0\"\ntls = \"127.0.0.1:0\"\n"
	pbx := "[[pbx]]\nname = \"pbx1\"\ndriver = \"asterisk\"\naddress = \"127.0.0.1:5038\"\nusername = \"clavija\"\n" +
		"contexts = [\"from-internal\"]\n"
	tests := []struct {
		name, config string
		stderr       string // regular expression, of lines
	}{
		{
			"unknown key", "data_dir = \"data\"\n[listen]\nplane = \"127.0.0.1:0\"\n",
			`^clavija: .*clavija\.toml:3: unknown key listen\.plane; known here: plain, tls\n$`,
		},
		{
			"several mistakes", "data_dir = \"\"\n[listen]\nplain = \"nowhere\"\n",
			`^clavija: .*clavija\.toml:1: data_dir is empty\nclavija: .*clavija\.toml:3: listen\.plain must be host:port`,
		},
		{"no TOML", "data_dir = \"data\"\n[listen\n", `^clavija: .*clavija\.toml:2: `},
		{
			"account without PBX", anywhere + "[[account]]\nname = \"acme\"\nextensions = [{pbx = \"pbx9\"}]\n",
			`^clavija: .*clavija\.toml:6: account "acme": there is no PBX "pbx9"; there is none\n$`,
		},
		{"no secret", anywhere + pbx, `^clavija: .*clavija\.toml:\d: .*secret`},
		{"secret file missing", anywhere + pbx + "secret_file = \"gone\"\n", `^clavija: .*clavija\.toml:\d+: .*gone: no such file`},
		{
			"port in use", "[listen]\nplain = \"" + taken.Addr().String() + "\"\ntls = \"127.0.0.1:0\"\n",
			`^clavija: listen\.plain: .*` + regexp.QuoteMeta(taken.Addr().String()) + `: .*address already in use\n$`,
		},
		{
			"TLS port in use", "[listen]\nplain = \"127.0.0.1:0\"\ntls = \"" + taken.Addr().String() + "\"\n",
			`^clavija: listen\.tls: .*address already in use\n$`,
		},
		{"data_dir can't be made", "data_dir = \"clavija.toml/data\"\n" + anywhere, `^clavija: open database: .*clavija\.toml`},
		{"data_dir can't be written", "data_dir = \"/proc/self\"\n" + anywhere, `^clavija: open database: .*/proc/self`},
		{"no database", "data_dir = \"other\"\n" + anywhere, `^clavija: open database .*other/clavija\.db: .*not a database`},
		{
			"certificate missing", anywhere + "[tls]\ncert_file = \"gone.pem\"\nkey_file = \"gone.key\"\n",
			`^clavija: tls certificate: .*gone\.pem: no such file`,
		},
		{
			"certificate without key", anywhere + "[tls]\ncert_file = \"cert.pem\"\n",
			`^clavija: .*clavija\.toml:\d: tls\.cert_file and tls\.key_file belong together`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range map[string]string{"clavija.toml": tt.config, "other/clavija.db": strings.Repeat("no database", 100)} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var stdout, stderr bytes.Buffer
			code := run(ctx, []string{"serve", "--config", filepath.Join(dir, "clavija.toml")}, strings.NewReader(""), &stdout, &stderr)
			if code != exitFailed || stdout.Len() > 0 {
				t.Errorf("exit code %d, want %d; stdout %q", code, exitFailed, &stdout)
			}
			if !regexp.MustCompile("(?m)" + tt.stderr).MatchString(stderr.String()) {
				t.Errorf("%q doesn't match %s", &stderr, tt.stderr)
			}
		})
	}
}
