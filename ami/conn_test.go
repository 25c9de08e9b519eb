package ami

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestConnWrite(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 50
	address := serve(t, nil, func(p *peer) {
		p.login()
		for range writers * each {
			if m := p.expect("Ping"); len(m.Get("Data")) != 500 {
				p.t.Errorf("server: received %v", fields(m))
			}
		}
		p.untilClosed()
	})
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range writers {
		a := NewAction("Ping").With("Data", strings.Repeat(string(rune('a'+i)), 500))
		wg.Go(func() {
			for range each {
				if err := c.Write(a); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Write(NewAction("Ping").With("Data", "\n")); !errors.Is(err, ErrInvalidAction) {
		t.Errorf("invalid action: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestConnWriteTimeout writes to a server that does not read, until that fails.
func TestConnWriteTimeout(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	address := serve(t, nil, func(p *peer) {
		p.login()
		<-done
	})
	defer close(done)
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret, WriteTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a := NewAction("Ping")
	for range maxActionHeaders - 1 {
		a = a.With("Data", strings.Repeat("x", 1000))
	}
	for err == nil {
		err = c.Write(a)
	}
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v, want %v", err, ErrTimeout)
	}
	if _, err := c.Read(); !errors.Is(err, ErrClosed) {
		t.Errorf("then Read: %v, want %v", err, ErrClosed)
	}
	if err := c.Write(NewAction("Ping")); !errors.Is(err, ErrClosed) {
		t.Errorf("then Write: %v, want %v", err, ErrClosed)
	}
}

// TestConnClose closes the connection under a Read.
func TestConnClose(t *testing.T) {
	t.Parallel()
	address := serve(t, nil, func(p *peer) {
		p.login()
		p.send(event("A"))
		p.untilClosed()
	})
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	expectEvents(t, c, "A")
	read := make(chan error)
	go func() {
		_, err := c.Read()
		read <- err
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want %v", err, ErrClosed)
	}
}
