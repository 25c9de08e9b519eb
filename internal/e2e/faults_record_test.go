package e2e

import "github.com/clavija/clavija/protocol"

// recordFaults: the link is lost while a call is recorded, or a recording begins meanwhile. (That one ended, Asterisk does not tell.)
func recordFaults() []faultTest {
	return []faultTest{
		{name: "goes on", run: cutRecorded},
		{name: "began meanwhile", run: cutRecordingBegan},
		{name: "call ended meanwhile", run: cutEndedRecorded},
	}
}

// recorded has 101 call 102 and both told that they are recorded.
func (f *fault) recorded() (hangUp func()) {
	f.TB.Helper()
	caller, callee := f.dial("101", "5102", "102")
	f.settled(calling101, called102)
	awaitStatus(f.client, protocol.StatusInUse, "101")
	awaitStatus(f.client, protocol.StatusRinging, "102")
	callee.Answer()
	f.settled(talking)
	awaitStatus(f.client, protocol.StatusInUse, "102")
	f.want("101", isStatus(protocol.StatusInUse), newOutbound("$a", "101", "5102"), inState("$a", protocol.StateRing),
		marked("$a", protocol.StartRecord), inState("$a", protocol.StateUp))
	f.want("102", isStatus(protocol.StatusRinging), isStatus(protocol.StatusInUse), newInbound("$b", "101", "102"),
		inState("$b", protocol.StateRinging), inState("$b", protocol.StateUp), marked("$b", protocol.StartRecord))
	return caller.Hangup
}

func cutRecorded(f *fault) {
	hangUp := f.recorded()
	f.lose()
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	hangUp()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), marked("$a", protocol.EndRecord), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), marked("$b", protocol.EndRecord), hungUp("$b", 16))
}

// cutRecordingBegan: a recording that begins is told by a channel variable, which stays when it ends.
func cutRecordingBegan(f *fault) {
	caller, _ := f.talking()
	f.lose()
	f.upon("MixMonitorStart", func() { caller.SendDTMF("*1") })
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), marked("$a", protocol.StartRecord))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), marked("$b", protocol.StartRecord))
	f.upon("MixMonitorStop", func() { caller.SendDTMF("*1") })
	f.want("101", marked("$a", protocol.EndRecord))
	f.want("102", marked("$b", protocol.EndRecord))
}

func cutEndedRecorded(f *fault) {
	hangUp := f.recorded()
	f.lose()
	hangUp()
	f.Step("ended meanwhile")
	f.restore()
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), marked("$a", protocol.EndRecord), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), marked("$b", protocol.EndRecord), hungUp("$b", unseen))
}
