package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

const (
	password = "correct horse battery"
	patience = 20 * time.Second // with whatever a process is waited for
)

// process is a running "clavija serve". It is this test's own binary, which is clavija when it is called so.
type process struct {
	t         *testing.T
	cmd       *exec.Cmd
	dir       string            // with the configuration, the secret and the data
	config    string            // the file
	addresses map[string]string // of the listeners, as far as the log was read
	exit      int               // the code that it must end with
	ended     chan struct{}

	mu      sync.Mutex
	log     []string // lines
	taken   []bool   // of each line, whether await returned it
	changed chan struct{}
}

// serve runs a server in a directory of its own, until the test ends. Then it must end in good order.
func serve(t *testing.T, config string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), addresses: map[string]string{}, ended: make(chan struct{}), changed: make(chan struct{})}
	p.config = filepath.Join(p.dir, "clavija.toml")
	p.configure(config)
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "clavija", "serve", "--config", p.config)
	p.cmd.Dir = p.dir
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.read(stderr)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", strings.Join(p.log, "\n"))
		}
	})
	p.awaitListener()
	return p
}

func (p *process) read(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		p.mu.Lock()
		p.log, p.taken = append(p.log, lines.Text()), append(p.taken, false)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// await returns the first line of the log with all these texts that it has not returned yet, when there is one.
func (p *process) await(texts ...string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		line, changed := p.find(texts)
		if line != "" {
			return line
		}
		select {
		case <-changed:
		case <-timeout:
			p.t.Fatalf("the log has no line with %q", texts)
		}
	}
}

// logged tells whether await would return at once.
func (p *process) logged(texts ...string) bool {
	line, _ := p.find(texts)
	return line != ""
}

func (p *process) find(texts []string) (line string, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, line := range p.log {
		if !p.taken[i] && containsAll(line, texts) {
			p.taken[i] = true
			return line, nil
		}
	}
	return "", p.changed
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// address returns where a listener, "plain" or "tls", listens.
func (p *process) address(listener string) string {
	p.t.Helper()
	for p.addresses[listener] == "" {
		p.awaitListener()
	}
	return p.addresses[listener]
}

func (p *process) awaitListener() {
	p.t.Helper()
	_, found, _ := strings.Cut(p.await("msg=listening"), "listener=")
	listener, address, _ := strings.Cut(found, " address=")
	p.addresses[listener] = address
}

// configure writes the configuration, which counts from the next SIGHUP.
func (p *process) configure(config string) {
	p.t.Helper()
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// stop ends the server as an operator does, and returns how long that took. It may have ended before.
func (p *process) stop() time.Duration {
	p.t.Helper()
	begun := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Error("it does not end")
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if code := p.cmd.ProcessState.ExitCode(); code != p.exit {
		p.t.Errorf("exit code %d, want %d", code, p.exit)
	}
	return time.Since(begun)
}

// clavija runs another command on the same configuration, with a password on its standard input.
func (p *process) clavija(password string, args ...string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "clavija", append(args, "--config", p.config)...)
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("clavija %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// dial connects a client to a path, "/ws" or "/agent", of a listener.
func (p *process) dial(listener, path string) *watch.Client {
	p.t.Helper()
	if listener == "plain" {
		return watch.Dial(p.t, "ws://"+p.address("plain")+path)
	}
	return watch.Dial(p.t, "wss://"+p.address("tls")+path, watch.WithTLS(p.trust(filepath.Join(p.dir, "data", "tls-self-signed.crt"))))
}

// trust returns a client's configuration that believes in that certificate alone.
func (p *process) trust(file string) *tls.Config {
	p.t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		p.t.Fatalf("no certificate in %s", file)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// login connects a client and logs it in.
func (p *process) login(listener, path, user string) *watch.Client {
	p.t.Helper()
	c := p.dial(listener, path)
	c.Login(user, password)
	return c
}

// wantForbidden looks whether credentials are refused.
func (p *process) wantForbidden(path, user, password string) {
	p.t.Helper()
	answer := p.dial("plain", path).TryLogin(user, password)
	if _, ok := answer.(protocol.AuthForbidden); !ok {
		p.t.Errorf("login of %s: %s, want it forbidden", user, answer.AppendJSON(nil))
	}
}

// wantClose waits until the server closes a connection, and looks why.
func wantClose(t *testing.T, c *watch.Client, want protocol.CloseCode) {
	t.Helper()
	if code, reason := c.AwaitClose(); code != want {
		t.Errorf("closed with %d %q, want %d", code, reason, want)
	}
}

// minimal is the least configuration that is useful, but for the ports.
func minimal(server *asterisk.Server) string {
	return `
data_dir = "data"
[listen]
plain = "127.0.0.1:0"
tls = "127.0.0.1:0"
` + pbxTable("pbx1", server)
}

func pbxTable(name string, server *asterisk.Server) string {
	return fmt.Sprintf(`
[[pbx]]
name = %q
driver = "asterisk"
address = %q
username = %q
secret = %q
contexts = ["from-internal"]
`, name, server.AMIAddress(), server.AMIUser(), server.AMISecret())
}
