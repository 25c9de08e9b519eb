package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/store"
)

const password = "correct horse"

func cheap() auth.Cost { return auth.Cost{Memory: 8, Time: 1, Threads: 1} }

func home() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

func openStore(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func newAuth(tb testing.TB, users auth.Users, cost auth.Cost) *auth.Auth {
	tb.Helper()
	a, err := auth.New(auth.Config{Users: users, Log: slog.New(slog.DiscardHandler), Cost: cost})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func hash(tb testing.TB, password string, cost auth.Cost) string {
	tb.Helper()
	text, err := auth.HashPassword(password, cost)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// addUsers stores the supervisor boss and the agent ana of 101, both with the same password.
func addUsers(tb testing.TB, s *store.Store, cost auth.Cost) (boss, ana auth.User) {
	tb.Helper()
	text := hash(tb, password, cost)
	boss, err := s.AddUser(tb.Context(), auth.User{Name: "boss", Kind: auth.Supervisor, Account: "default", PasswordHash: text})
	if err != nil {
		tb.Fatal(err)
	}
	ana, err = s.AddUser(tb.Context(), auth.User{
		Name: "Ana", Kind: auth.Agent, Account: "default", PBX: "pbx1", Extension: "101", PasswordHash: text,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return boss, ana
}

func TestLogin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { testLogin(t, dir) })
}

func testLogin(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	boss, ana := addUsers(t, s, cheap())
	a := newAuth(t, s, cheap())
	tests := []struct {
		title, name, password string
		kind                  auth.Kind
		want                  auth.Identity
	}{
		{"supervisor", "boss", password, auth.Supervisor, boss.Identity()},
		{"agent", "Ana", password, auth.Agent, ana.Identity()},
		{"name in another case", "aNA", password, auth.Agent, ana.Identity()},
		{"wrong password", "boss", password + "x", auth.Supervisor, auth.Identity{}},
		{"empty password", "boss", "", auth.Supervisor, auth.Identity{}},
		{"long password", "boss", strings.Repeat(password, 20), auth.Supervisor, auth.Identity{}},
		{"unknown name", "eva", password, auth.Agent, auth.Identity{}},
		{"no name", "", "", auth.Agent, auth.Identity{}},
		{"strange name", "' OR 1=1 --\x00", password, auth.Agent, auth.Identity{}},
		{"agent as supervisor", "ana", password, auth.Supervisor, auth.Identity{}},
		{"supervisor as agent", "boss", password, auth.Agent, auth.Identity{}},
		{"no kind", "eva", password, "", auth.Identity{}},
	}
	for _, round := range []string{"first", "second"} { // the second finds what is remembered
		for _, tt := range tests {
			id, err := a.Login(t.Context(), tt.kind, tt.name, tt.password, home())
			if id != tt.want || (tt.want == auth.Identity{}) != errors.Is(err, auth.ErrInvalid) {
				t.Errorf("%s, %s: %+v, %v", tt.title, round, id, err)
			}
			if err != nil && err.Error() != auth.ErrInvalid.Error() {
				t.Errorf("%s: the error says more than it should: %v", tt.title, err)
			}
		}
	}
}

// TestLoginAfterChange: what is remembered of a password is not taken for a new one.
func TestLoginAfterChange(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	boss, _ := addUsers(t, s, cheap())
	a := newAuth(t, s, cheap())
	login := func(password string) error {
		_, err := a.Login(t.Context(), auth.Supervisor, "boss", password, home())
		return err
	}
	if err := login(password); err != nil {
		t.Fatal(err)
	}
	// A hash of another password under the same version is never looked at: the login doesn't hash.
	if err := s.Rehash(t.Context(), boss.ID, boss.Version, hash(t, "another", cheap())); err != nil {
		t.Fatal(err)
	}
	if err := login(password); err != nil {
		t.Errorf("the password was not remembered: %v", err)
	}
	if err := s.SetPassword(t.Context(), boss, hash(t, "new password", cheap())); err != nil {
		t.Fatal(err)
	}
	if err := login(password); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("the old password: %v", err)
	}
	if err := login("new password"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := s.RemoveUser(t.Context(), boss); err != nil {
		t.Fatal(err)
	}
	if err := login("new password"); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a removed user: %v", err)
	}
}

func TestLoginRehashes(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	boss, _ := addUsers(t, s, auth.Cost{Memory: 16, Time: 1, Threads: 1})
	a := newAuth(t, s, cheap())
	id, err := a.Login(t.Context(), auth.Supervisor, "boss", password, home())
	if err != nil || id != boss.Identity() {
		t.Fatalf("%+v, %v", id, err)
	}
	after, err := s.UserByName(t.Context(), "boss")
	if err != nil || !strings.HasPrefix(after.PasswordHash, "$argon2id$v=19$m=8,t=1,p=1$") || after.Identity() != id {
		t.Errorf("after the login: %+v, %v", after, err)
	}
	if _, err := newAuth(t, s, cheap()).Login(t.Context(), auth.Supervisor, "boss", password, home()); err != nil {
		t.Errorf("with the new hash: %v", err)
	}
}

func TestLoginErrors(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	boss, _ := addUsers(t, s, cheap())
	if err := s.Rehash(t.Context(), boss.ID, boss.Version, "no hash"); err != nil {
		t.Fatal(err)
	}
	a := newAuth(t, s, cheap())
	if _, err := a.Login(t.Context(), auth.Supervisor, "boss", password, home()); err == nil || errors.Is(err, auth.ErrInvalid) || errors.Is(err, auth.ErrBusy) {
		t.Errorf("a broken hash: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Login(ctx, auth.Agent, "ana", password, home()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := auth.New(auth.Config{Users: s, Cost: auth.Cost{Memory: 1}}); err == nil {
		t.Error("a cost out of bounds was taken")
	}
}

// TestSameWork: whatever is wrong, a hash is computed, which takes as much memory as its cost says.
//
//nolint:paralleltest // others would take memory too
func TestSameWork(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { testSameWork(t, dir) })
}

func testSameWork(t *testing.T, dir string) {
	t.Helper()
	cost := auth.Cost{Memory: 4096, Time: 1, Threads: 1}
	s := openStore(t, dir)
	addUsers(t, s, cost)
	a := newAuth(t, s, cost)
	login := func(kind auth.Kind, name, password string) (allocated uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := a.Login(t.Context(), kind, name, password, home())
		runtime.ReadMemStats(&after)
		if (err == nil) != (kind == auth.Supervisor && name == "boss" && password == "correct horse") {
			t.Errorf("%s %s: %v", kind, name, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, round := range []string{"nobody known", "boss remembered"} {
		for name, allocated := range map[string]uint64{
			"unknown name":   login(auth.Supervisor, "eva", password),
			"wrong kind":     login(auth.Agent, "boss", password),
			"wrong password": login(auth.Supervisor, "boss", password+"x"),
			"long password":  login(auth.Supervisor, "boss", strings.Repeat(password, 20)),
		} {
			if allocated < 4<<20 {
				t.Errorf("%s, %s: only %d bytes were used", round, name, allocated)
			}
		}
		if round == "nobody known" {
			login(auth.Supervisor, "boss", password)
		}
	}
	if allocated := login(auth.Supervisor, "boss", password); allocated > 1<<20 {
		t.Errorf("a remembered password took %d bytes", allocated)
	}
}

// TestFlood: a flood of guesses from one address is slowed although it comes before the first of them has failed, and
// somebody from elsewhere is not kept waiting by it.
func TestFlood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, dir)
		addUsers(t, s, cheap())
		a := newAuth(t, s, cheap())
		const guesses = 300
		start := time.Now()
		outcomes := make(chan error, guesses)
		for i := range guesses {
			go func() {
				_, err := a.Login(t.Context(), auth.Agent, "user"+strconv.Itoa(i), "wrong", home())
				outcomes <- err
			}()
		}
		synctest.Wait()
		if _, err := a.Login(t.Context(), auth.Agent, "ana", password, netip.MustParseAddr("2001:db8::1")); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the agent waited %v", waited)
		}
		var atOnce, busy int
		for range guesses {
			err := <-outcomes
			switch {
			case errors.Is(err, auth.ErrBusy):
				busy++
			case !errors.Is(err, auth.ErrInvalid):
				t.Error(err)
			case time.Since(start) < time.Second:
				atOnce++
			}
		}
		if most := 20 + runtime.GOMAXPROCS(0); atOnce > most || busy < guesses/2 {
			t.Errorf("%d guesses were answered in the first second, %d sent away; want at most %d, at least %d", atOnce, busy, most, guesses/2)
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	s := openStore(b, b.TempDir())
	addUsers(b, s, auth.DefaultCost())
	a := newAuth(b, s, auth.DefaultCost())
	login := func(b *testing.B, name string) {
		b.Helper()
		if _, err := a.Login(b.Context(), auth.Agent, name, password, home()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("remembered", func(b *testing.B) {
		login(b, "ana")
		b.ReportAllocs()
		for b.Loop() {
			login(b, "ana")
		}
	})
	b.Run("hashed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			a = newAuth(b, s, auth.DefaultCost())
			b.StartTimer()
			login(b, "ana")
		}
	})
}
