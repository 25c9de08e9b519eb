package edge

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
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
	settings *settings

	mu     sync.Mutex
	conn   net.Conn            // under mu until start has returned, then unchanging
	out    *switchboard.Outbox // likewise
	doomed []byte              // under mu: a close frame that came before start

	closing atomic.Bool // a close frame is on its way
	parted  atomic.Bool // the client has sent its close frame

	// All below is owned by run.
	reader   websocket.Reader
	since    time.Time // connected
	board    *switchboard.Switchboard
	session  *switchboard.Session // nil until logged in
	forget   func()               // ends the watch over the credentials
	wrong    int                  // tries with wrong credentials
	pinged   bool                 // a ping is unanswered
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
	c.out = switchboard.NewOutbox(outboxLimit, c.write, c.ended)
	c.reader.MaxMessage = c.settings.MaxMessage
	c.since = time.Now()
	c.allowed, c.counted = actionBurst, c.since
	c.say(protocol.Welcome{Server: c.settings.ServerName})
	if c.doomed != nil {
		c.closing.Store(true)
		c.out.Finish(c.doomed)
	}
}

// run reads until the connection ends.
func (c *client) run(early []byte) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := c.read(ctx, early)
	if c.session != nil {
		c.forget()
		_ = c.board.Leave(c.session) // fails only when the switchboard is gone, and with it the session
	}
	if violation := (websocket.Error{}); errors.As(err, &violation) {
		c.close(protocol.CloseCode(violation.Code), violation.Reason)
		c.lingerUntilClosed()
	}
	c.cut()
	c.out.Close()
	if !errors.Is(err, errClosed) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		c.server.log.Debug("client ended", "remote", c.remote, "err", err)
	}
}

func (c *client) read(ctx context.Context, early []byte) error {
	handle := func(ev websocket.Event) error { return c.receive(ctx, ev) }
	if err := c.reader.Feed(early, handle); err != nil {
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
			if err := c.reader.Feed(buf[:n], handle); err != nil {
				return err
			}
			c.timeMessage()
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
	switch {
	case ev.Op == websocket.OpClose && c.closing.Load():
		return errClosed
	case ev.Op == websocket.OpClose:
		c.parted.Store(true)
		c.close(protocol.CloseCode(ev.Code), "")
	case c.closing.Load(): // whatever else comes, comes too late
	case ev.Op == websocket.OpPing && c.withinRate():
		c.out.Reply(websocket.AppendPong(nil, ev.Payload))
	case ev.TooLarge && c.withinRate():
		c.say(protocol.Error{
			Code:    protocol.CodeTooLarge,
			Message: "the message is larger than " + strconv.Itoa(c.settings.MaxMessage) + " bytes",
		})
	case ev.Op == websocket.OpText && !ev.TooLarge:
		c.message(ctx, ev.Payload)
	case ev.Op == websocket.OpBinary && !ev.TooLarge:
		c.close(protocol.CloseUnsupportedData, "messages are text: one JSON object each")
	}
	return nil
}

// message takes one message of the protocol.
func (c *client) message(ctx context.Context, text []byte) {
	if !c.withinRate() {
		if c.refusals++; c.refusals > rudeMessages {
			c.close(protocol.ClosePolicyViolation, "too many messages")
			return
		}
		c.say(protocol.Error{Code: protocol.CodeRateLimited, Message: "too many messages; slow down"})
		return
	}
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
	c.allowed = min(actionBurst, c.allowed+now.Sub(c.counted).Seconds()*actionRate)
	c.counted = now
	if c.allowed < 1 {
		return false
	}
	c.allowed--
	return true
}

// login checks a client's credentials. Meanwhile nothing else of this client is read.
func (c *client) login(ctx context.Context, credentials protocol.AuthPlain) {
	if c.session != nil {
		c.say(protocol.Error{
			Code:    protocol.CodeAlreadyAuthenticated,
			Message: "this connection is logged in already; open another one for other credentials",
		})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	id, err := c.authenticate(ctx, credentials)
	switch {
	case errors.Is(err, auth.ErrInvalid):
		c.forbid("invalid credentials")
		return
	case errors.Is(err, auth.ErrBusy):
		c.say(protocol.Error{Code: protocol.CodeAuthBusy, Message: "too many logins at once; try again in a few seconds"})
		return
	case err != nil:
		c.server.log.Error("login failed", "remote", c.remote, "err", err)
		c.say(protocol.Error{Code: protocol.CodeInternal, Message: "the server cannot check credentials now; try again later"})
		return
	}
	c.admitted(ctx, id, credentials.Features != nil)
}

// authenticate asks who the client is. When too many ask at once it waits for its turn: clients of the service that the protocol
// comes from know only yes and no.
func (c *client) authenticate(ctx context.Context, credentials protocol.AuthPlain) (auth.Identity, error) {
	for {
		id, err := c.server.auth.Login(ctx, c.kind, credentials.User, credentials.Passwd, c.remote)
		if !errors.Is(err, auth.ErrBusy) {
			return id, err
		}
		select {
		case <-ctx.Done():
			return id, err
		case <-time.After(busyPause):
		}
	}
}

func (c *client) forbid(why string) {
	c.say(protocol.AuthForbidden{Server: c.settings.ServerName, Error: why})
	if c.wrong++; c.wrong >= maxWrongTries {
		c.close(protocol.ClosePolicyViolation, "too many wrong credentials")
	}
}

// admitted answers right credentials, and lets the session in.
func (c *client) admitted(ctx context.Context, id auth.Identity, asked bool) {
	board := c.settings.Exchange.Board(id.Account)
	if board == nil {
		c.forbid("the account " + id.Account + " is not configured on this server")
		return
	}
	forget, err := c.server.auth.OnRevoked(ctx, id, func() {
		c.close(protocol.CloseRevoked, "the credentials were changed or taken away")
	})
	if err != nil {
		c.server.log.Error("login failed", "remote", c.remote, "err", err)
		c.say(protocol.Error{Code: protocol.CodeInternal, Message: "the server cannot check credentials now; try again later"})
		return
	}
	server := board.FirstServer()
	session := switchboard.NewSupervisor(c.out)
	if c.kind == auth.Agent {
		server = id.PBX
		session = switchboard.NewAgent(id.PBX, id.Extension, c.out)
	}
	ok := protocol.AuthOK{Server: server, Extension: id.Extension, Agent: id.Name, Token: newToken()}
	if asked {
		ok.Features = []string{} // none of the protocol's extensions is built yet
	}
	c.say(ok)
	c.board, c.session, c.forget = board, session, forget
	if err := board.Join(session); err != nil {
		c.close(protocol.CloseServiceRestart, "the configuration has changed; connect again")
	}
}

// newToken returns a secret of 192 bits.
func newToken() string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// say queues a message for this client alone.
func (c *client) say(m protocol.Message) {
	c.out.Reply(websocket.AppendText(nil, m.AppendJSON(nil)))
}
