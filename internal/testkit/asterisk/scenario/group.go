package scenario

import "github.com/clavija/clavija/internal/testkit/phone"

// Local is a call through a Local channel that Asterisk takes out of it.
func Local(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("6102")
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "Local/102@fmfm;1 Ringing", "Local/102@fmfm;2 Ring", "PJSIP/102 Ringing")
	callee.Answer()
	l.Step("optimized", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// LocalN is a call through a Local channel that stays (/n).
func LocalN(l *Lab) {
	l.Plug("101", "102")
	caller := l.Phone("101").Dial("6202")
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "Local/102@fmfm;1 Ringing", "Local/102@fmfm;2 Ring", "PJSIP/102 Ringing")
	callee.Answer()
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("answered", "PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// Group is a call to a ring group, which 103 takes.
func Group(l *Lab) {
	l.Plug("101", "102", "103")
	caller := l.Phone("101").Dial("700")
	loser, winner := l.Phone("102").AwaitCall(l.Context()), l.Phone("103").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing", "PJSIP/103 Ringing")
	winner.Answer()
	l.ended(loser)
	l.Step("answered", "PJSIP/101 Up + PJSIP/103 Up")
	caller.Hangup()
	l.ended(winner)
	l.Step("ended")
}

// GroupLocalN is a call to a ring group through Local channels that stay.
func GroupLocalN(l *Lab) {
	l.Plug("101", "102", "103")
	caller := l.Phone("101").Dial("701")
	loser, winner := l.Phone("102").AwaitCall(l.Context()), l.Phone("103").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring",
		"Local/102@fmfm;1 Ringing", "Local/102@fmfm;2 Ring", "PJSIP/102 Ringing",
		"Local/103@fmfm;1 Ringing", "Local/103@fmfm;2 Ring", "PJSIP/103 Ringing")
	winner.Answer()
	l.ended(loser)
	l.Step("answered", "PJSIP/101 Up + Local/103@fmfm;1 Up", "Local/103@fmfm;2 Up + PJSIP/103 Up")
	winner.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// Queue is a call to a queue: 101 waits, both members ring, 102 takes it.
func Queue(l *Lab) {
	l.Plug("101", "102", "103")
	caller := l.Phone("101").Dial("800")
	winner, loser := l.Phone("102").AwaitCall(l.Context()), l.Phone("103").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Up", "PJSIP/102 Ringing",
		"Local/103@fmfm;1 Ringing", "Local/103@fmfm;2 Ring", "PJSIP/103 Ringing")
	winner.Answer()
	l.ended(loser)
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(winner)
	l.Step("ended")
}

// QueueLocalMember is a call to a queue that the member behind a Local channel takes.
func QueueLocalMember(l *Lab) {
	l.Plug("101", "102", "103")
	caller := l.Phone("101").Dial("800")
	loser, winner := l.Phone("102").AwaitCall(l.Context()), l.Phone("103").AwaitCall(l.Context())
	winner.Answer()
	l.ended(loser)
	l.Step("answered", "PJSIP/101 Up + Local/103@fmfm;1 Up", "Local/103@fmfm;2 Up + PJSIP/103 Up")
	winner.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// QueueAbandoned is a call to a queue without a member, which 101 gives up.
func QueueAbandoned(l *Lab) {
	caller := l.Phone("101").Dial("801")
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("waiting", "PJSIP/101 Up")
	caller.Hangup()
	l.Step("ended")
}

// Conference has 101 wait in a conference, 102 and 103 join it, and all leave. The
// conference's announcer is a channel as well.
func Conference(l *Lab) {
	join := func(device string) *phone.Call {
		call := l.Phone(device).Dial("900")
		call.AwaitState(l.Context(), phone.Answered)
		return call
	}
	const announcer = "CBAnn/900;1 Up"
	first := join("101")
	l.Step("alone", "PJSIP/101 Up")
	second, third := join("102"), join("103")
	l.Step("three", "PJSIP/101 Up + PJSIP/102 Up + PJSIP/103 Up + CBAnn/900;2 Up", announcer)
	first.Hangup()
	l.Step("two", "PJSIP/102 Up + PJSIP/103 Up + CBAnn/900;2 Up", announcer)
	second.Hangup()
	third.Hangup()
	l.Step("ended")
}

// PickupDirected is a call to 102 that 103 takes by its code and number.
func PickupDirected(l *Lab) {
	pickup(l, "*8102")
}

// PickupGroup is a call to 102 that 103 takes by the group's code.
func PickupGroup(l *Lab) {
	pickup(l, "*8")
}

func pickup(l *Lab, code string) {
	l.Plug("101", "102", "103")
	caller := l.Phone("101").Dial("102")
	rung := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	picker := l.Phone("103").Dial(code)
	l.ended(rung)
	picker.AwaitState(l.Context(), phone.Answered)
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("picked_up", "PJSIP/101 Up + PJSIP/103 Up")
	caller.Hangup()
	l.ended(picker)
	l.Step("ended")
}
