package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/switchboard"
	"github.com/clavija/clavija/internal/websocket"
	"github.com/clavija/clavija/protocol"
)

// client is one connection, from the upgrade to its end.
type client struct {
	server   *Server
	kind     auth.Kind
	remote   netip.Addr
	features bool               // asked for in the URL
	cancel   context.CancelFunc // ends a login under way
	settings *settings          // set when the client is admitted

	mu     sync.Mutex
	conn   net.Conn            // under mu until start has returned, then unchanging
	out    *switchboard.Outbox // likewise
	doomed []byte              // under mu: a close frame that came before start

	closing atomic.Bool // a close frame is on its way
	parted  atomic.Bool // the client has sent its close frame

	// All below is owned by run.
	reader   websocket.Reader
	since    time.Time // connected; later by the time that logins took us
	board    *switchboard.Switchboard
	session  *switchboard.Session // nil until logged in
	forget   func()               // ends the watch over the credentials
	wrong    int                  // tries with wrong credentials
	busy     int                  // tries that we had no time for
	pinged   bool                 // a ping is unanswered
	ping     []byte               // the latest ping of one read
	toPong   bool                 // … is to be answered
	partial  time.Time            // since when a message is unfinished, zero when none is
	allowed  float64              // messages that may come now
	counted  time.Time            // when allowed was last counted
	refusals int                  // messages over the rate
}

// errClosed ends the reading of a client that has said goodbye.
var errClosed = errors.New("closed")

func (c *client) start(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	c.out = switchboard.NewOutbox(outboxLimit, slowFrame(), c.write, c.ended)
	c.since = time.Now()
	c.allowed, c.counted = messageBurst, c.since
	c.say(protocol.Welcome{Server: c.settings.ServerName})
	if c.doomed != nil {
		c.closing.Store(true)
		c.out.Finish(c.doomed)
	}
}

// run reads until the connection ends.
func (c *client) run(ctx context.Context, early []byte) {
	err := c.readSafely(ctx, early)
	if c.session != nil {
		c.forget()
		_ = c.board.Leave(c.session) // fails only when the switchboard is gone, and with it the session
	}
	if violation := (websocket.Error{}); errors.As(err, &violation) {
		c.close(protocol.CloseCode(violation.Code), violation.Reason)
		c.lingerUntilClosed()
	}
	_ = c.conn.Close() // nothing is left to be said
	c.out.Close()
	if !errors.Is(err, errClosed) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		c.server.log.Debug("client ended", "remote", c.remote, "err", err)
	}
}

// readSafely reads. What panics for one client ends this client, not the process and with it all others.
func (c *client) readSafely(ctx context.Context, early []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("client failed", "remote", c.remote, "panic", p, "stack", string(debug.Stack()))
			err = websocket.Error{Code: websocket.CloseCode(protocol.CloseInternalError), Reason: "the server failed"}
		}
	}()
	return c.read(ctx, early)
}

func (c *client) read(ctx context.Context, early []byte) error {
	if err := c.take(ctx, early); err != nil {
		return err
	}
	buf := make([]byte, 1024)
	for {
		if err := c.conn.SetReadDeadline(c.deadline()); err != nil {
			return err
		}
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.pinged = false
			if err := c.take(ctx, buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := c.silent(); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	}
}

// take takes what one read has brought.
func (c *client) take(ctx context.Context, p []byte) error {
	c.reader.MaxMessage = c.settings.MaxMessage
	if c.session == nil {
		c.reader.MaxMessage = min(c.settings.MaxMessage, strangerMessage)
	}
	if err := c.reader.Feed(p, func(ev websocket.Event) error { return c.receive(ctx, ev) }); err != nil {
		return err
	}
	if c.toPong { // the latest ping is answered for all (RFC 6455 §5.5.3), so that a flood of them is not a flood of answers
		c.toPong = false
		c.out.Reply(websocket.AppendPong(nil, c.ping))
	}
	c.timeMessage()
	return nil
}

// timeMessage bounds the time that a client may take for one message, however lively it is otherwise.
func (c *client) timeMessage() {
	switch now := time.Now(); {
	case !c.reader.Pending():
		c.partial = time.Time{}
	case c.partial.IsZero():
		c.partial = now
	case now.Sub(c.partial) > c.settings.MessageTimeout && !c.closing.Load():
		c.close(protocol.ClosePolicyViolation, "a message took too long")
	}
}

// deadline returns until when the client may be silent.
func (c *client) deadline() time.Time {
	if c.session == nil && !c.closing.Load() {
		return c.since.Add(c.settings.AuthTimeout)
	}
	return time.Now().Add(c.settings.PingInterval)
}

// silent is what to do about a client that has sent nothing until the deadline.
func (c *client) silent() error {
	switch {
	case c.pinged:
		return errClosed
	case c.closing.Load():
		return nil // it will be cut
	case c.session == nil:
		c.close(protocol.ClosePolicyViolation, "no credentials in time")
		return nil
	}
	c.pinged = true
	c.out.Reply(websocket.AppendPing(nil, nil))
	return nil
}

// receive takes one message or control frame.
func (c *client) receive(ctx context.Context, ev websocket.Event) error {
	if !c.reader.Pending() {
		c.partial = time.Time{} // what is unfinished after this read began in it
	}
	switch {
	case ev.Op == websocket.OpClose && c.closing.Load():
		return errClosed
	case ev.Op == websocket.OpClose:
		c.parted.Store(true)
		c.close(protocol.CloseCode(ev.Code), "")
	case c.closing.Load(): // whatever else comes, comes too late
	case ev.Op == websocket.OpPing:
		c.ping, c.toPong = append(c.ping[:0], ev.Payload...), true
	case ev.Op == websocket.OpPong:
	case ev.Op == websocket.OpBinary && !ev.TooLarge:
		c.close(protocol.CloseUnsupportedData, "messages are text: one JSON object each")
	case !c.withinRate():
		c.refuse()
	case ev.TooLarge:
		c.say(protocol.Error{
			Code:    protocol.CodeTooLarge,
			Message: "the message is larger than " + strconv.Itoa(c.reader.MaxMessage) + " bytes",
		})
	default:
		c.message(ctx, ev.Payload)
	}
	return nil
}

// refuse answers a message over the rate.
func (c *client) refuse() {
	if c.refusals++; c.refusals > rudeMessages {
		c.close(protocol.ClosePolicyViolation, "too many messages")
		return
	}
	c.say(protocol.Error{Code: protocol.CodeRateLimited, Message: "too many messages; slow down"})
}

// message takes one message of the protocol.
func (c *client) message(ctx context.Context, text []byte) {
	request, wrong := protocol.ParseRequest(text)
	if wrong != nil {
		c.say(*wrong)
		return
	}
	if credentials, ok := request.(protocol.AuthPlain); ok {
		c.login(ctx, credentials)
		return
	}
	c.act(request)
}

func (c *client) act(request protocol.Request) {
	action := actionOf(request)
	switch {
	case c.session == nil:
		c.say(protocol.Error{Code: protocol.CodeNotAuthenticated, Message: "log in first: send auth-plain", Action: action})
	case c.kind != auth.Agent:
		c.say(protocol.Error{
			Code: protocol.CodeForbidden, Action: action,
			Message: "supervisors cannot act on calls: connect to /agent with an agent's credentials",
		})
	default:
		if err := c.board.Act(c.session, request); err != nil {
			c.say(protocol.Error{Code: protocol.CodeInternal, Message: "the server is stopping", Action: action})
		}
	}
}

func actionOf(request protocol.Request) string {
	switch request.(type) {
	case protocol.Originate:
		return protocol.ActionCall
	case protocol.BlindTransfer:
		return protocol.ActionBlindTransfer
	case protocol.HangupCalls:
		return protocol.ActionHangup
	}
	return ""
}

// withinRate counts a message, and tells whether the client may send it: a bucket that fills with time.
func (c *client) withinRate() bool {
	now := time.Now()
	c.allowed = min(messageBurst, c.allowed+now.Sub(c.counted).Seconds()*messageRate)
	c.counted = now
	if c.allowed < 1 {
		return false
	}
	c.allowed--
	return true
}

// say queues a message for this client alone.
func (c *client) say(m protocol.Message) {
	c.out.Reply(websocket.AppendText(nil, m.AppendJSON(nil)))
}
