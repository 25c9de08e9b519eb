package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// echo serves one connection as a server does: it sends messages back, answers
// pings and closes, and fails the connection upon a violation.
func echo(conn net.Conn, buffered []byte, limits Reader) error {
	reader := limits
	var out []byte
	handle := func(e Event) error {
		switch e.Op {
		case OpPing:
			out = AppendPong(out, e.Payload)
		case OpClose:
			out = AppendClose(out, e.Code, "")
			return io.EOF
		case OpText, OpBinary:
			if e.TooLarge {
				e.Payload = []byte("too large")
			}
			out = AppendFrame(out, e.Op, e.Payload)
		case OpPong, OpContinuation:
		}
		return nil
	}
	err := reader.Feed(buffered, handle)
	for in := make([]byte, 4096); ; {
		if violation, ok := errors.AsType[Error](err); ok {
			out = AppendClose(out, violation.Code, violation.Reason)
		}
		if _, writeErr := conn.Write(out); writeErr != nil || err != nil {
			return errors.Join(err, writeErr)
		}
		out = out[:0]
		n, readErr := conn.Read(in)
		if readErr != nil {
			return readErr
		}
		err = reader.Feed(in[:n], handle)
	}
}

// connect starts an echo server and connects coder/websocket's client to it.
func connect(t *testing.T, limits Reader) (context.Context, *coder.Conn) {
	t.Helper()
	var connections sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		connections.Go(func() {
			_ = echo(conn, buffered, limits) // the client tells what it was
			_ = conn.Close()
		})
	}))
	t.Cleanup(func() {
		server.Close()
		connections.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	client, resp, err := coder.Dial(ctx, server.URL, &coder.DialOptions{
		Subprotocols:    []string{"none"},
		CompressionMode: coder.CompressionContextTakeover, // offered, not accepted
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.CloseNow() })
	if diff := cmp.Diff([]string(nil), resp.Header.Values("Sec-WebSocket-Extensions")); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	client.SetReadLimit(-1)
	return ctx, client
}

func TestInteropEcho(t *testing.T) {
	t.Parallel()
	ctx, client := connect(t, Reader{MaxMessage: 1 << 20})
	tests := []struct {
		name    string
		kind    coder.MessageType
		message string
	}{
		{"text", coder.MessageText, `{"action":"status","name":"Zoë"}`},
		{"empty", coder.MessageText, ""},
		{"binary", coder.MessageBinary, "\x00\xff\xfe"},
		{"16-bit length", coder.MessageText, strings.Repeat("é", 5000)},
		{"1 MiB", coder.MessageText, strings.Repeat("0123456789abcdef", 1<<16)},
		{"1 MiB binary", coder.MessageBinary, strings.Repeat("\x80\x81\x82\x83", 1<<18)},
	}
	for _, test := range tests {
		if err := client.Write(ctx, test.kind, []byte(test.message)); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		expect(ctx, t, client, test.kind, test.message)
	}
}

// expect reads one message.
func expect(ctx context.Context, t *testing.T, client *coder.Conn, kind coder.MessageType, message string) {
	t.Helper()
	gotKind, got, err := client.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if gotKind != kind || string(got) != message {
		t.Fatalf("got %s of %d bytes, want %s of %d", gotKind, len(got), kind, len(message))
	}
}

func TestInteropFragments(t *testing.T) {
	t.Parallel()
	ctx, client := connect(t, Reader{})
	w, err := client.Writer(ctx, coder.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, piece := range []string{"in ", "", "four pieces, ö", "\u20ac"} { // each a frame; Close adds an empty one
		want.WriteString(piece)
		if _, err := io.WriteString(w, piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	expect(ctx, t, client, coder.MessageText, want.String())
}

// TestInteropTooLarge: a message that is too large costs a client nothing else.
func TestInteropTooLarge(t *testing.T) {
	t.Parallel()
	ctx, client := connect(t, Reader{MaxMessage: 1024})
	for _, size := range []int{1024, 1025, 1 << 20, 1} {
		message := strings.Repeat("x", size)
		if err := client.Write(ctx, coder.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if size > 1024 {
			message = "too large"
		}
		expect(ctx, t, client, coder.MessageText, message)
	}
}

func TestInteropPing(t *testing.T) {
	t.Parallel()
	ctx, client := connect(t, Reader{})
	ctx = client.CloseRead(ctx) // reads, which Ping needs
	for range 3 {
		if err := client.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInteropClose(t *testing.T) {
	t.Parallel()
	ctx, client := connect(t, Reader{})
	if err := client.Write(ctx, coder.MessageText, []byte("last")); err != nil {
		t.Fatal(err)
	}
	expect(ctx, t, client, coder.MessageText, "last")
	if err := client.Close(4000, "done here"); err != nil { // an error unless the code comes back
		t.Fatal(err)
	}
}

func TestInteropViolations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message string
		want    coder.CloseError
	}{
		{"too big", strings.Repeat("x", 1025), coder.CloseError{Code: coder.StatusMessageTooBig, Reason: "message too big"}},
		{"not UTF-8", "\xff", coder.CloseError{Code: coder.StatusInvalidFramePayloadData, Reason: "text is not UTF-8"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, client := connect(t, Reader{MaxMessage: 512, MaxSkipped: 1024})
			if err := client.Write(ctx, coder.MessageText, []byte(test.message)); err != nil {
				t.Fatal(err)
			}
			_, _, err := client.Read(ctx)
			got, ok := errors.AsType[coder.CloseError](err)
			if !ok || got != test.want {
				t.Errorf("client got %v, want %v", err, test.want)
			}
		})
	}
}
