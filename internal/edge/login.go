package edge

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/switchboard"
	"github.com/clavija/clavija/protocol"
)

// login checks a client's credentials. Meanwhile nothing else of this client is read.
func (c *client) login(ctx context.Context, credentials protocol.AuthPlain) {
	if c.session != nil {
		c.say(protocol.Error{
			Code:    protocol.CodeAlreadyAuthenticated,
			Message: "this connection is logged in already; open another one for other credentials",
		})
		return
	}
	begun := time.Now()
	id, err := c.authenticate(ctx, credentials)
	c.since = c.since.Add(time.Since(begun)) // the time to log in is the client's, not ours
	switch {
	case ctx.Err() != nil: // cut off meanwhile
	case errors.Is(err, auth.ErrInvalid):
		c.forbid(credentials.User, "invalid credentials")
	case errors.Is(err, auth.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		c.putOff()
	case err != nil:
		c.failed(err)
	default:
		c.admitted(ctx, id, c.features || credentials.Features != nil)
	}
}

// authenticate asks who the client is. When too many ask at once it waits for its turn: clients of the service that the protocol
// comes from know only yes and no.
func (c *client) authenticate(ctx context.Context, credentials protocol.AuthPlain) (auth.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
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

// putOff answers credentials that could not be checked for want of time.
func (c *client) putOff() {
	c.say(protocol.Error{Code: protocol.CodeAuthBusy, Message: "too many logins at once; try again in a few seconds"})
	if c.busy++; c.busy >= maxBusyTries {
		c.close(protocol.CloseTryAgainLater, "too many logins at once")
	}
}

func (c *client) failed(err error) {
	c.server.log.Error("login failed", "remote", c.remote, "err", err)
	c.say(protocol.Error{Code: protocol.CodeInternal, Message: "the server cannot check credentials now; try again later"})
}

func (c *client) forbid(user, why string) {
	if !auth.ValidName(user) {
		user = "" // anything at all, perhaps a password
	}
	c.server.log.Info("login refused", "user", user, "kind", c.kind, "remote", c.remote, "reason", why)
	c.say(protocol.AuthForbidden{Server: c.settings.ServerName, Error: why})
	if c.wrong++; c.wrong >= maxWrongTries {
		c.close(protocol.ClosePolicyViolation, "too many wrong credentials")
	}
}

// admitted answers right credentials, and lets the session in.
func (c *client) admitted(ctx context.Context, id auth.Identity, asked bool) {
	board := c.settings.Exchange.Board(id.Account)
	if board == nil {
		c.forbid(id.Name, "the account "+id.Account+" is not configured on this server")
		return
	}
	if c.kind == auth.Agent && !board.Has(id.PBX) {
		c.forbid(id.Name, "the PBX "+id.PBX+" of this agent is not one of the account "+id.Account)
		return
	}
	forget, err := c.server.auth.OnRevoked(ctx, id, func() {
		c.close(protocol.CloseRevoked, "the credentials were changed or taken away")
	})
	if err != nil {
		c.failed(err)
		return
	}
	c.server.log.Info("login", "user", id.Name, "kind", c.kind, "account", id.Account, "remote", c.remote)
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
