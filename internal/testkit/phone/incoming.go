package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A Mode is what a phone does by itself with calls that come in.
type Mode struct {
	ring, answer bool
	refusal      int
	forward      string
}

// Ring lets calls ring until the test answers or refuses them.
func Ring() Mode { return Mode{ring: true} }

// AutoAnswer rings and answers.
func AutoAnswer() Mode { return Mode{ring: true, answer: true} }

// Refuse refuses with a SIP status such as 486 (busy), 480 or 603.
func Refuse(status int) Mode { return Mode{refusal: status} }

// Forward sends callers on to a number (302).
func Forward(number string) Mode { return Mode{refusal: sip.StatusMovedTemporarily, forward: number} }

// Silent says no more than that the call has come in (100).
func Silent() Mode { return Mode{} }

// SetMode says what to do with calls from now on.
func (p *Phone) SetMode(mode Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = mode
}

func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.To().Params.Has("tag") {
		p.onReinvite(req, tx)
		return
	}
	c, err := newIncoming(p, req, tx)
	if err != nil {
		respond(req, tx, sip.StatusInternalServerError)
		return
	}
	tx.OnCancel(func(cancel *sip.Request) {
		c.end(End{Code: sip.StatusRequestTerminated, Remote: true, Reason: headerValue(cancel, "Reason")})
	})
	// At once, and by us: sipgo's own 100 would read the request that we changed.
	respond(req, tx, sip.StatusTrying)
	p.add(c)
	p.mu.Lock()
	mode := p.mode
	p.mu.Unlock()
	select {
	case p.incoming <- c:
	case <-tx.Done(): // nobody takes them, nor will this one
		return
	}
	// An error here is a caller who has given up: the call's state says so.
	switch {
	case mode.refusal != 0:
		_ = c.refuse(mode.refusal, mode.forward)
	case mode.answer:
		_ = c.ring()
		_ = c.answer(context.Background())
	case mode.ring:
		_ = c.ring()
	}
	// The transaction lasts as long as its handler, or its final response.
	select {
	case <-c.final:
	case <-tx.Done():
	}
}

func newIncoming(p *Phone, req *sip.Request, tx sip.ServerTransaction) (*Call, error) {
	c, err := newCall(p, req.CallID().Value())
	if err != nil {
		return nil, err
	}
	// One tag for all responses, also those that sipgo writes by itself.
	req.To().Params.Add("tag", sip.GenerateTagN(16))
	c.invite, c.inviteTx = req, tx
	c.number, c.name = req.From().Address.User, req.From().DisplayName
	c.dialled = req.Recipient.User
	c.local = req.To().AsFrom()
	c.remote = req.From().AsTo()
	c.learn(req)
	return c, nil
}

// Ring tells the caller that the phone rings. Most modes do it by themselves.
func (c *Call) Ring() {
	c.phone.tb.Helper()
	if err := c.ring(); err != nil {
		c.phone.tb.Fatalf("%s: ring: %v", c, err)
	}
}

// Answer takes the call and waits until the caller knows.
func (c *Call) Answer() {
	c.phone.tb.Helper()
	if err := c.answer(context.Background()); err != nil {
		c.phone.tb.Fatalf("%s: answer: %v", c, err)
	}
}

// Reject refuses the call with a SIP status such as 486.
func (c *Call) Reject(status int) {
	c.phone.tb.Helper()
	if err := c.refuse(status, ""); err != nil {
		c.phone.tb.Fatalf("%s: reject: %v", c, err)
	}
}

func (c *Call) ring() error {
	if err := c.respond(sip.NewResponseFromRequest(c.invite, sip.StatusRinging, "Ringing", nil)); err != nil {
		return err
	}
	c.advance(Ringing)
	return nil
}

// refuse ends a call that is not answered yet, and may tell the caller a number instead.
func (c *Call) refuse(status int, instead string) error {
	defer c.finalOnce.Do(func() { close(c.final) })
	res := sip.NewResponseFromRequest(c.invite, status, reason(status), nil)
	if instead != "" {
		to := c.phone.server
		to.User = instead
		res.AppendHeader(&sip.ContactHeader{Address: to})
	}
	if err := c.respond(res); err != nil {
		return err
	}
	c.end(End{Code: status})
	return nil
}

// answer sends the 200 until it is confirmed, which is the answering side's part
// (RFC 3261, section 13.3.1.4).
func (c *Call) answer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer c.finalOnce.Do(func() { close(c.final) })
	var body []byte
	if len(c.invite.Body()) == 0 {
		body = c.offer()
	} else {
		var err error
		if body, err = c.accept(c.invite.Body()); err != nil {
			return errors.Join(err, c.refuse(sip.StatusNotAcceptableHere, ""))
		}
	}
	res := sip.NewSDPResponseFromRequest(c.invite, body)
	res.AppendHeader(c.phone.contact())
	again := time.NewTicker(sip.T1)
	defer again.Stop()
	for {
		if err := c.respond(res); err != nil {
			return err
		}
		select {
		case <-c.acked:
			c.advance(Answered)
			c.talk()
			return nil
		case <-c.inviteTx.Done():
			return fmt.Errorf("not confirmed: %w", c.inviteTx.Err())
		case <-ctx.Done():
			return fmt.Errorf("not confirmed: %w", ctx.Err())
		case <-again.C:
		}
	}
}

// respond sends a response, if the call is still there to be responded to.
func (c *Call) respond(res *sip.Response) error {
	switch c.State() {
	case Answered:
		return errors.New("the call has been answered")
	case Ended:
		return errEnded
	default:
		return c.inviteTx.Respond(res)
	}
}

func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.callOf(req)
	if c == nil {
		return
	}
	if body := req.Body(); len(body) > 0 {
		_ = c.setFar(body) // without a far end there is no audio, which is enough
	}
	c.ackedOnce.Do(func() { close(c.acked) })
}

func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.callOf(req)
	if c == nil {
		respond(req, tx, sip.StatusCallTransactionDoesNotExists)
		return
	}
	c.end(End{Code: sip.StatusOK, Remote: true, Reason: headerValue(req, "Reason")})
	respond(req, tx, sip.StatusOK)
}

// onOther agrees to what needs no more than that.
func (p *Phone) onOther(req *sip.Request, tx sip.ServerTransaction) { respond(req, tx, sip.StatusOK) }

func respond(req *sip.Request, tx sip.ServerTransaction, status int) {
	// A far end that is gone needs no response.
	_ = tx.Respond(sip.NewResponseFromRequest(req, status, reason(status), nil))
}

func reason(status int) string {
	switch status {
	case sip.StatusTrying:
		return "Trying"
	case sip.StatusOK:
		return "OK"
	case sip.StatusBusyHere:
		return "Busy Here"
	case sip.StatusTemporarilyUnavailable:
		return "Temporarily Unavailable"
	default:
		return "Refused"
	}
}
