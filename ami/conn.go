package ami

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// What can go wrong with a connection, to be told apart by errors.Is. An end from the
// other side is io.EOF after login, and io.ErrUnexpectedEOF before or within a packet.
var (
	// ErrAuth says that the server refused the login: unknown user, wrong secret, an
	// address outside the user's ACL, or, as the error's text tells, a reason that may
	// pass, such as a shutdown.
	ErrAuth = errors.New("authentication refused")
	// ErrNotAMI says that the server does not greet as Asterisk's AMI does.
	ErrNotAMI = errors.New("not an AMI server")
	// ErrTimeout says that a time from the Config passed.
	ErrTimeout = errors.New("timeout")
	// ErrClosed says that the Conn was closed on this side, by Close or a failed Write.
	ErrClosed = errors.New("connection closed")
)

// Config tells how to reach a manager and as whom.
type Config struct {
	Address  string // host:port; Asterisk's default ports are 5038 and, with TLS, 5039
	Username string
	Secret   string

	TLS *tls.Config // nil: plain TCP

	DialTimeout  time.Duration // for TCP and TLS; 0: 10 s
	LoginTimeout time.Duration // for greeting and login; Asterisk refuses after 1 s; 0: 10 s
	WriteTimeout time.Duration // for one action; 0: 5 s

	// EventMask chooses the events to be sent: "on", "off" or classes such as
	// "call,system,dialplan". It can only narrow what the user may read. "": "on".
	EventMask string
}

// Conn is a connection to a manager, logged in. One goroutine may read from it; any
// number may write and close.
type Conn struct {
	nc           net.Conn
	writeTimeout time.Duration

	r     *Reader   // owned by the reading goroutine
	early []Message // received before the login's response; likewise

	mu  sync.Mutex
	out []byte // guarded by mu
}

// Dial connects and logs in. Cancelling ctx ends Dial, not the Conn that it returned.
//
// The secret is proved by MD5 challenge, which does not send it. A server that answers
// the action Challenge with an error gets it in clear by a plain Login instead:
// Asterisk never does, unless it is shutting down, but some proxies do. On an
// untrusted path use TLS.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	nc, err := dial(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("ami: dial %s: %w", cfg.Address, failure(ctx, err))
	}
	c := &Conn{
		nc:           nc,
		writeTimeout: cmp.Or(cfg.WriteTimeout, 5*time.Second),
		r:            NewReader(nc),
	}
	if err := c.login(ctx, cfg); err != nil {
		_ = nc.Close() // The login's error tells more.
		return nil, fmt.Errorf("ami: log in to %s: %w", cfg.Address, failure(ctx, err))
	}
	return c, nil
}

func dial(ctx context.Context, cfg Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(cfg.DialTimeout, 10*time.Second))
	defer cancel()
	if cfg.TLS != nil {
		return (&tls.Dialer{Config: cfg.TLS}).DialContext(ctx, "tcp", cfg.Address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", cfg.Address)
}

// Version returns the version of the manager's protocol, such as "11.0.0". It is not
// Asterisk's own.
func (c *Conn) Version() string { return c.r.Version() }

// Read waits for the next packet, which is valid until the next Read. It has no
// deadline, since a quiet PBX sends nothing: a Ping now and then tells it from a dead
// one. After an error every later Read fails too.
func (c *Conn) Read() (Message, error) {
	if len(c.early) > 0 {
		m := c.early[0]
		c.early = c.early[1:]
		return m, nil
	}
	m, err := c.r.Read()
	if err != nil {
		return Message{}, fmt.Errorf("ami: read: %w", classify(err))
	}
	return m, nil
}

// Write sends an action; its response comes by Read. ErrInvalidAction leaves the
// connection as it was; any other error closes it, for a part of the action may have
// been sent.
func (c *Conn) Write(a Action) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.nc.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	if err == nil {
		err = c.write(a)
	}
	if err == nil || errors.Is(err, ErrInvalidAction) {
		return err
	}
	_ = c.nc.Close() // Why it is closed tells more than how.
	return fmt.Errorf("ami: write %s: %w", a, classify(err))
}

func (c *Conn) write(a Action) error {
	out, err := a.Append(c.out[:0])
	if err != nil {
		return err
	}
	c.out = out
	_, err = c.nc.Write(out)
	return err
}

// Close closes the connection; a Read or Write under way returns ErrClosed. Closing it
// again does nothing.
func (c *Conn) Close() error {
	if err := c.nc.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("ami: close: %w", err)
	}
	return nil
}

// failure returns why a step of Dial failed: ctx, if that was it.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return classify(err)
}

// classify puts the package's own name to an error of the network.
func classify(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}
