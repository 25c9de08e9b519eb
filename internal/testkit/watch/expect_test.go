package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/clavija/clavija/protocol"
)

// wanted is callOf as a test would write it down.
func wanted(id string) []protocol.Message {
	return []protocol.Message{
		protocol.ExtensionStatus{Status: protocol.StatusRinging},
		protocol.NewCall{CallID: id, Direction: protocol.DirectionInbound, PhoneA: "102", PhoneB: Any},
		protocol.CallState{CallID: id, State: "5", StateDesc: "Ringing"},
		protocol.CallState{CallID: id, State: "6", StateDesc: "Up"},
		protocol.CallMark{Mark: protocol.StartMOH, CallID: id},
		protocol.CallMark{Mark: protocol.StopMOH, CallID: id},
		protocol.Hangup{CallID: id, Cause: "16"},
		protocol.ExtensionStatus{Status: protocol.StatusIdle},
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	other := protocol.ExtensionStatus{Server: "pbx1", Extension: "102", Status: protocol.StatusBusy}
	c := Dial(t, serve(t, idle("101", "102"), append(callOf("1.0"), other), callOf("2.0"), callOf("3.0")))
	c.Login("ana", "s3cret")
	c.Expect("pbx1", "101")
	play(c)
	c.Expect("pbx1", "101", wanted("$a")...)
	c.Expect("pbx1", "102", protocol.ExtensionStatus{Status: protocol.StatusBusy})
	play(c)
	c.Expect("pbx1", "101", wanted("$b")...)
	play(c)
	c.Expect("pbx1", "101", wanted("3.0")...)
	if a, b := c.ID("$a"), c.ID("$b"); a != "1.0" || b != "2.0" {
		t.Errorf("$a stands for %q, $b for %q", a, b)
	}
}

func TestExpectEach(t *testing.T) {
	t.Parallel()
	status := func(status string) protocol.Message {
		return protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: status}
	}
	newCall := func(id string) protocol.Message {
		return protocol.NewCall{Server: "pbx1", Extension: "101", CallID: id, Direction: protocol.DirectionOutbound}
	}
	hangup := func(id string) protocol.Message {
		return protocol.Hangup{Server: "pbx1", Extension: "101", CallID: id, Cause: "16"}
	}
	c := Dial(t, serve(t, idle("101"),
		[]protocol.Message{newCall("1.0"), status("InUse"), newCall("2.0"), status("Busy")},
		[]protocol.Message{hangup("2.0"), status("InUse"), hangup("1.0"), status("Idle")},
	))
	c.Login("ana", "s3cret")
	play(c)
	c.ExpectEach("pbx1", "101", status("InUse"), newCall("$a"), newCall("$b"), status("Busy"))
	play(c)
	c.ExpectEach("pbx1", "101", hangup("$a"), hangup("$b"), status("InUse"), status("Idle"))
}

func TestExpectFails(t *testing.T) {
	t.Parallel()
	url := serve(t, idle("101"), callOf("1.0"), callOf("2.0"))
	for name, tt := range map[string]struct {
		want []protocol.Message
		diff []string // each a line of the failure, but for white space
	}{
		"one too many": {
			wanted("$a")[:7], []string{`+`, `ExtensionStatus{Server: "pbx1", Extension: "101", Status: "Idle"}`},
		},
		"one missing": {
			append(wanted("$a"), protocol.ExtensionStatus{Status: protocol.StatusBusy}), []string{`Status: "Busy"`},
		},
		"another value": {
			append(wanted("$a")[:6:6], protocol.Hangup{CallID: "$a", Cause: "17"}, protocol.ExtensionStatus{Status: "Idle"}),
			[]string{`CallID: "$a"`, `- Cause: "17"`, `+ Cause: "16"`},
		},
		"another call": {
			append(wanted("$a")[:6:6], protocol.Hangup{CallID: "$b", Cause: "16"}, protocol.ExtensionStatus{Status: "Idle"}),
			[]string{`- CallID: "$b"`, `+ CallID: "$a"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failuresOf(t, func(tb *failing) {
				c := Dial(tb, url)
				c.Login("ana", "s3cret")
				play(c)
				c.Fence()
				if len(tt.want) > len(callOf("")) {
					c.timeout = time.Millisecond // there is no more to wait for
				}
				c.Expect("pbx1", "101", tt.want...)
			})
			if len(got) != 1 || !strings.HasPrefix(got[0], "updates of 101 on pbx1 (-want +got):") {
				t.Fatalf("failures: %q", got)
			}
			plain := strings.Join(strings.Fields(got[0]), " ")
			for _, line := range tt.diff {
				if !strings.Contains(plain, line) {
					t.Errorf("no %q in:\n%s", line, got[0])
				}
			}
		})
	}
	if got := failuresOf(t, func(tb *failing) { Dial(tb, url).ID("$a") }); len(got) != 1 {
		t.Errorf("ID of nothing: %q", got)
	}
}
