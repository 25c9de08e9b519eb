package switchboard

import (
	"errors"
	"fmt"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/protocol"
)

// Session is one authenticated client: what it may see, and its outbox.
type Session struct {
	agent     bool
	server    string // an agent's PBX
	extension string // an agent's extension
	out       *Outbox
}

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
			s.act(session, protocol.ActionCall, pbx.Command{
				Kind: pbx.Originate, Phone: r.Phone, Custom: [2]string{r.CustomField1, r.CustomField2},
			})
		case protocol.BlindTransfer:
			s.act(session, protocol.ActionBlindTransfer, pbx.Command{
				Kind: pbx.BlindTransfer, CallID: r.Call, Phone: r.Phone,
			})
		case protocol.HangupCalls:
			for _, id := range r.Calls {
				s.act(session, protocol.ActionHangup, pbx.Command{Kind: pbx.Hangup, CallID: id})
			}
		}
	})
}

// act checks that a command concerns nothing but the agent's own extension and calls, and hands it to the PBX.
func (s *Switchboard) act(session *Session, action string, cmd pbx.Command) {
	refuse := func(code protocol.ErrorCode, message string) {
		session.out.Reply(s.frame(protocol.Error{Code: code, Message: message, Action: action}.AppendJSON(nil)))
	}
	srv := s.byName[session.server]
	if !session.agent || srv == nil {
		refuse(protocol.CodeForbidden, "only agents can act on calls: connect to /agent with an agent's credentials")
		return
	}
	if !srv.online {
		refuse(protocol.CodePBXUnavailable, "the PBX "+srv.Name+" is away; try again when the extension is back")
		return
	}
	id, ok := srv.numbers[session.extension]
	if !ok {
		refuse(protocol.CodeNotRegistered, "the PBX "+srv.Name+" has no extension "+session.extension)
		return
	}
	cmd.Extension = id
	if cmd.Kind != pbx.Originate {
		if call, ok := srv.state.Call(cmd.CallID); !ok || call.Extension != id {
			refuse(protocol.CodeNoSuchCall, fmt.Sprintf("the extension has no call %q", cmd.CallID))
			return
		}
	}
	frame := s.cfg.Frame
	srv.Commander.Do(cmd, func(err error) {
		if err == nil {
			return
		}
		code, message := explain(err)
		session.out.Reply(frame(nil, protocol.Error{Code: code, Message: message, Action: action}.AppendJSON(nil)))
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
