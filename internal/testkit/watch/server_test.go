package watch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/clavija/clavija/protocol"
)

// serve runs a tiny server and returns its URL. It takes the password "s3cret", sends the state after that, and when asked
// to call the phone "play" sends the next of scenes. Asked to call "close" it closes the connection.
func serve(t *testing.T, state protocol.Init, scenes ...[]protocol.Message) string {
	t.Helper()
	server := httptest.NewServer(handler(t, state, scenes))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// handler serves connections until they end, all of them before the test does.
func handler(t *testing.T, state protocol.Init, scenes [][]protocol.Message) http.Handler {
	t.Helper()
	var peers sync.WaitGroup
	t.Cleanup(peers.Wait)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peers.Add(1)
		defer peers.Done()
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer func() { _ = conn.CloseNow() }() // closed already, nearly always
		p := peer{conn: conn, state: state, scenes: scenes}
		p.run(r.Context())
	})
}

type peer struct {
	conn   *websocket.Conn
	state  protocol.Init
	scenes [][]protocol.Message
}

// run serves until the connection ends.
func (p *peer) run(ctx context.Context) {
	err := p.say(ctx, protocol.Welcome{Server: "pbx1"})
	for err == nil {
		var data []byte
		if _, data, err = p.conn.Read(ctx); err == nil {
			err = p.say(ctx, p.answer(data)...)
		}
	}
}

func (p *peer) answer(data []byte) []protocol.Message {
	req, failure := protocol.ParseRequest(data)
	if failure != nil {
		return []protocol.Message{*failure}
	}
	switch req := req.(type) {
	case protocol.AuthPlain:
		if req.Passwd != "s3cret" {
			return []protocol.Message{protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}}
		}
		return []protocol.Message{protocol.AuthOK{Server: "pbx1", Agent: req.User, Token: "t"}, p.state}
	case protocol.Originate:
		if req.Phone == "close" {
			_ = p.conn.Close(websocket.StatusCode(protocol.CloseRevoked), "changed") // the next read tells
			return nil
		}
		scene := p.scenes[0]
		p.scenes = p.scenes[1:]
		return scene
	}
	return nil
}

func (p *peer) say(ctx context.Context, messages ...protocol.Message) error {
	for _, m := range messages {
		if err := p.conn.Write(ctx, websocket.MessageText, m.AppendJSON(nil)); err != nil {
			return err
		}
	}
	return nil
}

// failing is a test that is expected to fail.
type failing struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// failuresOf runs test and its cleanups and returns how it failed.
func failuresOf(t *testing.T, test func(*failing)) []string {
	t.Helper()
	f := &failing{TB: t}
	inGoroutine(func() { test(f) })
	for len(f.cleanups) > 0 {
		last := len(f.cleanups) - 1
		cleanup := f.cleanups[last]
		f.cleanups = f.cleanups[:last]
		inGoroutine(cleanup)
	}
	return f.failures
}

// inGoroutine runs f where it may end its goroutine, as Fatalf does.
func inGoroutine(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (f *failing) Helper() {}

func (f *failing) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

func (f *failing) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}
