package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestActions has agents do everything that they can, and cannot. All clients must get exactly the messages that testdata has, who
// is refused also the errors that the play says, and nobody else any. The AMI user has no more rights than the README gives it.
func TestActions(t *testing.T) {
	t.Parallel()
	plays := slices.Concat(originatePlays(), transferPlays(), hangupPlays())
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := newSite(t, version, "", asterisk.WithRights("system,call", "call,originate"))
		for _, play := range plays {
			t.Run(play.name, func(t *testing.T) {
				if *record != "" {
					recordAMI(t, s, filepath.Join(*record, string(version), play.name))
				}
				o := openOffice(t, s)
				play.run(o)
				o.close(filepath.Join("testdata", string(version), "actions", play.name+".txt"))
			})
		}
	})
}

// A play is something that agents do.
type play struct {
	name string
	run  func(*office)
}

// office is where agents work: with phones, watched by a supervisor.
type office struct {
	*scenario.Lab
	t          *testing.T
	site       *site
	supervisor *watch.Client
	agents     map[string]*watch.Client
	refusals   map[*watch.Client][]refusal // that were expected and came
}

// refusal is what counts of an error.
type refusal struct {
	action string
	code   protocol.ErrorCode
}

// openOffice has a supervisor and the agents of 101, 102 and 103 come in.
func openOffice(t *testing.T, s *site) *office {
	t.Helper()
	o := &office{
		Lab: scenario.New(t, s.asterisk), t: t, site: s,
		supervisor: s.supervisor(t), agents: map[string]*watch.Client{}, refusals: map[*watch.Client][]refusal{},
	}
	awaitExtensions(o.supervisor)
	for _, extension := range []string{"101", "102", "103"} {
		o.agent(extension)
	}
	o.OnStep = func(_ string, channels []asterisk.Channel) { s.checkAgainst(t, o.supervisor, channels) }
	return o
}

// agent returns the agent of an extension, who comes in when first asked for.
func (o *office) agent(extension string) *watch.Client {
	o.t.Helper()
	if o.agents[extension] == nil {
		o.agents[extension] = o.site.agentOf(o.t, extension)
	}
	return o.agents[extension]
}

// rings returns the call that act makes a device ring with, when Asterisk has said so.
func (o *office) rings(device string, act func()) *phone.Call {
	o.t.Helper()
	o.Plug(device)
	mark := o.Server.Mark()
	act()
	call := o.Phone(device).AwaitCall(o.Context())
	o.Server.AwaitEvent(o.Context(), mark, "Event: Newstate\r\n", "Channel: PJSIP/"+device+"-", "ChannelStateDesc: Ringing\r\n")
	return call
}

// originates has an agent place a call and take it on its own phone, which is that of its extension.
func (o *office) originates(extension string, request protocol.Originate) *phone.Call {
	o.t.Helper()
	own := o.rings(extension, func() { o.agent(extension).Do(request) })
	own.Answer()
	return own
}

// connect has one phone call a number and another, which it rings, answer.
func (o *office) connect(from, number, to string) (caller, callee *phone.Call) {
	o.t.Helper()
	callee = o.rings(to, func() { caller = o.Phone(from).Dial(number) })
	callee.Answer()
	caller.AwaitState(o.Context(), phone.Answered)
	return caller, callee
}

// callID returns the id of the next call of an agent, as that has been told.
func (o *office) callID(extension string) string {
	o.t.Helper()
	return watch.Await(o.agent(extension), func(protocol.NewCall) bool { return true }).CallID
}

// wantRefusal waits for the error that answers an action.
func (o *office) wantRefusal(c *watch.Client, action string, code protocol.ErrorCode) {
	o.t.Helper()
	got := watch.Await(c, func(m protocol.Error) bool { return m.Action == action })
	if got.Code != code {
		o.t.Errorf("refused: %s, want %s", got.AppendJSON(nil), code)
	}
	o.refusals[c] = append(o.refusals[c], refusal{action, got.Code})
}

// wantEnd waits until a call ends for its phone, and looks with which status.
func (o *office) wantEnd(call *phone.Call, status int) {
	o.t.Helper()
	if end := call.AwaitEnd(o.Context()); end.Code != status {
		o.t.Errorf("%s ended with %+v, want %d", call, end, status)
	}
}

// wantSilence looks whether a phone has not been called.
func (o *office) wantSilence(device string) {
	o.t.Helper()
	select {
	case call := <-o.Phone(device).Incoming():
		o.t.Errorf("%s rang: %s", device, call)
	default:
	}
}

// close waits until all is over, and compares what everybody has got.
func (o *office) close(file string) {
	o.t.Helper()
	o.Step("over")
	for range endsIn(o.t, file) {
		watch.Await(o.supervisor, func(protocol.Hangup) bool { return true })
	}
	o.supervisor.AwaitNoCalls()
	o.supervisor.Fence()
	golden(o.t, file, transcript(o.supervisor.Messages()))
	clients := map[string]*watch.Client{"the supervisor": o.supervisor}
	for extension, agent := range o.agents {
		clients["the agent of "+extension] = agent
		agent.Fence()
		if diff := cmp.Diff(only(o.supervisor.Messages(), extension), only(agent.Messages(), extension)); diff != "" {
			o.t.Errorf("the agent of %s got something else than the supervisor (-supervisor +agent): %s", extension, diff)
		}
	}
	for who, c := range clients {
		if diff := cmp.Diff(o.refusals[c], refusalsOf(c), cmp.AllowUnexported(refusal{})); diff != "" {
			o.t.Errorf("errors of %s (-want +got): %s", who, diff)
		}
	}
}

// endsIn returns how many calls end in a golden transcript: as many are to be waited for.
func endsIn(t *testing.T, file string) int {
	t.Helper()
	if *update {
		return 0
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "hangup ")
}

// refusalsOf returns the errors that a client got, but for those of its fences.
func refusalsOf(c *watch.Client) []refusal {
	var list []refusal
	for _, m := range c.Messages() {
		if m, ok := m.(protocol.Error); ok && m.Code != protocol.CodeUnknownAction {
			list = append(list, refusal{m.Action, m.Code})
		}
	}
	return list
}
