package watch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/protocol"
)

func inCall(hold bool) protocol.Init {
	state := idle("101", "102")
	state.Data[0].Status = protocol.StatusInUse
	state.Data[0].Calls = []protocol.Call{{
		Monitored: true, CallID: "1.0", CallDirection: protocol.DirectionInbound, PhoneA: "102", PhoneB: "101",
		Status: "6", StatusDesc: "Up", Bridge: "1.1", Hold: hold,
	}}
	return state
}

func TestReplica(t *testing.T) {
	t.Parallel()
	r := NewReplica(idle("101", "102"))
	apply := func(messages ...protocol.Message) {
		t.Helper()
		for _, m := range messages {
			if err := r.Apply(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply(callOf("1.0")[:5]...)
	apply(protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: protocol.StatusInUse})
	if diff := r.Diff(inCall(true)); diff != "" {
		t.Errorf("in a call on hold (-replica +server):\n%s", diff)
	}
	if diff := r.Diff(inCall(false)); !strings.Contains(diff, "Hold") {
		t.Errorf("Diff doesn't see hold:\n%s", diff)
	}
	if r.Calls() != 1 || r.CallsOf("pbx1", "101")["1.0"].PhoneA != "102" || len(r.CallsOf("pbx1", "199")) != 0 {
		t.Errorf("calls: %v", r.CallsOf("pbx1", "101"))
	}
	before := r.Clone()
	apply(callOf("1.0")[5:]...)
	if diff := before.Diff(inCall(true)); diff != "" {
		t.Errorf("the clone changed too (-replica +server):\n%s", diff)
	}
	apply(protocol.Error{Code: protocol.CodeBusy}, protocol.ExtensionStatus{Server: "pbx1", Extension: "103", Status: "Idle"})
	if diff := r.Diff(idle("101", "102", "103")); diff != "" {
		t.Errorf("an extension more (-replica +server):\n%s", diff)
	}
	apply(protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: protocol.StatusUnavailable})
	if diff := r.Diff(idle("102", "103")); diff != "" {
		t.Errorf("an extension less (-replica +server):\n%s", diff)
	}
	if got := r.Status("pbx1", "101") + r.Status("pbx2", "101"); got != protocol.StatusUnavailable {
		t.Errorf("status %q", got)
	}
	apply(inCall(false))
	if diff := cmp.Diff(NewReplica(inCall(false)).servers, r.servers); diff != "" {
		t.Errorf("a fresh init (-want +got):\n%s", diff)
	}
}

func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	for _, m := range []protocol.Message{
		protocol.ExtensionStatus{Server: "pbx2", Extension: "101", Status: "Idle"},
		protocol.NewCall{Server: "pbx1", Extension: "103", CallID: "2.0"},
		protocol.NewCall{Server: "pbx1", Extension: "101", CallID: "1.0"},
		protocol.CallState{Server: "pbx1", Extension: "102", CallID: "1.0", State: "6"},
		protocol.CallMark{Server: "pbx1", Extension: "101", CallID: "2.0", Mark: protocol.StartMOH},
		protocol.Hangup{Server: "pbx1", Extension: "101", CallID: "2.0"},
	} {
		r := NewReplica(inCall(false))
		if err := r.Apply(m); err == nil {
			t.Errorf("applied: %s", m.AppendJSON(nil))
		}
		if diff := r.Diff(inCall(false)); diff != "" {
			t.Errorf("%s changed it (-replica +server):\n%s", m.AppendJSON(nil), diff)
		}
	}
}
