package protocol

import (
	"bytes"
	"fmt"
)

// Decode reads one message of a server. A message of a type or an action that it doesn't know is [Unknown] and no
// error; unknown keys are ignored, missing ones read as zero. An error says that data is not one JSON object, or that a
// key's value has the wrong JSON type.
func Decode(data []byte) (Message, error) {
	f := parseFields(data)
	m := f.message(data)
	if f.err != nil {
		return nil, fmt.Errorf("decode message: %s", f.err.Message)
	}
	return m, nil
}

func (f *fields) message(data []byte) Message {
	typ := f.str("type")
	switch typ {
	case typeWelcome:
		return Welcome{Server: f.str("server")}
	case typeAuthResp:
		switch f.str("auth") {
		case authOK:
			return AuthOK{
				Server: f.str("server"), Extension: f.str("extension"), Agent: f.str("agent"), Token: f.str("token"),
				Features: f.strs("features"),
			}
		case authForbidden:
			return AuthForbidden{Server: f.str("server"), Error: f.str("error")}
		}
	case typeInit:
		return Init{Server: f.str("server"), Data: objects(f, "data", (*fields).extension)}
	case typeUpdate:
		if m := f.update(); m != nil {
			return m
		}
	case typeError:
		return Error{Code: ErrorCode(f.str("code")), Message: f.str("message"), Action: f.str("action")}
	}
	return Unknown{Type: typ, Action: f.str("action"), Raw: bytes.Clone(data)}
}

// update returns nil for an unknown action.
func (f *fields) update() Message {
	action, server, extension, callID := f.str("action"), f.str("server"), f.str("extension"), f.str("callid")
	switch action {
	case updateExtensionStatus:
		return ExtensionStatus{Server: server, Extension: extension, Status: f.str("status")}
	case updateNewCall:
		return NewCall{
			Server: server, Extension: extension, CallID: callID, Direction: f.str("direction"),
			PhoneA: f.str("phonea"), PhoneB: f.str("phoneb"), DIDA: f.str("dida"), DIDB: f.str("didb"),
		}
	case updateCallState:
		return CallState{
			Server: server, Extension: extension, CallID: callID,
			State: f.str("state"), StateDesc: f.str("statedesc"),
		}
	case updateHangup:
		return Hangup{Server: server, Extension: extension, CallID: callID, Cause: f.str("cause")}
	case string(StartMOH), string(StopMOH), string(StartRecord), string(EndRecord):
		return CallMark{Mark: Mark(action), Server: server, Extension: extension, CallID: callID}
	}
	return nil
}

func (f *fields) extension() Extension {
	return Extension{
		Extension: f.str("Extension"), Hint: f.str("Hint"), Status: f.str("Status"),
		Calls: objects(f, "Calls", (*fields).call),
	}
}

func (f *fields) call() Call {
	return Call{
		Monitored: f.flag("Monitored"), CallID: f.str("CallID"), CallDirection: f.str("CallDirection"),
		PhoneA: f.str("PhoneA"), PhoneB: f.str("PhoneB"), DIDA: f.str("DIDA"), DIDB: f.str("DIDB"),
		Status: f.str("Status"), StatusDesc: f.str("StatusDesc"), Bridge: f.str("Bridge"), Hold: f.flag("Hold"),
	}
}

// objects reads the objects of the array at key, nil when it is empty or absent.
func objects[T any](f *fields, key string, read func(*fields) T) []T {
	var list []T
	for _, raw := range f.list(key, "a list of objects") {
		element := parseFields(raw)
		list = append(list, read(element))
		if element.err != nil {
			f.fail(element.err.Code, "key %q: %s", key, element.err.Message)
		}
	}
	return list
}
