package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMessageGolden(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message Message
		want    string
	}{
		"welcome": {
			Welcome{Server: "pbx1"},
			`{"type":"welcome","servername":"BOBIf","version":"1.0","auth":"required","server":"pbx1"}`,
		},
		"accepted": {
			AuthOK{Server: "pbx1", Extension: "101", Agent: "ana", Token: "t0k"},
			`{"type":"auth-resp","auth":"ok","server":"pbx1","extension":"101","agent":"ana","token":"t0k"}`,
		},
		"accepted, no feature granted": {
			AuthOK{Server: "pbx1", Agent: "eva", Token: "t0k", Features: []string{}},
			`{"type":"auth-resp","auth":"ok","server":"pbx1","extension":"","agent":"eva","token":"t0k","features":[]}`,
		},
		"accepted, features granted": {
			AuthOK{Server: "pbx1", Agent: "eva", Token: "t0k", Features: []string{"seq", "ack"}},
			`{"type":"auth-resp","auth":"ok","server":"pbx1","extension":"","agent":"eva","token":"t0k","features":["seq","ack"]}`,
		},
		"refused": {
			AuthForbidden{Server: "pbx1", Error: "invalid credentials"},
			`{"type":"auth-resp","auth":"forbidden","server":"pbx1","error":"invalid credentials"}`,
		},
		"init": {
			Init{Server: "pbx1", Data: []Extension{
				{Extension: "101", Hint: "PJSIP/101", Status: StatusInUse, Calls: []Call{
					{
						Monitored: true, CallID: "1795328984.0", CallDirection: DirectionOutbound, PhoneA: "101", PhoneB: "102",
						Status: StateUp.String(), StatusDesc: StateUp.Desc(), Bridge: "1795328984.1",
					},
					{
						Monitored: true, CallID: "1795328985.4", CallDirection: DirectionInbound, PhoneA: "600111222", PhoneB: "101",
						DIDA: "600111222", DIDB: "910000000", Status: "5", StatusDesc: "Ringing", Hold: true,
					},
				}},
				{Extension: "102", Hint: "PJSIP/102", Status: StatusIdle},
			}},
			`{"type":"init","server":"pbx1","data":[` +
				`{"Extension":"101","Hint":"PJSIP/101","Status":"InUse","Calls":[` +
				`{"Monitored":true,"CallID":"1795328984.0","CallDirection":"outbound","PhoneA":"101","PhoneB":"102",` +
				`"DIDA":"","DIDB":"","Status":"6","StatusDesc":"Up","Bridge":"1795328984.1","Hold":false},` +
				`{"Monitored":true,"CallID":"1795328985.4","CallDirection":"inbound","PhoneA":"600111222","PhoneB":"101",` +
				`"DIDA":"600111222","DIDB":"910000000","Status":"5","StatusDesc":"Ringing","Bridge":"","Hold":true}]},` +
				`{"Extension":"102","Hint":"PJSIP/102","Status":"Idle","Calls":[]}]}`,
		},
		"init, empty": {Init{Server: "pbx1"}, `{"type":"init","server":"pbx1","data":[]}`},
		"extension-status": {
			ExtensionStatus{Server: "pbx1", Extension: "101", Status: StatusInUseRinging},
			`{"type":"update","action":"extension-status","server":"pbx1","extension":"101","status":"InUse&Ringing"}`,
		},
		"new-call": {
			newCallExample(),
			`{"type":"update","action":"new-call","server":"pbx1","extension":"101","callid":"1795328985.4",` +
				`"direction":"inbound","phonea":"600111222","phoneb":"101","dida":"600111222","didb":"910000000"}`,
		},
		"call-state": {
			callStateExample(),
			`{"type":"update","action":"call-state","server":"pbx1","extension":"101","callid":"1795328985.4",` +
				`"state":"8","statedesc":"Dialing Offhook"}`,
		},
		"hangup": {
			Hangup{Server: "pbx1", Extension: "101", CallID: "1795328985.4", Cause: "16"},
			`{"type":"update","action":"hangup","server":"pbx1","extension":"101","callid":"1795328985.4","cause":"16"}`,
		},
		"start-moh": {
			CallMark{Mark: StartMOH, Server: "pbx1", Extension: "101", CallID: "1.0"},
			`{"type":"update","action":"start-moh","server":"pbx1","extension":"101","callid":"1.0"}`,
		},
		"stop-moh": {
			CallMark{Mark: StopMOH, Server: "pbx1", Extension: "101", CallID: "1.0"},
			`{"type":"update","action":"stop-moh","server":"pbx1","extension":"101","callid":"1.0"}`,
		},
		"start-record": {
			CallMark{Mark: StartRecord, Server: "pbx1", Extension: "101", CallID: "1.0"},
			`{"type":"update","action":"start-record","server":"pbx1","extension":"101","callid":"1.0"}`,
		},
		"end-record": {
			CallMark{Mark: EndRecord, Server: "pbx1", Extension: "101", CallID: "1.0"},
			`{"type":"update","action":"end-record","server":"pbx1","extension":"101","callid":"1.0"}`,
		},
		"error": {
			Error{Code: CodeBadJSON, Message: `want one "object"`},
			`{"type":"error","code":"bad_json","message":"want one \"object\""}`,
		},
		"error of an action": {
			Error{Code: CodeNoSuchCall, Message: "no such call", Action: ActionHangup},
			`{"type":"error","code":"no_such_call","message":"no such call","action":"hangup"}`,
		},
		"unknown": {
			Unknown{Type: "news", Action: "a", Raw: []byte(`{"type":"news","action":"a"}`)},
			`{"type":"news","action":"a"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.message.AppendJSON([]byte("before"))
			if diff := cmp.Diff("before"+tt.want, string(got)); diff != "" {
				t.Errorf("AppendJSON (-want +got):\n%s", diff)
			}
			decoded, err := Decode([]byte(tt.want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.message, decoded); diff != "" {
				t.Errorf("Decode (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMessageJSON reads with encoding/json what AppendJSON wrote of any values: each value must be found under its key.
func TestMessageJSON(t *testing.T) {
	t.Parallel()
	type updateKeys struct{ Type, Action, Server, Extension string }
	t.Run("new-call", rapid.MakeCheck(func(t *rapid.T) {
		m := rapid.Make[NewCall]().Draw(t, "message")
		var got struct {
			updateKeys
			CallID, Direction, PhoneA, PhoneB, DIDA, DIDB string
		}
		unmarshal(t, m, &got)
		want := got
		want.updateKeys = updateKeys{"update", "new-call", m.Server, m.Extension}
		want.CallID, want.Direction, want.PhoneA, want.PhoneB = m.CallID, m.Direction, m.PhoneA, m.PhoneB
		want.DIDA, want.DIDB = m.DIDA, m.DIDB
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}))
	t.Run("init", rapid.MakeCheck(func(t *rapid.T) {
		m := rapid.Make[Init]().Draw(t, "message")
		var got struct {
			Type, Server string
			Data         []Extension
		}
		unmarshal(t, m, &got)
		if got.Type != "init" || got.Server != m.Server {
			t.Errorf("type %q of %q", got.Type, got.Server)
		}
		if diff := cmp.Diff(m.Data, got.Data, equateEmpty()); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	}))
}

func unmarshal(t *rapid.T, m Message, to any) {
	if err := json.Unmarshal(m.AppendJSON(nil), to); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeReversesAppendJSON(t *testing.T) {
	t.Parallel()
	t.Run("welcome", reversible[Welcome]())
	t.Run("accepted", reversible[AuthOK]())
	t.Run("refused", reversible[AuthForbidden]())
	t.Run("init", reversible[Init]())
	t.Run("extension-status", reversible[ExtensionStatus]())
	t.Run("new-call", reversible[NewCall]())
	t.Run("call-state", reversible[CallState]())
	t.Run("hangup", reversible[Hangup]())
	t.Run("error", reversible[Error]())
}

func reversible[M Message]() func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		m := rapid.Make[M]().Draw(t, "message")
		got, err := Decode(m.AppendJSON(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Message(m), got, equateEmpty()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// equateEmpty lets a list of no elements equal a nil one: on the wire they are the same, but for AuthOK.Features.
func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(x, y any) bool {
		vx, vy := reflect.ValueOf(x), reflect.ValueOf(y)
		isList := func(v reflect.Value) bool {
			return v.Kind() == reflect.Slice && v.Len() == 0 && v.Type().Elem().Kind() == reflect.Struct
		}
		return isList(vx) && isList(vy)
	}, cmp.Ignore())
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{
		"", "101", "<a href=\"x\">&amp;</a>", "\x00\x1f\x7f\b\f\n\r\t\\/", "ñandú €", "\u2028\u2029", "😀",
		"\xff\xc3", "a\xed\xa0\x80b", "\ufffd", "end\xf0\x9f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := appendString(nil, s)
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Errorf("not JSON: %q", got)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != string([]rune(s)) {
			t.Errorf("reads as %q, want %q (%v)", back, string([]rune(s)), err)
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))), string(got)); diff != "" {
			t.Errorf("unlike encoding/json (-want +got):\n%s", diff)
		}
	})
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 1024)
	newCall, callState := newCallExample(), callStateExample()
	if n := testing.AllocsPerRun(100, func() { buf = callState.AppendJSON(newCall.AppendJSON(buf[:0])) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNewCall(b *testing.B) {
	m, buf := newCallExample(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkCallState(b *testing.B) {
	m, buf := callStateExample(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeNewCall(b *testing.B) {
	data := newCallExample().AppendJSON(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func newCallExample() NewCall {
	return NewCall{
		Server: "pbx1", Extension: "101", CallID: "1795328985.4", Direction: DirectionInbound,
		PhoneA: "600111222", PhoneB: "101", DIDA: "600111222", DIDB: "910000000",
	}
}

func callStateExample() CallState {
	return CallState{
		Server: "pbx1", Extension: "101", CallID: "1795328985.4",
		State: StateDialingOffHook.String(), StateDesc: StateDialingOffHook.Desc(),
	}
}
