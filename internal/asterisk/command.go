package asterisk

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// request is a command on its way.
type request struct {
	command pbx.Command
	done    func(error) // nil when the command has been answered

	// Of an Originate: what became of the leg that it made.
	appeared bool
	ended    bool
	cause    int    // Q.850, when ended
	onEnd    func() // called when it ends, if set
}

// end notes how the leg of an Originate ended.
func (r *request) end(cause int) {
	r.ended, r.cause = true, cause
	if r.onEnd != nil {
		r.onEnd()
	}
}

func (r *request) fail(reason pbx.Reason, detail string) {
	r.answer(&pbx.Failure{Reason: reason, Detail: detail})
}

// answer tells the outcome, once: whatever comes later tells nothing new.
func (r *request) answer(err error) {
	if r.done == nil {
		return
	}
	done := r.done
	r.done, r.onEnd = nil, nil
	done(err)
}

// refuse answers all that can no longer be done because the link has ended.
func (l *link) refuse() {
	for id, p := range l.pending {
		delete(l.pending, id)
		p.handle(ami.Message{}, errLost)
	}
	for {
		select {
		case r := <-l.commands:
			r.fail(pbx.PBXUnavailable, l.d.cfg.Name+" is away")
		default:
			return
		}
	}
}

var errLost = errors.New("the link to the pbx was lost")

func (l *link) command(r *request) {
	switch r.command.Kind {
	case pbx.Originate:
		l.originate(r)
	case pbx.BlindTransfer:
		l.blindTransfer(r)
	case pbx.Hangup:
		l.hangup(r)
	default:
		r.fail(pbx.Refused, "unknown command")
	}
}

// context returns where a command's number is dialled.
func (l *link) context(cmd pbx.Command) string {
	if cmd.Context != "" {
		return cmd.Context
	}
	return l.d.cfg.DialContext
}

// originate rings the extension's phone and, when it answers, sends it into the dial plan. The ChannelId ties the leg that
// appears to this request, so that the agent's own call is told as what it is: outbound, to the number it asked for.
func (l *link) originate(r *request) {
	m, cmd := l.d.model, r.command
	e := m.extensions[cmd.Extension]
	if isSpecial(cmd.Phone) {
		r.fail(pbx.NoSuchNumber, "")
		return
	}
	if e == nil {
		r.fail(pbx.NotRegistered, "the PBX has no hint for "+cmd.Extension.String())
		return
	}
	id := newChannelID(time.Now())
	action := ami.NewAction("Originate").
		With("Channel", m.pickDevice(e)).
		With("Context", l.context(cmd)).
		With("Exten", cmd.Phone).
		With("Priority", "1").
		With("CallerID", cmd.Extension.Number).
		With("Timeout", strconv.FormatInt(l.d.cfg.RingTimeout.Milliseconds(), 10)).
		With("ChannelId", id).
		With("OtherChannelId", id+"-2").
		With("Async", "true")
	for i, value := range cmd.Custom {
		if value != "" {
			action = action.WithVariable("__CLAVIJA_CUSTOMFIELD"+strconv.Itoa(i+1), value)
		}
	}
	m.requests[id] = r
	actionID := l.newID("originate")
	finish := func(err error) {
		delete(l.pending, actionID)
		if err != nil {
			delete(m.requests, id)
		}
		r.answer(err)
	}
	reason := "" // of an OriginateResponse that says that it failed
	l.send(actionID, action, func(msg ami.Message, err error) {
		switch {
		case errors.Is(err, errLost):
			// The phone may be ringing. The request is kept: when the link is back, the leg is recognised.
			delete(l.pending, actionID)
			r.fail(pbx.PBXUnavailable, "the link was lost; the call may have been placed")
		case err != nil && reason != "":
			finish(r.outcome(reason))
		case err != nil:
			finish(unanswered(err))
		case msg.Event() == "OriginateResponse" && strings.EqualFold(msg.Get("Response"), "Success"):
			finish(nil)
		case msg.Event() == "OriginateResponse" && (r.ended || !r.appeared && !m.reachable(e)):
			finish(r.outcome(msg.Get("Reason")))
		case msg.Event() == "OriginateResponse":
			// Why it failed only the leg's end tells, which is on its way; even its beginning may be.
			reason = cmp.Or(msg.Get("Reason"), "0")
			r.onEnd = func() { finish(r.outcome(reason)) }
			if !r.appeared {
				l.pending[actionID].deadline = time.Now().Add(legGrace)
			}
		case fromPBX(msg) != nil:
			finish(refusal(fromPBX(msg)))
		default: // queued: the outcome follows when the phone has rung
			l.pending[actionID].deadline = time.Now().Add(l.d.cfg.RingTimeout + l.d.cfg.Patience)
		}
	})
}

// legGrace is how long after an Originate has failed its leg may still be heard of.
const legGrace = time.Second

// reachable tells whether one of an extension's devices may be registered.
func (m *model) reachable(e *extension) bool {
	return slices.ContainsFunc(e.devices, func(device string) bool {
		up, told := m.devices[strings.ToLower(device)]
		return up || !told
	})
}

// pickDevice returns the device of an extension to ring: the first that is not known to be out of reach.
func (m *model) pickDevice(e *extension) string {
	for _, device := range e.devices {
		if up, told := m.devices[strings.ToLower(device)]; up || !told {
			return device
		}
	}
	return e.devices[0]
}

// newChannelID returns an ID that no other channel has, of the form of Asterisk's own: dial plans use it in file names.
func newChannelID(now time.Time) string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return strconv.FormatInt(now.Unix(), 10) + "." + hex.EncodeToString(random[:])
}

// outcome says why an Originate failed. The Reason of its OriginateResponse, one of Asterisk's control frames
// (include/asterisk/frame.h), tells little: 3 for a phone that was not answered in time, 0 for nearly all else.
func (r *request) outcome(reason string) error {
	const noAnswer, busy, congestion = "3", "5", "8"
	switch {
	case reason == noAnswer:
		return &pbx.Failure{Reason: pbx.NoAnswer}
	case reason == busy, r.cause == causeBusy:
		return &pbx.Failure{Reason: pbx.PhoneBusy}
	case r.cause == causeNoAnswer, r.cause == causeNoResponse:
		return &pbx.Failure{Reason: pbx.NoAnswer}
	case r.cause == causeRejected:
		return &pbx.Failure{Reason: pbx.Rejected}
	case reason == congestion, r.cause == causeCongestion:
		return &pbx.Failure{Reason: pbx.Congestion}
	case !r.appeared:
		return &pbx.Failure{Reason: pbx.NotRegistered}
	}
	return &pbx.Failure{Reason: pbx.Refused, Detail: "the call ended before the phone was answered"}
}

// The causes of ITU-T Q.850 that tell why a phone was not answered.
const (
	causeBusy       = 17
	causeNoResponse = 18
	causeNoAnswer   = 19
	causeRejected   = 21
	causeCongestion = 34
)

// unanswered turns the reason why an action had no answer into a failure.
func unanswered(err error) error {
	switch {
	case errors.Is(err, ami.ErrInvalidAction):
		return &pbx.Failure{Reason: pbx.Refused, Detail: "the command has characters that cannot be sent"}
	case errors.Is(err, errBehind):
		return &pbx.Failure{Reason: pbx.Congestion, Detail: "too many commands at once"}
	}
	return &pbx.Failure{Reason: pbx.TimedOut}
}

// refusal turns what Asterisk says of an action into a failure.
func refusal(err error) error {
	text := strings.ToLower(err.Error())
	switch {
	case strings.Contains(text, "extension does not exist"):
		return &pbx.Failure{Reason: pbx.NoSuchNumber}
	case strings.Contains(text, "no such channel"), strings.Contains(text, "channel specified does not exist"):
		return &pbx.Failure{Reason: pbx.NoSuchCall}
	case strings.Contains(text, "permission denied"):
		return &pbx.Failure{Reason: pbx.Refused, Detail: "the server's AMI user lacks the permission; its log says which"}
	case strings.Contains(text, "transfer invalid"):
		return &pbx.Failure{Reason: pbx.NotTransferable}
	}
	return &pbx.Failure{Reason: pbx.Refused, Detail: err.Error()}
}

// blindTransfer sends the other party of the extension's call to a number.
func (l *link) blindTransfer(r *request) {
	m, cmd := l.d.model, r.command
	c := m.channels[cmd.CallID]
	switch {
	case c == nil:
		r.fail(pbx.NoSuchCall, "")
		return
	case c.state != pbx.StateUp || c.bridge.other(c) == nil:
		r.fail(pbx.NotTransferable, "")
		return
	case isSpecial(cmd.Phone):
		r.fail(pbx.NoSuchNumber, "")
		return
	}
	// Asterisk "succeeds" in a transfer to a number that no dial plan takes, and the call is lost. So it is asked before.
	id := l.newID("exists")
	question := ami.NewAction("Getvar").With("Variable", "DIALPLAN_EXISTS("+l.context(cmd)+","+cmd.Phone+",1)")
	l.send(id, question, func(msg ami.Message, err error) {
		delete(l.pending, id)
		switch {
		case errors.Is(err, errLost):
			r.fail(pbx.PBXUnavailable, "the link was lost; nothing was transferred")
		case err != nil:
			r.answer(unanswered(err))
		case msg.Get("Value") == "0": // an Asterisk without that function says nothing
			r.fail(pbx.NoSuchNumber, "")
		default:
			l.do(r, ami.NewAction("BlindTransfer").
				With("Channel", c.name).
				With("Context", l.context(cmd)).
				With("Exten", cmd.Phone))
		}
	})
}

// isSpecial tells whether a number is one of those that Asterisk itself uses (hangup, invalid, timeout …), which a dial plan may
// have, and nobody may dial.
func isSpecial(number string) bool {
	switch number {
	case "h", "i", "s", "t", "T", "e", "o", "a", "fax", "failed":
		return true
	}
	return strings.HasPrefix(number, "_")
}

func (l *link) hangup(r *request) {
	c := l.d.model.channels[r.command.CallID]
	if c == nil {
		r.fail(pbx.NoSuchCall, "")
		return
	}
	l.do(r, ami.NewAction("Hangup").With("Channel", c.name).With("Cause", "16"))
}

// do sends an action whose response is its outcome.
func (l *link) do(r *request, action ami.Action) {
	id := l.newID("command")
	l.send(id, action, func(msg ami.Message, err error) {
		delete(l.pending, id)
		switch {
		case errors.Is(err, errLost):
			r.fail(pbx.PBXUnavailable, "the link was lost; the command may have been carried out")
		case err != nil:
			r.answer(unanswered(err))
		case fromPBX(msg) != nil:
			r.answer(refusal(fromPBX(msg)))
		default:
			r.answer(nil)
		}
	})
}
