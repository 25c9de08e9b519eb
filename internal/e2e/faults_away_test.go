package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// awayFaults: what agents are told while their PBX is away.
func awayFaults() []faultTest {
	return []faultTest{
		{name: "actions", run: awayActions},
		{name: "a new agent", run: awayNewAgent},
		{name: "originate under way", run: awayOriginate},
	}
}

func awayActions(f *fault) {
	f.talking()
	agent := f.agent(f.t, "101")
	f.lose()
	awaitStatus(agent, protocol.StatusUnavailable, "101")
	f.wantAway(agent)
	f.restore()
	awaitStatus(agent, protocol.StatusInUse, "101")
	agent.Do(protocol.HangupCalls{Calls: []string{f.client.ID("$a")}})
	f.ended()
	agent.AwaitNoCalls()
}

// awayNewAgent: who comes while the PBX is away is told of the calls that were there, on an unavailable extension.
func awayNewAgent(f *fault) {
	caller, _ := f.talking()
	f.lose()
	agent := f.agent(f.t, "101")
	want := []string{"101 " + f.client.ID("$a") + " outbound 101 → 102, Up", "101 " + protocol.StatusUnavailable}
	var got []string
	for _, line := range stateOf(agent.Replica()) {
		if !strings.HasSuffix(line, " ") { // other extensions
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.TB.Error(diff)
	}
	f.wantAway(agent)
	caller.Hangup()
	f.Step("ended meanwhile")
	f.restore()
	agent.AwaitNoCalls()
	awaitStatus(agent, protocol.StatusIdle, "101")
}

// awayOriginate: the link is lost while the agent's phone rings. The agent is told so; the call goes on, and is what it was.
func awayOriginate(f *fault) {
	agent := f.agent(f.t, "101")
	agent.Do(protocol.Originate{Phone: "102"})
	own := f.Phone("101").AwaitCall(f.Context())
	f.settled("PJSIP/101 Ringing")
	awaitStatus(f.client, protocol.StatusRinging, "101")
	f.want("101", isStatus(protocol.StatusRinging), newOutbound("$a", "101", "102"), inState("$a", protocol.StateRinging))
	f.lose()
	watch.Await(agent, refused(protocol.ActionCall, protocol.CodePBXUnavailable))
	own.Answer()
	f.Phone("102").AwaitCall(f.Context()).Answer()
	f.Step("talking meanwhile", talking)
	f.restore()
	f.settled(talking)
	f.want("101", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), inState("$a", protocol.StateUp))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse), newInbound("$b", "101", "102"), inState("$b", protocol.StateUp))
	own.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusIdle), hungUp("$a", 16))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
}

// TestOnePBXAway: of two PBXs, one is away. The other one doesn't notice.
func TestOnePBXAway(t *testing.T) {
	t.Parallel()
	first, second := asterisk.Start(t, asterisk.V22), asterisk.Start(t, asterisk.V16)
	f := &fault{t: t, Lab: scenario.New(t, first), network: proxy.New(t, second.AMIAddress())}
	f.Plug("101", "102", "103")
	elsewhere := scenario.New(t, second)
	elsewhere.Plug("101", "102")
	other := following(second, f.network.Address())
	other.Name = "pbx2"
	f.rig = newRig(t, following(first, first.AMIAddress()), other)
	f.client = f.supervisor(t)
	awaitIdle(f.client)
	there := func(status string) {
		f.client.AwaitState(func(r *watch.Replica) bool { return r.Status("pbx2", "101") == status })
	}
	there(protocol.StatusIdle)
	here, away := f.agent(t, "101"), f.agent(t, "101@pbx2")

	f.network.Refuse(true)
	f.network.Cut()
	there(protocol.StatusUnavailable)
	away.Do(protocol.Originate{Phone: "102"})
	watch.Await(away, refused(protocol.ActionCall, protocol.CodePBXUnavailable))
	awaitIdle(f.client)
	here.Do(protocol.Originate{Phone: "102"})
	own := f.Phone("101").AwaitCall(t.Context())
	own.Answer()
	f.Phone("102").AwaitCall(t.Context()).Answer()
	f.settled(talking)
	own.Hangup()
	f.ended()
	second.Kill()
	f.Phone("103").Unregister()
	awaitStatus(f.client, protocol.StatusUnavailable, "103")
	second.Restart()
	f.network.Refuse(false)
	for _, number := range []string{"101", "102"} {
		elsewhere.Phone(number).Register()
	}
	there(protocol.StatusIdle)
	away.Do(protocol.Originate{Phone: "102"})
	elsewhere.Phone("101").AwaitCall(t.Context()).Hangup()
	f.client.AwaitNoCalls()
	for _, m := range f.client.Messages() {
		if m, ok := m.(protocol.ExtensionStatus); ok && m.Server == "pbx1" && m.Extension == "101" && m.Status == protocol.StatusUnavailable {
			t.Error("pbx1 was unavailable too")
		}
	}
}
