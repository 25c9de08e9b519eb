package asterisk

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/pbx"
)

func TestHintDevices(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string][]string{
		"":                      nil,
		"PJSIP/101":             {"PJSIP/101"},
		"PJSIP/101&PJSIP/1101":  {"PJSIP/101", "PJSIP/1101"},
		"PJSIP/101 & IAX2/101":  {"PJSIP/101", "IAX2/101"},
		"DAHDI/i1/101":          {"DAHDI/i1/101"},
		"Custom:DND101":         nil,
		"Queue:support":         nil,
		"park:71@parkedcalls":   nil,
		"confbridge:900":        nil,
		"Local/101@internal":    nil,
		"PJSIP/":                nil,
		"PJSIP/101&":            {"PJSIP/101"},
		",CustomPresence:101":   nil,
		"PJSIP/101,Presence:/x": {"PJSIP/101"},
		"PJSIP/101&Custom:DND101,CustomPresence:101": {"PJSIP/101"},
	} {
		if diff := cmp.Diff(want, hintDevices(hint)); diff != "" {
			t.Errorf("%q: %s", hint, diff)
		}
	}
}

func TestDeviceOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"PJSIP/101-0000000b":          "pjsip/101",
		"PJSIP/my-phone-0000000b":     "pjsip/my-phone",
		"DAHDI/i1/101-2":              "dahdi/i1/101",
		"Console/dsp":                 "console/dsp",
		"Local/101@from-internal-1;1": "",
		"CBAnn/900-00000000;1":        "",
		"PJSIP/101-0000000b<ZOMBIE>":  "pjsip/101",
		"":                            "",
	} {
		if got := deviceOf(name); got != want {
			t.Errorf("%q: %q instead of %q", name, got, want)
		}
	}
}

func TestExtensionStatus(t *testing.T) {
	t.Parallel()
	for number, want := range map[int]pbx.Status{
		0: pbx.Idle, 1: pbx.InUse, 2: pbx.Busy, 4: pbx.Unavailable, 8: pbx.Ringing, 9: pbx.InUseRinging, 16: pbx.OnHold, 17: pbx.InUseOnHold,
	} {
		if got, ok := extensionStatus(number); got != want || !ok {
			t.Errorf("%d: %v %v instead of %v", number, got, ok, want)
		}
	}
	for _, removed := range []int{-1, -2} {
		if _, ok := extensionStatus(removed); ok {
			t.Errorf("%d is a hint that is there", removed)
		}
	}
}

// TestSharedDevice: a device that several hints name is of one extension, and always of the same.
func TestSharedDevice(t *testing.T) {
	t.Parallel()
	id := func(context, number string) pbx.ExtensionID { return pbx.ExtensionID{Context: context, Number: number} }
	for _, tt := range []struct {
		name  string
		hints []pbx.ExtensionID
		want  pbx.ExtensionID
	}{
		{"the extension of the device's name", []pbx.ExtensionID{id("first", "100"), id("second", "101")}, id("second", "101")},
		{"the first context", []pbx.ExtensionID{id("second", "101"), id("first", "101")}, id("first", "101")},
		{"the lowest number", []pbx.ExtensionID{id("first", "205"), id("first", "201"), id("first", "203")}, id("first", "201")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 10 { // maps are walked in a different order each time
				m := newModel([]string{"first", "second"}, func(pbx.Event) {})
				m.beginRefresh()
				for _, hint := range tt.hints {
					m.setHint(hint, "PJSIP/101", 0)
				}
				m.finishRefresh()
				if got := m.byDevice["pjsip/101"].ID; got != tt.want {
					t.Fatalf("it is of %v instead of %v", got, tt.want)
				}
			}
		})
	}
}

// TestHints: which hints are extensions, and what becomes of them.
func TestHints(t *testing.T) {
	t.Parallel()
	var got []pbx.Event
	m := newModel([]string{"from-internal"}, func(ev pbx.Event) { got = append(got, ev) })
	m.beginRefresh()
	m.finishRefresh()
	got = nil
	of := func(number string) pbx.ExtensionID { return pbx.ExtensionID{Context: "from-internal", Number: number} }
	changed := func(number, hint string, status pbx.Status) pbx.Event {
		return pbx.Event{Kind: pbx.ExtensionChanged, Extension: pbx.Extension{ID: of(number), Hint: hint, Status: status}}
	}
	for _, step := range []struct {
		name   string
		id     pbx.ExtensionID
		hint   string
		number int
		want   []pbx.Event
	}{
		{"of another context", pbx.ExtensionID{Context: "elsewhere", Number: "101"}, "PJSIP/101", 0, nil},
		{"of a pattern", of("_1XX"), "PJSIP/101", 0, nil},
		{"of no telephone", of("*78"), "Custom:DND", 0, nil},
		{"before Asterisk knows its devices", of("101"), "", 4, nil},
		{"of a telephone", of("101"), "PJSIP/101", 0, []pbx.Event{changed("101", "PJSIP/101", pbx.Idle)}},
		{"the same again", of("101"), "PJSIP/101", 0, nil},
		{"without devices, after a reload", of("101"), "", 1, []pbx.Event{changed("101", "PJSIP/101", pbx.InUse)}},
		{"another device", of("101"), "PJSIP/1101", 1, []pbx.Event{changed("101", "PJSIP/1101", pbx.InUse)}},
		{"no telephone any more", of("101"), "Custom:x", 0, []pbx.Event{{
			Kind: pbx.ExtensionRemoved, Extension: pbx.Extension{ID: of("101"), Hint: "PJSIP/1101", Status: pbx.InUse},
		}}},
		{"back", of("101"), "PJSIP/101", 0, []pbx.Event{changed("101", "PJSIP/101", pbx.Idle)}},
		{"removed", of("101"), "PJSIP/101", -2, []pbx.Event{{
			Kind: pbx.ExtensionRemoved, Extension: pbx.Extension{ID: of("101"), Hint: "PJSIP/101", Status: pbx.Idle},
		}}},
	} {
		m.setHint(step.id, step.hint, step.number)
		m.flush()
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
		got = nil
	}
}
