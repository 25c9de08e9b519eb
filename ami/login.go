package ami

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // The protocol knows no other digest.
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxEarly limits the packets kept while waiting for a response during login. Asterisk
// sends none then.
const maxEarly = 1000

// login greets and authenticates, before LoginTimeout has passed and ctx is done.
func (c *Conn) login(ctx context.Context, cfg Config) error {
	timeout := cmp.Or(cfg.LoginTimeout, 10*time.Second)
	if err := c.nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		_ = c.nc.SetDeadline(time.Unix(1, 0)) // It fails on a closed connection, which is as good.
	})
	err := c.authenticate(cfg)
	if !stop() {
		return context.Cause(ctx) // Its deadline may be set only now: the connection is spoilt.
	}
	if err != nil {
		return err
	}
	return c.nc.SetDeadline(time.Time{})
}

func (c *Conn) authenticate(cfg Config) error {
	first, ok, err := c.r.greeting()
	switch {
	case err != nil:
		return unexpected(err)
	case !ok:
		return fmt.Errorf("%w: it begins with %.60q", ErrNotAMI, first)
	}

	challenge, err := c.ask(NewAction("Challenge").With("AuthType", "MD5"))
	if err != nil {
		return err
	}
	login := NewAction("Login").With("Username", cfg.Username)
	if nonce := challenge.Get("Challenge"); challenge.Response() == "Success" && nonce != "" {
		key := md5.Sum([]byte(nonce + cfg.Secret)) //nolint:gosec // see above
		login = login.With("AuthType", "MD5").With("Key", hex.EncodeToString(key[:]))
	} else {
		login = login.With("Secret", cfg.Secret)
	}

	answer, err := c.ask(login.With("Events", cmp.Or(cfg.EventMask, "on")))
	if err != nil {
		return err
	}
	if answer.Response() != "Success" {
		reason := answer.Get("Message")
		if cfg.Secret != "" {
			reason = strings.ReplaceAll(reason, cfg.Secret, "…") // A server could repeat it.
		}
		return fmt.Errorf("%w: %.200q", ErrAuth, reason)
	}
	return nil
}

// ask sends an action and waits for its response. What else comes is kept for Read.
func (c *Conn) ask(a Action) (Message, error) {
	id := "login-" + a.String()
	if err := c.write(a.With("ActionID", id)); err != nil {
		return Message{}, err
	}
	for len(c.early) < maxEarly {
		m, err := c.r.Read()
		if err != nil {
			return Message{}, unexpected(err)
		}
		if answers := m.ActionID(); m.IsResponse() && (answers == id || answers == "") {
			return m, nil
		}
		c.early = append(c.early, m.Clone())
	}
	return Message{}, fmt.Errorf("%d packets but no response to %s", maxEarly, a)
}

// unexpected returns the error of a stream that ended where it must not.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
