package phone

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Hold puts the far end on hold: we would send music, and hear nothing.
func (c *Call) Hold() {
	c.phone.tb.Helper()
	c.change(sendOnly)
}

// HoldInactive puts the far end on hold as phones do that have no music.
func (c *Call) HoldInactive() {
	c.phone.tb.Helper()
	c.change(inactive)
}

// Resume takes the far end back from hold.
func (c *Call) Resume() {
	c.phone.tb.Helper()
	c.change(sendRecv)
}

func (c *Call) change(want direction) {
	c.phone.tb.Helper()
	c.AwaitState(c.phone.tb.Context(), Answered) // the far end may know of the answer before this phone does
	if err := c.reinvite(want); err != nil {
		c.phone.tb.Fatalf("%s: change to %s: %v", c, want, err)
	}
}

// reinvite tells the far end what we now want to do with the media.
func (c *Call) reinvite(want direction) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c.mu.Lock()
	c.want, c.offering = want, true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.offering = false
	}()
	for {
		res, err := c.do(ctx, c.offerRequest())
		switch {
		case err != nil:
			return err
		case res.IsSuccess():
			c.learn(res)
			if err := c.ack(res); err != nil {
				return err
			}
			if err := c.setFar(res.Body()); err != nil {
				return err
			}
			c.talk()
			return nil
		case res.StatusCode != sip.StatusRequestPending:
			return fmt.Errorf("%d %s", res.StatusCode, res.Reason)
		}
		// The far end has an offer under way as well (RFC 3261, section 14.1).
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// onReinvite answers the far end's new offer.
func (p *Phone) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	c := p.callOf(req)
	if c == nil || c.State() == Ended {
		respond(req, tx, sip.StatusCallTransactionDoesNotExists)
		return
	}
	c.mu.Lock()
	offering := c.offering
	c.mu.Unlock()
	if offering {
		respond(req, tx, sip.StatusRequestPending)
		return
	}
	c.answerOffer(req, tx)
}

// onUpdate takes in who the far end is now, and answers its offer if it makes one.
func (p *Phone) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := p.callOf(req)
	switch {
	case c == nil || c.State() == Ended:
		respond(req, tx, sip.StatusCallTransactionDoesNotExists)
	case len(req.Body()) > 0:
		c.answerOffer(req, tx)
	default:
		c.learn(req)
		respond(req, tx, sip.StatusOK)
	}
}

func (c *Call) answerOffer(req *sip.Request, tx sip.ServerTransaction) {
	c.learn(req)
	var body []byte
	if len(req.Body()) == 0 {
		body = c.offer()
	} else {
		var err error
		if body, err = c.accept(req.Body()); err != nil {
			respond(req, tx, sip.StatusNotAcceptableHere)
			return
		}
	}
	res := sip.NewSDPResponseFromRequest(req, body)
	res.AppendHeader(c.phone.contact())
	_ = tx.Respond(res) // a far end that is gone needs no response
	c.talk()
}

// SendDTMF presses keys, by SIP INFO.
func (c *Call) SendDTMF(digits string) {
	c.phone.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for _, digit := range digits {
		req := c.request(sip.INFO)
		req.AppendHeader(sip.NewHeader("Content-Type", "application/dtmf-relay"))
		req.SetBody(fmt.Appendf(nil, "Signal=%c\r\nDuration=100\r\n", digit))
		res, err := c.do(ctx, req)
		if err == nil && !res.IsSuccess() {
			err = fmt.Errorf("%d %s", res.StatusCode, res.Reason)
		}
		if err != nil {
			c.phone.tb.Fatalf("%s: press %c: %v", c, digit, err)
		}
	}
}

// Refer transfers the far end to a number (blind transfer). It returns the SIP status
// that the request was refused with, or the first news of the call that came of it:
// 180 when the target rings, 200 when it has answered. Then it is for us to hang up.
func (c *Call) Refer(number string) int {
	c.phone.tb.Helper()
	to := c.phone.server
	to.User = number
	return c.refer("<" + to.String() + ">")
}

// ReferReplaces connects the far ends of two calls of this phone (attended transfer,
// RFC 3891), and returns the SIP status of that: 200 when it is done.
func (c *Call) ReferReplaces(other *Call) int {
	c.phone.tb.Helper()
	to := c.phone.server
	to.User = other.number
	other.mu.Lock()
	fromTag, _ := other.local.Params.Get("tag")
	toTag, ok := other.remote.Params.Get("tag")
	other.mu.Unlock()
	if !ok {
		c.phone.tb.Fatalf("%s: transfer to %s: nothing rings there yet", c, other)
	}
	replaces := url.QueryEscape(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", other.id, toTag, fromTag))
	return c.refer("<" + to.String() + "?Replaces=" + replaces + ">")
}

// refer asks the far end to call somebody else (RFC 3515).
func (c *Call) refer(to string) int {
	c.phone.tb.Helper()
	status, err := c.tryRefer(to)
	if err != nil {
		c.phone.tb.Fatalf("%s: refer to %s: %v", c, to, err)
	}
	return status
}

func (c *Call) tryRefer(to string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	req := c.request(sip.REFER)
	req.AppendHeader(sip.NewHeader("Refer-To", to))
	c.mu.Lock()
	req.AppendHeader(sip.NewHeader("Referred-By", "<"+c.local.Address.String()+">"))
	c.mu.Unlock()
	res, err := c.do(ctx, req)
	if err != nil {
		return 0, err
	}
	if !res.IsSuccess() {
		return res.StatusCode, nil
	}
	for {
		select {
		case status := <-c.referred:
			if status > sip.StatusTrying {
				return status, nil
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("no word of its outcome: %w", ctx.Err())
		}
	}
}

// onNotify takes in how a transfer goes (RFC 3515, section 2.4.4).
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	respond(req, tx, sip.StatusOK)
	c := p.callOf(req)
	line, _, _ := strings.Cut(string(req.Body()), "\r\n")
	fields := strings.Fields(line)
	if c == nil || len(fields) < 2 || fields[0] != "SIP/2.0" {
		return
	}
	if status, err := strconv.Atoi(fields[1]); err == nil {
		select {
		case c.referred <- status:
		default: // nobody asks
		}
	}
}
