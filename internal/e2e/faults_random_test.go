package e2e

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
)

var seed = flag.Uint64("seed", 0, "of the random faults; 0: a new one")

// TestRandomCuts plays every scenario to three Clavijas: one follows it undisturbed, one is cut off at random all the time, most often
// in the middle of a message, and one asks for everything again all the time. When it is left in peace, at each point where nothing
// moves, the second one must know what the first one knows, as far as Asterisk can still tell. The third one must always.
func TestRandomCuts(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		network := proxy.New(t, server.AMIAddress())
		steady := newRig(t, following(server, server.AMIAddress()))
		shaken := newRig(t, following(server, network.Address()))
		again := following(server, server.AMIAddress())
		again.Refresh = 10 * time.Millisecond
		asking := newRig(t, again)
		for _, play := range scenario.All() {
			t.Run(play.Name, func(t *testing.T) {
				random := newRandom(t)
				t.Cleanup(func() { calm(network) })
				reference, cut, asked := steady.supervisor(t), shaken.supervisor(t), asking.supervisor(t)
				compare := func() {
					t.Helper()
					if diff := eventually(t, func() string {
						return cmp.Diff(known(play.Name, reference), known(play.Name, cut))
					}); diff != "" {
						t.Errorf("after cuts (-want +got): %s", diff)
					}
					sameState(t, reference, asked)
				}
				lab := scenario.New(t, server)
				lab.OnStep = func(_ string, channels []asterisk.Channel) {
					calm(network)
					reference.AwaitState(func(r *watch.Replica) bool { return has(r, channels) })
					compare()
					shake(network, random, 12_000)
				}
				shake(network, random, 12_000)
				play.Run(lab)
				calm(network)
				cut.AwaitNoCalls()
				compare()
				if diff := eventually(t, func() string {
					return cmp.Diff(transcript(reference.Messages()), transcript(asked.Messages()))
				}); diff != "" {
					t.Errorf("who asks again was told something else: %s", diff)
				}
			})
		}
		for name, r := range map[string]*rig{"steady": steady, "asking": asking} {
			if text := r.log.text(); strings.Contains(text, "level=WARN") || strings.Contains(text, "level=ERROR") {
				t.Errorf("%s: the log complains of nothing:\n%s", name, text)
			}
		}
	})
}

// shake has a network fail at random, connections after so many bytes at most, until calm.
func shake(network *proxy.Proxy, random *rand.Rand, most int) {
	network.CutAfter(random.IntN(most / 6)) // drawn before other goroutines draw
	network.Ration(func() int { return random.IntN(most) })
}

func calm(network *proxy.Proxy) {
	network.CutAfter(-1)
	network.Ration(nil)
}

// known returns what a client knows, without what is lost for good when the link was away at the wrong moment.
func known(play string, c *watch.Client) []string {
	lines := stateOf(c.Replica())
	for i, line := range lines {
		if onlyHistoryTells(play) {
			lines[i] = introduction().ReplaceAllString(strings.TrimSuffix(line, ", on hold"), "$1$2")
		}
	}
	return lines
}

// onlyHistoryTells names the scenarios in which who called whom, or who holds whom, cannot be seen from the calls as they are.
func onlyHistoryTells(play string) bool {
	switch play {
	case "pickup_directed", "pickup_group", // who picks up seems to call
		"blind_by_caller", "attended", "attended_by_callee", "attended_ringing",
		"hold_local_n", "attended_trunk": // a hint only tells of a hold next to it
		return true
	}
	return false
}

func introduction() *regexp.Regexp {
	return regexp.MustCompile(`^(\d+ [\d.]+) \w+ .* → .*?(, \w+)(, dida .*)?$`)
}

// newRandom returns a source of random faults, and has a failed test say how to have the same again.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: go test -run '%s' -seed %d", t.Name(), start)
		}
	})
	return rand.New(rand.NewPCG(start, 0))
}
