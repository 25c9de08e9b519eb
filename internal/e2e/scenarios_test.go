package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

var (
	update = flag.Bool("update", false, "write what clients got to testdata, as what they must get")
	record = flag.String("record", "", "write what AMI said to files below this directory")
)

// TestScenarios plays every scenario on every Asterisk: a supervisor and the agents must get exactly the messages that testdata
// has, in a legal order; at each point where nothing moves, a fresh init must say what Asterisk says.
func TestScenarios(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := newSite(t, version, "")
		for _, play := range scenario.All() {
			t.Run(play.Name, func(t *testing.T) {
				if *record != "" {
					recordAMI(t, s, filepath.Join(*record, string(version), play.Name))
				}
				lab := scenario.New(t, s.asterisk)
				supervisor := s.supervisor(t)
				awaitExtensions(supervisor)
				agents := map[string]*watch.Client{}
				for _, number := range []string{"101", "102", "103"} {
					agents[number] = s.agentOf(t, number)
				}
				lab.OnStep = func(_ string, channels []asterisk.Channel) { s.checkAgainst(t, supervisor, channels) }
				play.Run(lab)
				supervisor.AwaitNoCalls()
				supervisor.Fence()
				s.checkAgainst(t, supervisor, s.asterisk.With(t).Channels())

				got := transcript(supervisor.Messages())
				if play.Name == "forwarded" { // Asterisk itself says one or the other of the leg that was forwarded
					got = strings.ReplaceAll(got, "hangup 23", "hangup 0")
				}
				golden(t, filepath.Join("testdata", string(version), play.Name+".txt"), got)
				for number, agent := range agents {
					agent.Fence()
					if diff := cmp.Diff(only(supervisor.Messages(), number), only(agent.Messages(), number)); diff != "" {
						t.Errorf("agent %s got something else than the supervisor: %s", number, diff)
					}
				}
			})
		}
	})
}

// awaitExtensions waits until the PBX is followed.
func awaitExtensions(c *watch.Client) {
	c.AwaitState(func(r *watch.Replica) bool { return r.Status("pbx1", "101") != "" })
}

// only returns the updates of the calls of one extension. Its states are left out: when the agent came, they may have been told to
// the supervisor already.
func only(messages []protocol.Message, extension string) []string {
	var list []string
	for _, m := range messages {
		if number, id := subject(m); number == extension && id != "" {
			list = append(list, string(m.AppendJSON(nil)))
		}
	}
	return list
}

// subject returns the extension and the call that an update is about.
func subject(m protocol.Message) (extension, call string) {
	switch m := m.(type) {
	case protocol.ExtensionStatus:
		return m.Extension, ""
	case protocol.NewCall:
		return m.Extension, m.CallID
	case protocol.CallState:
		return m.Extension, m.CallID
	case protocol.CallMark:
		return m.Extension, m.CallID
	case protocol.Hangup:
		return m.Extension, m.CallID
	}
	return "", ""
}

// transcript writes down what was said about each call, call by call: how the messages of different calls interleave is not
// determined. Calls are named by extension and order.
func transcript(messages []protocol.Message) string {
	type key struct{ extension, call string }
	lines := map[key][]string{}
	var order []key
	for _, m := range messages {
		extension, call := subject(m)
		if call == "" {
			continue
		}
		k := key{extension, call}
		if lines[k] == nil {
			order = append(order, k)
		}
		lines[k] = append(lines[k], describe(m))
	}
	slices.SortStableFunc(order, func(a, b key) int { return strings.Compare(a.extension, b.extension) })
	var b strings.Builder
	for _, k := range order {
		fmt.Fprintf(&b, "%s:\n", k.extension)
		for _, line := range lines[k] {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// describe returns a message without what differs from run to run, or is the same in all.
func describe(m protocol.Message) string {
	switch m := m.(type) {
	case protocol.NewCall:
		line := fmt.Sprintf("new-call %s %s → %s", m.Direction, m.PhoneA, m.PhoneB)
		if m.DIDA != "" || m.DIDB != "" {
			line += fmt.Sprintf(" (dida %q, didb %q)", m.DIDA, m.DIDB)
		}
		return line
	case protocol.CallState:
		return "call-state " + m.State + " " + m.StateDesc
	case protocol.CallMark:
		return string(m.Mark)
	case protocol.Hangup:
		return "hangup " + m.Cause
	}
	return fmt.Sprintf("%T", m)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-update writes it): %s", file, diff)
	}
}

// recordAMI writes down what AMI says during a test, from a login of its own on.
func recordAMI(t *testing.T, s *site, file string) {
	t.Helper()
	var down, up bytes.Buffer
	s.network.Tee(&down, &up)
	mark := s.log.mark()
	s.network.Cut()
	s.log.awaitAfter(t, mark, "pbx is followed")
	t.Cleanup(func() {
		s.network.Tee(nil, nil)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{file + ".ami": down.Bytes(), file + ".actions": up.Bytes()} {
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Error(err)
			}
		}
	})
}
