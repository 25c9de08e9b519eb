package protocol

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeLenient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data string
		want Message
	}{
		"other order, more keys, white space": {
			" {\"server\":\"pbx1\", \"seq\":7,\n\"type\":\"welcome\", \"auth\":\"required\"} ", Welcome{Server: "pbx1"},
		},
		"missing keys": {
			`{"type":"update","action":"call-state","extension":"101","callid":"1.0","state":"6"}`,
			CallState{Extension: "101", CallID: "1.0", State: "6"},
		},
		"keys of another letter case": {
			`{"type":"update","action":"hangup","extension":"101","Extension":"102","callid":"1.0","CALLID":"2.0"}`,
			Hangup{Extension: "101", CallID: "1.0"},
		},
		"null lists":      {`{"type":"init","data":[{"Extension":"101","Calls":null}]}`, Init{Data: []Extension{{Extension: "101"}}}},
		"unknown type":    {`{"type":"news"}`, Unknown{Type: "news", Raw: []byte(`{"type":"news"}`)}},
		"unknown action":  {`{"type":"update","action":"x"}`, Unknown{Type: "update", Action: "x", Raw: []byte(`{"type":"update","action":"x"}`)}},
		"unknown outcome": {`{"type":"auth-resp","auth":"x"}`, Unknown{Type: "auth-resp", Raw: []byte(`{"type":"auth-resp","auth":"x"}`)}},
		"no type":         {`{}`, Unknown{Raw: []byte(`{}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, want string }{
		{``, "not JSON"},
		{`[]`, "one JSON object"},
		{`null`, "one JSON object"},
		{`"welcome"`, "one JSON object"},
		{`{"type":"welcome"} {}`, "after top-level value"},
		{"{\"type\":\"\xff\"}", "UTF-8"},
		{`{"type":1}`, `"type": want a string`},
		{`{"type":"update","action":"hangup","cause":16}`, `"cause": want a string`},
		{`{"type":"init","data":{}}`, `"data": want a list`},
		{`{"type":"init","data":[null]}`, `"data": want one JSON object`},
		{`{"type":"init","data":[{"Calls":[{"Hold":"no"}]}]}`, `"data": key "Calls": key "Hold": want true or false`},
		{`{"type":"auth-resp","auth":"ok","features":[1]}`, `"features": want a list of strings`},
	} {
		m, err := Decode([]byte(tt.data))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Decode(%s): %v, %v; want an error with %q", tt.data, m, err, tt.want)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	descs := strings.Split("Down,Rsrvd,OffHook,Dialing,Ring,Ringing,Up,Busy,Dialing Offhook,Pre-ring,Unknown", ",")
	for s := StateDown; s <= StateUnknown; s++ {
		if got, ok := ParseState(s.String()); !ok || got != s || s.Desc() != descs[s] {
			t.Errorf("state %d: %q %q, parsed %d %t", s, s, s.Desc(), got, ok)
		}
	}
	if s := State(200); s.String() != "10" || s.Desc() != "Unknown" {
		t.Errorf("state 200: %q %q", s, s.Desc())
	}
	for _, s := range []string{"", "11", "06", "Up"} {
		if got, ok := ParseState(s); ok {
			t.Errorf("ParseState(%q) = %v", s, got)
		}
	}
}
