package proxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/testkit/proxy"
)

// echo returns the address of a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn) // until either side is cut
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// wantEcho sends a text and waits until it is back.
func wantEcho(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	send(t, conn, text)
	back := make([]byte, len(text))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != text {
		t.Fatalf("got %q, %v; want %q", back, err, text)
	}
}

// wantEnd reads until the connection is cut, and wants just that text to come before.
func wantEnd(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	back, err := io.ReadAll(conn)
	if isTimeout(err) {
		t.Fatal("the connection was not cut")
	}
	if string(back) != text {
		t.Errorf("before the end came %q, want %q", back, text)
	}
}

func TestForwardAndTee(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	var down, up bytes.Buffer
	p.Tee(&down, &up)
	wantEcho(t, dial(t, p), "hello")
	p.Tee(nil, nil)
	if up.String() != "hello" || down.String() != "hello" {
		t.Errorf("up %q, down %q", up.String(), down.String())
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	one, two := dial(t, p), dial(t, p)
	wantEcho(t, one, "hello")
	wantEcho(t, two, "hello")
	p.Cut()
	wantEnd(t, one, "")
	wantEnd(t, two, "")
	wantEcho(t, dial(t, p), "again")
}

func TestCutAfter(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	one, two := dial(t, p), dial(t, p)
	wantEcho(t, one, "hello")
	p.CutAfter(3)
	send(t, two, "hello")
	wantEnd(t, two, "hel")
	wantEnd(t, one, "")
	wantEcho(t, dial(t, p), "as long as it likes")
}

func TestRation(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	before := dial(t, p)
	wantEcho(t, before, "hello")
	rations := []int{3, 0, -1}
	p.Ration(func() int {
		next := rations[0]
		rations = rations[1:]
		return next
	})
	three := dial(t, p)
	send(t, three, "hello")
	wantEnd(t, three, "hel")
	nothing := dial(t, p)
	send(t, nothing, "hello")
	wantEnd(t, nothing, "")
	wantEcho(t, dial(t, p), "as long as it likes")
	wantEcho(t, before, "hello")

	p.Ration(func() int { return 8 })
	freed := dial(t, p)
	wantEcho(t, freed, "hello")
	p.Ration(nil)
	wantEcho(t, freed, "as long as it likes")
}

func TestStall(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	conn := dial(t, p)
	wantEcho(t, conn, "hello")
	p.Stall(true)
	send(t, conn, "again")
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Errorf("on a stalled link: %d bytes, %v", n, err)
	}
	p.Stall(false)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len("again"))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "again" {
		t.Errorf("after the stall: %q, %v", back, err)
	}
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// TestCutWhileStalled: a stall holds up what passes, not the end.
func TestCutWhileStalled(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	conn := dial(t, p)
	wantEcho(t, conn, "hello")
	p.Stall(true)
	send(t, conn, "never seen")
	p.Cut()
	wantEnd(t, conn, "")
	p.Stall(false)
	wantEcho(t, dial(t, p), "hello")
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	p := proxy.New(t, echo(t))
	before := dial(t, p)
	wantEcho(t, before, "hello")
	p.Refuse(true)
	wantEnd(t, dial(t, p), "")
	wantEcho(t, before, "still there")
	p.Refuse(false)
	wantEcho(t, dial(t, p), "hello")
}

// TestNobodyThere: a server that is gone looks like one that refuses.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, dial(t, proxy.New(t, ln.Addr().String())), "")
}
