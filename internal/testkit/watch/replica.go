package watch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/protocol"
)

// Replica is the state of extensions and calls as a client knows it: from inits, and from updates since.
type Replica struct {
	servers map[string]map[string]*extension // by server, then extension
}

type extension struct {
	Hint   string // "" of an extension that no init listed
	Status string
	Calls  map[string]protocol.Call // by CallID
}

// extensionKey names an extension.
type extensionKey struct{ server, extension string }

// callKey names a call; of what concerns an extension as a whole, the callID is "".
type callKey struct {
	extensionKey
	callID string
}

// keyOf returns what an update is about, and whether m is an update.
func keyOf(m protocol.Message) (key callKey, isUpdate bool) {
	switch m := m.(type) {
	case protocol.ExtensionStatus:
		return callKey{extensionKey{m.Server, m.Extension}, ""}, true
	case protocol.NewCall:
		return callKey{extensionKey{m.Server, m.Extension}, m.CallID}, true
	case protocol.CallState:
		return callKey{extensionKey{m.Server, m.Extension}, m.CallID}, true
	case protocol.CallMark:
		return callKey{extensionKey{m.Server, m.Extension}, m.CallID}, true
	case protocol.Hangup:
		return callKey{extensionKey{m.Server, m.Extension}, m.CallID}, true
	}
	return callKey{}, false
}

// NewReplica returns a replica of the given state, if any, to which updates can be applied.
func NewReplica(state ...protocol.Init) *Replica {
	r := &Replica{servers: make(map[string]map[string]*extension)}
	for _, m := range state {
		r.init(m)
	}
	return r
}

// Apply applies a message. An error says that it can't be, as it speaks of what the replica doesn't know; the replica is
// unchanged then. Messages that say nothing of extensions or calls change nothing.
func (r *Replica) Apply(m protocol.Message) error {
	if m, ok := m.(protocol.Init); ok {
		r.init(m)
		return nil
	}
	key, isUpdate := keyOf(m)
	if !isUpdate {
		return nil
	}
	extensions, ok := r.servers[key.server]
	if !ok {
		return fmt.Errorf("no init of server %q before %s", key.server, m.AppendJSON(nil))
	}
	e, ok := extensions[key.extension]
	if status, is := m.(protocol.ExtensionStatus); is {
		if !ok {
			e = &extension{Calls: make(map[string]protocol.Call)}
			extensions[key.extension] = e
		}
		e.Status = status.Status
		return nil
	}
	if !ok {
		return fmt.Errorf("unknown extension in %s", m.AppendJSON(nil))
	}
	call, ok := e.Calls[key.callID]
	if _, isNew := m.(protocol.NewCall); isNew == ok {
		return fmt.Errorf("call known: %t, in %s", ok, m.AppendJSON(nil))
	}
	if _, ended := m.(protocol.Hangup); ended {
		delete(e.Calls, key.callID)
		return nil
	}
	e.Calls[key.callID] = updated(call, m)
	return nil
}

func (r *Replica) init(m protocol.Init) {
	extensions := make(map[string]*extension, len(m.Data))
	for _, listed := range m.Data {
		e := &extension{Hint: listed.Hint, Status: listed.Status, Calls: make(map[string]protocol.Call)}
		for _, call := range listed.Calls {
			e.Calls[call.CallID] = call
		}
		extensions[listed.Extension] = e
	}
	r.servers[m.Server] = extensions
}

// updated returns call after an update of it.
func updated(call protocol.Call, m protocol.Message) protocol.Call {
	switch m := m.(type) {
	case protocol.NewCall:
		return protocol.Call{
			Monitored: true, CallID: m.CallID, CallDirection: m.Direction,
			PhoneA: m.PhoneA, PhoneB: m.PhoneB, DIDA: m.DIDA, DIDB: m.DIDB,
			Status: protocol.StateDown.String(), StatusDesc: protocol.StateDown.Desc(),
		}
	case protocol.CallState:
		call.Status, call.StatusDesc = m.State, m.StateDesc
	case protocol.CallMark:
		if m.Mark == protocol.StartMOH || m.Mark == protocol.StopMOH {
			call.Hold = m.Mark == protocol.StartMOH
		}
	}
	return call
}

// Status returns the status of an extension, "" if it is unknown.
func (r *Replica) Status(server, extension string) string {
	if e, ok := r.servers[server][extension]; ok {
		return e.Status
	}
	return ""
}

// Calls returns how many calls there are.
func (r *Replica) Calls() int {
	n := 0
	for _, extensions := range r.servers {
		for _, e := range extensions {
			n += len(e.Calls)
		}
	}
	return n
}

// CallsOf returns the calls of an extension, by CallID.
func (r *Replica) CallsOf(server, extension string) map[string]protocol.Call {
	if e, ok := r.servers[server][extension]; ok {
		return maps.Clone(e.Calls)
	}
	return nil
}

// Clone returns a copy.
func (r *Replica) Clone() *Replica {
	clone := NewReplica()
	for server, extensions := range r.servers {
		clone.servers[server] = make(map[string]*extension, len(extensions))
		for number, e := range extensions {
			clone.servers[server][number] = &extension{Hint: e.Hint, Status: e.Status, Calls: maps.Clone(e.Calls)}
		}
	}
	return clone
}

// Diff compares the replica with the server's own view, a fresh set of inits, and returns the differences: lines with -
// have the replica's, lines with + the server's; "" says that they are equal. What updates don't tell is not compared:
// bridges, hints of extensions that no init listed, and whether an unavailable extension still exists.
func (r *Replica) Diff(fresh ...protocol.Init) string {
	mine, theirs := r.Clone(), NewReplica(fresh...)
	for server, extensions := range mine.servers {
		for number, e := range extensions {
			other, ok := theirs.servers[server][number]
			switch {
			case ok && e.Hint == "":
				e.Hint = other.Hint
			case !ok && theirs.servers[server] != nil && e.Status == protocol.StatusUnavailable && len(e.Calls) == 0:
				delete(extensions, number)
			}
		}
	}
	mine.forgetBridges()
	theirs.forgetBridges()
	return cmp.Diff(mine.servers, theirs.servers)
}

func (r *Replica) forgetBridges() {
	for _, extensions := range r.servers {
		for _, e := range extensions {
			for _, id := range slices.Collect(maps.Keys(e.Calls)) {
				call := e.Calls[id]
				call.Bridge = ""
				e.Calls[id] = call
			}
		}
	}
}
