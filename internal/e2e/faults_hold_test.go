package e2e

import (
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// holdFaults: the link is lost while a call is on hold, or a hold begins, ends or changes meanwhile.
func holdFaults() []faultTest {
	return []faultTest{
		{name: "goes on", run: cutOnHold},
		{name: "goes on through a Local channel", run: cutOnHoldLocal},
		{name: "ended meanwhile", run: cutHoldEnded},
		{name: "began meanwhile", run: cutHoldBegan},
		{name: "by the other one meanwhile", run: cutHoldChanged},
		{name: "one of two ended meanwhile", run: cutHoldOfTwo},
		{name: "call ended meanwhile", run: cutEndedOnHold},
	}
}

// awaitHold waits until a call, by its placeholder, is on hold or is not.
func (f *fault) awaitHold(extension, call string, hold bool) {
	f.TB.Helper()
	id := f.client.ID(call)
	f.client.AwaitState(func(r *watch.Replica) bool { return r.CallsOf("pbx1", extension)[id].Hold == hold })
}

// held has 101 hold its call to 102, and checks what is told of it. For Asterisk, who is held is on hold.
func (f *fault) held(hold func()) {
	f.TB.Helper()
	f.upon("Hold", hold)
	awaitStatus(f.client, protocol.StatusHold, "102")
	f.awaitHold("101", "$a", true)
	f.awaitHold("102", "$b", true)
	f.want("101", marked("$a", protocol.StartMOH))
	f.want("102", isStatus(protocol.StatusHold), marked("$b", protocol.StartMOH))
}

func cutOnHold(f *fault) {
	caller, _ := f.talking()
	f.held(caller.Hold)
	f.lose()
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusHold))
	f.upon("Unhold", caller.Resume)
	awaitStatus(f.client, protocol.StatusInUse, "102")
	f.want("101", marked("$a", protocol.StopMOH))
	f.want("102", isStatus(protocol.StatusInUse), marked("$b", protocol.StopMOH))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

// cutOnHoldLocal: through a Local channel Asterisk tells of a hold when it begins and ends, and never else. What was seen counts.
func cutOnHoldLocal(f *fault) {
	through := []string{"PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up"}
	caller, _ := f.talk("101", "6202", "102")
	f.settled(through...)
	awaitStatus(f.client, protocol.StatusInUse, "102")
	f.upon("Hold", caller.Hold)
	f.client.AwaitState(func(r *watch.Replica) bool { return holds(r) == 2 })
	f.lose()
	f.restore()
	f.settled(through...)
	f.client.Fence()
	if n := holds(f.client.Replica()); n != 2 {
		f.TB.Errorf("%d calls are on hold, want 2", n)
	}
	f.upon("Unhold", caller.Resume)
	f.client.AwaitState(func(r *watch.Replica) bool { return holds(r) == 0 })
}

// holds counts the calls of 101 and 102 that are on hold.
func holds(r *watch.Replica) (n int) {
	for _, extension := range []string{"101", "102"} {
		for _, call := range r.CallsOf("pbx1", extension) {
			if call.Hold {
				n++
			}
		}
	}
	return n
}

func cutHoldEnded(f *fault) {
	caller, _ := f.talking()
	f.held(caller.Hold)
	f.lose()
	f.upon("Unhold", caller.Resume)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), marked("$a", protocol.StopMOH))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), marked("$b", protocol.StopMOH))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

func cutHoldBegan(f *fault) {
	caller, callee := f.talking()
	f.lose()
	f.upon("Hold", caller.Hold)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), marked("$a", protocol.StartMOH))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusHold), marked("$b", protocol.StartMOH))
	callee.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), marked("$a", protocol.StopMOH), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), marked("$b", protocol.StopMOH), hungUp("$b", 16))
}

// cutHoldChanged: 101 holds, the link is lost, 101 takes the call back and 102 holds it.
func cutHoldChanged(f *fault) {
	caller, callee := f.talking()
	f.held(caller.Hold)
	f.lose()
	f.upon("Unhold", caller.Resume)
	f.upon("Hold", callee.Hold)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusHold))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.upon("Unhold", callee.Resume)
	awaitStatus(f.client, protocol.StatusInUse, "101")
	f.want("101", isStatus(protocol.StatusInUse), marked("$a", protocol.StopMOH))
	f.want("102", marked("$b", protocol.StopMOH))
}

// cutHoldOfTwo: both hold, the link is lost, 101 takes the call back; when 102 does so too, it is over.
func cutHoldOfTwo(f *fault) {
	caller, callee := f.talking()
	f.held(caller.Hold)
	f.upon("Hold", callee.Hold)
	awaitStatus(f.client, protocol.StatusHold, "101")
	f.want("101", isStatus(protocol.StatusHold))
	f.lose()
	f.upon("Unhold", caller.Resume)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusHold))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.upon("Unhold", callee.Resume)
	awaitStatus(f.client, protocol.StatusInUse, "101")
	f.want("101", isStatus(protocol.StatusInUse), marked("$a", protocol.StopMOH))
	f.want("102", marked("$b", protocol.StopMOH))
}

func cutEndedOnHold(f *fault) {
	caller, _ := f.talking()
	f.held(caller.Hold)
	f.lose()
	caller.Hangup()
	f.Step("ended meanwhile")
	f.restore()
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), marked("$a", protocol.StopMOH), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), marked("$b", protocol.StopMOH), hungUp("$b", unseen))
}
