package e2e

import (
	"fmt"
	"slices"
	"testing"

	driver "github.com/clavija/clavija/internal/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// faultTest is something that goes wrong.
type faultTest struct {
	name   string
	run    func(f *fault)
	adjust func(*driver.Config) // how the driver behaves, if not as usual
}

// TestFaults has one thing after the other go wrong: whatever it is, the supervisor is told what the PBX can tell, once, and at the end
// everybody knows what there is.
func TestFaults(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		for _, group := range []struct {
			name  string
			tests []faultTest
		}{
			{"cut", cutFaults()},
			{"hold", holdFaults()},
			{"record", recordFaults()},
			{"pieces", pieceFaults()},
			{"away", awayFaults()},
			{"stall", stallFaults()},
			{"flood", floodFaults()},
			{"plan", planFaults()},
			{"restart", restartFaults()},
		} {
			t.Run(group.name, func(t *testing.T) {
				for _, test := range group.tests {
					t.Run(test.name, func(t *testing.T) { test.run(newFault(t, server, test.adjust)) })
				}
			})
		}
	})
}

// fault is a place where things go wrong: an Asterisk with idle phones 101 to 103, a Clavija that follows it over a network that can
// break, and a supervisor who has been told all that there is.
type fault struct {
	*rig
	*scenario.Lab
	t       *testing.T
	network *proxy.Proxy
	client  *watch.Client
}

// newFault sets it up; adjust, if any, may change how the driver behaves.
func newFault(t *testing.T, server *asterisk.Server, adjust func(*driver.Config)) *fault {
	t.Helper()
	f := &fault{t: t, Lab: scenario.New(t, server), network: proxy.New(t, server.AMIAddress())}
	f.Step("quiet") // the test before this one may have left calls to end
	f.Plug("101", "102", "103")
	cfg := following(server, f.network.Address())
	if adjust != nil {
		adjust(&cfg)
	}
	f.rig = newRig(t, cfg)
	first := f.supervisor(t)
	awaitIdle(first)
	first.Close()
	f.client = f.supervisor(t)
	return f
}

// awaitIdle waits until the phones are known to be there.
func awaitIdle(c *watch.Client) { awaitStatus(c, protocol.StatusIdle, "101", "102", "103") }

// awaitStatus waits until all these extensions of pbx1 have that status.
func awaitStatus(c *watch.Client, status string, numbers ...string) {
	c.AwaitState(func(r *watch.Replica) bool {
		for _, number := range numbers {
			if r.Status("pbx1", number) != status {
				return false
			}
		}
		return true
	})
}

// lose cuts the link for good.
func (f *fault) lose() {
	f.network.Refuse(true)
	f.network.Cut()
	awaitStatus(f.client, protocol.StatusUnavailable, "101", "102", "103")
}

// restore gives the link back.
func (f *fault) restore() {
	f.network.Refuse(false)
	f.awaitOnline()
}

func (f *fault) awaitOnline() {
	f.client.AwaitState(func(r *watch.Replica) bool { return r.Status("pbx1", "103") != protocol.StatusUnavailable })
}

// dial has one phone call another, which rings.
func (f *fault) dial(from, number, to string) (caller, callee *phone.Call) {
	f.TB.Helper()
	caller = f.Phone(from).Dial(number)
	return caller, f.Phone(to).AwaitCall(f.Context())
}

// talk has one phone call another, which answers.
func (f *fault) talk(from, number, to string) (caller, callee *phone.Call) {
	f.TB.Helper()
	caller, callee = f.dial(from, number, to)
	callee.Answer()
	caller.AwaitState(f.Context(), phone.Answered)
	return caller, callee
}

// upon does something and waits until Asterisk says that it has happened.
func (f *fault) upon(event string, do func()) {
	f.TB.Helper()
	mark := f.Server.Mark()
	do()
	f.Server.AwaitEvent(f.Context(), mark, "Event: "+event+"\r\n")
}

// settled waits until the client knows the calls that Asterisk has, which are these.
func (f *fault) settled(channels ...string) {
	f.TB.Helper()
	want := f.Server.AwaitChannels(f.Context(), channels...)
	f.client.AwaitState(func(r *watch.Replica) bool { return has(r, want) })
}

// want fails the test unless the supervisor has got exactly these updates of an extension's calls since the last want, call by call,
// and comes to see it in the last of these states. Asterisk runs together states that follow each other closely.
func (f *fault) want(extension string, updates ...protocol.Message) {
	f.TB.Helper()
	f.client.ExpectCalls("pbx1", extension, updates...)
	for _, m := range slices.Backward(updates) {
		if status, ok := m.(protocol.ExtensionStatus); ok {
			f.client.AwaitState(func(r *watch.Replica) bool { return r.Status("pbx1", extension) == status.Status })
			return
		}
	}
}

// wantNeverAway fails the test if the supervisor has seen any extension become unavailable.
func (f *fault) wantNeverAway() {
	f.TB.Helper()
	watch.Never(f.client, func(m protocol.ExtensionStatus) bool { return m.Status == protocol.StatusUnavailable })
}

// What the supervisor is told. Calls are named by placeholders; see [watch.Client.Expect].

func isStatus(s string) protocol.Message { return protocol.ExtensionStatus{Status: s} }

func newOutbound(id, a, b string) protocol.Message {
	return protocol.NewCall{CallID: id, Direction: protocol.DirectionOutbound, PhoneA: a, PhoneB: b}
}

func newInbound(id, a, b string) protocol.Message {
	return protocol.NewCall{CallID: id, Direction: protocol.DirectionInbound, PhoneA: a, PhoneB: b}
}

func inState(id string, s protocol.State) protocol.Message {
	return protocol.CallState{CallID: id, State: s.String(), StateDesc: s.Desc()}
}

func marked(id string, m protocol.Mark) protocol.Message {
	return protocol.CallMark{CallID: id, Mark: m}
}

func hungUp(id string, cause int) protocol.Message {
	return protocol.Hangup{CallID: id, Cause: fmt.Sprint(cause)}
}

// Where calls are when nothing moves.
const (
	calling101, called102 = "PJSIP/101 Ring", "PJSIP/102 Ringing"
	talking               = "PJSIP/101 Up + PJSIP/102 Up"
)

// unseen is the cause of a call whose end was not seen.
const unseen = 127

// ringing has 101 call 102, and checks what is told of it.
func (f *fault) ringing() (caller, callee *phone.Call) {
	f.TB.Helper()
	caller, callee = f.dial("101", "102", "102")
	f.settled(calling101, called102)
	f.want("101", isStatus(protocol.StatusInUse), newOutbound("$a", "101", "102"), inState("$a", protocol.StateRing))
	f.want("102", isStatus(protocol.StatusRinging), newInbound("$b", "101", "102"), inState("$b", protocol.StateRinging))
	return caller, callee
}

// talking has 102 answer it.
func (f *fault) talking() (caller, callee *phone.Call) {
	f.TB.Helper()
	caller, callee = f.ringing()
	callee.Answer()
	f.settled(talking)
	f.want("101", inState("$a", protocol.StateUp))
	f.want("102", isStatus(protocol.StatusInUse), inState("$b", protocol.StateUp))
	return caller, callee
}

// ended waits until nobody talks any more.
func (f *fault) ended() {
	f.TB.Helper()
	f.settled()
	awaitIdle(f.client)
}
