package e2e

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// planFaults: a reload of the dial plan changes which extensions there are. Who is connected is told soon; who comes sees it.
func planFaults() []faultTest {
	tests := []faultTest{
		{name: "nothing changed", run: planUnchanged},
		{name: "an extension is added", run: planAdded},
		{name: "an extension is removed", run: planRemoved},
		{name: "an extension is removed while it talks", run: planRemovedTalking},
		{name: "an extension gets another device", run: planMoved},
		{name: "an extension gets another device while it talks", run: planMovedTalking},
		{name: "an extension is renumbered", run: planRenumbered},
		{name: "changed while the link was away", run: planAway},
	}
	for i, test := range tests {
		tests[i].run = func(f *fault) {
			original := f.Server.Config("extensions.conf")
			test.run(f)
			f.Server.WriteConfig("extensions.conf", original)
			f.Server.Reload()
			f.awaitHints(originalHints())
		}
	}
	return tests
}

func originalHints() map[string]string {
	return map[string]string{
		"101": "PJSIP/101", "102": "PJSIP/102", "103": "PJSIP/103", "104": "PJSIP/104", "105": "PJSIP/105", "106": "PJSIP/106",
		"107": "PJSIP/107&PJSIP/1107", "108": "PJSIP/108",
	}
}

// plan changes hints: each "103 PJSIP/104" gives a device to an extension, each "103" takes the extension away.
func (f *fault) plan(hints ...string) {
	f.TB.Helper()
	text := f.Server.Config("extensions.conf")
	for _, hint := range hints {
		number, device, _ := strings.Cut(hint, " ")
		var lines []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "exten => "+number+",hint,PJSIP/1") { // tenant-b's are left alone
				lines = append(lines, line)
			}
			if strings.HasPrefix(line, "; --- Extensions ---") && device != "" {
				lines = append(lines, "exten => "+number+",hint,"+device+"\n")
			}
		}
		text = strings.Join(lines, "")
	}
	f.Server.WriteConfig("extensions.conf", text)
	f.Server.Reload("pbx_config.so")
}

// awaitHints waits until who comes is told of exactly these extensions, by number.
func (f *fault) awaitHints(want map[string]string) {
	f.TB.Helper()
	if diff := eventually(f.t, func() string { return cmp.Diff(want, f.hints()) }); diff != "" {
		f.TB.Fatalf("the extensions are not those of the dial plan (-want +got): %s", diff)
	}
}

func (f *fault) hints() map[string]string {
	f.TB.Helper()
	fresh := f.supervisor(f.t)
	defer fresh.Close()
	hints := map[string]string{}
	for _, m := range fresh.Messages() {
		if m, ok := m.(protocol.Init); ok {
			for _, e := range m.Data {
				hints[e.Extension] = e.Hint
			}
		}
	}
	return hints
}

// hinted returns the original hints but for some; "" is none.
func hinted(changes map[string]string) map[string]string {
	hints := originalHints()
	maps.Copy(hints, changes)
	maps.DeleteFunc(hints, func(_, device string) bool { return device == "" })
	return hints
}

// wantNothing fails the test if anything was told of an extension's calls since the last want.
func (f *fault) wantNothing(extensions ...string) {
	f.TB.Helper()
	for _, extension := range extensions {
		f.want(extension)
	}
}

func planUnchanged(f *fault) {
	f.talking()
	f.plan()
	f.Server.Reload()
	f.awaitHints(originalHints())
	f.settled(talking)
	f.wantNothing("101", "102", "103", "104", "105")
	f.wantNeverAway()
}

func planAdded(f *fault) {
	f.plan("150 PJSIP/103")
	awaitStatus(f.client, protocol.StatusIdle, "150")
	f.awaitHints(hinted(map[string]string{"150": "PJSIP/103"}))
	// The phone is still that of the extension that has its name; both show that it is in use.
	caller, _ := f.talk("101", "103", "103")
	awaitStatus(f.client, protocol.StatusInUse, "103", "150")
	f.settled("PJSIP/101 Up + PJSIP/103 Up")
	caller.Hangup()
	f.ended()
	awaitStatus(f.client, protocol.StatusIdle, "150")
}

func planRemoved(f *fault) {
	f.plan("103", "104")
	awaitStatus(f.client, protocol.StatusUnavailable, "103")
	f.awaitHints(hinted(map[string]string{"103": "", "104": ""}))
	f.plan("103 PJSIP/103")
	awaitStatus(f.client, protocol.StatusIdle, "103")
	f.want("103", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusIdle))
	caller, _ := f.talk("101", "103", "103")
	f.settled("PJSIP/101 Up + PJSIP/103 Up")
	caller.Hangup()
	f.ended()
}

// planRemovedTalking: the call of a removed extension ends for its clients; it doesn't come back with the extension. The other side's
// goes on.
func planRemovedTalking(f *fault) {
	caller, _ := f.talking()
	agent := f.agent(f.t, "101")
	f.plan("101")
	awaitStatus(f.client, protocol.StatusUnavailable, "101")
	agent.AwaitNoCalls()
	f.want("101", isStatus(protocol.StatusUnavailable), hungUp("$a", unseen))
	agent.Do(protocol.HangupCalls{Calls: []string{f.client.ID("$a")}})
	watch.Await(agent, func(m protocol.Error) bool { return m.Action == protocol.ActionHangup })
	agent.Do(protocol.Originate{Phone: "103"})
	watch.Await(agent, refused(protocol.ActionCall, protocol.CodeNotRegistered))
	f.plan("101 PJSIP/101")
	awaitStatus(f.client, protocol.StatusInUse, "101")
	f.want("101", isStatus(protocol.StatusInUse))
	f.wantNothing("102")
	caller.Hangup()
	awaitIdle(f.client)
	f.client.AwaitNoCalls()
	f.want("101", isStatus(protocol.StatusIdle))
	f.want("102", isStatus(protocol.StatusIdle), hungUp("$b", 16))
	f.talk("101", "102", "102")
	f.settled(talking)
}

func planMoved(f *fault) {
	f.plan("104", "103 PJSIP/104")
	awaitStatus(f.client, protocol.StatusUnavailable, "103") // 104 is not plugged in
	f.awaitHints(hinted(map[string]string{"103": "PJSIP/104", "104": ""}))
	f.Plug("104")
	awaitStatus(f.client, protocol.StatusIdle, "103")
	f.Phone("104").Dial("603")
	f.client.AwaitState(func(r *watch.Replica) bool {
		calls := slices.Collect(maps.Values(r.CallsOf("pbx1", "103")))
		return len(calls) == 1 && calls[0].PhoneA == "103" && calls[0].PhoneB == "603" && calls[0].StatusDesc == "Up"
	})
	agent := f.agent(f.t, "103")
	for id := range agent.Replica().CallsOf("pbx1", "103") {
		agent.Do(protocol.HangupCalls{Calls: []string{id}})
	}
	f.client.AwaitNoCalls()
	agent.Do(protocol.Originate{Phone: "603"})
	f.Phone("104").AwaitCall(f.Context()).Hangup()
	f.client.AwaitNoCalls()
}

// planMovedTalking: a call stays where it was told.
func planMovedTalking(f *fault) {
	caller, _ := f.talking()
	f.plan("104", "101 PJSIP/104")
	f.awaitHints(hinted(map[string]string{"101": "PJSIP/104", "104": ""}))
	awaitStatus(f.client, protocol.StatusUnavailable, "101")
	f.want("101", isStatus(protocol.StatusUnavailable))
	f.upon("Hold", caller.Hold)
	f.awaitHold("101", "$a", true)
	caller.Hangup()
	f.client.AwaitNoCalls()
	f.want("101", marked("$a", protocol.StartMOH), marked("$a", protocol.StopMOH), hungUp("$a", 16))
}

// planRenumbered: the extension of a phone that talks gets another number. Its call ends for who watches the old one; new calls are
// the new one's.
func planRenumbered(f *fault) {
	caller, _ := f.talking()
	f.plan("101", "151 PJSIP/101")
	awaitStatus(f.client, protocol.StatusUnavailable, "101")
	awaitStatus(f.client, protocol.StatusInUse, "151")
	f.awaitHints(hinted(map[string]string{"101": "", "151": "PJSIP/101"}))
	f.want("101", isStatus(protocol.StatusUnavailable), hungUp("$a", unseen))
	caller.Hangup()
	f.client.AwaitNoCalls()
	f.Phone("102").Dial("101")
	f.Phone("101").AwaitCall(f.Context())
	f.client.AwaitState(func(r *watch.Replica) bool {
		calls := slices.Collect(maps.Values(r.CallsOf("pbx1", "151")))
		return len(calls) == 1 && calls[0].PhoneA == "102" && calls[0].StatusDesc == "Ringing"
	})
}

func planAway(f *fault) {
	caller, _ := f.talking()
	f.lose()
	f.plan("101", "103", "104", "152 PJSIP/104", "105 PJSIP/103")
	f.network.Refuse(false)
	awaitStatus(f.client, protocol.StatusIdle, "105")
	awaitStatus(f.client, protocol.StatusInUse, "102")
	f.awaitHints(hinted(map[string]string{"101": "", "103": "", "104": "", "105": "PJSIP/103", "152": "PJSIP/104"}))
	f.want("101", isStatus(protocol.StatusUnavailable), hungUp("$a", unseen))
	f.want("102", isStatus(protocol.StatusUnavailable), isStatus(protocol.StatusInUse))
	f.want("103", isStatus(protocol.StatusUnavailable))
	f.want("152", isStatus(protocol.StatusUnavailable))
	caller.Hangup()
	f.client.AwaitNoCalls()
}
