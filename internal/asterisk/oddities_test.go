package asterisk

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// message returns one message, written with | between its lines.
func message(t fataler, text string) ami.Message {
	t.Helper()
	return readMessages(t, []byte(strings.ReplaceAll(text, "|", "\r\n")+"\r\n\r\n"))[0]
}

// kinds returns what events say, without the calls' unchanging parts.
func kinds(events []pbx.Event) []string {
	var list []string
	for _, ev := range events {
		switch ev.Kind {
		case pbx.CallChanged:
			list = append(list, fmt.Sprintf("%s: %s → %s, state %d", ev.Call.ID, ev.Call.PhoneA, ev.Call.PhoneB, ev.Call.State))
		case pbx.CallEnded:
			list = append(list, fmt.Sprintf("%s: ended by %d", ev.Call.ID, ev.Cause))
		default:
			list = append(list, fmt.Sprintf("kind %d", ev.Kind))
		}
	}
	return list
}

// following returns a player that follows a PBX with one hint.
func following(number, device string) *player {
	p := newPlayer()
	p.beginRefresh()
	p.hint(number, device, 0)
	p.finishRefresh()
	p.out = nil
	return p
}

func (p *player) hint(number, device string, status int) {
	p.setHint(pbx.ExtensionID{Context: "from-internal", Number: number}, device, status)
}

// refreshed has the PBX asked again, which lists 101 and these channels.
func (p *player) refreshed(t *testing.T, channels ...string) (unheard, suspects int, events []string) {
	t.Helper()
	p.out = nil
	p.beginRefresh()
	p.listHint(message(t, "Event: ExtensionStatus|Exten: 101|Context: from-internal|Hint: PJSIP/101|Status: 0"))
	for _, c := range channels {
		p.listChannel(message(t, c))
	}
	unheard, suspects = p.finishRefresh()
	return unheard, suspects, kinds(p.out)
}

// TestAnalogPhone: its channel is there before its digits are.
func TestAnalogPhone(t *testing.T) {
	t.Parallel()
	p := following("101", "DAHDI/1")
	got := p.play(message(t, "Event: Newchannel|Channel: DAHDI/1-1|ChannelState: 1|CallerIDNum: 101|Context: from-internal|Exten: |Uniqueid: 1.1"))
	p.now = p.now.Add(10 * time.Second)
	p.expire()
	if got = append(got, p.out...); len(got) != 0 || !p.deadline().IsZero() {
		t.Errorf("told before it has dialled: %v", kinds(got))
	}
	p.play(message(t, "Event: Newstate|Channel: DAHDI/1-1|ChannelState: 4|CallerIDNum: 101|Context: from-internal|Exten: 102|Uniqueid: 1.1"))
	p.now = p.now.Add(time.Second)
	p.out = nil
	p.expire()
	if diff := cmp.Diff([]string{"1.1: 101 → 102, state 1", "1.1: 101 → 102, state 4"}, kinds(p.out)); diff != "" {
		t.Error(diff)
	}
}

// TestChannelThatIsNotListed: Asterisk leaves channels out of its list while it joins two into one. Only one that is missed twice,
// and that no event speaks of, is gone.
func TestChannelThatIsNotListed(t *testing.T) {
	t.Parallel()
	p := following("101", "PJSIP/101")
	p.play(message(t, "Event: Newchannel|Channel: PJSIP/101-1|ChannelState: 6|CallerIDNum: 101|Context: from-internal|Exten: 900|Uniqueid: 1.1"))
	p.now = p.now.Add(time.Second)
	p.expire()
	listed := "Event: Status|Channel: PJSIP/101-1|ChannelState: 6|CallerIDNum: 101|Uniqueid: 1.1"
	for _, step := range []struct {
		name     string
		channels []string
		suspects int
		want     []string
	}{
		{"listed", []string{listed}, 0, nil},
		{"missed", nil, 1, nil},
		{"listed again", []string{listed}, 0, nil},
		{"missed again", nil, 1, nil},
		{"missed twice", nil, 0, []string{"1.1: ended by 127"}},
		{"dead", nil, 0, nil},
	} {
		_, suspects, got := p.refreshed(t, step.channels...)
		if diff := cmp.Diff(step.want, got); diff != "" || suspects != step.suspects {
			t.Errorf("%s: %d suspects; %s", step.name, suspects, diff)
		}
	}
}

// TestAnnouncer: channels of Asterisk's own, of which no event tells, are no sign that events are missing.
func TestAnnouncer(t *testing.T) {
	t.Parallel()
	p := following("101", "PJSIP/101")
	unheard, _, _ := p.refreshed(t, "Event: Status|Channel: CBAnn/900-00000002;1|ChannelState: 6|Uniqueid: 1.1|BridgeID: ")
	if unheard != 0 {
		t.Error("an announcer was taken for a call that no event told of")
	}
	for round, want := range []int{0, 1} { // its Newchannel may be on its way
		unheard, _, _ = p.refreshed(t, "Event: Status|Channel: PJSIP/102-2|ChannelState: 6|Uniqueid: 1.2|BridgeID: ")
		if unheard != want {
			t.Errorf("round %d: %d calls that no event told of", round, unheard)
		}
	}
}

// TestLateEvents: an event of before the list does not take back what the list has told.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	p := newPlayer()
	p.beginRefresh()
	p.hint("101", "PJSIP/101", 1)
	p.listChannel(message(t, "Event: Status|Channel: PJSIP/101-1|ChannelState: 6|CallerIDNum: 101|Exten: 102|DNID: 102|Uniqueid: 1.1|Linkedid: 1.1"))
	p.finishRefresh()
	for _, state := range []string{"0", "4"} {
		got := p.play(message(t, "Event: Newstate|Channel: PJSIP/101-1|ChannelState: "+state+"|CallerIDNum: 101|Uniqueid: 1.1"))
		if len(got) != 0 {
			t.Errorf("state %s: %v", state, kinds(got))
		}
	}
}

// TestListDisagrees: what the lists say otherwise than the events is believed when it is still so a moment later.
func TestListDisagrees(t *testing.T) {
	t.Parallel()
	p := following("101", "PJSIP/101")
	p.play(message(t, "Event: Newchannel|Channel: PJSIP/101-1|ChannelState: 4|CallerIDNum: 101|Context: from-internal|Exten: 102|Uniqueid: 1.1"))
	p.now = p.now.Add(time.Second)
	p.expire()
	up := "Event: Status|Channel: PJSIP/101-1|ChannelState: 6|CallerIDNum: 101|Uniqueid: 1.1"
	for round, want := range [][]string{nil, {"1.1: 101 → 102, state 6"}, nil} {
		if _, _, got := p.refreshed(t, up); !cmp.Equal(got, want) {
			t.Errorf("round %d: %v", round, got)
		}
	}
}

// TestDevices: only those of extensions are remembered; a device is named for each number that was ever dialled.
func TestDevices(t *testing.T) {
	t.Parallel()
	p := following("101", "PJSIP/101")
	for i := range 100 {
		p.play(message(t, fmt.Sprintf("Event: DeviceStateChange|Device: Local/%d@from-internal|State: NOT_INUSE", i)))
	}
	p.play(message(t, "Event: DeviceStateChange|Device: PJSIP/101|State: UNAVAILABLE"))
	if diff := cmp.Diff(map[string]bool{"pjsip/101": false}, p.devices); diff != "" {
		t.Error(diff)
	}
}

// TestGuessedHold: with chan_sip the hint tells who pressed hold, with PJSIP who is held. Whoever it was, hold ends.
func TestGuessedHold(t *testing.T) {
	t.Parallel()
	for _, holder := range []string{"1.1", "1.2"} {
		p := newPlayer()
		p.beginRefresh()
		p.hint("101", "SIP/101", 17)
		p.hint("102", "SIP/102", 1)
		p.listChannel(message(t, "Event: Status|Channel: SIP/101-1|ChannelState: 6|CallerIDNum: 101|DNID: 102|Uniqueid: 1.1|Linkedid: 1.1|BridgeID: b"))
		p.listChannel(message(t, "Event: Status|Channel: SIP/102-2|ChannelState: 6|Data: (Outgoing Line)|Uniqueid: 1.2|Linkedid: 1.1|BridgeID: b"))
		p.finishRefresh()
		hold := func() [2]bool { return [2]bool{p.channels["1.1"].call.Hold, p.channels["1.2"].call.Hold} }
		if hold() != [2]bool{true, true} {
			t.Errorf("before: %v", hold())
		}
		p.play(message(t, "Event: Unhold|ChannelState: 6|Uniqueid: "+holder))
		if hold() != [2]bool{} {
			t.Errorf("after %s has released it: %v", holder, hold())
		}
	}
}

// bench is a link without a connection, whose actions the test answers.
type bench struct {
	*link
	published []pbx.Event
	online    bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	d, err := New(Config{
		Name: "pbx1", Contexts: []string{"from-internal"}, Log: slog.New(slog.DiscardHandler),
		Publish: func(events []pbx.Event) { b.published = append(b.published, events...) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.link = newLink(d, nil)
	b.begun = time.Now()
	b.heard.Store(b.begun.UnixNano())
	b.link.online = func() { b.online = true }
	return b
}

// sent returns the action that the link sends next, as a message.
func (b *bench) sent(t *testing.T) ami.Message {
	t.Helper()
	text, err := (<-b.outbox).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return readMessages(t, text)[0]
}

// answer answers all that the link asks, as a PBX with these hints.
func (b *bench) answer(t *testing.T, hints ...string) {
	t.Helper()
	for len(b.outbox) > 0 {
		action := b.sent(t)
		id := "|ActionID: " + action.ActionID()
		switch action.Get("Action") {
		case "Ping", "ListCommands":
			b.receive(message(t, "Response: Success"+id))
			continue
		case "ExtensionStateList":
			for _, number := range hints {
				b.receive(message(t, "Event: ExtensionStatus"+id+"|Exten: "+number+"|Context: from-internal|Hint: PJSIP/"+number+"|Status: 0"))
			}
		}
		b.receive(message(t, "Event: Complete"+id+"|EventList: Complete"))
	}
	b.d.publish()
}

func (b *bench) at(t *testing.T, since time.Duration) {
	t.Helper()
	now := b.begun.Add(since)
	b.heard.Store(now.UnixNano())
	if err := b.tick(now); err != nil {
		t.Fatal(err)
	}
}

// TestSlowBoot: a PBX that has no hints because it is still loading them is not told to be empty.
func TestSlowBoot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(t, bootGrace+time.Second)
	b.answer(t)
	if b.online || len(b.published) != 0 {
		t.Errorf("online: %v, published %v", b.online, kinds(b.published))
	}
	b.receive(message(t, "Event: FullyBooted"))
	b.at(t, bootGrace+2*time.Second)
	b.answer(t, "101")
	if !b.online || len(b.published) != 1 || len(b.published[0].Snapshot.Extensions) != 1 {
		t.Errorf("online: %v, published %v", b.online, kinds(b.published))
	}
}

// TestBootUnsaid: a PBX that may not say that it is booted, and has hints, is followed.
func TestBootUnsaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(t, bootGrace-time.Second)
	if len(b.outbox) != 0 {
		t.Error("asked before it had its time to boot")
	}
	b.at(t, bootGrace+time.Second)
	b.answer(t, "101")
	if !b.online {
		t.Error("not followed")
	}
}

// TestOutcomeBeforeTheLeg: on a busy machine an Originate's outcome comes before its leg's first event.
func TestOutcomeBeforeTheLeg(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		response string
		hangup   string
		want     string
	}{
		{"Success|Reason: 4", "16", "[<nil>]"},
		{"Failure|Reason: 0", "17", "[the extension's phone is busy]"},
		{"Failure|Reason: 0", "21", "[the extension's phone rejected the call]"},
	} {
		b := newBench(t)
		b.receive(message(t, "Event: FullyBooted"))
		b.at(t, 0)
		b.answer(t, "101")
		b.published = nil
		var outcomes []error
		b.command(&request{
			command: pbx.Command{Kind: pbx.Originate, Extension: pbx.ExtensionID{Context: "from-internal", Number: "101"}, Phone: "102"},
			done:    func(err error) { outcomes = append(outcomes, err) },
		})
		action := b.sent(t)
		leg := action.Get("ChannelId")
		b.receive(message(t, "Response: Success|ActionID: "+action.ActionID()))
		b.receive(message(t, "Event: OriginateResponse|ActionID: "+action.ActionID()+"|Response: "+tt.response))
		b.receive(message(t, "Event: Newchannel|Channel: PJSIP/101-1|ChannelState: 0|Exten: s|Context: from-internal|Uniqueid: "+leg))
		b.receive(message(t, "Event: Hangup|Uniqueid: "+leg+"|Cause: "+tt.hangup))
		b.d.publish()
		if got := fmt.Sprint(outcomes); got != tt.want {
			t.Errorf("%s, %s: %s", tt.response, tt.hangup, got)
		}
		if diff := cmp.Diff([]string{leg + ": 101 → 102, state 0", leg + ": ended by " + tt.hangup}, kinds(b.published)); diff != "" {
			t.Error(diff)
		}
		if len(b.d.model.requests) != 0 {
			t.Error("the request is kept for ever")
		}
	}
}

// TestAnsweredOnce: a command has one outcome, whatever comes after it.
func TestAnsweredOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.receive(message(t, "Event: FullyBooted"))
	b.at(t, 0)
	b.answer(t, "101")
	var outcomes []error
	b.command(&request{
		command: pbx.Command{Kind: pbx.Originate, Extension: pbx.ExtensionID{Context: "from-internal", Number: "101"}, Phone: "102"},
		done:    func(err error) { outcomes = append(outcomes, err) },
	})
	action := b.sent(t)
	leg := action.Get("ChannelId")
	b.receive(message(t, "Response: Success|ActionID: "+action.ActionID()))
	b.receive(message(t, "Event: Newchannel|Channel: PJSIP/101-1|ChannelState: 0|Exten: s|Context: from-internal|Uniqueid: "+leg))
	b.receive(message(t, "Event: OriginateResponse|ActionID: "+action.ActionID()+"|Response: Failure|Reason: 0"))
	if len(outcomes) != 0 {
		t.Errorf("answered before the leg's end tells why: %v", outcomes)
	}
	b.refuse() // the link is lost
	b.receive(message(t, "Event: Hangup|Uniqueid: "+leg+"|Cause: 17"))
	if len(outcomes) != 1 {
		t.Errorf("answered %d times: %v", len(outcomes), outcomes)
	}
}
