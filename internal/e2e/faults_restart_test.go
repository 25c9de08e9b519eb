package e2e

import (
	"strconv"
	"strings"
	"time"

	"github.com/clavija/clavija/protocol"
)

// restartFaults: Asterisk ends in the middle of calls and comes back without them.
func restartFaults() []faultTest {
	return []faultTest{
		{name: "killed", run: restartKilled},
		{name: "stopped", run: restartStopped},
		{name: "behind a network that refuses", run: restartRefused},
	}
}

// busy has 101 talk to 102, and the PBX call 103. (A phone that calls and is never answered would wait for its PBX for ever.)
func (f *fault) busy() {
	f.TB.Helper()
	f.talking()
	f.Server.CaptureAll().Action("Action: Originate\r\nChannel: PJSIP/103\r\nApplication: Echo\r\nCallerID: 555\r\nAsync: true\r\n")
	f.Phone("103").AwaitCall(f.Context())
	f.settled(talking, "PJSIP/103 Ringing")
	awaitStatus(f.client, protocol.StatusRinging, "103")
	f.want("103", isStatus(protocol.StatusRinging), newInbound("$c", "555", "103"), inState("$c", protocol.StateRinging))
}

// plugAgain has the phones find their way to the restarted Asterisk, and makes sure that calls are seen as before.
func (f *fault) plugAgain() {
	f.TB.Helper()
	for _, number := range []string{"101", "102", "103"} {
		f.Phone(number).Register()
	}
	awaitIdle(f.client)
	f.client.AwaitNoCalls()
	f.awaitFreshIDs()
	caller, _ := f.talk("101", "102", "102")
	f.settled(talking)
	caller.Hangup()
	f.ended()
	ended := 0
	for _, m := range f.client.Messages() {
		if _, ok := m.(protocol.Hangup); ok {
			ended++
		}
	}
	if ended != 5 { // twice is illegal, and seen by the client itself
		f.TB.Errorf("%d calls have ended, want 5", ended)
	}
}

// awaitFreshIDs waits until no channel can have the id of one from before the restart: Asterisk makes them of the second and a counter
// that begins anew, and only this lab's restarts in less than a second.
func (f *fault) awaitFreshIDs() {
	f.TB.Helper()
	newest := ""
	for _, m := range f.client.Messages() {
		if m, ok := m.(protocol.Hangup); ok {
			newest = max(newest, m.CallID)
		}
	}
	second, _, _ := strings.Cut(newest, ".")
	if same := eventually(f.t, func() string {
		if second == strconv.FormatInt(time.Now().Unix(), 10) {
			return second
		}
		return ""
	}); same != "" {
		f.TB.Fatal("the clock stands still at ", same)
	}
}

func restartKilled(f *fault) {
	f.busy()
	f.Server.Kill()
	awaitStatus(f.client, protocol.StatusUnavailable, "101", "102", "103")
	f.want("101", isStatus(protocol.StatusUnavailable))
	f.want("102", isStatus(protocol.StatusUnavailable))
	f.Server.Restart()
	f.client.AwaitNoCalls()
	for _, m := range f.client.Messages() {
		if m, ok := m.(protocol.Hangup); ok && m.Cause != strconv.Itoa(unseen) {
			f.TB.Errorf("%+v: want cause %d", m, unseen)
		}
	}
	f.plugAgain()
}

func restartStopped(f *fault) {
	f.busy()
	f.Server.Stop()
	awaitStatus(f.client, protocol.StatusUnavailable, "101", "102", "103")
	f.Server.Restart()
	f.plugAgain()
}

func restartRefused(f *fault) {
	f.busy()
	f.network.Refuse(true)
	f.Server.Kill()
	awaitStatus(f.client, protocol.StatusUnavailable, "101", "102", "103")
	f.Server.Restart()
	f.client.Fence()
	if n := f.client.Replica().Calls(); n != 3 {
		f.TB.Errorf("%d calls while nobody knows, want 3", n)
	}
	f.network.Refuse(false)
	f.plugAgain()
}
