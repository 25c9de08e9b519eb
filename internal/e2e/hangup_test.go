package e2e

import (
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

func hangupPlays() []play {
	return []play{
		{"hangup_by_caller", hangupByCaller},
		{"hangup_by_callee", hangupByCallee},
		{"hangup_several", hangupSeveral},
		{"hangup_mixed", hangupMixed},
		{"hangup_ringing", hangupRinging},
		{"hangup_dialling", hangupDialling},
		{"hangup_queue", hangupQueue},
		{"hangup_no_such_call", hangupNoSuchCall},
		{"foreign_calls", foreignCalls},
	}
}

// hangs has an agent hang calls up.
func (o *office) hangs(extension string, ids ...string) {
	o.t.Helper()
	o.agent(extension).Do(protocol.HangupCalls{Calls: ids})
}

func hangupByCaller(o *office) {
	_, other := o.connect("101", "102", "102")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	o.hangs("101", o.callID("101"))
	other.AwaitEnd(o.Context())
}

func hangupByCallee(o *office) {
	other, _ := o.connect("102", "101", "101")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	o.hangs("101", o.callID("101"))
	other.AwaitEnd(o.Context())
}

// hangupSeveral ends both calls of 101, one of them on hold, by one action.
func hangupSeveral(o *office) {
	first, held := o.connect("101", "102", "102")
	mark := o.Server.Mark()
	first.Hold()
	o.Server.AwaitEvent(o.Context(), mark, "Event: Hold\r\n")
	second, _ := o.connect("103", "101", "101")
	o.Step("two calls", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/103 Up + PJSIP/101 Up")
	o.hangs("101", o.callID("101"), o.callID("101"))
	held.AwaitEnd(o.Context())
	second.AwaitEnd(o.Context())
}

// hangupMixed: of several ids, one is the agent's call, which ends; the others are refused, by one error.
func hangupMixed(o *office) {
	_, other := o.connect("101", "102", "102")
	foreign := o.Phone("103").Dial("603")
	foreign.AwaitState(o.Context(), phone.Answered)
	o.Step("two calls", "PJSIP/101 Up + PJSIP/102 Up", "PJSIP/103 Up")
	o.hangs("101", o.callID("103"), o.callID("101"), o.callID("102"), "1.1")
	o.wantRefusal(o.agent("101"), protocol.ActionHangup, protocol.CodeNoSuchCall)
	other.AwaitEnd(o.Context())
	o.Step("own call over", "PJSIP/103 Up")
	foreign.Hangup()
}

// hangupRinging: 101 refuses a call that rings; its caller is declined.
func hangupRinging(o *office) {
	var caller *phone.Call
	callee := o.rings("101", func() { caller = o.Phone("102").Dial("101") })
	o.Step("ringing", "PJSIP/102 Ring", "PJSIP/101 Ringing")
	o.hangs("101", o.callID("101"))
	callee.AwaitEnd(o.Context())
	o.wantEnd(caller, 603)
}

// hangupDialling: 101 gives up before 102 answers.
func hangupDialling(o *office) {
	var caller *phone.Call
	callee := o.rings("102", func() { caller = o.Phone("101").Dial("102") })
	o.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	o.hangs("101", o.callID("101"))
	callee.AwaitEnd(o.Context())
	caller.AwaitEnd(o.Context())
}

// hangupQueue: 101 leaves a queue in which nobody is.
func hangupQueue(o *office) {
	caller := o.Phone("101").Dial("801")
	caller.AwaitState(o.Context(), phone.Answered)
	o.Step("waiting", "PJSIP/101 Up")
	o.hangs("101", o.callID("101"))
	caller.AwaitEnd(o.Context())
}

func hangupNoSuchCall(o *office) {
	ended, _ := o.connect("101", "102", "102")
	id := o.callID("101")
	ended.Hangup()
	o.Step("over")
	for _, id := range []string{id, "1.1", "PJSIP/101", "/^PJSIP/"} {
		o.hangs("101", id)
		o.wantRefusal(o.agent("101"), protocol.ActionHangup, protocol.CodeNoSuchCall)
	}
}

// foreignCalls: 102 and 103 talk; neither the agent of 101 nor the supervisor can do anything about it.
func foreignCalls(o *office) {
	o.Plug("101")
	caller, _ := o.connect("102", "103", "103")
	channels := o.Step("connected", "PJSIP/102 Up + PJSIP/103 Up")
	ids := []string{o.callID("102"), o.callID("103"), channels[0].Name, channels[1].Name}
	for _, id := range ids {
		o.hangs("101", id)
		o.wantRefusal(o.agent("101"), protocol.ActionHangup, protocol.CodeNoSuchCall)
		o.agent("101").Do(protocol.BlindTransfer{Call: id, Phone: "101"})
		o.wantRefusal(o.agent("101"), protocol.ActionBlindTransfer, protocol.CodeNoSuchCall)
	}
	// An agent is its extension, whatever else it says.
	o.agent("101").Send(`{"type":"action","action":"hangup","call":["` + ids[0] + `"],"extension":"102","server":"pbx1"}`)
	o.wantRefusal(o.agent("101"), protocol.ActionHangup, protocol.CodeNoSuchCall)

	o.supervisor.Do(protocol.HangupCalls{Calls: ids})
	o.wantRefusal(o.supervisor, protocol.ActionHangup, protocol.CodeForbidden)
	o.supervisor.Do(protocol.BlindTransfer{Call: ids[0], Phone: "101"})
	o.wantRefusal(o.supervisor, protocol.ActionBlindTransfer, protocol.CodeForbidden)
	o.supervisor.Do(protocol.Originate{Phone: "101"})
	o.wantRefusal(o.supervisor, protocol.ActionCall, protocol.CodeForbidden)

	o.Step("still connected", "PJSIP/102 Up + PJSIP/103 Up")
	o.wantSilence("101")
	for _, extension := range []string{"102", "103"} {
		watch.Never(o.agent(extension), func(m protocol.Error) bool { return m.Code != protocol.CodeUnknownAction })
	}
	caller.Hangup()
}
