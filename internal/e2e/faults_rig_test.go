package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/ami"
	driver "github.com/clavija/clavija/internal/asterisk"
	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/edge"
	"github.com/clavija/clavija/internal/exchange"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/internal/websocket"
)

// rig is a Clavija whose drivers the test configures, so that they come back in milliseconds and lose patience in less than a
// second. It lets everybody in: supervisors by any name, agents as "101" of pbx1 or "101@pbx2".
type rig struct {
	log  *logBook
	url  string
	stop func()
}

// following is the configuration of a driver that follows an Asterisk, as "pbx1", by an address that may be a proxy's.
func following(server *asterisk.Server, address string) driver.Config {
	return driver.Config{
		Name:        "pbx1",
		AMI:         ami.Config{Address: address, Username: server.AMIUser(), Secret: server.AMISecret()},
		Contexts:    []string{"from-internal"},
		RingTimeout: 5 * time.Second,
		RetryMin:    5 * time.Millisecond,
		RetryMax:    40 * time.Millisecond,
	}
}

// newRig runs a Clavija with these PBXs until the test ends.
func newRig(t *testing.T, pbxs ...driver.Config) *rig {
	t.Helper()
	r := &rig{log: newLogBook(t)}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	all := exchange.Account{Name: "default", Has: func(string, pbx.ExtensionID) bool { return true }}
	var drivers []exchange.PBX
	for _, cfg := range pbxs {
		all.PBXs = append(all.PBXs, cfg.Name)
		drivers = append(drivers, exchange.PBX{Name: cfg.Name, NewDriver: func(publish func([]pbx.Event)) (exchange.Driver, error) {
			cfg.Publish, cfg.Log = publish, log
			return driver.New(cfg)
		}})
	}
	x, err := exchange.New(exchange.Config{PBXs: drivers, Accounts: []exchange.Account{all}, Frame: websocket.AppendText, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	door, err := edge.New(edge.Config{Auth: anybody{}, Log: log, Settings: edge.Settings{
		Exchange: x, MaxMessage: 64 << 10, PingInterval: time.Minute, AuthTimeout: time.Minute, MaxConnections: 1000,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	listener := httptest.NewServer(door.Handler())
	r.url = "ws" + strings.TrimPrefix(listener.URL, "http")
	r.stop = sync.OnceFunc(func() {
		goodbye, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		err := door.Shutdown(goodbye)
		listener.Close()
		cancel()
		if err := errors.Join(err, <-ended); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// newLogBook returns a log that is shown when the test has failed.
func newLogBook(t *testing.T) *logBook {
	t.Helper()
	book := &logBook{}
	book.changed = sync.NewCond(&book.mu)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", book.text())
		}
	})
	return book
}

// has tells whether the log has a text, as soon as it has, or when ctx ends.
func (l *logBook) has(ctx context.Context, text string) bool {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changed.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil && !strings.Contains(l.lines.String(), text) {
		l.changed.Wait()
	}
	return ctx.Err() == nil
}

// awaitTimes waits until the log has a text so many times.
func (l *logBook) awaitTimes(t *testing.T, times int, text string) {
	t.Helper()
	if diff := eventually(t, func() string {
		return gocmp.Diff(true, strings.Count(l.text(), text) >= times)
	}); diff != "" {
		t.Fatalf("%q was not said %d times", text, times)
	}
}

// anybody is an authenticator that believes all.
type anybody struct{}

func (anybody) Login(_ context.Context, kind auth.Kind, name, _ string, _ netip.Addr) (auth.Identity, error) {
	id := auth.Identity{Name: name, Kind: kind, Account: "default"}
	if kind == auth.Agent {
		number, server, _ := strings.Cut(name, "@")
		id.PBX, id.Extension = cmp.Or(server, "pbx1"), number
	}
	return id, nil
}

func (anybody) OnRevoked(context.Context, auth.Identity, func()) (func(), error) {
	return func() {}, nil
}

// supervisor connects a supervisor.
func (r *rig) supervisor(t *testing.T) *watch.Client {
	t.Helper()
	return r.client(t, "/ws", "eva")
}

// agent connects the agent of an extension.
func (r *rig) agent(t *testing.T, extension string) *watch.Client {
	t.Helper()
	return r.client(t, "/agent", extension)
}

func (r *rig) client(t *testing.T, path, name string) *watch.Client {
	t.Helper()
	c := watch.Dial(t, r.url+path)
	c.Login(name, password)
	return c
}

// stateOf writes down all that a client knows of pbx1, a line for each extension and for each call.
func stateOf(r *watch.Replica) []string {
	var lines []string
	for n := 101; n <= 108; n++ {
		number := strconv.Itoa(n)
		lines = append(lines, number+" "+r.Status("pbx1", number))
		for id, c := range r.CallsOf("pbx1", number) {
			line := fmt.Sprintf("%s %s %s %s → %s, %s", number, id, c.CallDirection, c.PhoneA, c.PhoneB, c.StatusDesc)
			if c.DIDA != "" || c.DIDB != "" {
				line += fmt.Sprintf(", dida %q, didb %q", c.DIDA, c.DIDB)
			}
			if c.Hold {
				line += ", on hold"
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// has tells whether a client knows exactly the calls of pbx1's extensions that Asterisk lists, in the states that they are in.
func has(r *watch.Replica, channels []asterisk.Channel) bool {
	var want, got []string
	for _, c := range channels {
		if number, ok := extensionOf(c.Device); ok {
			want = append(want, c.UniqueID+" "+number+" "+c.State)
		}
	}
	for n := 101; n <= 108; n++ {
		for id, c := range r.CallsOf("pbx1", strconv.Itoa(n)) {
			got = append(got, fmt.Sprintf("%s %d %s", id, n, c.StatusDesc))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(want, got)
}

// eventually waits until there is no difference between two things that move independently, and returns the last one otherwise.
func eventually(t *testing.T, difference func() string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		diff := difference()
		if diff == "" {
			return ""
		}
		select {
		case <-ctx.Done():
			return diff
		case <-again.C:
		}
	}
}

// sameState waits until a client knows what another one knows.
func sameState(t *testing.T, want, got *watch.Client) {
	t.Helper()
	if diff := eventually(t, func() string { return gocmp.Diff(stateOf(want.Replica()), stateOf(got.Replica())) }); diff != "" {
		t.Errorf("the state is not what it is (-want +got): %s", diff)
	}
}
