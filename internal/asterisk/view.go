package asterisk

import (
	"strings"
	"time"

	"github.com/clavija/clavija/internal/pbx"
)

// maxChain bounds how many Local channels are followed from one end of a call to the other.
const maxChain = 16

// ready tells whether enough is known of a leg to announce it: who is at the other end, and, for a call to the outside, with
// which number it presents itself.
func (m *model) ready(c *channel) bool {
	switch {
	case c.request != nil, c.reached, c.taken != nil, c.bridge != nil, c.dialled && m.traced(c):
		return true
	}
	end := m.patience(c)
	return !end.IsZero() && !m.now.Before(end)
}

// patience returns until when a leg waits for the other party to be known. One that is up is in an application of the dial plan, a
// queue, a conference, the mailbox; or it is just taking another phone's call, which is known a moment later.
// One whose phone is still dialling is not told: zero.
func (m *model) patience(c *channel) time.Time {
	if c.early() && c.state < pbx.StateRing {
		return time.Time{}
	}
	last := c.seenAt.Add(m.grace)
	if settled := c.upAt.Add(m.settle); !c.upAt.IsZero() && settled.Before(last) {
		return settled
	}
	return last
}

// introduce returns the part of a call that is told once: whose it is, who calls whom.
func (m *model) introduce(c *channel) pbx.Call {
	own := c.extension.ID
	call := pbx.Call{ID: c.id, Extension: own}
	switch {
	case c.announced:
		return c.call
	case c.taken != nil:
		call.Direction = pbx.Inbound
		call.PhoneA, call.PhoneB = c.taken.PhoneA, own.Number
		call.DIDA, call.DIDB = c.taken.DIDA, c.taken.DIDB
	case c.request != nil:
		call.Direction = pbx.Outbound
		call.PhoneA, call.PhoneB = own.Number, c.request.command.Phone
		call.DIDA = c.presented
	case c.dialled || !c.entered():
		call.Direction = pbx.Inbound
		call.PhoneA, call.PhoneB = m.caller(c), own.Number
		source := m.source(c)
		if source == nil {
			source = m.channels[c.origin]
		}
		if source != nil && m.public(source) {
			call.DIDA = source.firstCaller
			if source.entered() {
				call.DIDB = source.exten
			}
		}
	default:
		call.Direction = pbx.Outbound
		call.PhoneA, call.PhoneB = own.Number, c.exten
		call.DIDA = c.presented
		if c.presented == "" && c.origin != "" && c.callerNum != own.Number {
			call.DIDA = c.callerNum // the dial plan had changed it, for the outside to see
		}
	}
	return call
}

// view returns the call as it is now.
func (m *model) view(c *channel) pbx.Call {
	call := c.call
	call.State = c.state
	call.Bridge = ""
	call.Hold = c.holding
	call.Recorded = c.recording
	peer := m.across(c, func(half *channel) { call.Recorded = call.Recorded || half.recording })
	if peer != nil {
		call.Bridge = peer.id
		call.Hold = call.Hold || peer.holding
		call.Recorded = call.Recorded || peer.recording
	}
	return call
}

// enterState notes a new state. Events come out of order: a leg may have rung and be up before it is known who dialled it. What it
// went through is told all the same.
func (c *channel) enterState(state pbx.CallState, now time.Time) {
	if !c.announced && c.state != pbx.StateDown && len(c.passed) < maxPassed {
		c.passed = append(c.passed, c.state)
	}
	c.state = state
	if state == pbx.StateUp && c.upAt.IsZero() {
		c.upAt = now
	}
}

// maxPassed bounds the states that are remembered of a leg that is not announced.
const maxPassed = 8

// entered tells whether the channel came into the dial plan by itself, with a number that its phone dialled.
func (c *channel) entered() bool { return c.exten != "" && c.exten != "s" }

// early tells whether the channel may be a phone's that has not dialled yet: an analog line's is there before its digits are.
func (c *channel) early() bool { return !c.announced && !c.dialled && c.exten == "" && c.origin == "" }

// peer returns the leg at the other end of a conversation of two, past all Local channels; nil when there is not just one.
func (m *model) peer(c *channel) *channel { return m.across(c, func(*channel) {}) }

// across returns the peer of c, and visits the halves of the Local channels on the way to it.
func (m *model) across(c *channel, visit func(half *channel)) *channel {
	for range maxChain {
		other := c.bridge.other(c)
		if other == nil || !other.local {
			return other
		}
		visit(other)
		if c = other.half; c == nil {
			return nil
		}
		visit(c)
	}
	return nil
}

// other returns the one channel that c is joined with; nil when there is none, or more than one.
func (b *bridge) other(c *channel) *channel {
	if b == nil || b.holding {
		return nil
	}
	var found *channel
	for _, member := range b.members {
		if member == c || isHelper(member.name) {
			continue
		}
		if found != nil {
			return nil
		}
		found = member
	}
	return found
}

// source returns the leg from which the dial of c comes, past all Local channels; nil when the PBX itself dials.
func (m *model) source(c *channel) *channel {
	for range maxChain {
		d := c.dialler
		if d == nil || !d.local {
			return d
		}
		if c = d.half; c == nil {
			return nil
		}
		if !c.dialled && c.bridge != nil { // nobody dialled it: a bridge's own feature made it (attended transfer by code)
			return m.peer(c)
		}
	}
	return nil
}

// traced tells whether it is known who dials a leg, past all Local channels.
func (m *model) traced(c *channel) bool {
	for range maxChain {
		d := c.dialler
		if d == nil || !d.local {
			return true
		}
		if c = d.half; c == nil {
			return true
		}
		if !c.dialled && c.bridge == nil {
			return false
		}
	}
	return true
}

// caller returns the number of who calls a dialled leg.
func (m *model) caller(c *channel) string {
	source := m.source(c)
	if source == nil {
		source = m.peer(c)
	}
	switch {
	case source != nil && source.extension != nil:
		return source.extension.ID.Number
	case c.dialledBy != "":
		return c.dialledBy
	case c.connectedNum != "":
		return c.connectedNum
	case source != nil:
		return source.callerNum
	}
	return ""
}

// public tells whether a leg brings a call from the public network: it is no extension's, came in by itself, and not through
// the dial plan of the extensions. Where it came in is not known of a leg that was there before us: then it must not have come with
// the number of an extension.
func (m *model) public(c *channel) bool {
	if c.extension != nil || c.local || c.dialled {
		return false
	}
	if c.context != "" {
		return !m.internal[c.context]
	}
	for _, context := range m.contexts {
		if m.extensions[pbx.ExtensionID{Context: context, Number: c.exten}] != nil {
			return false
		}
	}
	return true
}

// compare orders legs by age.
func (c *channel) compare(other *channel) int {
	if d := c.seenAt.Compare(other.seenAt); d != 0 {
		return d
	}
	return strings.Compare(c.id, other.id)
}
