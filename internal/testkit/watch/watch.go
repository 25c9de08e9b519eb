// Package watch is a WebSocket client for end-to-end tests of a server: it keeps every message that it gets, lets a test
// wait for the one that it wants, and checks by itself that what came was legal.
package watch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/clavija/clavija/protocol"
)

// Client is one WebSocket connection of a test. Its methods that wait or fail are for the test's own goroutine.
type Client struct {
	tb      testing.TB
	conn    *websocket.Conn
	timeout time.Duration
	ended   chan struct{} // closed when nothing more will be received

	// Owned by the test's goroutine.
	ids        map[string]string    // the call id that each placeholder of Expect stands for
	skipStatus bool                 // of the test's own goroutine: expect leaves extension states out
	expected   map[extensionKey]int // how many of the received messages Expect has dealt with
	fences     int

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced with each change of what follows
	received   []protocol.Message
	taken      []bool // of each received message, whether an Await returned it
	replica    *Replica
	legal      *Legal
	violations []error
	err        error // why nothing more will be received
}

// Option changes how a [Client] behaves.
type Option func(*settings)

type settings struct {
	timeout     time.Duration
	header      http.Header
	tls         *tls.Config
	allowResync bool
	lawless     bool
}

// WithTimeout sets how long the client waits for anything, instead of 10 seconds.
func WithTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// WithHeader adds header to the request that opens the connection.
func WithHeader(header http.Header) Option { return func(s *settings) { s.header = header } }

// WithTLS sets how a wss server is trusted.
func WithTLS(config *tls.Config) Option { return func(s *settings) { s.tls = config } }

// AllowResync lets the server send a fresh init instead of events that it had to drop; see [Legal].
func AllowResync() Option { return func(s *settings) { s.allowResync = true } }

// Lawless leaves it to the test to look at [Client.Violations].
func Lawless() Option { return func(s *settings) { s.lawless = true } }

// Dial connects to url. When the test ends, the connection is closed, and the test fails if anything that the server
// sent was illegal.
func Dial(tb testing.TB, url string, opts ...Option) *Client {
	tb.Helper()
	s := settings{timeout: 10 * time.Second}
	for _, opt := range opts {
		opt(&s)
	}
	transport := &http.Transport{TLSClientConfig: s.tls}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(tb.Context(), s.timeout)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: s.header,
	})
	if err != nil {
		tb.Fatalf("dial %s: %v", url, err)
	}
	conn.SetReadLimit(64 << 20)
	c := &Client{
		tb: tb, conn: conn, timeout: s.timeout, ended: make(chan struct{}),
		ids: make(map[string]string), expected: make(map[extensionKey]int),
		changed: make(chan struct{}), replica: NewReplica(), legal: &Legal{AllowResync: s.allowResync},
	}
	// The test's context ends before its cleanups run: the connection outlives it, to be closed as it should.
	go c.read(context.WithoutCancel(tb.Context()))
	tb.Cleanup(func() {
		c.Close()
		if violations := c.Violations(); len(violations) > 0 && !s.lawless {
			tb.Errorf("%s: what the server sent is illegal:\n%v\nmessages:\n%s", url, errors.Join(violations...), c.transcript())
		}
	})
	return c
}

// read receives until the connection ends.
func (c *Client) read(ctx context.Context) {
	defer close(c.ended)
	for {
		kind, data, err := c.conn.Read(ctx)
		c.mu.Lock()
		if err != nil {
			c.err = err
		} else {
			c.receive(kind, data)
		}
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// receive takes in one message. c.mu is held.
func (c *Client) receive(kind websocket.MessageType, data []byte) {
	m, err := protocol.Decode(data)
	switch {
	case err != nil:
		c.violations = append(c.violations, fmt.Errorf("%w: %s", err, data))
		return
	case kind != websocket.MessageText:
		c.violations = append(c.violations, fmt.Errorf("not a text message: %s", data))
	case !bytes.Equal(m.AppendJSON(nil), data):
		c.violations = append(c.violations, fmt.Errorf("sent as %s, which should be %s", data, m.AppendJSON(nil)))
	}
	c.received = append(c.received, m)
	c.taken = append(c.taken, false)
	if err := c.legal.Check(m); err != nil {
		c.violations = append(c.violations, fmt.Errorf("message %d: %w", len(c.received), err))
	}
	// What can't be applied is illegal too, and has just been found to be.
	_ = c.replica.Apply(m)
}

// Close closes the connection. It may be closed already.
func (c *Client) Close() {
	// What the server has to say about it doesn't matter; if it says nothing, the connection is cut.
	_ = c.conn.Close(websocket.StatusNormalClosure, "")
	<-c.ended
}

// Send sends text as it is.
func (c *Client) Send(text string) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), c.timeout)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.tb.Fatalf("send: %v", err)
	}
}

// Do sends a request.
func (c *Client) Do(req protocol.Request) {
	c.tb.Helper()
	c.Send(string(req.AppendJSON(nil)))
}

// Messages returns what has been received so far, in order.
func (c *Client) Messages() []protocol.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.received)
}

// Replica returns the state as a client knows it from what has been received so far.
func (c *Client) Replica() *Replica {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replica.Clone()
}

// Violations returns what was illegal so far.
func (c *Client) Violations() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.violations)
}

// transcript returns all messages, one a line.
func (c *Client) transcript() string {
	var b strings.Builder
	for i, m := range c.Messages() {
		fmt.Fprintf(&b, "%4d %s\n", i+1, m.AppendJSON(nil))
	}
	return b.String()
}
