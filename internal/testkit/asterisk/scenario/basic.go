package scenario

import "github.com/clavija/clavija/internal/testkit/phone"

// Internal is a call from 101 to 102 that 101 ends.
func Internal(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("102")
	callee := l.Phone("102").AwaitCall(l.Context())
	caller.AwaitState(l.Context(), phone.Ringing)
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	callee.Answer()
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// InternalCalleeHangsUp is the same, ended by 102.
func InternalCalleeHangsUp(l *Lab) {
	l.Plug("101", "102")
	caller, callee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	callee.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// Rejected is a call that 102 refuses as busy while it rings.
func Rejected(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("102")
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	callee.Reject(486)
	l.wantEnd(caller, 486)
	l.Step("ended")
}

// Declined is a call that 102 refuses at once, without a ring.
func Declined(l *Lab) {
	l.Plug("101", "102")
	l.Phone("102").SetMode(phone.Refuse(603))
	l.wantEnd(l.Phone("101").Dial("102"), 403)
	l.Step("ended")
}

// NoAnswer is a call that Asterisk gives up after a second's ringing.
func NoAnswer(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("1102")
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	l.ended(callee)
	l.wantEnd(caller, 603)
	l.Step("ended")
}

// Cancelled is a call that 101 gives up while 102 rings.
func Cancelled(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("102")
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	caller.Hangup()
	l.wantEnd(caller, 487)
	l.ended(callee)
	l.Step("ended")
}

// BusyTone is a call to a number whose dial plan is busy.
func BusyTone(l *Lab) {
	l.wantEnd(l.Phone("101").Dial("600"), 486)
	l.Step("ended")
}

// Congestion is a call to a number whose dial plan is congested.
func Congestion(l *Lab) {
	l.wantEnd(l.Phone("101").Dial("601"), 503)
	l.Step("ended")
}

// Silence is a call to a number that neither rings nor answers.
func Silence(l *Lab) {
	caller := l.Phone("101").Dial("602")
	l.Step("silent", "PJSIP/101 Ring")
	caller.Hangup()
	l.Step("ended")
}

// Service is a call to an echo: there is no other leg.
func Service(l *Lab) {
	caller := l.Phone("101").Dial("603")
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("answered", "PJSIP/101 Up")
	caller.Hangup()
	l.Step("ended")
}

// InvalidNumber is a call that no dial plan takes: Asterisk makes no channel of it.
func InvalidNumber(l *Lab) {
	l.wantEnd(l.Phone("101").Dial("555"), 404)
	l.Step("ended")
}

// NotRegistered is a call to 106, which is unplugged.
func NotRegistered(l *Lab) {
	l.wantEnd(l.Phone("101").Dial("106"), 404)
	l.Step("ended")
}

// TwoDevices is a call to 107, which rings on both its devices.
func TwoDevices(l *Lab) {
	l.Plug("101", "107", "1107")
	desk, mobile := l.Phone("107"), l.Phone("1107")
	caller := l.Phone("101").Dial("107")
	deskCall, mobileCall := desk.AwaitCall(l.Context()), mobile.AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/107 Ringing", "PJSIP/1107 Ringing")
	mobileCall.Answer()
	l.ended(deskCall)
	l.Step("answered", "PJSIP/101 Up + PJSIP/1107 Up")
	caller.Hangup()
	l.ended(mobileCall)
	l.Step("ended")
}

// DoNotDisturb sets 108's custom device busy and idle again: its hint follows.
func DoNotDisturb(l *Lab) {
	l.Plug("108")
	l.Server.CLI("devstate change Custom:DND108 BUSY")
	l.Step("on")
	l.Server.CLI("devstate change Custom:DND108 NOT_INUSE")
	l.Step("off")
}

// TwoTenants are two calls from 101 to 102 at once, in two contexts.
func TwoTenants(l *Lab) {
	l.Plug("101", "102", "b101", "b102")
	callerA, calleeA := l.connect(l.Phone("101"), "102", l.Phone("102"))
	callerB, calleeB := l.connect(l.Phone("b101"), "102", l.Phone("b102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/b101 Up + PJSIP/b102 Up")
	calleeA.Hangup()
	l.ended(callerA)
	l.Step("one_ended", "PJSIP/b101 Up + PJSIP/b102 Up")
	callerB.Hangup()
	l.ended(calleeB)
	l.Step("ended")
}

// TwoCalls are two calls of 101: it holds the first while a second comes in.
func TwoCalls(l *Lab) {
	l.Plug("101", "102", "103")
	first, held := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	waiting := l.Phone("103").Dial("101")
	second := l.Phone("101").AwaitCall(l.Context())
	l.Step("waiting", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/103 Ring", "PJSIP/101 Ringing")
	l.change(first.Hold, "Hold")
	second.Answer()
	waiting.AwaitState(l.Context(), phone.Answered)
	l.Step("second", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/103 Up + PJSIP/101 Up")
	waiting.Hangup()
	l.ended(second)
	l.change(first.Resume, "Unhold")
	l.Step("first", "PJSIP/101 Up + PJSIP/102 Up")
	first.Hangup()
	l.ended(held)
	l.Step("ended")
}

// Forwarded is a call to 102, whose phone forwards it to 103 (302): Asterisk calls that
// through a Local channel, which it takes out again.
func Forwarded(l *Lab) {
	l.Plug("101", "102", "103")
	l.Phone("102").SetMode(phone.Forward("103"))
	caller := l.Phone("101").Dial("102")
	callee := l.Phone("103").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "Local/103@from-internal;1 Ringing", "Local/103@from-internal;2 Ring", "PJSIP/103 Ringing")
	callee.Answer()
	l.Step("answered", "PJSIP/101 Up + PJSIP/103 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}
