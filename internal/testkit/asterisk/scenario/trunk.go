package scenario

import "github.com/clavija/clavija/internal/testkit/phone"

// The numbers of the public network.
const (
	Mobile     = "34600123456" // who calls, and is called
	Presented  = "34910000000" // what from-internal presents
	DIDPhone   = "34911000101" // rings 101
	DIDGroup   = "34911000700" // rings 102 and 103
	DIDQueue   = "34911000800" // waits for 102 and 103
	DIDTenantB = "34922000101" // rings tenant-b's 101
)

// TrunkIn is a call from outside to 101's DID.
func TrunkIn(l *Lab) {
	l.Plug("101")
	caller := l.Trunk().Call(Mobile, DIDPhone)
	callee := l.Phone("101").AwaitCall(l.Context())
	if callee.Number() != Mobile {
		l.TB.Errorf("101 sees %q call, want %q", callee.Number(), Mobile)
	}
	l.Step("ringing", "PJSIP/trunk Ring", "PJSIP/101 Ringing")
	callee.Answer()
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("answered", "PJSIP/trunk Up + PJSIP/101 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// TrunkInCancelled is a call from outside that is given up while 101 rings.
func TrunkInCancelled(l *Lab) {
	l.Plug("101")
	caller := l.Trunk().Call(Mobile, DIDPhone)
	callee := l.Phone("101").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/trunk Ring", "PJSIP/101 Ringing")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// TrunkInGroup is a call from outside to a ring group, which 103 takes.
func TrunkInGroup(l *Lab) {
	l.Plug("102", "103")
	caller := l.Trunk().Call(Mobile, DIDGroup)
	loser, winner := l.Phone("102").AwaitCall(l.Context()), l.Phone("103").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/trunk Ring", "PJSIP/102 Ringing", "PJSIP/103 Ringing")
	winner.Answer()
	l.ended(loser)
	l.Step("answered", "PJSIP/trunk Up + PJSIP/103 Up")
	winner.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// TrunkInQueue is a call from outside to a queue, which 102 takes.
func TrunkInQueue(l *Lab) {
	l.Plug("102", "103")
	caller := l.Trunk().Call(Mobile, DIDQueue)
	callee := l.Phone("102").AwaitCall(l.Context())
	l.Step("ringing", "PJSIP/trunk Up", "PJSIP/102 Ringing",
		"Local/103@fmfm;1 Ringing", "Local/103@fmfm;2 Ring", "PJSIP/103 Ringing")
	callee.Answer()
	l.Step("answered", "PJSIP/trunk Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(callee)
	l.Step("ended")
}

// TrunkOut is a call from 101 to outside.
func TrunkOut(l *Lab) {
	l.Trunk()
	caller := l.Phone("101").Dial("9" + Mobile)
	callee := l.Trunk().AwaitCall(l.Context())
	if callee.Dialled() != Mobile || callee.Number() != Presented || callee.Asserted() != Presented {
		l.TB.Errorf("the trunk was asked for %q by %q (asserted %q), want %q by %q",
			callee.Dialled(), callee.Number(), callee.Asserted(), Mobile, Presented)
	}
	l.Step("ringing", "PJSIP/101 Ring", "PJSIP/trunk Ringing")
	callee.Answer()
	caller.AwaitState(l.Context(), phone.Answered)
	l.Step("answered", "PJSIP/101 Up + PJSIP/trunk Up")
	callee.Hangup()
	l.ended(caller)
	l.Step("ended")
}

// TrunkOutBusy is a call from 101 to a busy number outside.
func TrunkOutBusy(l *Lab) {
	l.Trunk().SetMode(phone.Refuse(486))
	l.wantEnd(l.Phone("101").Dial("9"+Mobile), 486)
	l.Step("ended")
}
