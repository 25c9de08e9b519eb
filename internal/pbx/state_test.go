package pbx_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clavija/clavija/internal/pbx"
)

func id(number string) pbx.ExtensionID {
	return pbx.ExtensionID{Context: "from-internal", Number: number}
}

// apply applies events to a state and returns the kinds of the changes.
func apply(s *pbx.State, events ...pbx.Event) []pbx.ChangeKind {
	var kinds []pbx.ChangeKind
	for i := range events {
		s.Apply(&events[i], func(c pbx.Change) { kinds = append(kinds, c.Kind) })
	}
	return kinds
}

func extension(number string, status pbx.Status) pbx.Event {
	return pbx.Event{Kind: pbx.ExtensionChanged, Extension: pbx.Extension{ID: id(number), Hint: "PJSIP/" + number, Status: status}}
}

func call(c pbx.Call) pbx.Event {
	c.Extension = id("101")
	return pbx.Event{Kind: pbx.CallChanged, Call: c}
}

func ended(callID string, cause int) pbx.Event {
	return pbx.Event{Kind: pbx.CallEnded, Call: pbx.Call{ID: callID}, Cause: cause}
}

func TestStateTellsEachStepOnce(t *testing.T) {
	t.Parallel()
	up := pbx.Call{ID: "1", State: pbx.StateUp}
	tests := []struct {
		name   string
		events []pbx.Event
		want   []pbx.ChangeKind
	}{
		{"a new extension", []pbx.Event{extension("102", pbx.Idle)}, []pbx.ChangeKind{pbx.StatusChanged}},
		{"the same again", []pbx.Event{extension("101", pbx.Idle)}, nil},
		{"another hint only", []pbx.Event{{Kind: pbx.ExtensionChanged, Extension: pbx.Extension{ID: id("101"), Hint: "SIP/1", Status: pbx.Idle}}}, nil},
		{"a call that is down", []pbx.Event{call(pbx.Call{ID: "1"})}, []pbx.ChangeKind{pbx.CallAdded}},
		{"a call that is up", []pbx.Event{call(up)}, []pbx.ChangeKind{pbx.CallAdded, pbx.CallStateChanged}},
		{"a call twice", []pbx.Event{call(up), call(up)}, []pbx.ChangeKind{pbx.CallAdded, pbx.CallStateChanged}},
		{
			"bridge, hold and recording",
			[]pbx.Event{call(up), call(pbx.Call{ID: "1", State: pbx.StateUp, Bridge: "2", Hold: true, Recorded: true})},
			[]pbx.ChangeKind{pbx.CallAdded, pbx.CallStateChanged, pbx.BridgeChanged, pbx.HoldStarted, pbx.RecordingStarted},
		},
		{
			"what is open is closed before the end",
			[]pbx.Event{call(pbx.Call{ID: "1", Hold: true, Recorded: true}), ended("1", 16)},
			[]pbx.ChangeKind{
				pbx.CallAdded, pbx.HoldStarted, pbx.RecordingStarted,
				pbx.HoldStopped, pbx.RecordingStopped, pbx.CallRemoved,
			},
		},
		{"the end of a call that never was", []pbx.Event{ended("1", 16)}, nil},
		{
			"an ended call does not come back",
			[]pbx.Event{call(up), ended("1", 16), ended("1", 16), call(up)},
			[]pbx.ChangeKind{pbx.CallAdded, pbx.CallStateChanged, pbx.CallRemoved},
		},
		{"a call without an ID", []pbx.Event{call(pbx.Call{})}, nil},
		{
			"a call of an unknown extension",
			[]pbx.Event{{Kind: pbx.CallChanged, Call: pbx.Call{ID: "1", Extension: id("999")}}},
			nil,
		},
		{
			"an extension goes, and its calls before it",
			[]pbx.Event{call(pbx.Call{ID: "1"}), {Kind: pbx.ExtensionRemoved, Extension: pbx.Extension{ID: id("101")}}},
			[]pbx.ChangeKind{pbx.CallAdded, pbx.CallRemoved, pbx.StatusChanged},
		},
		{
			"the PBX goes away: calls may live on",
			[]pbx.Event{call(pbx.Call{ID: "1"}), {Kind: pbx.Offline}, {Kind: pbx.Offline}},
			[]pbx.ChangeKind{pbx.CallAdded, pbx.StatusChanged},
		},
		{
			"and comes back without it",
			[]pbx.Event{
				call(pbx.Call{ID: "1"}),
				{Kind: pbx.Offline},
				{Kind: pbx.Synchronized, Snapshot: &pbx.Snapshot{Extensions: []pbx.Extension{{ID: id("101"), Status: pbx.Idle}}}},
			},
			[]pbx.ChangeKind{pbx.CallAdded, pbx.StatusChanged, pbx.CallRemoved, pbx.StatusChanged},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := pbx.NewState()
			apply(s, extension("101", pbx.Idle))
			if diff := cmp.Diff(tt.want, apply(s, tt.events...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// replica is what a client can know from the changes alone.
type replica struct {
	status map[pbx.ExtensionID]pbx.Status
	calls  map[string]pbx.Call
	added  map[string]bool // for ever
}

func (r *replica) apply(t *rapid.T, c pbx.Change) {
	_, live := r.calls[c.Call.ID]
	switch c.Kind {
	case pbx.StatusChanged:
		if told, ok := r.status[c.Extension]; ok && told == c.Status && told != pbx.Unavailable { // removed, and back
			t.Fatalf("status %v told again", c.Status)
		}
		r.status[c.Extension] = c.Status
		return
	case pbx.CallAdded:
		if r.added[c.Call.ID] {
			t.Fatalf("call %s added twice", c.Call.ID)
		}
		if c.Call.State != pbx.StateDown || c.Call.Hold || c.Call.Recorded || c.Call.Bridge != "" {
			t.Fatalf("call added with more than its introduction: %+v", c.Call)
		}
		r.added[c.Call.ID] = true
	case pbx.CallRemoved:
		if !live {
			t.Fatalf("call %s removed, and was not there", c.Call.ID)
		}
		if last := r.calls[c.Call.ID]; last.Hold || last.Recorded {
			t.Fatalf("call %s removed with hold or recording open", c.Call.ID)
		}
		delete(r.calls, c.Call.ID)
		return
	case pbx.CallStateChanged, pbx.BridgeChanged, pbx.HoldStarted, pbx.HoldStopped, pbx.RecordingStarted, pbx.RecordingStopped:
		if !live {
			t.Fatalf("change %v of call %s, which is not there", c.Kind, c.Call.ID)
		}
		if r.calls[c.Call.ID] == c.Call {
			t.Fatalf("change %v of call %s changes nothing", c.Kind, c.Call.ID)
		}
	}
	r.calls[c.Call.ID] = c.Call
}

// TestReplicaEqualsState: in whatever order a PBX, or a driver gone mad, says things, each call is added at most once and removed
// exactly once, and who follows the changes knows what the state knows.
func TestReplicaEqualsState(t *testing.T) {
	t.Parallel()
	numbers := rapid.SampledFrom([]string{"101", "102", "103"})
	extensions := rapid.Custom(func(t *rapid.T) pbx.Extension {
		return pbx.Extension{ID: id(numbers.Draw(t, "number")), Status: rapid.Custom(func(t *rapid.T) pbx.Status {
			return pbx.Status(rapid.IntRange(0, int(pbx.InUseOnHold)).Draw(t, "s"))
		}).Draw(t, "status")}
	})
	calls := rapid.Custom(func(t *rapid.T) pbx.Call {
		return pbx.Call{
			ID:        rapid.SampledFrom([]string{"", "1", "2", "3", "4", "5"}).Draw(t, "id"),
			Extension: id(numbers.Draw(t, "number")),
			State:     pbx.CallState(rapid.IntRange(0, int(pbx.StateUnknown)).Draw(t, "state")),
			Bridge:    rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "bridge"),
			Hold:      rapid.Bool().Draw(t, "hold"),
			Recorded:  rapid.Bool().Draw(t, "recorded"),
		}
	})
	events := rapid.Custom(func(t *rapid.T) pbx.Event {
		kind := rapid.SampledFrom([]pbx.EventKind{
			pbx.ExtensionChanged, pbx.ExtensionRemoved, pbx.CallChanged, pbx.CallChanged, pbx.CallChanged,
			pbx.CallEnded, pbx.Offline, pbx.Synchronized,
		}).Draw(t, "kind")
		ev := pbx.Event{Kind: kind, Extension: extensions.Draw(t, "extension"), Call: calls.Draw(t, "call"), Cause: 16}
		if kind == pbx.Synchronized {
			ev.Snapshot = &pbx.Snapshot{
				Extensions: rapid.SliceOfN(extensions, 0, 4).Draw(t, "extensions"),
				Calls:      rapid.SliceOfN(calls, 0, 4).Draw(t, "calls"),
			}
		}
		return ev
	})
	rapid.Check(t, func(t *rapid.T) {
		s := pbx.NewState()
		r := replica{status: map[pbx.ExtensionID]pbx.Status{}, calls: map[string]pbx.Call{}, added: map[string]bool{}}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			ev := events.Draw(t, "event")
			s.Apply(&ev, func(c pbx.Change) { r.apply(t, c) })
			live := 0
			for _, e := range s.Extensions() {
				if r.status[e.ID] != e.Status {
					t.Fatalf("%v: replica says %v, state %v", e.ID, r.status[e.ID], e.Status)
				}
				for c := range s.Calls(e.ID) {
					live++
					if diff := cmp.Diff(c, r.calls[c.ID]); diff != "" {
						t.Fatal(diff)
					}
				}
			}
			if live != len(r.calls) {
				t.Fatalf("the state has %d calls, the replica %d", live, len(r.calls))
			}
		}
	})
}

func FuzzStateApply(f *testing.F) {
	f.Add([]byte{0, 1, 2, 1, 2, 1, 3, 1, 4, 0, 5, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		s := pbx.NewState()
		live := map[string]bool{}
		for pair := range slices.Chunk(program, 2) {
			arg := pair[len(pair)-1]
			who := string(rune('1' + arg%3))
			ev := pbx.Event{
				Kind:      pbx.EventKind(pair[0] % 6),
				Extension: pbx.Extension{ID: id(who), Status: pbx.Status(arg % 8)},
				Call:      pbx.Call{ID: who, Extension: id(who), State: pbx.CallState(arg % 11), Hold: arg&64 != 0},
			}
			s.Apply(&ev, func(c pbx.Change) {
				switch c.Kind {
				case pbx.CallAdded:
					live[c.Call.ID] = true
				case pbx.CallRemoved:
					if !live[c.Call.ID] {
						t.Fatalf("call %s removed twice", c.Call.ID)
					}
					delete(live, c.Call.ID)
				default:
				}
			})
		}
	})
}
