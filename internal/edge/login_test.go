package edge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/edge"
	"github.com/clavija/clavija/internal/exchange"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// logged is a log to be read by a test.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// gate answers logins as a test wants: late, or not at all.
type gate func(context.Context) error

func (g gate) Login(ctx context.Context, _ auth.Kind, _, _ string, _ netip.Addr) (auth.Identity, error) {
	return auth.Identity{}, g(ctx)
}

func (gate) OnRevoked(context.Context, auth.Identity, func()) (func(), error) { return func() {}, nil }

// guard serves with a gate.
func guard(t *testing.T, settings edge.Settings, g gate) (s *edge.Server, url string, log *logged) {
	t.Helper()
	var err error
	if settings.Exchange, err = exchange.New(exchange.Config{}); err != nil {
		t.Fatal(err)
	}
	log = &logged{}
	if s, err = edge.New(edge.Config{Auth: g, Settings: settings, Log: log.logger()}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		web.Close()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ended) // at once: nobody is to be said goodbye to
	})
	return s, "ws" + strings.TrimPrefix(web.URL, "http") + "/ws", log
}

func TestShutdownEndsALoginUnderWay(t *testing.T) {
	t.Parallel()
	asked, ended := make(chan struct{}), make(chan error, 1)
	s, url, log := guard(t, usual(), func(ctx context.Context) error {
		close(asked)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	watch.Dial(t, url).Do(protocol.AuthPlain{User: "eva", Passwd: password})
	<-asked
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(now); err == nil {
		t.Error("the client is said to have said goodbye")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the login ended by %v", err)
	}
	if got := log.String(); strings.Contains(got, "login") {
		t.Errorf("logged: %s", got)
	}
}

func TestTimeThatALoginTakesUsIsNotTheClients(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.AuthTimeout = time.Second
	_, url, _ := guard(t, settings, func(context.Context) error {
		<-time.After(settings.AuthTimeout * 3 / 2)
		return auth.ErrInvalid
	})
	c := watch.Dial(t, url)
	for range 2 {
		if got, refused := c.TryLogin("eva", "wrong").(protocol.AuthForbidden); !refused {
			t.Errorf("answered by %+v", got)
		}
	}
}

func TestLoginsThatThereIsNoTimeFor(t *testing.T) {
	t.Parallel()
	_, url, log := guard(t, usual(), func(context.Context) error {
		return fmt.Errorf("wait for a turn: %w", context.DeadlineExceeded)
	})
	c := watch.Dial(t, url)
	for range 5 {
		c.Do(protocol.AuthPlain{User: "eva", Passwd: password})
		if got := watch.Await(c, func(protocol.Error) bool { return true }); got.Code != protocol.CodeAuthBusy {
			t.Errorf("answered by %+v", got)
		}
	}
	if code, reason := c.AwaitClose(); code != protocol.CloseTryAgainLater {
		t.Errorf("closed with %d %q", code, reason)
	}
	if got := log.String(); got != "" {
		t.Errorf("logged: %s", got)
	}
}

func TestPanicEndsOneClient(t *testing.T) {
	t.Parallel()
	_, url, log := guard(t, usual(), func(context.Context) error { panic("a mistake of ours") })
	other := watch.Dial(t, url)
	c := watch.Dial(t, url)
	c.Do(protocol.AuthPlain{User: "eva", Passwd: password})
	if code, reason := c.AwaitClose(); code != protocol.CloseInternalError {
		t.Errorf("closed with %d %q", code, reason)
	}
	if got := log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "a mistake of ours") {
		t.Errorf("logged: %s", got)
	}
	other.Fence() // lives
}

func TestLoginsAreLogged(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	o.login("/agent", "ana")
	c := watch.Dial(t, o.url("/ws"))
	c.TryLogin("eva", "wrong horse")
	c.TryLogin("correct horse battery", "eva") // the other way round
	got := o.log.String()
	for _, want := range []string{
		`level=INFO msg=login user=ana kind=agent account=default remote=127.0.0.1`,
		`level=INFO msg="login refused" user=eva kind=supervisor remote=127.0.0.1 reason="invalid credentials"`,
		`level=INFO msg="login refused" user="" kind=supervisor remote=127.0.0.1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not logged: %s", want)
		}
	}
	if strings.Contains(got, "horse") {
		t.Error("a password was logged")
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestFeaturesAskedForInTheURLAreAnswered(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	for path, want := range map[string]bool{"/agent?features=a,b": true, "/agent": false} {
		c := watch.Dial(t, o.url(path))
		if got := c.Login("ana", password).Features != nil; got != want {
			t.Errorf("%s: features listed: %v", path, got)
		}
	}
}

func TestStrangersMaySendLess(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.MaxMessage = 64 << 10
	o := newOffice(t, settings)
	c := watch.Dial(t, o.url("/agent"))
	long := `{"type":"` + strings.Repeat("x", 5000) + `"}`
	answer := func() protocol.ErrorCode {
		c.Send(long)
		return watch.Await(c, func(protocol.Error) bool { return true }).Code
	}
	if got := answer(); got != protocol.CodeTooLarge {
		t.Errorf("before the login: %s", got)
	}
	c.Login("ana", password)
	if got := answer(); got != protocol.CodeUnknownType {
		t.Errorf("after the login: %s", got)
	}
}
