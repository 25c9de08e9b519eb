// Package scenario plays telephone calls on a real Asterisk: what people do with their
// phones, step by step. It only asserts what the phones and Asterisk itself say; who
// tests something else hangs its own checks on the steps.
package scenario

import (
	"context"
	"testing"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/phone"
)

// A Lab is a server with its phones, for one scenario.
type Lab struct {
	TB     testing.TB
	Server *asterisk.Server

	// OnStep is called, if set, at each point of a scenario where nothing moves any
	// more: Asterisk has exactly the channels of that step.
	OnStep func(step string, channels []asterisk.Channel)

	phones map[string]*phone.Phone
	trunk  *phone.Trunk
}

// New is a lab whose phones are not plugged in yet.
func New(tb testing.TB, server *asterisk.Server) *Lab {
	tb.Helper()
	return &Lab{TB: tb, Server: server.With(tb), phones: map[string]*phone.Phone{}}
}

// Plug makes sure that the phones of these devices are there before they are called.
func (l *Lab) Plug(devices ...string) {
	l.TB.Helper()
	for _, device := range devices {
		l.Phone(device)
	}
}

// Phone returns the phone of a device such as "101" or "b101", plugged in and
// registered when it is first asked for.
func (l *Lab) Phone(device string) *phone.Phone {
	l.TB.Helper()
	p := l.phones[device]
	if p == nil {
		p = phone.New(l.TB, phone.Config{Server: l.Server.SIPAddress(), User: device, Password: l.Server.Password()})
		p.Register()
		l.phones[device] = p
	}
	return p
}

// Trunk returns the public network, registered when it is first asked for.
func (l *Lab) Trunk() *phone.Trunk {
	l.TB.Helper()
	if l.trunk == nil {
		l.trunk = phone.NewTrunk(l.TB, phone.Config{Server: l.Server.SIPAddress(), User: "trunk", IP: asterisk.TrunkIP})
		l.trunk.Register()
	}
	return l.trunk
}

// Step waits until Asterisk has exactly these channels, as "PJSIP/101 Up", and tells
// OnStep.
func (l *Lab) Step(name string, channels ...string) []asterisk.Channel {
	l.TB.Helper()
	got := l.Server.AwaitChannels(l.Context(), channels...)
	if l.OnStep != nil {
		l.OnStep(name, got)
	}
	return got
}

// Context is that of the test.
func (l *Lab) Context() context.Context { return l.TB.Context() }

// connect has one phone call a number and another, which it rings, answer. When they are
// bridged, a Step tells.
func (l *Lab) connect(from *phone.Phone, number string, to *phone.Phone) (caller, callee *phone.Call) {
	l.TB.Helper()
	callee = l.rings(to, func() { caller = from.Dial(number) })
	callee.Answer()
	caller.AwaitState(l.Context(), phone.Answered)
	return caller, callee
}

// rings returns the call that act makes a phone ring with, when Asterisk has said so: it does not speak of a ringing that is over
// in the same moment.
func (l *Lab) rings(to *phone.Phone, act func()) *phone.Call {
	l.TB.Helper()
	mark := l.Server.Mark()
	act()
	call := to.AwaitCall(l.Context())
	l.Server.AwaitEvent(l.Context(), mark, "Event: Newstate\r\n", "Channel: PJSIP/"+to.User()+"-", "ChannelStateDesc: Ringing\r\n")
	return call
}

// change has a phone hold or resume a call, and waits until Asterisk has taken note.
func (l *Lab) change(act func(), event string) {
	l.TB.Helper()
	mark := l.Server.Mark()
	act()
	l.Server.AwaitEvent(l.Context(), mark, "Event: "+event+"\r\n")
}

// ended waits until calls are over for their phones.
func (l *Lab) ended(calls ...*phone.Call) {
	l.TB.Helper()
	for _, call := range calls {
		call.AwaitEnd(l.Context())
	}
}

// wantEnd fails the test unless the call ends with a status.
func (l *Lab) wantEnd(call *phone.Call, code int) {
	l.TB.Helper()
	if end := call.AwaitEnd(l.Context()); end.Code != code {
		l.TB.Errorf("%s ended with %+v, want %d", call, end, code)
	}
}
