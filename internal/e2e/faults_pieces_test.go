package e2e

import (
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// followed is what the log says when the whole state of a PBX is known.
const followed = "pbx is followed"

// pieceFaults: the link is cut in the middle of what Asterisk says. A call that lives through all this is told once.
func pieceFaults() []faultTest {
	return []faultTest{
		{name: "answers", run: cutAnswers},
		{name: "events", run: cutEvents},
	}
}

// cutAnswers cuts the link after ever more bytes, from the greeting on, until all has been asked for and answered.
func cutAnswers(f *fault) {
	caller, _ := f.talking()
	const step = 131
	length := 0
	f.network.Ration(func() int { // called for one connection after the other
		if strings.Count(f.log.text(), followed) > 1 { // once before, once now: the last one was long enough
			return -1
		}
		length += step
		return length
	})
	f.network.Cut()
	f.log.awaitTimes(f.t, 2, followed)
	f.network.Cut()
	f.log.awaitTimes(f.t, 3, followed)
	f.wantUntouched(func() { caller.Hangup() })
}

// cutEvents cuts it while things happen.
func cutEvents(f *fault) {
	caller, _ := f.talking()
	for i := range 16 {
		f.network.CutAfter(1 + 113*i) // some message, somewhere
		f.upon("Hold", caller.Hold)
		f.client.AwaitState(func(r *watch.Replica) bool { return holds(r) == 2 })
		f.upon("Unhold", caller.Resume)
		f.client.AwaitState(func(r *watch.Replica) bool { return holds(r) == 0 })
	}
	f.network.CutAfter(-1)
	f.wantUntouched(func() { caller.Hangup() })
}

// wantUntouched fails the test unless the call of 101 to 102 was told once, and is now, as it ends, seen to end.
func (f *fault) wantUntouched(end func()) {
	f.TB.Helper()
	f.settled(talking)
	awaitStatus(f.client, protocol.StatusInUse, "101", "102", "102")
	awaitStatus(f.client, protocol.StatusIdle, "103")
	end()
	f.ended()
	told := func(extension string) (about []string) {
		for _, m := range f.client.Messages() {
			if number, call := subject(m); number != extension || call == "" {
				continue
			}
			if _, marks := m.(protocol.CallMark); !marks {
				about = append(about, describe(m))
			}
		}
		return about
	}
	if diff := cmp.Diff([]string{"new-call outbound 101 → 102", "call-state 4 Ring", "call-state 6 Up", "hangup 16"}, told("101")); diff != "" {
		f.TB.Error(diff)
	}
	if diff := cmp.Diff([]string{"new-call inbound 101 → 102", "call-state 5 Ringing", "call-state 6 Up", "hangup 16"}, told("102")); diff != "" {
		f.TB.Error(diff)
	}
}
