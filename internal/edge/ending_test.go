package edge_test

import (
	"net/http"
	"testing"

	"github.com/clavija/clavija/internal/exchange"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

func TestChangedCredentialsEndTheSession(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	ana, bob := o.login("/agent", "ana"), o.login("/agent", "bob")
	user, err := o.store.UserByName(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.store.RemoveUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if code, reason := ana.AwaitClose(); code != protocol.CloseRevoked {
		t.Errorf("closed with %d %q", code, reason)
	}
	bob.Fence() // lives
}

func TestShutdownSaysGoodbye(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	clients := []*watch.Client{o.login("/ws", "eva"), o.login("/agent", "ana"), watch.Dial(t, o.url("/ws"))}
	if err := o.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, c := range clients {
		if code, reason := c.AwaitClose(); code != protocol.CloseGoingAway {
			t.Errorf("closed with %d %q", code, reason)
		}
	}
	resp := o.get(t, "/ws", nil)
	if resp != http.StatusServiceUnavailable {
		t.Errorf("a client that comes now gets %d", resp)
	}
}

func TestChangedExchangeAsksToConnectAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.login("/ws", "eva")
	other, err := exchange.New(exchange.Config{})
	if err != nil {
		t.Fatal(err)
	}
	changed := o.setting
	changed.Exchange = other
	if err := o.Configure(changed); err != nil {
		t.Fatal(err)
	}
	if code, reason := c.AwaitClose(); code != protocol.CloseServiceRestart {
		t.Errorf("closed with %d %q", code, reason)
	}
}
