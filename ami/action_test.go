package ami

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestActionAppend(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxActionLine-len("Data: "))
	for name, tc := range map[string]struct {
		action Action
		want   string
	}{
		"no headers": {NewAction("Ping"), "Action: Ping\r\n\r\n"},
		"headers": {
			NewAction("Originate").With("Channel", "PJSIP/101").With("Variable", "a=1").With("Variable", "b=2").With("Async", "true"),
			"Action: Originate\r\nChannel: PJSIP/101\r\nVariable: a=1\r\nVariable: b=2\r\nAsync: true\r\n\r\n",
		},
		"odd values": {NewAction("X").With("A", "").With("B", " :x: ").With("C", "Jos\xe9"), "Action: X\r\nA: \r\nB:  :x: \r\nC: Jos\xe9\r\n\r\n"},
		"longest":    {NewAction("X").With("Data", long), "Action: X\r\nData: " + long + "\r\n\r\n"},
		"variable": {
			NewAction("Originate").WithVariable("__X", `a,b=1,SHELL(rm)="[\]"`),
			`Action: Originate` + "\r\n" + `Variable: __X=a\,b=1\,SHELL\(rm\)=\"\[\\\]\"` + "\r\n\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.action.Append([]byte("before\r\n\r\n"))
			if err != nil || string(got) != "before\r\n\r\n"+tc.want {
				t.Errorf("%q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestActionAppendRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hush"
	many := NewAction("X")
	for range maxActionHeaders {
		many = many.With("A", "1")
	}
	for name, tc := range map[string]struct {
		action Action
		names  string // what the error must name
	}{
		"zero":            {Action{}, "no name"},
		"no action":       {NewAction(""), "no name"},
		"action with LF":  {NewAction("Ping\nAction: Logoff"), "Action"},
		"no name":         {NewAction("X").With("", secret), "without a name"},
		"colon in name":   {NewAction("X").With("A:b", secret), `"A:b"`},
		"LF in name":      {NewAction("X").With("A\nB", secret), `"A\nB"`},
		"LF in value":     {NewAction("X").With("Secret", secret+"\nAction: Command"), "Secret"},
		"CR in value":     {NewAction("X").With("Secret", secret+"\r"), "Secret"},
		"NUL in value":    {NewAction("X").With("Secret", secret+"\x00"), "Secret"},
		"LF in variable":  {NewAction("X").WithVariable("A", secret+"\n"), "Variable"},
		"long line":       {NewAction("X").With("Secret", secret+strings.Repeat("x", maxActionLine)), "Secret"},
		"too many":        {many, "129"},
		"after good ones": {NewAction("X").With("A", "1").With("Secret", secret+"\n"), "Secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst := []byte("before")
			got, err := tc.action.Append(dst)
			if !errors.Is(err, ErrInvalidAction) || !strings.Contains(err.Error(), tc.names) || strings.Contains(err.Error(), secret) {
				t.Errorf("error %v, which should name %s and hide %s", err, tc.names, secret)
			}
			if string(got) != "before" {
				t.Errorf("returned %q", got)
			}
		})
	}
}

// TestActionIsValue derives two actions from one.
func TestActionIsValue(t *testing.T) {
	t.Parallel()
	base := NewAction("X").With("A", "1").With("B", "2")
	one, two := base.With("C", "one"), base.With("C", "two")
	for want, a := range map[string]Action{
		"Action: X\r\nA: 1\r\nB: 2\r\n\r\n":           base,
		"Action: X\r\nA: 1\r\nB: 2\r\nC: one\r\n\r\n": one,
		"Action: X\r\nA: 1\r\nB: 2\r\nC: two\r\n\r\n": two,
	} {
		if got, err := a.Append(nil); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

func TestActionPrintsNoValues(t *testing.T) {
	t.Parallel()
	a := NewAction("Login").With("Secret", "hush")
	for _, format := range []string{"%v", "%+v", "%s", "%q"} {
		if got := fmt.Sprintf(format, a); strings.Trim(got, `"`) != "Login" {
			t.Errorf("%s prints %s", format, got)
		}
	}
}
