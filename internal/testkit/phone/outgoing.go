package phone

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Dial calls a number. It returns at once; see [Call.AwaitState].
func (p *Phone) Dial(number string) *Call {
	p.tb.Helper()
	return p.dial(number, sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: p.config.User, Host: p.server.Host}})
}

func (p *Phone) dial(number string, from sip.FromHeader) *Call {
	p.tb.Helper()
	c, err := newCall(p, rand.Text())
	if err != nil {
		p.tb.Fatalf("phone %s: call %s: %v", p.config.User, number, err)
	}
	c.outgoing, c.number = true, number
	c.target = p.server
	c.target.User = number
	from.Params = sip.NewParams()
	from.Params.Add("tag", sip.GenerateTagN(16))
	c.local = from
	c.remote = sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: number, Host: p.server.Host}, Params: sip.NewParams()}
	p.add(c)
	invite := c.offerRequest()
	tx, err := p.client.TransactionRequest(context.Background(), invite)
	if err != nil {
		p.tb.Fatalf("%s: %v", c, err)
	}
	go c.follow(invite, tx)
	return c
}

// offerRequest is an INVITE with our session description.
func (c *Call) offerRequest() *sip.Request {
	req := c.request(sip.INVITE)
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(c.offer())
	return req
}

// follow sees an outgoing call through until it is answered or has failed.
func (c *Call) follow(invite *sip.Request, tx sip.ClientTransaction) {
	var proceeding, cancelled, authenticated bool
	for {
		// A CANCEL has to wait for the far end to know the call (RFC 3261, section 9.1).
		var cancel <-chan struct{}
		if proceeding && !cancelled {
			cancel = c.cancel
		}
		select {
		case <-cancel:
			cancelled = true
			go c.sendCancel(invite)
		case <-tx.Done():
			c.end(End{Text: fmt.Sprint("transaction ended: ", tx.Err())})
			return
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				proceeding = true
				c.proceed(res)
			case isChallenge(res) && !authenticated:
				authenticated, proceeding = true, false
				var err error
				invite = invite.Clone() // the old one may have to be repeated
				tx, err = c.phone.client.TransactionDigestAuth(context.Background(), invite, res, c.phone.credentials())
				if err != nil {
					c.end(End{Text: err.Error()})
					return
				}
			case res.IsSuccess():
				c.establish(tx, res, cancelled)
				return
			default:
				c.end(End{Code: res.StatusCode, Remote: !cancelled, Reason: headerValue(res, "Reason")})
				return
			}
		}
	}
}

// setRemoteTag takes in what makes the dialog, which a ringing makes already.
func (c *Call) setRemoteTag(res *sip.Response) {
	tag, ok := res.To().Params.Get("tag")
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote.Params.Add("tag", tag)
}

func (c *Call) proceed(res *sip.Response) {
	if res.StatusCode == sip.StatusTrying {
		return
	}
	c.learn(res)
	c.setRemoteTag(res)
	c.advance(Ringing)
}

// establish confirms an answer. If it crossed our CANCEL, the call is ended at once.
func (c *Call) establish(tx sip.ClientTransaction, res *sip.Response, cancelled bool) {
	c.learn(res)
	c.setRemoteTag(res)
	err := c.setFar(res.Body())
	if ackErr := c.ack(res); err == nil {
		err = ackErr
	}
	tx.OnRetransmission(func(*sip.Response) { _ = c.ack(res) })
	if err == nil && !cancelled {
		c.advance(Answered)
		c.talk()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	how := End{Code: sip.StatusRequestTerminated}
	if err != nil {
		how.Text = err.Error()
	}
	_, _ = c.do(ctx, c.request(sip.BYE)) // the call is over for us in any case
	c.end(how)
}

// ack confirms a 200 to an INVITE (RFC 3261, section 13.2.2.4).
func (c *Call) ack(res *sip.Response) error {
	c.mu.Lock()
	c.sequence = max(c.sequence, res.CSeq().SeqNo)
	ack := c.requestLocked(sip.ACK, res.CSeq().SeqNo)
	c.mu.Unlock()
	return c.phone.client.WriteRequest(ack)
}

// sendCancel gives up an INVITE that has no answer yet (RFC 3261, section 9.1).
func (c *Call) sendCancel(invite *sip.Request) {
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		sip.CopyHeaders(name, invite, req)
	}
	req.CSeq().MethodName = sip.CANCEL
	maxForwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(&maxForwards)
	req.SetBody(nil)
	req.Laddr = invite.Laddr
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// Whether it worked is known by the answer to the INVITE.
	_, _ = c.phone.client.Do(ctx, req, func(*sipgo.Client, *sip.Request) error { return nil })
}
