package switchboard

import (
	"strconv"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/protocol"
)

// encode returns a change as the frame that every client gets of it; nil when it is none of the protocol's events.
func (s *Switchboard) encode(server string, c *pbx.Change) []byte {
	number := c.Extension.Number
	b := s.scratch[:0]
	switch c.Kind {
	case pbx.StatusChanged:
		b = protocol.ExtensionStatus{Server: server, Extension: number, Status: statusName(c.Status)}.AppendJSON(b)
	case pbx.CallAdded:
		b = protocol.NewCall{
			Server: server, Extension: number, CallID: c.Call.ID, Direction: directionName(c.Call.Direction),
			PhoneA: c.Call.PhoneA, PhoneB: c.Call.PhoneB, DIDA: c.Call.DIDA, DIDB: c.Call.DIDB,
		}.AppendJSON(b)
	case pbx.CallStateChanged:
		state := protocol.State(c.Call.State)
		b = protocol.CallState{
			Server: server, Extension: number, CallID: c.Call.ID, State: state.String(), StateDesc: state.Desc(),
		}.AppendJSON(b)
	case pbx.CallRemoved:
		b = protocol.Hangup{
			Server: server, Extension: number, CallID: c.Call.ID, Cause: strconv.Itoa(c.Cause),
		}.AppendJSON(b)
	case pbx.HoldStarted, pbx.HoldStopped, pbx.RecordingStarted, pbx.RecordingStopped:
		b = protocol.CallMark{
			Mark: markOf(c.Kind), Server: server, Extension: number, CallID: c.Call.ID,
		}.AppendJSON(b)
	case pbx.BridgeChanged:
		return nil
	}
	s.scratch = b
	return s.frame(b)
}

// frame returns a message in the form in which it goes over the wire, in memory of its own.
func (s *Switchboard) frame(message []byte) []byte {
	const header = 10 // the longest of WebSocket
	return s.cfg.Frame(make([]byte, 0, len(message)+header), message)
}

// initial returns the inits of what a session may see, of all PBXs of which something is known.
func (s *Switchboard) initial(session *Session) [][]byte {
	var frames [][]byte
	for _, srv := range s.servers {
		switch {
		case !srv.known:
		case !session.agent:
			frames = append(frames, s.everything(srv))
		case session.server == srv.Name:
			init := protocol.Init{Server: srv.Name, Data: []protocol.Extension{srv.describe(session.extension)}}
			frames = append(frames, s.frame(init.AppendJSON(nil)))
		}
	}
	return frames
}

// everything returns the supervisors' init of a PBX.
func (s *Switchboard) everything(srv *server) []byte {
	if srv.initial == nil {
		init := protocol.Init{Server: srv.Name}
		for _, e := range srv.state.Extensions() {
			init.Data = append(init.Data, srv.describe(e.ID.Number))
		}
		srv.initial = s.frame(init.AppendJSON(nil))
	}
	return srv.initial
}

// describe returns an extension with its calls. One that the PBX does not have (yet, or any more) is unavailable.
func (srv *server) describe(number string) protocol.Extension {
	id := srv.numbers[number]
	e, _ := srv.state.Extension(id)
	x := protocol.Extension{Extension: number, Hint: e.Hint, Status: statusName(e.Status)}
	for c := range srv.state.Calls(id) {
		state := protocol.State(c.State)
		x.Calls = append(x.Calls, protocol.Call{
			Monitored: true, CallID: c.ID, CallDirection: directionName(c.Direction),
			PhoneA: c.PhoneA, PhoneB: c.PhoneB, DIDA: c.DIDA, DIDB: c.DIDB,
			Status: state.String(), StatusDesc: state.Desc(), Bridge: c.Bridge, Hold: c.Hold,
		})
	}
	return x
}

func statusName(s pbx.Status) string {
	switch s {
	case pbx.Idle:
		return protocol.StatusIdle
	case pbx.InUse:
		return protocol.StatusInUse
	case pbx.Busy:
		return protocol.StatusBusy
	case pbx.Ringing:
		return protocol.StatusRinging
	case pbx.InUseRinging:
		return protocol.StatusInUseRinging
	case pbx.OnHold:
		return protocol.StatusHold
	case pbx.InUseOnHold:
		return protocol.StatusInUseHold
	case pbx.Unavailable:
	}
	return protocol.StatusUnavailable
}

func directionName(d pbx.Direction) string {
	if d == pbx.Outbound {
		return protocol.DirectionOutbound
	}
	return protocol.DirectionInbound
}

func markOf(kind pbx.ChangeKind) protocol.Mark {
	switch kind {
	case pbx.HoldStarted:
		return protocol.StartMOH
	case pbx.HoldStopped:
		return protocol.StopMOH
	case pbx.RecordingStarted:
		return protocol.StartRecord
	default:
		return protocol.EndRecord
	}
}
