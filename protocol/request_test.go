package protocol

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data string
		want Request
	}{
		"credentials": {`{"type":"auth-plain","user":"ana","passwd":"s3cret"}`, AuthPlain{User: "ana", Passwd: "s3cret"}},
		"credentials, features": {
			`{"type":"auth-plain","user":"ana","passwd":"s3cret","features":["seq"]}`,
			AuthPlain{User: "ana", Passwd: "s3cret", Features: []string{"seq"}},
		},
		"credentials, no features": {
			`{"type":"auth-plain","user":"ana","passwd":"s3cret","features":[]}`,
			AuthPlain{User: "ana", Passwd: "s3cret", Features: []string{}},
		},
		"credentials, empty": {`{"type":"auth-plain","user":"","passwd":""}`, AuthPlain{}},
		"call":               {`{"type":"action","action":"call","phone":"102"}`, Originate{Phone: "102"}},
		"call, fields": {
			`{"type":"action","action":"call","phone":"102","customfield1":"order 7","customfield2":"ñ"}`,
			Originate{Phone: "102", CustomField1: "order 7", CustomField2: "ñ"},
		},
		"call, numbers": {
			`{"type":"action","action":"call","phone":910000000,"customfield1":7.50,"customfield2":null}`,
			Originate{Phone: "910000000", CustomField1: "7.50"},
		},
		"blind transfer": {
			`{"type":"action","action":"blindtransfer","call":"1795328984.10","phone":"103"}`,
			BlindTransfer{Call: "1795328984.10", Phone: "103"},
		},
		"blind transfer, numbers": {
			`{"type":"action","action":"blindtransfer","call":1795328984.10,"phone":103}`,
			BlindTransfer{Call: "1795328984.10", Phone: "103"},
		},
		"hangup":           {`{"type":"action","action":"hangup","call":["1.0","2.0"]}`, HangupCalls{Calls: []string{"1.0", "2.0"}}},
		"hangup, numbers":  {`{"type":"action","action":"hangup","call":[1795328984.10]}`, HangupCalls{Calls: []string{"1795328984.10"}}},
		"hangup, repeated": {`{"type":"action","action":"hangup","call":["1.0","2.0","1.0"]}`, HangupCalls{Calls: []string{"1.0", "2.0"}}},
		"unknown keys":     {`{"type":"action","action":"call","phone":"102","x":{"y":[1]}}`, Originate{Phone: "102"}},
		"key twice":        {`{"type":"action","action":"call","phone":"102","phone":"103"}`, Originate{Phone: "103"}},
		"white space":      {"\r\n{ \"type\" : \"action\", \"action\":\"call\",\t\"phone\" : 102 }\n", Originate{Phone: "102"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, failure := ParseRequest([]byte(tt.data))
			if failure != nil {
				t.Fatalf("refused: %+v", *failure)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			wire := got.AppendJSON(nil)
			again, failure := ParseRequest(wire)
			if failure != nil {
				t.Fatalf("%s refused: %+v", wire, *failure)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("AppendJSON, then ParseRequest (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestGolden(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		`{"type":"auth-plain","user":"ana","passwd":"s3cret"}`,
		`{"type":"auth-plain","user":"ana","passwd":"s3cret","features":["seq","ack"]}`,
		`{"type":"action","action":"call","phone":"102"}`,
		`{"type":"action","action":"call","phone":"102","customfield1":"a","customfield2":"b"}`,
		`{"type":"action","action":"blindtransfer","call":"1.0","phone":"103"}`,
		`{"type":"action","action":"hangup","call":["1.0","2.0"]}`,
	} {
		req, failure := ParseRequest([]byte(want))
		if failure != nil {
			t.Errorf("%s refused: %+v", want, *failure)
			continue
		}
		if diff := cmp.Diff(want, string(req.AppendJSON(nil))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestParseRequestErrors(t *testing.T) {
	t.Parallel()
	ids := strings.TrimSuffix(strings.Repeat(`"1.0",`, MaxHangupCalls+1), ",")
	for _, tt := range []struct{ data, code, action, message string }{
		{``, "bad_json", "", "not JSON"},
		{`{`, "bad_json", "", "not JSON"},
		{`[]`, "bad_json", "", "one JSON object"},
		{`null`, "bad_json", "", "one JSON object"},
		{`{"type":"auth-plain","user":"a","passwd":"b"}{}`, "bad_json", "", "not JSON"},
		{"{\"type\":\"\xff\"}", "bad_json", "", "UTF-8"},
		{`{}`, "bad_message", "", `"type" is missing`},
		{`{"type":null}`, "bad_message", "", `"type" is missing`},
		{`{"Type":"auth-plain","user":"a","passwd":"b"}`, "bad_message", "", `"type" is missing`},
		{`{"type":["action"]}`, "bad_message", "", `"type": want a string`},
		{`{"type":"auth-token","token":"t"}`, "unknown_type", "", `want "auth-plain" or "action"`},
		{`{"type":"auth-plain","passwd":"b"}`, "bad_message", "", `"user" is missing`},
		{`{"type":"auth-plain","user":"a"}`, "bad_message", "", `"passwd" is missing`},
		{`{"type":"auth-plain","user":7,"passwd":"b"}`, "bad_message", "", `"user": want a string`},
		{`{"type":"auth-plain","user":"` + strings.Repeat("a", 65) + `","passwd":"b"}`, "bad_message", "", `"user": want at most 64 bytes`},
		{`{"type":"auth-plain","user":"a","passwd":"` + strings.Repeat("b", 129) + `"}`, "bad_message", "", `"passwd": want at most 128 bytes`},
		{`{"type":"auth-plain","user":"a","passwd":"b","features":"seq"}`, "bad_message", "", `"features": want a list of strings`},
		{
			`{"type":"auth-plain","user":"a","passwd":"b","features":["a"` + strings.Repeat(`,"a"`, MaxFeatures) + `]}`,
			"bad_message", "", `"features": want at most 32 names`,
		},
		{`{"type":"action"}`, "bad_message", "", `"action" is missing`},
		{`{"type":"action","action":1}`, "bad_message", "", `"action": want a string`},
		{`{"type":"action","action":"Call"}`, "unknown_action", "Call", `want "call", "blindtransfer" or "hangup"`},
		{`{"type":"action","action":"` + strings.Repeat("x", 65) + `"}`, "unknown_action", "", "unknown action"},
		{`{"type":"action","action":"call"}`, "bad_message", "call", `"phone" is missing`},
		{`{"type":"action","action":"call","phone":true}`, "bad_message", "call", `"phone": want a string`},
		{`{"type":"action","action":"call","phone":""}`, "invalid_phone", "call", `"phone"`},
		{`{"type":"action","action":"call","phone":"102","customfield1":{}}`, "bad_message", "call", `"customfield1": want a string`},
		{`{"type":"action","action":"call","phone":"102","customfield2":"a\nb"}`, "bad_message", "call", `"customfield2": want no control`},
		{
			`{"type":"action","action":"call","phone":"102","customfield2":"` + strings.Repeat("ñ", 128) + `"}`,
			"bad_message", "call", `"customfield2": want at most 255 bytes`,
		},
		{`{"type":"action","action":"blindtransfer","phone":"103"}`, "bad_message", "blindtransfer", `"call" is missing`},
		{`{"type":"action","action":"blindtransfer","call":["1.0"],"phone":"103"}`, "bad_message", "blindtransfer", `"call": want a string`},
		{`{"type":"action","action":"blindtransfer","call":"","phone":"103"}`, "bad_message", "blindtransfer", `"call": want a call id`},
		{`{"type":"action","action":"blindtransfer","call":"1.0"}`, "bad_message", "blindtransfer", `"phone" is missing`},
		{`{"type":"action","action":"hangup"}`, "bad_message", "hangup", `"call" is missing`},
		{`{"type":"action","action":"hangup","call":"1.0"}`, "bad_message", "hangup", `"call": want a list of call ids, even for one call`},
		{`{"type":"action","action":"hangup","call":[]}`, "bad_message", "hangup", `"call": want a list of call ids`},
		{`{"type":"action","action":"hangup","call":[["1.0"]]}`, "bad_message", "hangup", `"call": want a list of call ids`},
		{`{"type":"action","action":"hangup","call":["` + strings.Repeat("1", 151) + `"]}`, "bad_message", "hangup", `"call": want a list`},
		{`{"type":"action","action":"hangup","call":["1.0\r\nAction: x"]}`, "bad_message", "hangup", `"call": want a list of call ids`},
		{`{"type":"action","action":"hangup","call":[` + ids + `]}`, "bad_message", "hangup", `"call": want at most 100 call ids`},
	} {
		req, failure := ParseRequest([]byte(tt.data))
		if failure == nil {
			t.Errorf("ParseRequest(%s) = %#v", tt.data, req)
			continue
		}
		if failure.Code != ErrorCode(tt.code) || failure.Action != tt.action || !strings.Contains(failure.Message, tt.message) {
			t.Errorf("ParseRequest(%s): %+v, want %s %q with %q", tt.data, *failure, tt.code, tt.action, tt.message)
		}
	}
}

func TestCleanPhone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		phone, want string
		ok          bool
	}{
		{"102", "102", true},
		{"+34 910-000-000", "+34910000000", true},
		{" (91) 000.00.00 ", "910000000", true},
		{"*43#", "*43#", true},
		{"ana.b-c_d", "ana.b-c_d", true},
		{"*72 101", "", false},
		{"ana b", "", false},
		{"", "", false},
		{" -.()", "", false},
		{strings.Repeat("1", 64), strings.Repeat("1", 64), true},
		{strings.Repeat("1 ", 64), strings.Repeat("1", 64), true},
		{strings.Repeat("1", 65), "", false},
		{"102@from-internal", "", false},
		{"102&103", "", false},
		{"102,1", "", false},
		{"PJSIP/102", "", false},
		{"102\r\nAction: Command", "", false},
		{"${EXTEN}", "", false},
		{"١٠٢", "", false},
	} {
		got, ok := cleanPhone(tt.phone)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("cleanPhone(%q) = %q, %t, want %q, %t", tt.phone, got, ok, tt.want, tt.ok)
		}
	}
}

func TestSecretsStayOutOfLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler)
		log.Info("request", "request", AuthPlain{User: "ana", Passwd: "s3cret"})
		log.Info("answer", "message", AuthOK{Agent: "ana", Token: "s3cret"})
	}
	if strings.Contains(out.String(), "s3cret") || strings.Count(out.String(), "ana") != 4 {
		t.Errorf("logged:\n%s", &out)
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{
		`{"type":"auth-plain","user":"ana","passwd":"s3cret","features":["seq"]}`,
		`{"type":"action","action":"call","phone":"+34 910-000-000","customfield1":"a","customfield2":2}`,
		`{"type":"action","action":"blindtransfer","call":1795328984.1,"phone":"*43#"}`,
		`{"type":"action","action":"hangup","call":["1.0", 2.0]}`,
		`{"type":"action","action":"hangup","call":"1.0"}`,
		`{"type":"action","action":"dance"}`, `{"Type":"action"}`, `[]`, `null`, `{} {}`, "{\"type\":\"\xff\"}", `{"type":"\ud800"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, failure := ParseRequest(data)
		if failure != nil {
			if req != nil || failure.Code == "" || failure.Message == "" {
				t.Fatalf("refused with %+v, yet %#v", *failure, req)
			}
			if wire := failure.AppendJSON(nil); len(wire) > 1024 {
				t.Errorf("an answer of %d bytes: %s", len(wire), wire)
			}
			return
		}
		if err := checkLimits(req); err != nil {
			t.Errorf("%#v: %v", req, err)
		}
		again, failure := ParseRequest(req.AppendJSON(nil))
		if failure != nil {
			t.Fatalf("%s refused: %+v", req.AppendJSON(nil), *failure)
		}
		if diff := cmp.Diff(req, again); diff != "" {
			t.Errorf("AppendJSON, then ParseRequest (-want +got):\n%s", diff)
		}
	})
}

func checkLimits(req Request) error {
	phone := func(s string) error {
		if len(s) == 0 || len(s) > MaxPhone || strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*#+._-") != "" {
			return fmt.Errorf("phone %q", s)
		}
		return nil
	}
	printable := func(s string, most int) error {
		if len(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("text %q", s)
		}
		return nil
	}
	var errs []error
	switch r := req.(type) {
	case AuthPlain:
		if len(r.User) > MaxUser || len(r.Passwd) > MaxPasswd || len(r.Features) > MaxFeatures {
			return fmt.Errorf("lengths %d %d %d", len(r.User), len(r.Passwd), len(r.Features))
		}
	case Originate:
		errs = append(errs, phone(r.Phone), printable(r.CustomField1, MaxCustomField), printable(r.CustomField2, MaxCustomField))
	case BlindTransfer:
		errs = append(errs, phone(r.Phone), printable(r.Call, MaxCallID))
	case HangupCalls:
		if len(r.Calls) == 0 || len(r.Calls) > MaxHangupCalls {
			return fmt.Errorf("%d calls", len(r.Calls))
		}
		for _, id := range r.Calls {
			errs = append(errs, printable(id, MaxCallID))
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
