package protocol

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

// Limits on what a client sends. Lengths are in bytes.
const (
	MaxUser        = 64  // user of credentials
	MaxPasswd      = 128 // password of credentials
	MaxFeatures    = 32  // features asked for
	MaxPhone       = 64  // phone, as it is dialled
	MaxCustomField = 255 // each custom field
	MaxCallID      = 150 // each call id; Asterisk's own limit of a Uniqueid is 149
	MaxHangupCalls = 100 // call ids in one hangup
)

// AuthPlain is a client's credentials.
type AuthPlain struct {
	User     string
	Passwd   string
	Features []string // names of the extensions to the protocol that the client asks for; nil when it asks for none
}

// LogValue keeps the password out of logs.
func (r AuthPlain) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", r.User))
}

// Originate asks for a call from the agent's extension: its own phone rings first, and when it answers, phone is dialled.
type Originate struct {
	Phone        string
	CustomField1 string // for the call's row in the call log, "" if none
	CustomField2 string
}

// BlindTransfer asks to send the other party of the agent's call to phone.
type BlindTransfer struct {
	Call  string // CallID
	Phone string
}

// HangupCalls asks to end the agent's calls.
type HangupCalls struct {
	Calls []string // CallIDs, at least one, each once
}

func (AuthPlain) request()     {}
func (Originate) request()     {}
func (BlindTransfer) request() {}
func (HangupCalls) request()   {}

// AppendJSON implements [Request].
func (r AuthPlain) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeAuthPlain)
	dst = appendField(dst, "user", r.User)
	dst = appendField(dst, "passwd", r.Passwd)
	if r.Features != nil {
		dst = appendStrings(appendKey(dst, "features"), r.Features)
	}
	return append(dst, '}')
}

// AppendJSON implements [Request].
func (r Originate) AppendJSON(dst []byte) []byte {
	dst = appendAction(dst, ActionCall)
	dst = appendField(dst, "phone", r.Phone)
	if r.CustomField1 != "" {
		dst = appendField(dst, "customfield1", r.CustomField1)
	}
	if r.CustomField2 != "" {
		dst = appendField(dst, "customfield2", r.CustomField2)
	}
	return append(dst, '}')
}

// AppendJSON implements [Request].
func (r BlindTransfer) AppendJSON(dst []byte) []byte {
	dst = appendAction(dst, ActionBlindTransfer)
	dst = appendField(dst, "call", r.Call)
	dst = appendField(dst, "phone", r.Phone)
	return append(dst, '}')
}

// AppendJSON implements [Request].
func (r HangupCalls) AppendJSON(dst []byte) []byte {
	dst = appendAction(dst, ActionHangup)
	dst = appendStrings(appendKey(dst, "call"), r.Calls)
	return append(dst, '}')
}

// appendAction opens an action; the caller closes it.
func appendAction(dst []byte, action string) []byte {
	return appendField(appendType(dst, typeAction), "action", action)
}

// ParseRequest reads one message of a client. What it returns is within the limits above. The error, nil if there is
// none, is the message that answers the client.
//
// Keys are compared letter by letter, unknown ones are ignored; of a key that is there twice the last counts; null
// counts as absent. A phone, a custom field and a call id may be JSON numbers, taken by their literal text.
func ParseRequest(data []byte) (Request, *Error) {
	f := parseFields(data)
	var (
		req    Request
		action string
	)
	f.require("type")
	switch f.str("type") {
	case typeAuthPlain:
		req = f.authPlain()
	case typeAction:
		f.require("action")
		action = f.str("action")
		req = f.action(action)
	default:
		f.fail(CodeUnknownType, "unknown type: want %q or %q", typeAuthPlain, typeAction)
	}
	if f.err != nil {
		const longest = 64 // no more of what the client made up is sent back
		if len(action) <= longest {
			f.err.Action = action
		}
		return nil, f.err
	}
	return req, nil
}

func (f *fields) action(name string) Request {
	switch name {
	case ActionCall:
		return Originate{
			Phone:        f.phone("phone"),
			CustomField1: f.customField("customfield1"),
			CustomField2: f.customField("customfield2"),
		}
	case ActionBlindTransfer:
		return f.blindTransfer()
	case ActionHangup:
		return f.hangupCalls()
	}
	f.fail(CodeUnknownAction, "unknown action: want %q, %q or %q", ActionCall, ActionBlindTransfer, ActionHangup)
	return nil
}

func (f *fields) authPlain() AuthPlain {
	f.require("user", "passwd")
	r := AuthPlain{User: f.str("user"), Passwd: f.str("passwd"), Features: f.strs("features")}
	f.check(len(r.User) <= MaxUser, "user", "at most %d bytes", MaxUser)
	f.check(len(r.Passwd) <= MaxPasswd, "passwd", "at most %d bytes", MaxPasswd)
	f.check(len(r.Features) <= MaxFeatures, "features", "at most %d names", MaxFeatures)
	return r
}

func (f *fields) blindTransfer() BlindTransfer {
	f.require("call")
	r := BlindTransfer{Call: f.text("call"), Phone: f.phone("phone")}
	f.check(validCallID(r.Call), "call", "a call id")
	return r
}

func (f *fields) hangupCalls() HangupCalls {
	const want = "a list of call ids, even for one call"
	f.require("call")
	raws := f.list("call", want)
	f.check(len(raws) > 0, "call", want)
	f.check(len(raws) <= MaxHangupCalls, "call", "at most %d call ids", MaxHangupCalls)
	if f.err != nil {
		return HangupCalls{}
	}
	calls := make([]string, 0, len(raws))
	for _, raw := range raws {
		id, ok := callID(raw)
		f.check(ok, "call", want)
		if !slices.Contains(calls, id) {
			calls = append(calls, id)
		}
	}
	return HangupCalls{Calls: calls}
}

// callID returns the call id that raw, which is valid JSON, stands for, and whether it is one.
func callID(raw json.RawMessage) (string, bool) {
	id := string(raw)
	if !isNumber(raw) {
		id, _ = unquote(raw)
	}
	return id, validCallID(id)
}

func validCallID(id string) bool {
	return id != "" && len(id) <= MaxCallID && !strings.ContainsFunc(id, unicode.IsControl)
}

func (f *fields) customField(key string) string {
	s := f.text(key)
	f.check(len(s) <= MaxCustomField, key, "at most %d bytes", MaxCustomField)
	f.check(!strings.ContainsFunc(s, unicode.IsControl), key, "no control characters")
	return s
}

func (f *fields) phone(key string) string {
	f.require(key)
	phone, ok := cleanPhone(f.text(key))
	if !ok {
		f.fail(CodeInvalidPhone, "key %q: want 1 to %d of the characters 0-9 A-Z a-z * # + . _ -", key, MaxPhone)
	}
	return phone
}

// cleanPhone returns what is to be dialled for s, and whether it can be dialled. A number as people write it, of digits,
// plus signs, spaces, hyphens, dots and parentheses alone, loses all but its digits and plus signs; anything else is
// dialled as it is. What it accepts has no meaning of its own in a manager command, a dial string or a dial plan.
func cleanPhone(s string) (phone string, ok bool) {
	if strings.Trim(s, "0123456789+ -.()") == "" {
		s = strings.Map(func(r rune) rune {
			if strings.ContainsRune(" -.()", r) {
				return -1
			}
			return r
		}, s)
	}
	dialable := func(r rune) bool {
		return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || strings.ContainsRune("*#+._-", r)
	}
	ok = s != "" && len(s) <= MaxPhone && !strings.ContainsFunc(s, func(r rune) bool { return !dialable(r) })
	return s, ok
}
