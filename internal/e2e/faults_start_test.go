package e2e

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestStartAmidCalls: at each point of a scenario a Clavija starts. It knows of the calls what one knows that has followed them all
// along, as far as Asterisk can tell, and sees them end.
func TestStartAmidCalls(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		steady := newRig(t, following(server, server.AMIAddress()))
		for _, play := range scenario.All() {
			if !worthAStart(play.Name) {
				continue
			}
			t.Run(play.Name, func(t *testing.T) {
				lab := scenario.New(t, server)
				reference := steady.supervisor(t)
				var started []*watch.Client
				lab.OnStep = func(_ string, channels []asterisk.Channel) {
					reference.AwaitState(func(r *watch.Replica) bool { return has(r, channels) })
					client := newRig(t, following(server, server.AMIAddress())).supervisor(t)
					if diff := eventually(t, func() string {
						return cmp.Diff(known(play.Name, reference), known(play.Name, client))
					}); diff != "" {
						t.Errorf("who starts now knows something else: %s", diff)
					}
					started = append(started, client)
				}
				play.Run(lab)
				for _, client := range started {
					client.AwaitNoCalls()
				}
			})
		}
	})
}

// worthAStart names the scenarios of which each has something else to be known at the start. A call that rings somewhere takes half a
// second: until then it may be going to the outside.
func worthAStart(play string) bool {
	switch play {
	case "two_devices", "two_calls", "hold", "hold_both", "trunk_in", "trunk_out", "recorded_callee",
		"local_n", "queue", "conference", "attended", "blind_trunk", "parked", "pickup_directed":
		return true
	}
	return false
}

// TestStopAndStart: a whole server, with a restless client and a network that fails, is stopped and started again while calls go on.
// It leaves no goroutine behind.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := &site{asterisk: asterisk.Start(t, version)}
		s.network = proxy.New(t, s.asterisk.AMIAddress())
		configuration := fmt.Sprintf(`
			data_dir = %q
			[listen]
			plain = "127.0.0.1:0"
			tls = "127.0.0.1:0"
			[[pbx]]
			name = "pbx1"
			driver = "asterisk"
			address = %q
			username = %q
			secret = %q
			contexts = ["from-internal"]`, t.TempDir(), s.network.Address(), s.asterisk.AMIUser(), s.asterisk.AMISecret())
		lab := scenario.New(t, s.asterisk)
		lab.Plug("101", "102", "103")
		caller := lab.Phone("101").Dial("102")
		callee := lab.Phone("102").AwaitCall(t.Context())
		var ids []string
		serving := func(name string, run func(t *testing.T)) {
			withoutLeak(t, name, func(t *testing.T) {
				s.serve(t, configuration)
				if goroutines(t, t.Name()) == "" {
					t.Error("goroutines are not told apart: this would find no leak")
				}
				run(t)
			})
		}
		serving("first", func(t *testing.T) {
			channels := s.asterisk.With(t).AwaitChannels(t.Context(), calling101, called102)
			for _, c := range channels {
				ids = append(ids, c.UniqueID)
			}
			client, agent := s.supervisor(t), s.agentOf(t, "101")
			client.AwaitState(func(r *watch.Replica) bool { return has(r, channels) })
			s.network.Refuse(true)
			s.network.Cut()
			awaitStatus(client, protocol.StatusUnavailable, "101", "102", "103")
			agent.Do(protocol.Originate{Phone: "103"})
			watch.Await(agent, refused(protocol.ActionCall, protocol.CodePBXUnavailable))
			s.network.Refuse(false)
			awaitStatus(client, protocol.StatusRinging, "102")
			agent.Do(protocol.Originate{Phone: "103"}) // 101's phone rings, and will go on when nobody minds any more
			lab.Phone("101").AwaitCall(t.Context())
			s.network.Stall(true)
			stopped(t, s)
			s.network.Stall(false)
			for _, c := range []*watch.Client{client, agent} {
				if code, _ := c.AwaitClose(); code != protocol.CloseGoingAway {
					t.Errorf("closed with %d, want %d", code, protocol.CloseGoingAway)
				}
			}
		})
		callee.Answer()
		caller.AwaitState(t.Context(), phone.Answered)
		serving("second", func(t *testing.T) {
			channels := s.asterisk.With(t).AwaitChannels(t.Context(), talking, "PJSIP/101 Ringing")
			client := s.supervisor(t)
			client.AwaitState(func(r *watch.Replica) bool { return has(r, channels) })
			want := []string{
				"101 " + ids[0] + " outbound 101 → 102, Up",
				"102 " + ids[1] + " inbound 101 → 102, Up",
			}
			for _, line := range stateOf(client.Replica()) {
				if strings.HasSuffix(line, ", Up") {
					if diff := cmp.Diff(want[0], line); diff != "" {
						t.Error(diff)
					}
					want = want[1:]
				}
			}
			caller.Hangup()
			client.AwaitState(func(r *watch.Replica) bool { return r.Calls() == 1 })
			s.asterisk.With(t).CLI("channel request hangup all")
			client.AwaitNoCalls()
			stopped(t, s)
		})
	})
}

func stopped(t *testing.T, s *site) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// withoutLeak runs a subtest and fails the test if any goroutine that it began, or that those began, goes on when it is over.
func withoutLeak(t *testing.T, name string, run func(t *testing.T)) {
	t.Helper()
	label := t.Name() + "/" + name
	// Labels are inherited by goroutines, so that those of other tests can be told apart.
	pprof.Do(t.Context(), pprof.Labels("begun by", label), func(context.Context) { t.Run(name, run) })
	if left := eventually(t, func() string { return goroutines(t, label) }); left != "" {
		t.Errorf("goroutines that %s left behind:\n%s", name, left)
	}
}

// goroutines returns the stacks of those that have a label.
func goroutines(t *testing.T, label string) string {
	t.Helper()
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	var found strings.Builder
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, fmt.Sprintf("%q", label)) {
			found.WriteString(stack + "\n\n")
		}
	}
	return found.String()
}
