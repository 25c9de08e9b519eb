package e2e

import (
	"time"

	driver "github.com/clavija/clavija/internal/asterisk"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// How soon an impatient driver gives a silent link up.
const (
	silence  = 200 * time.Millisecond
	patience = 400 * time.Millisecond
)

func impatient(cfg *driver.Config) { cfg.Silence, cfg.Patience = silence, patience }

// stallFaults: nothing comes any more, and nothing is closed: the network loses everything, or Asterisk hangs.
func stallFaults() []faultTest {
	return []faultTest{
		{name: "network", run: stallNetwork, adjust: impatient},
		{name: "asterisk", run: stallAsterisk, adjust: impatient},
		{name: "short", run: stallShort},
		{name: "asked and answered", run: stallAsked, adjust: func(cfg *driver.Config) { cfg.Silence = 50 * time.Millisecond }},
	}
}

func stallNetwork(f *fault) {
	caller, callee := f.talking()
	f.stall(func() { f.network.Stall(true) })
	caller.Hangup() // unseen
	callee.AwaitEnd(f.Context())
	f.network.Stall(false)
	f.ended()
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle), hungUp("$b", unseen))
}

func stallAsterisk(f *fault) {
	caller, _ := f.talking()
	f.stall(f.Server.Freeze)
	f.Server.Thaw()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

// stallAsked: a silence is asked about, and the answer is awaited, before the link is given up.
func stallAsked(f *fault) {
	asked, said := newLogBook(f.t), newLogBook(f.t)
	f.network.Tee(said, asked)
	asked.awaitTimes(f.t, 1, "Action: Ping")
	said.awaitTimes(f.t, 1, "Response: Success")
	f.Server.Freeze()
	asked.awaitTimes(f.t, 2, "Action: Ping")
	f.Server.Thaw()
	said.awaitTimes(f.t, 2, "Response: Success")
	f.wantNeverAway()
}

// stall makes the link silent, and checks that this is noticed in time, and what agents are told then.
func (f *fault) stall(begin func()) {
	f.TB.Helper()
	agent := f.agent(f.t, "101")
	before := time.Now()
	begin()
	awaitStatus(f.client, protocol.StatusUnavailable, "101", "102", "103")
	// The last word may have been said up to a silence ago.
	if took := time.Since(before); took < patience-50*time.Millisecond || took > silence+patience+2*time.Second {
		f.TB.Errorf("noticed after %v, want %v", took, silence+patience)
	}
	f.log.await(f.t, "level=ERROR", "pbx cannot be followed", "the PBX, or the network on the way to it, has stopped answering")
	f.wantAway(agent)
}

// wantAway fails the test unless each action of 101's agent is refused at once.
func (f *fault) wantAway(agent *watch.Client) {
	f.TB.Helper()
	calls := []string{"no call"}
	for id := range agent.Replica().CallsOf("pbx1", "101") {
		calls = []string{id}
	}
	before := time.Now()
	for action, request := range map[string]protocol.Request{
		protocol.ActionCall:          protocol.Originate{Phone: "103"},
		protocol.ActionBlindTransfer: protocol.BlindTransfer{Call: calls[0], Phone: "103"},
		protocol.ActionHangup:        protocol.HangupCalls{Calls: calls},
	} {
		agent.Do(request)
		watch.Await(agent, refused(action, protocol.CodePBXUnavailable))
	}
	if took := time.Since(before); took > 2*time.Second {
		f.TB.Errorf("refused after %v, want at once", took)
	}
}

// stallShort has a call come, be held, and end while nothing passes: what is told later is what would have been told.
func stallShort(f *fault) {
	f.network.Stall(true)
	caller, callee := f.dial("101", "102", "102")
	caller.AwaitState(f.Context(), phone.Ringing)
	f.Step("ringing", calling101, called102)
	callee.Answer()
	f.Step("talking", talking)
	f.upon("Hold", caller.Hold)
	f.upon("Unhold", caller.Resume)
	caller.Hangup()
	f.Step("ended")
	f.network.Stall(false)
	watch.Await(f.client, func(m protocol.Hangup) bool { return m.Extension == "101" })
	f.ended()
	f.want("101", isStatus(protocol.StatusInUse), isStatus(protocol.StatusIdle), newOutbound("$a", "101", "102"),
		inState("$a", protocol.StateRing), inState("$a", protocol.StateUp),
		marked("$a", protocol.StartMOH), marked("$a", protocol.StopMOH), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusRinging), isStatus(protocol.StatusInUse), isStatus(protocol.StatusHold),
		isStatus(protocol.StatusInUse), isStatus(protocol.StatusIdle), newInbound("$b", "101", "102"),
		inState("$b", protocol.StateRinging), inState("$b", protocol.StateUp),
		marked("$b", protocol.StartMOH), marked("$b", protocol.StopMOH), hungUp("$b", 16))
	f.wantNeverAway()
}
