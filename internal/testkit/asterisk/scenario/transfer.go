package scenario

import "github.com/clavija/clavija/internal/testkit/phone"

// wantTransferred fails the test unless a transfer was done, or has its target ring.
// Asterisk sometimes says the one of what is only the other.
func (l *Lab) wantTransferred(status int) {
	l.TB.Helper()
	if status >= 300 {
		l.TB.Errorf("transfer: status %d, want success", status)
	}
}

// BlindByCaller has 101 call 102 and transfer it to 103, which answers.
func BlindByCaller(l *Lab) {
	l.Plug("101", "102", "103")
	transferer, transferee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.wantTransferred(transferer.Refer("103"))
	target := l.Phone("103").AwaitCall(l.Context())
	l.Step("transferred", "PJSIP/102 Up", "PJSIP/103 Ringing")
	transferer.Hangup()
	target.Answer()
	l.Step("target_answered", "PJSIP/102 Up + PJSIP/103 Up")
	transferee.Hangup()
	l.ended(target)
	l.Step("ended")
}

// BlindByCallee has 101 call 102, which transfers it to 103, which answers.
func BlindByCallee(l *Lab) {
	l.Plug("101", "102", "103")
	transferee, transferer := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.wantTransferred(transferer.Refer("103"))
	target := l.Phone("103").AwaitCall(l.Context())
	l.Step("transferred", "PJSIP/101 Up", "PJSIP/103 Ringing")
	transferer.Hangup()
	target.Answer()
	l.Step("target_answered", "PJSIP/101 Up + PJSIP/103 Up")
	target.Hangup()
	l.ended(transferee)
	l.Step("ended")
}

// BlindNoAnswer has 102 transfer 101 to 103, which refuses: the call is lost.
func BlindNoAnswer(l *Lab) {
	l.Plug("101", "102", "103")
	transferee, transferer := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.wantTransferred(transferer.Refer("103"))
	target := l.Phone("103").AwaitCall(l.Context())
	transferer.Hangup()
	target.Reject(486)
	l.ended(transferee)
	l.Step("ended")
}

// BlindInvalid has 102 try to transfer 101 to a number that does not exist.
func BlindInvalid(l *Lab) {
	l.Plug("101", "102")
	transferee, transferer := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	if status := transferer.Refer("555"); status != 404 {
		l.TB.Errorf("transfer: status %d, want 404", status)
	}
	l.Step("refused", "PJSIP/101 Up + PJSIP/102 Up")
	transferer.Hangup()
	l.ended(transferee)
	l.Step("ended")
}

// BlindTrunk has 101 transfer a call from outside to 102.
func BlindTrunk(l *Lab) {
	l.Plug("101", "102")
	var caller *phone.Call
	transferer := l.rings(l.Phone("101"), func() { caller = l.Trunk().Call(Mobile, DIDPhone) })
	transferer.Answer()
	l.Step("answered", "PJSIP/trunk Up + PJSIP/101 Up")
	l.wantTransferred(transferer.Refer("102"))
	target := l.Phone("102").AwaitCall(l.Context())
	l.Step("transferred", "PJSIP/trunk Up", "PJSIP/102 Ringing")
	transferer.Hangup()
	target.Answer()
	l.Step("target_answered", "PJSIP/trunk Up + PJSIP/102 Up")
	caller.Hangup()
	l.ended(target)
	l.Step("ended")
}

// Attended has 101 call 102, ask 103, and connect the two.
func Attended(l *Lab) {
	l.Plug("101", "102", "103")
	transferer, transferee := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(transferer.Hold, "Hold")
	consult, target := l.connect(l.Phone("101"), "103", l.Phone("103"))
	l.Step("consulting", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/101 Up + PJSIP/103 Up")
	l.wantTransferred(transferer.ReferReplaces(consult))
	l.ended(consult)
	transferer.Hangup()
	l.Step("transferred", "PJSIP/102 Up + PJSIP/103 Up")
	transferee.Hangup()
	l.ended(target)
	l.Step("ended")
}

// AttendedByCallee has 101 call 102, which asks 103 and connects the two.
func AttendedByCallee(l *Lab) {
	l.Plug("101", "102", "103")
	transferee, transferer := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(transferer.Hold, "Hold")
	consult, target := l.connect(l.Phone("102"), "103", l.Phone("103"))
	l.Step("consulting", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/102 Up + PJSIP/103 Up")
	l.wantTransferred(transferer.ReferReplaces(consult))
	l.ended(consult)
	transferer.Hangup()
	l.Step("transferred", "PJSIP/101 Up + PJSIP/103 Up")
	target.Hangup()
	l.ended(transferee)
	l.Step("ended")
}

// AttendedRinging has 102 connect 101 to 103 while that still rings.
func AttendedRinging(l *Lab) {
	l.Plug("101", "102", "103")
	transferee, transferer := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.change(transferer.Hold, "Hold")
	consult := l.Phone("102").Dial("103")
	target := l.Phone("103").AwaitCall(l.Context())
	consult.AwaitState(l.Context(), phone.Ringing)
	l.Step("consulting", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/102 Ring", "PJSIP/103 Ringing")
	l.wantTransferred(transferer.ReferReplaces(consult))
	l.ended(consult)
	transferer.Hangup()
	l.Step("transferred", "PJSIP/101 Up", "PJSIP/103 Ringing")
	target.Answer()
	l.Step("target_answered", "PJSIP/101 Up + PJSIP/103 Up")
	transferee.Hangup()
	l.ended(target)
	l.Step("ended")
}

// AttendedTrunk has 101 connect a call from outside to one that it placed to outside.
func AttendedTrunk(l *Lab) {
	l.Plug("101")
	var caller *phone.Call
	transferer := l.rings(l.Phone("101"), func() { caller = l.Trunk().Call(Mobile, DIDPhone) })
	transferer.Answer()
	l.Step("answered", "PJSIP/trunk Up + PJSIP/101 Up")
	l.change(transferer.Hold, "Hold")
	consult := l.Phone("101").Dial("934600654321")
	target := l.Trunk().AwaitCall(l.Context())
	target.Answer()
	consult.AwaitState(l.Context(), phone.Answered)
	l.Step("consulting", "PJSIP/trunk Up + PJSIP/101 Up", "PJSIP/101 Up + PJSIP/trunk Up")
	l.wantTransferred(transferer.ReferReplaces(consult))
	l.ended(consult)
	transferer.Hangup()
	l.Step("transferred", "PJSIP/trunk Up + PJSIP/trunk Up")
	caller.Hangup()
	l.ended(target)
	l.Step("ended")
}

// Parked has 102 park 101 by a blind transfer to 70, and 103 take it from 71.
func Parked(l *Lab) {
	l.Plug("103")
	parked := park(l, "70")
	retriever := l.Phone("103").Dial("71")
	retriever.AwaitState(l.Context(), phone.Answered)
	l.Step("retrieved", "PJSIP/101 Up + PJSIP/103 Up")
	retriever.Hangup()
	l.ended(parked)
	l.Step("ended")
}

// ParkedHangUp has 102 park 101, which does not wait to be taken.
func ParkedHangUp(l *Lab) {
	park(l, "70").Hangup()
	l.Step("ended")
}

// ParkedTooLong has 102 park 101 where calls ring back after a second.
func ParkedTooLong(l *Lab) {
	parked := park(l, "80")
	again := l.Phone("102").AwaitCall(l.Context())
	l.Step("rings_back", "PJSIP/101 Up", "PJSIP/102 Ringing")
	again.Answer()
	l.Step("answered_again", "PJSIP/101 Up + PJSIP/102 Up")
	parked.Hangup()
	l.ended(again)
	l.Step("ended")
}

// park has 102 park 101, whose call it returns, by a parking lot's extension.
func park(l *Lab, lot string) *phone.Call {
	l.Plug("101", "102")
	parked, parker := l.connect(l.Phone("101"), "102", l.Phone("102"))
	l.Step("answered", "PJSIP/101 Up + PJSIP/102 Up")
	l.wantTransferred(parker.Refer(lot))
	parker.Hangup()
	l.Step("parked", "PJSIP/101 Up")
	return parked
}
