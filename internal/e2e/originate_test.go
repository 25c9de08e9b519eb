package e2e

import (
	"strings"
	"testing"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/protocol"
)

func originatePlays() []play {
	return []play{
		{"originate_answered", originateAnswered},
		{"originate_trunk", originateTrunk},
		{"originate_second_device", originateSecondDevice},
		{"originate_service", originateService},
		{"originate_twice", originateTwice},

		{"originate_busy", func(o *office) { originateRefused(o, 486, protocol.CodeBusy) }},
		{"originate_rejected", func(o *office) { originateRefused(o, 603, protocol.CodeRejected) }},
		{"originate_congestion", func(o *office) { originateRefused(o, 503, protocol.CodeCongestion) }},
		{"originate_do_not_disturb", func(o *office) { originateRefused(o, 480, protocol.CodeNoAnswer) }},
		{"originate_rejected_ringing", originateRejectedRinging},
		{"originate_unanswered", originateUnanswered},
		{"originate_hung_up", originateHungUp},
		{"originate_unregistered", originateUnregistered},
		{"originate_no_such_number", originateNoSuchNumber},

		{"originate_target_busy", func(o *office) { originateTarget(o, 486) }},
		{"originate_target_rejects", func(o *office) { originateTarget(o, 603) }},
		{"originate_target_unanswered", originateTargetUnanswered},
		{"originate_target_unregistered", originateTargetUnregistered},
	}
}

// originateAnswered: the agent's phone rings first, then the target's, which sees the agent call.
func originateAnswered(o *office) {
	o.Plug("101", "102")
	own := o.rings("101", func() { o.agent("101").Do(protocol.Originate{Phone: "102"}) })
	o.Step("own phone rings", "PJSIP/101 Ringing")
	target := o.rings("102", own.Answer)
	if target.Number() != "101" {
		o.t.Errorf("102 sees %s call, want 101", target.Number())
	}
	o.Step("target rings", "PJSIP/101 Up", "PJSIP/102 Ringing")
	target.Answer()
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	target.Hangup()
	own.AwaitEnd(o.Context())
}

// originateTrunk dials outside, a number as people write it.
func originateTrunk(o *office) {
	o.Trunk()
	o.originates("101", protocol.Originate{Phone: "9 34-600 (123) 456"})
	target := o.Trunk().AwaitCall(o.Context())
	if target.Dialled() != scenario.Mobile || target.Number() != scenario.Presented {
		o.t.Errorf("the trunk was asked for %s by %s, want %s by %s",
			target.Dialled(), target.Number(), scenario.Mobile, scenario.Presented)
	}
	target.Answer()
	o.Step("connected", "PJSIP/101 Up + PJSIP/trunk Up")
	o.agent("101").Do(protocol.HangupCalls{Calls: []string{o.callID("101")}})
	target.AwaitEnd(o.Context())
}

// originateSecondDevice: the agent's desk phone is unplugged, the other one rings.
func originateSecondDevice(o *office) {
	o.Plug("1107", "102")
	own := o.rings("1107", func() { o.agent("107").Do(protocol.Originate{Phone: "102"}) })
	target := o.rings("102", own.Answer)
	if target.Number() != "107" {
		o.t.Errorf("102 sees %s call, want 107", target.Number())
	}
	target.Answer()
	o.Step("connected", "PJSIP/1107 Up + PJSIP/102 Up")
	own.Hangup()
	target.AwaitEnd(o.Context())
}

// originateService dials an application of the dial plan: there is no target's leg.
func originateService(o *office) {
	own := o.originates("101", protocol.Originate{Phone: "603"})
	o.Step("answered", "PJSIP/101 Up")
	own.Hangup()
}

// originateTwice asks for a second call before the first is answered: both ring, and are told apart.
func originateTwice(o *office) {
	o.Plug("101", "102", "103")
	agent := o.agent("101")
	first := o.rings("101", func() { agent.Do(protocol.Originate{Phone: "102"}) })
	firstID := o.callID("101")
	second := o.rings("101", func() { agent.Do(protocol.Originate{Phone: "103"}) })
	secondID := o.callID("101")
	o.Step("both ring", "PJSIP/101 Ringing", "PJSIP/101 Ringing")
	target := o.rings("103", second.Answer)
	target.Answer()
	o.Step("second connected", "PJSIP/101 Ringing", "PJSIP/101 Up + PJSIP/103 Up")
	agent.Do(protocol.HangupCalls{Calls: []string{firstID}})
	first.AwaitEnd(o.Context())
	o.wantRefusal(agent, protocol.ActionCall, protocol.CodeRefused)
	o.Step("first over", "PJSIP/101 Up + PJSIP/103 Up")
	agent.Do(protocol.HangupCalls{Calls: []string{secondID}})
	target.AwaitEnd(o.Context())
}

// originateRefused: the agent's phone doesn't ring but refuses at once.
func originateRefused(o *office, status int, code protocol.ErrorCode) {
	o.Phone("101").SetMode(phone.Refuse(status))
	o.agent("101").Do(protocol.Originate{Phone: "102"})
	o.wantRefusal(o.agent("101"), protocol.ActionCall, code)
}

func originateRejectedRinging(o *office) {
	own := o.rings("101", func() { o.agent("101").Do(protocol.Originate{Phone: "102"}) })
	o.Step("own phone rings", "PJSIP/101 Ringing")
	own.Reject(603)
	o.wantRefusal(o.agent("101"), protocol.ActionCall, protocol.CodeRejected)
}

// originateUnanswered: the agent's phone rings for as long as the configuration says.
func originateUnanswered(o *office) {
	own := o.rings("101", func() { o.agent("101").Do(protocol.Originate{Phone: "102"}) })
	o.Step("own phone rings", "PJSIP/101 Ringing")
	own.AwaitEnd(o.Context())
	o.wantRefusal(o.agent("101"), protocol.ActionCall, protocol.CodeNoAnswer)
}

// originateHungUp: the agent changes its mind while its phone rings.
func originateHungUp(o *office) {
	own := o.rings("101", func() { o.agent("101").Do(protocol.Originate{Phone: "102"}) })
	o.Step("own phone rings", "PJSIP/101 Ringing")
	o.agent("101").Do(protocol.HangupCalls{Calls: []string{o.callID("101")}})
	own.AwaitEnd(o.Context())
	o.wantRefusal(o.agent("101"), protocol.ActionCall, protocol.CodeRefused)
}

func originateUnregistered(o *office) {
	o.agent("106").Do(protocol.Originate{Phone: "102"})
	o.wantRefusal(o.agent("106"), protocol.ActionCall, protocol.CodeNotRegistered)
}

// originateNoSuchNumber: nothing rings for a number that no dial plan takes, nor for the extensions that are Asterisk's own.
func originateNoSuchNumber(o *office) {
	o.Plug("101")
	for _, number := range []string{"555", "+34600123456", "s", "h"} {
		o.agent("101").Do(protocol.Originate{Phone: number})
		o.wantRefusal(o.agent("101"), protocol.ActionCall, protocol.CodeNoSuchNumber)
	}
	o.wantSilence("101")
}

// originateTarget: the target refuses after the agent has answered, which ends the agent's call.
func originateTarget(o *office, status int) {
	o.Phone("102").SetMode(phone.Refuse(status))
	o.originates("101", protocol.Originate{Phone: "102"}).AwaitEnd(o.Context())
}

func originateTargetUnanswered(o *office) {
	o.Plug("102")
	own := o.originates("101", protocol.Originate{Phone: "1102"})
	o.Phone("102").AwaitCall(o.Context()).AwaitEnd(o.Context())
	own.AwaitEnd(o.Context())
}

func originateTargetUnregistered(o *office) {
	o.originates("101", protocol.Originate{Phone: "106"}).AwaitEnd(o.Context())
}

// TestCustomFields looks whether both legs of a placed call have the fields as channel variables, for the dial plan and the call
// log, letter by letter.
func TestCustomFields(t *testing.T) {
	t.Parallel()
	values := []string{
		"order 1234",
		"",
		"a,b,,c,",
		`she said "hi", 'ok'`,
		`"quoted"`,
		`C:\new\table\`,
		`\"\,\\`,
		"ñandú, Zürich, 日本, 🙂",
		"(x)[y]{z}",
		"${CHANNEL} $[1+1] ${SHELL(id)}",
		"semi;colon | pipe & ampersand",
		"__X=1,Y=2",
		"50% + 3",
		"  spaces around  ",
		strings.Repeat(`,`, 255),
		strings.Repeat("é", 127),
	}
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := newSite(t, version, "")
		o := openOffice(t, s)
		o.Phone("101").SetMode(phone.AutoAnswer())
		o.Phone("102").SetMode(phone.AutoAnswer())
		ami := s.asterisk.CaptureAll()
		for i, value := range values {
			other := values[(i+1)%len(values)]
			o.agent("101").Do(protocol.Originate{Phone: "102", CustomField1: value, CustomField2: other})
			for _, channel := range o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up") {
				for variable, want := range map[string]string{"CLAVIJA_CUSTOMFIELD1": value, "CLAVIJA_CUSTOMFIELD2": other} {
					if got := getvar(ami, channel.Name, variable); got != want {
						t.Errorf("%s of %s is %q, want %q", variable, channel.Device, got, want)
					}
				}
			}
			o.agent("101").Do(protocol.HangupCalls{Calls: []string{o.callID("101")}})
			o.Step("over")
		}
	})
}

// getvar returns a channel's variable.
func getvar(ami *asterisk.Capture, channel, variable string) string {
	for line := range strings.Lines(ami.Action("Action: Getvar\r\nChannel: " + channel + "\r\nVariable: " + variable + "\r\n")) {
		if value, ok := strings.CutPrefix(line, "Value: "); ok {
			return strings.TrimSuffix(value, "\r\n")
		}
	}
	return "(no value)"
}
