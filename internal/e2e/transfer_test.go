package e2e

import (
	"testing"
	"time"

	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/phone"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

func transferPlays() []play {
	return []play{
		{"transfer_by_caller", transferByCaller},
		{"transfer_by_callee", transferByCallee},
		{"transfer_originated", transferOriginated},
		{"transfer_held", transferHeld},
		{"transfer_to_trunk", transferToTrunk},
		{"transfer_from_trunk", transferFromTrunk},
		{"transfer_refused_by_target", transferRefusedByTarget},
		{"transfer_local_n", transferLocalN},
		{"transfer_local_n_by_caller", transferLocalNByCaller},
		{"transfer_no_such_number", transferNoSuchNumber},
		{"transfer_ringing", transferRinging},
		{"transfer_conference", transferConference},
		{"transfer_service", transferService},
		{"transfer_no_such_call", transferNoSuchCall},
	}
}

// transfer asks for the transfer of an agent's newest call, which is one of two, when the server knows who the other is.
func (o *office) transfer(extension, number string) {
	o.t.Helper()
	awaitBridged(o.t, extension, func() *watch.Client { return o.site.agentOf(o.t, extension) })
	o.tryTransfer(extension, number)
}

// tryTransfer asks for the transfer of an agent's newest call, whatever state that is in.
func (o *office) tryTransfer(extension, number string) {
	o.t.Helper()
	o.agent(extension).Do(protocol.BlindTransfer{Call: o.callID(extension), Phone: number})
}

// awaitBridged waits until the server knows who is at the other end of an extension's calls on pbx1. Only an init tells: login is to
// connect a client that gets one.
func awaitBridged(t *testing.T, extension string, login func() *watch.Client) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		fresh := login()
		alone := 0
		for _, call := range fresh.Replica().CallsOf("pbx1", extension) {
			if call.Bridge == "" {
				alone++
			}
		}
		fresh.Close()
		if alone == 0 {
			return
		}
	}
	t.Fatalf("the server does not learn with whom %s talks", extension)
}

// transferByCaller: 101, who has called 102, sends it to 103.
func transferByCaller(o *office) {
	o.Plug("103")
	own, other := o.connect("101", "102", "102")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	o.Step("target rings", "PJSIP/102 Up", "PJSIP/103 Ringing")
	target.Answer()
	o.Step("transferred", "PJSIP/102 Up + PJSIP/103 Up")
	target.Hangup()
	other.AwaitEnd(o.Context())
}

// transferByCallee: 101, whom 102 has called, sends it to 103.
func transferByCallee(o *office) {
	o.Plug("103")
	other, own := o.connect("102", "101", "101")
	o.Step("connected", "PJSIP/102 Up + PJSIP/101 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/102 Up + PJSIP/103 Up")
	other.Hangup()
	target.AwaitEnd(o.Context())
}

// transferOriginated: 101 sends on whom it has called by an action.
func transferOriginated(o *office) {
	o.Plug("102", "103")
	var own *phone.Call
	other := o.rings("102", func() { own = o.originates("101", protocol.Originate{Phone: "102"}) })
	other.Answer()
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/102 Up + PJSIP/103 Up")
	other.Hangup()
	target.AwaitEnd(o.Context())
}

// transferHeld: 101 holds 102 before it sends it on. Hold ends before the call does.
func transferHeld(o *office) {
	o.Plug("103")
	own, other := o.connect("101", "102", "102")
	mark := o.Server.Mark()
	own.Hold()
	o.Server.AwaitEvent(o.Context(), mark, "Event: Hold\r\n")
	o.Step("held", "PJSIP/101 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/102 Up + PJSIP/103 Up")
	other.Hangup()
	target.AwaitEnd(o.Context())
}

func transferToTrunk(o *office) {
	o.Trunk()
	own, other := o.connect("101", "102", "102")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	o.transfer("101", "9"+scenario.Mobile)
	target := o.Trunk().AwaitCall(o.Context())
	if target.Dialled() != scenario.Mobile {
		o.t.Errorf("the trunk was asked for %s, want %s", target.Dialled(), scenario.Mobile)
	}
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/102 Up + PJSIP/trunk Up")
	target.Hangup()
	other.AwaitEnd(o.Context())
}

func transferFromTrunk(o *office) {
	o.Plug("102")
	var caller *phone.Call
	own := o.rings("101", func() { caller = o.Trunk().Call(scenario.Mobile, scenario.DIDPhone) })
	own.Answer()
	o.Step("connected", "PJSIP/trunk Up + PJSIP/101 Up")
	target := o.rings("102", func() { o.transfer("101", "102") })
	if target.Number() != scenario.Mobile {
		o.t.Errorf("102 sees %s call, want %s", target.Number(), scenario.Mobile)
	}
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/trunk Up + PJSIP/102 Up")
	caller.Hangup()
	target.AwaitEnd(o.Context())
}

// transferRefusedByTarget: the transfer was done; who was transferred is lost.
func transferRefusedByTarget(o *office) {
	o.Plug("103")
	own, other := o.connect("101", "102", "102")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	target.Reject(486)
	other.AwaitEnd(o.Context())
}

// transferLocalN: 102, whom 101 has called through a Local channel that stays, sends it to 103.
func transferLocalN(o *office) {
	o.Plug("103")
	other, own := o.connect("101", "6202", "102")
	o.Step("connected", "PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("102", "103") })
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/103 Up")
	other.Hangup()
	target.AwaitEnd(o.Context())
}

// transferLocalNByCaller: 101, who has called 102 through a Local channel that stays, sends it to 103.
func transferLocalNByCaller(o *office) {
	o.Plug("103")
	own, other := o.connect("101", "6202", "102")
	o.Step("connected", "PJSIP/101 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up")
	target := o.rings("103", func() { o.transfer("101", "103") })
	own.AwaitEnd(o.Context())
	target.Answer()
	o.Step("transferred", "PJSIP/103 Up + Local/102@fmfm;1 Up", "Local/102@fmfm;2 Up + PJSIP/102 Up")
	other.Hangup()
	target.AwaitEnd(o.Context())
}

// transferNoSuchNumber: Asterisk would do it, and lose the call.
func transferNoSuchNumber(o *office) {
	own, other := o.connect("101", "102", "102")
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	id := o.callID("101")
	for _, number := range []string{"555", "s", "h", "i"} {
		o.agent("101").Do(protocol.BlindTransfer{Call: id, Phone: number})
		o.wantRefusal(o.agent("101"), protocol.ActionBlindTransfer, protocol.CodeNoSuchNumber)
	}
	o.Step("still connected", "PJSIP/101 Up + PJSIP/102 Up")
	own.Hangup()
	other.AwaitEnd(o.Context())
}

// transferRinging: neither who calls nor who is called can transfer before the answer.
func transferRinging(o *office) {
	var caller *phone.Call
	callee := o.rings("102", func() { caller = o.Phone("101").Dial("102") })
	o.Step("ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	for _, extension := range []string{"101", "102"} {
		o.tryTransfer(extension, "103")
		o.wantRefusal(o.agent(extension), protocol.ActionBlindTransfer, protocol.CodeNotTransferable)
	}
	o.Step("still ringing", "PJSIP/101 Ring", "PJSIP/102 Ringing")
	callee.Answer()
	o.Step("connected", "PJSIP/101 Up + PJSIP/102 Up")
	caller.Hangup()
}

// transferConference: in a conference there is no other party. Asterisk's announcer counts for nobody.
func transferConference(o *office) {
	const announcer = "CBAnn/900;1 Up"
	join := func(device string) *phone.Call {
		call := o.Phone(device).Dial("900")
		call.AwaitState(o.Context(), phone.Answered)
		return call
	}
	first, second, third := join("101"), join("102"), join("103")
	o.Step("three", "PJSIP/101 Up + PJSIP/102 Up + PJSIP/103 Up + CBAnn/900;2 Up", announcer)
	o.tryTransfer("101", "102")
	o.wantRefusal(o.agent("101"), protocol.ActionBlindTransfer, protocol.CodeNotTransferable)
	third.Hangup()
	o.Step("two", "PJSIP/101 Up + PJSIP/102 Up + CBAnn/900;2 Up", announcer)
	o.tryTransfer("102", "103")
	o.wantRefusal(o.agent("102"), protocol.ActionBlindTransfer, protocol.CodeNotTransferable)
	o.Step("still two", "PJSIP/101 Up + PJSIP/102 Up + CBAnn/900;2 Up", announcer)
	first.Hangup()
	second.Hangup()
}

// transferService: an application of the dial plan is nobody to transfer.
func transferService(o *office) {
	own := o.Phone("101").Dial("603")
	own.AwaitState(o.Context(), phone.Answered)
	o.Step("answered", "PJSIP/101 Up")
	o.tryTransfer("101", "102")
	o.wantRefusal(o.agent("101"), protocol.ActionBlindTransfer, protocol.CodeNotTransferable)
	own.Hangup()
}

// transferNoSuchCall: calls of others, calls that have ended, and names that are Asterisk's are no calls of the agent's.
func transferNoSuchCall(o *office) {
	ended, _ := o.connect("101", "102", "102")
	own := o.callID("101")
	o.callID("102")
	ended.Hangup()
	o.Step("first over")
	caller, _ := o.connect("102", "103", "103")
	channels := o.Step("others talk", "PJSIP/102 Up + PJSIP/103 Up")
	for _, id := range []string{own, o.callID("102"), o.callID("103"), channels[0].Name, "0", "*"} {
		o.agent("101").Do(protocol.BlindTransfer{Call: id, Phone: "103"})
		o.wantRefusal(o.agent("101"), protocol.ActionBlindTransfer, protocol.CodeNoSuchCall)
	}
	o.Step("others still talk", "PJSIP/102 Up + PJSIP/103 Up")
	caller.Hangup()
}
