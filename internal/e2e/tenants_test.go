package e2e

import (
	"fmt"
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

// Calls between 101 and 102 as they are told.
const (
	toldDialled = "101:\n  new-call outbound 101 → 102\n  call-state 4 Ring\n  call-state 6 Up\n  hangup 16\n"
	toldPlaced  = "101:\n  new-call outbound 101 → 102\n  call-state 5 Ringing\n  call-state 6 Up\n  hangup 16\n" // by an action
	toldRang    = "102:\n  new-call inbound 101 → 102\n  call-state 5 Ringing\n  call-state 6 Up\n  hangup 16\n"
)

// TestTenants has customers with the same numbers on one Asterisk, in contexts of their own, and one who has some extensions of
// another's. Each sees its own calls, and can act on nothing else.
func TestTenants(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := &site{asterisk: asterisk.Start(t, version)}
		s.serve(t, listenConfig(t)+pbxConfig("pbx1", s.asterisk, "from-internal", "tenant-b")+`
			[[account]]
			name = "acme"
			extensions = [{pbx = "pbx1", context = "from-internal"}]
			[[account]]
			name = "globex"
			extensions = [{pbx = "pbx1", context = "tenant-b", numbers = ["1XX"]}]
			[[account]]
			name = "desk"
			extensions = [{pbx = "pbx1", context = "from-internal", numbers = ["10[24]", "_Z05", "9XX"]}]`)

		acme := s.enter(t, "acme", "")
		globex := s.enter(t, "globex", "")
		desk := s.enter(t, "desk", "")
		acme101, globex101, desk102 := s.enter(t, "acme", "101"), s.enter(t, "globex", "101"), s.enter(t, "desk", "102")
		wantExtensions(t, acme, map[string][]string{"pbx1": {"101", "102", "103", "104", "105", "106", "107", "108"}})
		wantExtensions(t, globex, map[string][]string{"pbx1": {"101", "102"}})
		wantExtensions(t, desk, map[string][]string{"pbx1": {"102", "104", "105"}})
		for _, agent := range []*watch.Client{acme101, globex101} {
			wantExtensions(t, agent, map[string][]string{"pbx1": {"101"}})
		}

		lab := scenario.New(t, s.asterisk)
		for _, device := range []string{"101", "102", "b101", "b102"} {
			lab.Phone(device).SetMode(phone.AutoAnswer())
		}
		acmeCall, globexCall := lab.Phone("101").Dial("102"), lab.Phone("b101").Dial("102")
		legs := byDevice(lab.Step("both talk", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/b101 Up + PJSIP/b102 Up"))
		awaitCalls(t, acme, place{"pbx1", "101", legs["PJSIP/101"]}, place{"pbx1", "102", legs["PJSIP/102"]})
		awaitCalls(t, globex, place{"pbx1", "101", legs["PJSIP/b101"]}, place{"pbx1", "102", legs["PJSIP/b102"]})
		awaitCalls(t, desk, place{"pbx1", "102", legs["PJSIP/102"]})
		awaitCalls(t, acme101, place{"pbx1", "101", legs["PJSIP/101"]})
		awaitCalls(t, globex101, place{"pbx1", "101", legs["PJSIP/b101"]})
		awaitCalls(t, desk102, place{"pbx1", "102", legs["PJSIP/102"]})

		// The neighbour has the same number, and still no right to the call.
		globex101.Do(protocol.HangupCalls{Calls: []string{legs["PJSIP/101"], legs["PJSIP/102"]}})
		desk102.Do(protocol.HangupCalls{Calls: []string{legs["PJSIP/101"], legs["PJSIP/b102"]}})
		for _, agent := range []*watch.Client{globex101, desk102} {
			watch.Await(agent, func(m protocol.Error) bool { return m.Code == protocol.CodeNoSuchCall })
		}
		lab.Step("both still talk", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/b101 Up + PJSIP/b102 Up")
		globex101.Do(protocol.HangupCalls{Calls: []string{legs["PJSIP/b101"]}})
		globexCall.AwaitEnd(t.Context())
		lab.Step("one talks", "PJSIP/101 Up + PJSIP/102 Up")
		desk102.Do(protocol.HangupCalls{Calls: []string{legs["PJSIP/102"]}})
		acmeCall.AwaitEnd(t.Context())

		// What an agent dials is dialled in its own dial plan.
		caller := lab.Trunk().Call(scenario.Mobile, scenario.DIDTenantB)
		inbound := byDevice(lab.Step("call from outside", "PJSIP/trunk Up + PJSIP/b101 Up"))["PJSIP/b101"]
		awaitCalls(t, globex, place{"pbx1", "101", inbound})
		awaitBridged(t, "101", func() *watch.Client { return s.enter(t, "globex", "101") })
		globex101.Do(protocol.BlindTransfer{Call: inbound, Phone: "102"})
		legs = byDevice(lab.Step("transferred", "PJSIP/trunk Up + PJSIP/b102 Up"))
		awaitCalls(t, globex, place{"pbx1", "102", legs["PJSIP/b102"]})
		caller.Hangup()
		lab.Step("over")
		globex101.Do(protocol.Originate{Phone: "102"})
		legs = byDevice(lab.Step("call placed", "PJSIP/b101 Up + PJSIP/b102 Up"))
		awaitCalls(t, globex, place{"pbx1", "101", legs["PJSIP/b101"]}, place{"pbx1", "102", legs["PJSIP/b102"]})
		globex101.Do(protocol.HangupCalls{Calls: []string{legs["PJSIP/b101"]}})
		lab.Step("over")

		outside := func(number string) string {
			return number + ":\n  new-call inbound 34600123456 → " + number + " (dida \"34600123456\", didb \"34922000101\")\n" +
				"  call-state 5 Ringing\n  call-state 6 Up\n  hangup 16\n"
		}
		for _, client := range []struct {
			who  string
			c    *watch.Client
			want string
		}{
			{"acme", acme, toldDialled + toldRang},
			{"globex", globex, toldDialled + outside("101") + toldPlaced + toldRang + outside("102") + toldRang},
			{"desk", desk, toldRang},
			{"acme's 101", acme101, toldDialled},
			{"globex's 101", globex101, toldDialled + outside("101") + toldPlaced},
			{"desk's 102", desk102, toldRang},
		} {
			wantTranscript(t, client.who, client.c, "pbx1", client.want)
		}
	})
}

// TestTwoPBXs has one customer on two Asterisks, of different versions, with the same numbers on both, and another on one of them.
func TestTwoPBXs(t *testing.T) {
	t.Parallel()
	first, second := asterisk.Start(t, asterisk.V22), asterisk.Start(t, asterisk.V16)
	s := &site{}
	s.serve(t, listenConfig(t)+pbxConfig("pbx1", first, "from-internal")+pbxConfig("pbx2", second, "from-internal", "tenant-b")+`
		[[account]]
		name = "acme"
		extensions = [{pbx = "pbx1", numbers = ["10[1-3]"]}, {pbx = "pbx2", context = "from-internal", numbers = ["101", "102"]}]
		[[account]]
		name = "globex"
		extensions = [{pbx = "pbx2", context = "tenant-b"}]`)

	acme, globex := s.enter(t, "acme", ""), s.enter(t, "globex", "")
	wantExtensions(t, acme, map[string][]string{"pbx1": {"101", "102", "103"}, "pbx2": {"101", "102"}})
	wantExtensions(t, globex, map[string][]string{"pbx2": {"101", "102"}})
	agents := map[string]*watch.Client{}
	for _, pbx := range []string{"pbx1", "pbx2"} {
		agents[pbx] = s.agentOn(t, "acme", pbx, "101")
		wantExtensions(t, agents[pbx], map[string][]string{pbx: {"101"}})
	}

	// Both are busy at once; each agent's call goes through its own PBX.
	labs := map[string]*scenario.Lab{"pbx1": scenario.New(t, first), "pbx2": scenario.New(t, second)}
	for _, lab := range labs {
		lab.Phone("101").SetMode(phone.AutoAnswer())
		lab.Phone("102").SetMode(phone.AutoAnswer())
	}
	for _, agent := range agents {
		agent.Do(protocol.Originate{Phone: "102"})
	}
	var all []place // the two PBXs may well have used the same ids
	for pbx, lab := range labs {
		legs := byDevice(lab.Step("talking", "PJSIP/101 Up + PJSIP/102 Up"))
		all = append(all, place{pbx, "101", legs["PJSIP/101"]}, place{pbx, "102", legs["PJSIP/102"]})
	}
	awaitCalls(t, acme, all...)
	ids := map[string]string{}
	for pbx, agent := range agents {
		ids[pbx] = watch.Await(agent, func(protocol.NewCall) bool { return true }).CallID
	}
	agents["pbx1"].Do(protocol.HangupCalls{Calls: []string{ids["pbx2"]}})
	agents["pbx2"].Do(protocol.BlindTransfer{Call: ids["pbx1"], Phone: "103"})
	for _, agent := range agents {
		watch.Await(agent, func(m protocol.Error) bool { return m.Code == protocol.CodeNoSuchCall })
	}
	for pbx, lab := range labs {
		lab.Step("still talking", "PJSIP/101 Up + PJSIP/102 Up")
		agents[pbx].Do(protocol.HangupCalls{Calls: []string{ids[pbx]}})
		lab.Step("over")
	}

	for pbx, agent := range agents {
		wantTranscript(t, "acme", acme, pbx, toldPlaced+toldRang)
		wantTranscript(t, "the agent on "+pbx, agent, pbx, toldPlaced)
		wantTranscript(t, "globex", globex, pbx, "")
	}
}

// listenConfig is the part of a configuration that has nothing to do with PBXs.
func listenConfig(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf(`
		data_dir = %q
		[listen]
		plain = "127.0.0.1:0"
		tls = ""
		`, t.TempDir())
}

// pbxConfig is the part of a configuration that names an Asterisk.
func pbxConfig(name string, server *asterisk.Server, contexts ...string) string {
	return fmt.Sprintf(`
		[[pbx]]
		name = %q
		driver = "asterisk"
		address = %q
		username = %q
		secret = %q
		contexts = ["%s"]
		`, name, server.AMIAddress(), server.AMIUser(), server.AMISecret(), strings.Join(contexts, `", "`))
}

// enter connects the supervisor of an account, or the agent of one of its extensions on pbx1, when that PBX is followed.
func (s *site) enter(t *testing.T, account, extension string) *watch.Client {
	t.Helper()
	if extension != "" {
		return s.agentOn(t, account, "pbx1", extension)
	}
	s.user(t, account, account)
	c := watch.Dial(t, s.url("/ws"))
	c.Login(account, password)
	return c
}

// agentOn connects the agent of an account's extension.
func (s *site) agentOn(t *testing.T, account, pbx, extension string) *watch.Client {
	t.Helper()
	name := account + "." + pbx + "." + extension
	s.agent(t, name, account, pbx, extension)
	c := watch.Dial(t, s.url("/agent"))
	ok := c.Login(name, password)
	if ok.Server != pbx || ok.Extension != extension || ok.Agent != name {
		t.Errorf("%s is let in as %+v", name, ok)
	}
	return c
}

// wantExtensions waits until a client knows exactly these extensions, by PBX.
func wantExtensions(t *testing.T, c *watch.Client, want map[string][]string) {
	t.Helper()
	for pbx, numbers := range want {
		c.AwaitState(func(r *watch.Replica) bool {
			return !slices.ContainsFunc(numbers, func(number string) bool { return r.Status(pbx, number) == "" })
		})
	}
	c.Fence()
	got := map[string][]string{}
	for _, m := range c.Messages() {
		switch m := m.(type) {
		case protocol.Init:
			got[m.Server] = nil
			for _, e := range m.Data {
				got[m.Server] = append(got[m.Server], e.Extension)
			}
		case protocol.ExtensionStatus: // the PBX was not followed yet at the init
			if !slices.Contains(got[m.Server], m.Extension) {
				got[m.Server] = append(got[m.Server], m.Extension)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extensions (-want +got): %s", diff)
	}
}

// byDevice returns the ids of channels by their devices.
func byDevice(channels []asterisk.Channel) map[string]string {
	ids := map[string]string{}
	for _, channel := range channels {
		ids[channel.Device] = channel.UniqueID
	}
	return ids
}

// place is where a call is.
type place struct{ pbx, extension, id string }

// awaitCalls waits until a client knows exactly these calls, all answered.
func awaitCalls(t *testing.T, c *watch.Client, want ...place) {
	t.Helper()
	c.AwaitState(func(r *watch.Replica) bool {
		missing := slices.ContainsFunc(want, func(p place) bool {
			return r.CallsOf(p.pbx, p.extension)[p.id].StatusDesc != protocol.StateUp.Desc()
		})
		return !missing && r.Calls() == len(want)
	})
}

// wantTranscript waits until a client knows of no call, and compares what it was told of those of a PBX.
func wantTranscript(t *testing.T, who string, c *watch.Client, pbx, want string) {
	t.Helper()
	c.AwaitNoCalls()
	c.Fence()
	messages := slices.DeleteFunc(c.Messages(), func(m protocol.Message) bool {
		return !strings.Contains(string(m.AppendJSON(nil)), `"server":"`+pbx+`"`)
	})
	if diff := cmp.Diff(want, transcript(messages)); diff != "" {
		t.Errorf("%s, calls on %s (-want +got): %s", who, pbx, diff)
	}
}
