package ami

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) Message {
	t.Helper()
	m, err := NewReader(strings.NewReader(text + "\n\n")).Read()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessageKind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in, event, response string
	}{
		"event":              {"Event: Newchannel\nPrivilege: call,all", "Newchannel", ""},
		"event, lower case":  {"event:Newchannel", "Newchannel", ""},
		"response":           {"Response: Success\nActionID: 1", "", "Success"},
		"list":               {"Response: Success\nEventList: start", "", "Success"},
		"event of responses": {"Event: OriginateResponse\nActionID: 1\nResponse: Failure", "OriginateResponse", ""},
		"neither":            {"Eventful: yes", "", ""},
		"action":             {"Action: Login\nEvents: on", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := parse(t, tc.in)
			if m.Event() != tc.event || m.Response() != tc.response {
				t.Errorf("event %q, response %q, want %q and %q", m.Event(), m.Response(), tc.event, tc.response)
			}
			if m.IsEvent() != (tc.event != "") || m.IsResponse() != (tc.response != "") {
				t.Errorf("IsEvent %t, IsResponse %t", m.IsEvent(), m.IsResponse())
			}
		})
	}
}

func TestMessageGet(t *testing.T) {
	t.Parallel()
	m := parse(t, "Event: X\nUniqueid: 1.1\nVariable: a=1\nUNIQUEID: 2.2\nvariable: b=2\nEmpty:\nActionid: 7\n"+
		"ChanVariable(SIP/192.0.2.1:5060-1): c=3\nlast")
	for name, want := range map[string][]string{
		"Event":                              {"X"},
		"Uniqueid":                           {"1.1", "2.2"},
		"uniqueID":                           {"1.1", "2.2"},
		"Variable":                           {"a=1", "b=2"},
		"Empty":                              {""},
		"last":                               nil,
		"Unique":                             nil,
		"ChanVariable(SIP/192.0.2.1:5060-1)": {"c=3"},
		"a name that is longer than any line of the text": nil,
	} {
		first := ""
		if len(want) > 0 {
			first = want[0]
		}
		if got := m.Get(name); got != first {
			t.Errorf("Get(%q) = %q, want %q", name, got, first)
		}
		if diff := cmp.Diff(want, slices.Collect(m.Values(name))); diff != "" {
			t.Errorf("Values(%q) (-want +got):\n%s", name, diff)
		}
	}
	if m.ActionID() != "7" {
		t.Errorf("ActionID %q", m.ActionID())
	}
}

// TestMessageStop leaves the iterations early.
func TestMessageStop(t *testing.T) {
	t.Parallel()
	m := parse(t, "A: 1\nA: 2\nA: 3")
	var got []string
	for v := range m.Values("A") {
		got = append(got, v)
		if v == "2" {
			break
		}
	}
	for _, v := range m.All() {
		got = append(got, v)
		break
	}
	if diff := cmp.Diff([]string{"1", "2", "1"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMessageZero(t *testing.T) {
	t.Parallel()
	var m Message
	for _, m := range []Message{m, m.Clone()} {
		if m.IsEvent() || m.IsResponse() || m.ActionID() != "" || len(fields(m)) != 0 {
			t.Errorf("not empty: %v", fields(m))
		}
	}
}

// TestMessageClone keeps a message while its Reader goes on.
func TestMessageClone(t *testing.T) {
	t.Parallel()
	old := "Response: Follows\nfirst--END COMMAND--\n\n"
	r := NewReader(&pieces{data: []byte("A: first\n\nB: x\n\n" + old + strings.ReplaceAll(old, "first", "other")), sizes: []int{10}})
	var kept []Message
	for range 4 {
		m, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, m.Clone())
	}
	if kept[0].Get("A") != "first" || kept[1].Get("B") != "x" || kept[2].Get("Output") != "first" || kept[3].Get("Output") != "other" {
		t.Errorf("kept %v", kept)
	}
}
