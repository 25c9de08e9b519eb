package auth_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clavija/clavija/internal/auth"
)

func TestOnRevoked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, command := openStore(t, dir), openStore(t, dir)
	boss, ana := addUsers(t, s, cheap())
	a := newAuth(t, s, cheap())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()

	revoked := make(chan string, 10)
	watch := func(name string, id auth.Identity) (stop func()) {
		t.Helper()
		stop, err := a.OnRevoked(t.Context(), id, func() { revoked <- name })
		if err != nil {
			t.Fatal(err)
		}
		return stop
	}
	watch("boss", boss.Identity())
	watch("ana", ana.Identity())
	watch("ana stopped", ana.Identity())()
	if err := command.Rehash(t.Context(), boss.ID, boss.Version, hash(t, password, cheap())); err != nil {
		t.Fatal(err)
	}
	if err := command.SetPassword(t.Context(), ana, hash(t, "new password", cheap())); err != nil {
		t.Fatal(err)
	}
	if got := <-revoked; got != "ana" {
		t.Errorf("a new password ended %s", got)
	}
	watch("old ana", ana.Identity())
	if got := <-revoked; got != "old ana" {
		t.Errorf("an identity that is no longer true: %s", got)
	}
	if err := command.RemoveUser(t.Context(), boss); err != nil {
		t.Fatal(err)
	}
	if got := <-revoked; got != "boss" {
		t.Errorf("a removal ended %s", got)
	}
	eva := auth.User{Name: "eva", Kind: auth.Agent, Account: "default", PBX: "pbx1", Extension: "101", PasswordHash: hash(t, password, cheap())}
	id, err := a.Login(t.Context(), auth.Agent, "ana", "new password", home())
	if err != nil {
		t.Fatal(err)
	}
	watch("new ana", id)
	if _, err := command.SetAgent(t.Context(), eva); err != nil {
		t.Fatal(err)
	}
	if got := <-revoked; got != "new ana" {
		t.Errorf("another agent of the extension ended %s", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := a.OnRevoked(ctx, id, func() {}); err == nil {
		t.Error("nobody could look, and nobody says so")
	}
	if len(revoked) > 0 {
		t.Errorf("besides, %s was ended", <-revoked)
	}
}

// failing is a store that can't be read for a while.
type failing struct {
	auth.Users
	failures int
}

func (f *failing) WaitUsers(ctx context.Context, since int64) ([]auth.User, int64, error) {
	if f.failures--; f.failures >= 0 {
		return nil, 0, errors.New("disk on fire")
	}
	return f.Users.WaitUsers(ctx, since)
}

// TestRunTriesAgain: sessions end, if late, when the store couldn't be read for a while.
func TestRunTriesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, dir)
		boss, _ := addUsers(t, s, cheap())
		a := newAuth(t, &failing{s, 3}, cheap())
		revoked := make(chan struct{})
		if _, err := a.OnRevoked(t.Context(), boss.Identity(), func() { close(revoked) }); err != nil {
			t.Fatal(err)
		}
		if err := s.RemoveUser(t.Context(), boss); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		start := time.Now()
		<-revoked
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("it took %v", waited)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
