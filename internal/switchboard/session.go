package switchboard

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/protocol"
)

// Session is one authenticated client: what it may see, and its outbox.
type Session struct {
	agent     bool
	server    string // an agent's PBX
	extension string // an agent's extension
	out       *Outbox
	placing   atomic.Int32 // calls that are being placed: the phone has not been answered yet
}

// maxPlacing is how many calls an agent may be placing at once.
const maxPlacing = 4

// NewSupervisor returns a session that sees all extensions of the account, and can do nothing.
func NewSupervisor(out *Outbox) *Session { return &Session{out: out} }

// NewAgent returns a session that sees one extension, and can act on it.
func NewAgent(server, extension string, out *Outbox) *Session {
	return &Session{agent: true, server: server, extension: extension, out: out}
}

// Act carries out what an agent asks for. What cannot be done is answered by an error in its outbox; success is silent, and seen
// in the events that follow.
func (s *Switchboard) Act(session *Session, request protocol.Request) error {
	return s.ask(func() {
		switch r := request.(type) {
		case protocol.Originate:
			if d := s.desk(session, protocol.ActionCall); d != nil && d.mayPlace() {
				d.do(pbx.Command{Kind: pbx.Originate, Phone: r.Phone, Custom: [2]string{r.CustomField1, r.CustomField2}})
			}
		case protocol.BlindTransfer:
			if d := s.desk(session, protocol.ActionBlindTransfer); d != nil && d.owns(r.Call) {
				d.do(pbx.Command{Kind: pbx.BlindTransfer, CallID: r.Call, Phone: r.Phone})
			}
		case protocol.HangupCalls:
			if d := s.desk(session, protocol.ActionHangup); d != nil {
				own, foreign := d.split(r.Calls)
				for _, id := range own {
					d.do(pbx.Command{Kind: pbx.Hangup, CallID: id})
				}
				d.owns(foreign...)
			}
		}
	})
}

// desk is an agent's place at its PBX, for one action.
type desk struct {
	session   *Session
	server    *server
	extension pbx.ExtensionID
	context   string // where it places calls
	action    string
	frame     func(dst, message []byte) []byte
}

// desk returns the place of a session that may act now; nil when it may not, which is answered.
func (s *Switchboard) desk(session *Session, action string) *desk {
	d := &desk{session: session, server: s.byName[session.server], action: action, frame: s.cfg.Frame}
	if !session.agent || d.server == nil {
		d.refuse(protocol.CodeForbidden, "only agents can act on calls: connect to /agent with an agent's credentials")
		return nil
	}
	if !d.server.online {
		d.refuse(protocol.CodePBXUnavailable, "the PBX "+d.server.Name+" is away; try again when the extension is back")
		return nil
	}
	var ok bool
	if d.extension, ok = d.server.numbers[session.extension]; !ok {
		d.refuse(protocol.CodeNotRegistered, "the PBX "+d.server.Name+" has no extension "+session.extension)
		return nil
	}
	d.context = s.cfg.DialContext(d.server.Name, d.extension)
	return d
}

// mayPlace tells whether the agent may place one more call, and counts it.
func (d *desk) mayPlace() bool {
	if d.session.placing.Add(1) > maxPlacing {
		d.session.placing.Add(-1)
		d.refuse(protocol.CodeRateLimited, "too many calls are being placed already: answer the phone first")
		return false
	}
	return true
}

func (d *desk) refuse(code protocol.ErrorCode, message string) {
	d.session.out.Reply(d.frame(nil, protocol.Error{Code: code, Message: message, Action: d.action}.AppendJSON(nil)))
}

// split tells the extension's own calls from all else.
func (d *desk) split(ids []string) (own, foreign []string) {
	for _, id := range ids {
		if call, ok := d.server.state.Call(id); ok && call.Extension == d.extension {
			own = append(own, id)
			continue
		}
		foreign = append(foreign, id)
	}
	return own, foreign
}

// owns tells whether all calls are the extension's own. If not, that is answered: never whether they are somebody else's.
func (d *desk) owns(ids ...string) bool {
	_, foreign := d.split(ids)
	if len(foreign) > 0 {
		d.refuse(protocol.CodeNoSuchCall, fmt.Sprintf("the extension has no call %q", foreign))
	}
	return len(foreign) == 0
}

// do hands a command to the PBX.
func (d *desk) do(cmd pbx.Command) {
	cmd.Extension, cmd.Context = d.extension, d.context
	d.server.Commander.Do(cmd, func(err error) {
		if cmd.Kind == pbx.Originate {
			d.session.placing.Add(-1)
		}
		if err != nil {
			d.refuse(explain(err))
		}
	})
}

// explain returns what a client is told of a command that failed.
func explain(err error) (protocol.ErrorCode, string) {
	var failure *pbx.Failure
	if !errors.As(err, &failure) {
		return protocol.CodeInternal, err.Error()
	}
	return codeOf(failure.Reason), failure.Error()
}

func codeOf(reason pbx.Reason) protocol.ErrorCode {
	switch reason {
	case pbx.Refused:
		return protocol.CodeRefused
	case pbx.PBXUnavailable:
		return protocol.CodePBXUnavailable
	case pbx.NotRegistered:
		return protocol.CodeNotRegistered
	case pbx.PhoneBusy:
		return protocol.CodeBusy
	case pbx.NoAnswer:
		return protocol.CodeNoAnswer
	case pbx.Rejected:
		return protocol.CodeRejected
	case pbx.Congestion:
		return protocol.CodeCongestion
	case pbx.NoSuchNumber:
		return protocol.CodeNoSuchNumber
	case pbx.NoSuchCall:
		return protocol.CodeNoSuchCall
	case pbx.NotTransferable:
		return protocol.CodeNotTransferable
	case pbx.TimedOut:
		return protocol.CodeTimeout
	}
	return protocol.CodeInternal
}
