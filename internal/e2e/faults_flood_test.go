package e2e

import (
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// flood is how many calls come at once.
const flood = 50

// floodFaults: many calls come and go at once, while the link is there, is away, or comes and goes as well.
func floodFaults() []faultTest {
	return []faultTest{
		{name: "followed", run: func(f *fault) { f.flood(func() {}, func() {}, "16") }},
		{name: "away", run: func(f *fault) { f.flood(f.lose, f.restore, "127") }},
		{name: "cut", run: func(f *fault) { f.flood(f.shake, f.calm, "") }},
	}
}

// flood has many calls come, and go. Something happens before either, and after. cause is what all end with, "" if that differs.
func (f *fault) flood(before, after func(), cause string) {
	before()
	f.callAll()
	channels := f.awaitAll(flood)
	after()
	f.client.AwaitState(func(r *watch.Replica) bool { return has(r, channels) })
	before()
	f.Server.CLI("channel request hangup all")
	f.awaitAll(0)
	after()
	f.ended()
	f.checkAll(channels, cause)
}

func (f *fault) shake() { shake(f.network, newRandom(f.t), 40_000) }

func (f *fault) calm() {
	calm(f.network)
	f.awaitOnline()
}

// callAll has the PBX call the phones, many times each, and them answer.
func (f *fault) callAll() {
	f.TB.Helper()
	admin := f.Server.CaptureAll()
	numbers := []string{"101", "102", "103"}
	for _, number := range numbers {
		f.Phone(number).SetMode(phone.AutoAnswer())
	}
	for i := range flood {
		admin.Action(fmt.Sprintf("Action: Originate\r\nChannel: Local/%s@from-internal\r\nApplication: Echo\r\nAsync: true\r\n", numbers[i%3]))
	}
}

// awaitAll waits until Asterisk has just so many channels of extensions, all answered.
func (f *fault) awaitAll(n int) (up []asterisk.Channel) {
	f.TB.Helper()
	if diff := eventually(f.t, func() string {
		up = nil
		other := 0
		for _, c := range f.Server.Channels() {
			_, extension := extensionOf(c.Device)
			switch {
			case extension && c.State == "Up":
				up = append(up, c)
			case extension:
				other++
			}
		}
		return cmp.Diff([]int{n, 0}, []int{len(up), other})
	}); diff != "" {
		f.TB.Fatalf("channels that are up, and others: %s", diff)
	}
	return up
}

// checkAll fails the test unless each of the calls was told once, and its end once.
func (f *fault) checkAll(channels []asterisk.Channel, cause string) {
	f.TB.Helper()
	f.client.Fence()
	begun, ended := map[string]int{}, map[string]int{}
	for _, m := range f.client.Messages() {
		switch m := m.(type) {
		case protocol.NewCall:
			begun[m.CallID]++
		case protocol.Hangup:
			ended[m.CallID]++
			if cause != "" && m.Cause != cause {
				f.TB.Errorf("%+v: want cause %s", m, cause)
			}
		}
	}
	want := map[string]int{}
	for _, c := range channels {
		want[c.UniqueID] = 1
	}
	if diff := cmp.Diff(want, begun); diff != "" {
		f.TB.Errorf("calls that were told: %s", diff)
	}
	if diff := cmp.Diff(want, ended); diff != "" {
		f.TB.Errorf("calls whose end was told: %s", diff)
	}
}
