package pbx

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// State is the extensions and calls of one PBX as clients know them. It turns a driver's events into changes and stands guard
// over what clients rely on, whatever the order of the events: a call is added once and removed once, an identifier is never
// used again, and what is open at a call's end (hold, recording) is closed before it.
//
// A State is for one goroutine.
type State struct {
	extensions map[ExtensionID]*extension
	calls      map[string]*Call
	ended      endedCalls
}

type extension struct {
	Extension
	calls []*Call // in order of appearance
}

// NewState returns a state without extensions.
func NewState() *State {
	return &State{extensions: make(map[ExtensionID]*extension), calls: make(map[string]*Call)}
}

// Extensions returns all extensions in order of number, then context.
func (s *State) Extensions() []Extension {
	list := make([]Extension, 0, len(s.extensions))
	for _, e := range s.extensions {
		list = append(list, e.Extension)
	}
	slices.SortFunc(list, func(a, b Extension) int { return compareIDs(a.ID, b.ID) })
	return list
}

// Extension returns an extension; ok is false when the PBX has none of that name.
func (s *State) Extension(id ExtensionID) (e Extension, ok bool) {
	if x, ok := s.extensions[id]; ok {
		return x.Extension, true
	}
	return Extension{}, false
}

// Calls returns the live calls of an extension in order of appearance.
func (s *State) Calls(id ExtensionID) iter.Seq[Call] {
	return func(yield func(Call) bool) {
		e, ok := s.extensions[id]
		if !ok {
			return
		}
		for _, c := range e.calls {
			if !yield(*c) {
				return
			}
		}
	}
}

// Call returns a live call; ok is false when there is none of that ID.
func (s *State) Call(id string) (c Call, ok bool) {
	if p, ok := s.calls[id]; ok {
		return *p, true
	}
	return Call{}, false
}

// Apply applies one event and emits the changes that it makes, in the order in which clients must hear of them. An event that
// makes no sense (a call of an unknown extension, the end of a call that never was) makes no change.
func (s *State) Apply(ev *Event, emit func(Change)) {
	switch ev.Kind {
	case ExtensionChanged:
		s.setExtension(ev.Extension, emit)
	case ExtensionRemoved:
		s.removeExtension(ev.Extension.ID, emit)
	case CallChanged:
		s.setCall(&ev.Call, emit)
	case CallEnded:
		s.removeCall(ev.Call.ID, ev.Cause, emit)
	case Offline:
		for _, e := range s.Extensions() {
			e.Status = Unavailable
			s.setExtension(e, emit)
		}
	case Synchronized:
		if ev.Snapshot != nil {
			s.synchronize(ev.Snapshot, emit)
		}
	}
}

func (s *State) setExtension(now Extension, emit func(Change)) {
	e, known := s.extensions[now.ID]
	if !known {
		e = &extension{}
		s.extensions[now.ID] = e
	}
	changed := !known || e.Status != now.Status
	e.Extension = now
	if changed {
		emit(Change{Kind: StatusChanged, Extension: now.ID, Status: now.Status})
	}
}

func (s *State) removeExtension(id ExtensionID, emit func(Change)) {
	e, ok := s.extensions[id]
	if !ok {
		return
	}
	for len(e.calls) > 0 {
		s.removeCall(e.calls[0].ID, CauseUnknown, emit)
	}
	delete(s.extensions, id)
	if e.Status != Unavailable {
		emit(Change{Kind: StatusChanged, Extension: id, Status: Unavailable})
	}
}

func (s *State) setCall(now *Call, emit func(Change)) {
	c, known := s.calls[now.ID]
	if !known {
		e, ok := s.extensions[now.Extension]
		if !ok || now.ID == "" || s.ended.has(now.ID) {
			return
		}
		c = &Call{
			ID: now.ID, Extension: now.Extension, Direction: now.Direction,
			PhoneA: now.PhoneA, PhoneB: now.PhoneB, DIDA: now.DIDA, DIDB: now.DIDB,
		}
		e.calls = append(e.calls, c)
		s.calls[c.ID] = c
		emit(Change{Kind: CallAdded, Extension: c.Extension, Call: *c})
	}
	say := func(kind ChangeKind) { emit(Change{Kind: kind, Extension: c.Extension, Call: *c}) }
	if c.State != now.State {
		c.State = now.State
		say(CallStateChanged)
	}
	if c.Bridge != now.Bridge {
		c.Bridge = now.Bridge
		say(BridgeChanged)
	}
	if c.Hold != now.Hold {
		c.Hold = now.Hold
		say(either(c.Hold, HoldStarted, HoldStopped))
	}
	if c.Recorded != now.Recorded {
		c.Recorded = now.Recorded
		say(either(c.Recorded, RecordingStarted, RecordingStopped))
	}
}

func (s *State) removeCall(id string, cause int, emit func(Change)) {
	c, ok := s.calls[id]
	if !ok {
		return
	}
	last := *c
	last.Hold, last.Recorded = false, false
	s.setCall(&last, emit)
	delete(s.calls, id)
	e := s.extensions[c.Extension]
	e.calls = slices.DeleteFunc(e.calls, func(x *Call) bool { return x == c })
	s.ended.add(id)
	emit(Change{Kind: CallRemoved, Extension: c.Extension, Call: *c, Cause: cause})
}

// synchronize makes the state equal to the snapshot: first what is gone, then what is.
func (s *State) synchronize(now *Snapshot, emit func(Change)) {
	calls := make(map[string]bool, len(now.Calls))
	for i := range now.Calls {
		calls[now.Calls[i].ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(s.calls)) {
		if !calls[id] {
			s.removeCall(id, CauseUnknown, emit)
		}
	}
	extensions := make(map[ExtensionID]bool, len(now.Extensions))
	for _, e := range now.Extensions {
		extensions[e.ID] = true
	}
	for _, e := range s.Extensions() {
		if !extensions[e.ID] {
			s.removeExtension(e.ID, emit)
		}
	}
	for _, e := range now.Extensions {
		s.setExtension(e, emit)
	}
	for i := range now.Calls {
		s.setCall(&now.Calls[i], emit)
	}
}

func compareIDs(a, b ExtensionID) int {
	if c := strings.Compare(a.Number, b.Number); c != 0 {
		return c
	}
	return strings.Compare(a.Context, b.Context)
}

func either[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}

// endedCalls remembers the newest ended calls, so that a late event about one does not raise it from the dead.
type endedCalls struct {
	ids  map[string]bool
	ring [endedKept]string
	next int
}

// endedKept bounds the memory for ended calls. A late event is late by milliseconds; this many calls end in minutes.
const endedKept = 4096

func (r *endedCalls) has(id string) bool { return r.ids[id] }

func (r *endedCalls) add(id string) {
	if r.ids == nil {
		r.ids = make(map[string]bool, endedKept)
	}
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = id
	r.ids[id] = true
	r.next = (r.next + 1) % endedKept
}
