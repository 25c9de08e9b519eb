package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/server"
	"github.com/clavija/clavija/internal/store"
	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

const password = "correct horse battery"

// site is a Clavija beside one Asterisk, with a network between them that can break.
type site struct {
	asterisk *asterisk.Server
	network  *proxy.Proxy
	clavija  *server.Server
	store    *store.Store
	log      *logBook
	stop     func() error
}

// newSite runs an Asterisk and a Clavija that follows it as "pbx1". The configuration may go on after that PBX's table.
func newSite(t *testing.T, version asterisk.Version, configuration string, options ...asterisk.Option) *site {
	t.Helper()
	s := &site{asterisk: asterisk.Start(t, version, options...)}
	s.network = proxy.New(t, s.asterisk.AMIAddress())
	s.serve(t, fmt.Sprintf(`
		data_dir = %q
		[listen]
		plain = "127.0.0.1:0"
		tls = "127.0.0.1:0"
		[websocket]
		max_connections_per_address = 0
		[[pbx]]
		name = "pbx1"
		driver = "asterisk"
		address = %q
		username = %q
		secret = %q
		ring_timeout = "5s"
		contexts = ["from-internal"]
		%s`, t.TempDir(), s.network.Address(), s.asterisk.AMIUser(), s.asterisk.AMISecret(), configuration))
	return s
}

// serve runs a Clavija with that configuration until the test ends.
func (s *site) serve(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clavija.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s.log = &logBook{}
	s.log.changed = sync.NewCond(&s.log.mu)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.text())
		}
	})
	s.clavija, err = server.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.clavija.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	s.store, err = store.Open(t.Context(), cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// user adds a supervisor, as another process would.
func (s *site) user(t *testing.T, name, account string) {
	t.Helper()
	s.add(t, auth.User{Name: name, Kind: auth.Supervisor, Account: account})
}

// agent adds an extension's agent.
func (s *site) agent(t *testing.T, name, account, pbx, extension string) {
	t.Helper()
	s.add(t, auth.User{Name: name, Kind: auth.Agent, Account: account, PBX: pbx, Extension: extension})
}

func (s *site) add(t *testing.T, u auth.User) {
	t.Helper()
	var err error
	// A cheap hash: what it costs to guess is auth's own matter.
	if u.PasswordHash, err = auth.HashPassword(password, auth.Cost{Memory: 64, Time: 1, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.AddUser(t.Context(), u); err != nil && !errors.Is(err, store.ErrNameTaken) {
		t.Fatal(err)
	}
}

func (s *site) url(path string) string { return "ws://" + s.clavija.Address("plain") + path }

// supervisor connects a supervisor of the default account.
func (s *site) supervisor(t *testing.T) *watch.Client {
	t.Helper()
	s.user(t, "eva", "default")
	c := watch.Dial(t, s.url("/ws"))
	c.Login("eva", password)
	return c
}

// agentOf connects the agent of an extension.
func (s *site) agentOf(t *testing.T, extension string) *watch.Client {
	t.Helper()
	s.agent(t, "agent"+extension, "default", "pbx1", extension)
	c := watch.Dial(t, s.url("/agent"))
	c.Login("agent"+extension, password)
	return c
}

// checkAgainst waits until a client's state has what Asterisk itself lists, then compares that with what a fresh client is told.
func (s *site) checkAgainst(t *testing.T, watching *watch.Client, channels []asterisk.Channel) {
	t.Helper()
	var want []string
	for _, ch := range channels {
		if number, ok := extensionOf(ch.Device); ok {
			want = append(want, ch.UniqueID+" "+number+" "+ch.State)
		}
	}
	slices.Sort(want)
	var got []string
	watching.AwaitState(func(r *watch.Replica) bool {
		got = got[:0]
		for n := 101; n <= 108; n++ {
			for id, call := range r.CallsOf("pbx1", strconv.Itoa(n)) {
				got = append(got, fmt.Sprintf("%s %d %s", id, n, call.StatusDesc))
			}
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
	// An extension's state may change between a fresh client's init and the comparison: then it is made again.
	diff := ""
	for range 5 {
		fresh := s.supervisor(t)
		var inits []protocol.Init
		for _, m := range fresh.Messages() {
			if init, ok := m.(protocol.Init); ok {
				inits = append(inits, init)
			}
		}
		fresh.Close()
		watching.Fence()
		if diff = watching.Replica().Diff(inits...); diff == "" {
			return
		}
	}
	t.Errorf("the client's state differs from a fresh init: %s", diff)
}

// extensionOf returns the extension in from-internal that has a device.
func extensionOf(device string) (string, bool) {
	number, ok := strings.CutPrefix(device, "PJSIP/")
	if number == "1107" {
		return "107", true
	}
	return number, ok && len(number) == 3 && number[0] == '1'
}

// logBook is a log that a test can wait on.
type logBook struct {
	mu      sync.Mutex
	changed *sync.Cond
	lines   strings.Builder
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
	return l.lines.Write(b)
}

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// mark returns how long the log is now.
func (l *logBook) mark() int { return len(l.text()) }

// await waits until the log has all of the texts in one line.
func (l *logBook) await(t *testing.T, texts ...string) {
	t.Helper()
	l.awaitAfter(t, 0, texts...)
}

// awaitAfter waits until the log has, after a mark, all of the texts in one line.
func (l *logBook) awaitAfter(t *testing.T, mark int, texts ...string) {
	t.Helper()
	timeout := time.AfterFunc(15*time.Second, func() { l.changed.Broadcast() })
	defer timeout.Stop()
	deadline := time.Now().Add(15 * time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for line := range strings.Lines(l.lines.String()[mark:]) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log has no line with %q", texts)
		}
		l.changed.Wait()
	}
}
