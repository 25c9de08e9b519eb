package watch

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/coder/websocket"

	"github.com/clavija/clavija/protocol"
)

// Await returns the first message of type M that matches and that no Await has returned yet, of those received already
// and those to come. M may be [protocol.Message], for a message of any type. The test fails when none comes in time.
func Await[M protocol.Message](c *Client, match func(M) bool) M {
	c.tb.Helper()
	var found M
	c.await(reflect.TypeFor[M]().Name(), func() bool {
		for i, received := range c.received {
			if m, ok := received.(M); ok && !c.taken[i] && match(m) {
				c.taken[i], found = true, m
				return true
			}
		}
		return false
	})
	return found
}

// Equal returns a match of exactly want, for [Await] and [Never].
func Equal[M comparable](want M) func(M) bool {
	return func(m M) bool { return m == want }
}

// Skip keeps every Await to come from returning what has been received so far.
func (c *Client) Skip() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.taken {
		c.taken[i] = true
	}
}

// AwaitState waits until the state as the client knows it satisfies match, which must not keep the replica.
func (c *Client) AwaitState(match func(*Replica) bool) {
	c.tb.Helper()
	c.await("state", func() bool { return match(c.replica) })
}

// AwaitNoCalls waits until the client knows of no call.
func (c *Client) AwaitNoCalls() {
	c.tb.Helper()
	c.await("end of all calls", func() bool { return c.replica.Calls() == 0 })
}

// AwaitClose waits until the server has closed the connection and returns the code and the reason that it gave. The
// code is 0 if the connection just broke.
func (c *Client) AwaitClose() (protocol.CloseCode, string) {
	c.tb.Helper()
	select {
	case <-c.ended:
	case <-time.After(c.timeout):
		c.tb.Fatalf("the server did not close the connection in time; messages:\n%s", c.transcript())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	closed, _ := errors.AsType[websocket.CloseError](c.err)
	return protocol.CloseCode(closed.Code), closed.Reason //nolint:gosec // a code has 16 bits on the wire
}

// Login sends credentials and waits until they are accepted and the first init is there. The test fails if they are
// refused.
func (c *Client) Login(user, passwd string) protocol.AuthOK {
	c.tb.Helper()
	answer := c.TryLogin(user, passwd)
	ok, is := answer.(protocol.AuthOK)
	if !is {
		c.tb.Fatalf("login of %s: %s", user, answer.AppendJSON(nil))
	}
	Await(c, func(protocol.Init) bool { return true })
	return ok
}

// TryLogin sends credentials and returns what the server answers: a [protocol.AuthOK], a [protocol.AuthForbidden] or a
// [protocol.Error].
func (c *Client) TryLogin(user, passwd string) protocol.Message {
	c.tb.Helper()
	before := len(c.Messages())
	c.Do(protocol.AuthPlain{User: user, Passwd: passwd})
	var answer protocol.Message
	c.await("answer to credentials", func() bool {
		for i := before; i < len(c.received); i++ {
			switch m := c.received[i].(type) {
			case protocol.AuthOK, protocol.AuthForbidden, protocol.Error:
				c.taken[i], answer = true, m
				return true
			}
		}
		return false
	})
	return answer
}

// Fence waits until everything is received that the server had queued for this client by now. It sends an action that
// no server knows: the error that answers it comes after whatever was queued before.
func (c *Client) Fence() {
	c.tb.Helper()
	c.fences++
	name := fmt.Sprintf("fence-%d", c.fences)
	c.Send(fmt.Sprintf(`{"type":"action","action":%q}`, name))
	Await(c, func(m protocol.Error) bool { return m.Action == name })
}

// Never fails the test if a message of type M that matches has been received or is queued by the server now; see
// [Client.Fence].
func Never[M protocol.Message](c *Client, match func(M) bool) {
	c.tb.Helper()
	c.Fence()
	for _, received := range c.Messages() {
		if m, ok := received.(M); ok && match(m) {
			c.tb.Errorf("unwanted: %s", m.AppendJSON(nil))
		}
	}
}

// await waits until done, which is called with c.mu held, returns true, and fails the test when it can't.
func (c *Client) await(what string, done func() bool) {
	c.tb.Helper()
	if err := c.wait(done); err != nil {
		c.tb.Fatalf("await %s: %v; messages:\n%s", what, err, c.transcript())
	}
}

var errTimeout = errors.New("not in time")

// wait waits until done, which is called with c.mu held, returns true.
func (c *Client) wait(done func() bool) error {
	timeout := time.NewTimer(c.timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		ok, changed, err := done(), c.changed, c.err
		c.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-timeout.C:
			return errTimeout
		}
	}
}
