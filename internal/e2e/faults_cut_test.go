package e2e

import "github.com/clavija/clavija/protocol"

// cutFaults: the link to the PBX is lost and comes back, with calls in whatever state. Meanwhile they go on, end, begin, or change.
func cutFaults() []faultTest {
	return []faultTest{
		{name: "idle", run: cutIdle},
		{name: "ringing", run: cutRinging},
		{name: "ended while ringing", run: cutEndedRinging},
		{name: "talking", run: cutTalking},
		{name: "ended meanwhile", run: cutEnded},
		{name: "began meanwhile", run: cutBegan},
		{name: "came and went meanwhile", run: cutCameAndWent},
		{name: "transferred meanwhile", run: cutTransferred},
	}
}

func cutIdle(f *fault) {
	for range 3 {
		f.lose()
		f.restore()
		f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle))
		f.want("104") // it was unavailable, and is
	}
}

func cutRinging(f *fault) {
	caller, callee := f.ringing()
	f.lose()
	callee.Answer()
	f.Step("answered meanwhile", talking)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), inState("$a", protocol.StateUp))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), inState("$b", protocol.StateUp))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

func cutEndedRinging(f *fault) {
	caller, _ := f.ringing()
	f.lose()
	caller.Hangup()
	f.Step("ended meanwhile")
	f.restore()
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$b", unseen))
}

func cutTalking(f *fault) {
	_, callee := f.talking()
	for range 3 {
		f.lose()
		f.restore()
		f.settled(talking)
		f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
		f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	}
	callee.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

func cutEnded(f *fault) {
	caller, _ := f.talking()
	f.lose()
	caller.Hangup()
	f.Step("ended meanwhile")
	f.restore()
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$b", unseen))
}

func cutBegan(f *fault) {
	f.lose()
	caller, _ := f.talk("101", "102", "102")
	f.Step("began meanwhile", talking)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), newOutbound("$a", "101", "102"), inState("$a", protocol.StateUp))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), newInbound("$b", "101", "102"), inState("$b", protocol.StateUp))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

func cutCameAndWent(f *fault) {
	f.lose()
	caller, _ := f.talk("101", "102", "102")
	caller.Hangup()
	f.Step("came and went meanwhile")
	f.restore()
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle))
}

func cutTransferred(f *fault) {
	caller, callee := f.talking()
	f.lose()
	if code := callee.Refer("103"); code >= 300 {
		f.TB.Errorf("transfer: status %d", code)
	}
	target := f.Phone("103").AwaitCall(f.Context())
	target.Answer()
	const transferred = "PJSIP/101 Up + PJSIP/103 Up"
	f.Step("transferred meanwhile", transferred)
	f.restore()
	f.settled(transferred)
	awaitStatus(f.client, protocol.StatusIdle, "102")
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$b", unseen))
	f.want("103", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), newInbound("$c", "101", "103"), inState("$c", protocol.StateUp))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("103", isStatus(protocol.StatusIdle), hungUp("$c", 16))
}
