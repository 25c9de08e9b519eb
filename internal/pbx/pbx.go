// Package pbx is Clavija's domain: the extensions of a telephone exchange, their calls, and what can be done with them.
//
// It knows nothing of Asterisk, WebSocket or goroutines. A driver tells what happens on one PBX as [Event] values; [State]
// applies them and yields the [Change] values that clients must hear of. Both are plain values that can be serialised.
package pbx

// ExtensionID names an extension within one PBX. The context is what Asterisk calls so: the same number in two contexts
// is two extensions (of two tenants, usually).
type ExtensionID struct {
	Context string
	Number  string
}

// String returns the extension as Asterisk writes it: number@context.
func (id ExtensionID) String() string { return id.Number + "@" + id.Context }

// Extension is an extension as the PBX describes it, without its calls.
type Extension struct {
	ID     ExtensionID
	Hint   string // the devices that make its state, as "PJSIP/101" or "PJSIP/101&PJSIP/1101"
	Status Status
}

// Call is one leg: one channel of the PBX that belongs to an extension. A conversation between two extensions is two calls.
type Call struct {
	ID        string // unique for the life of the PBX; Asterisk: the channel's Uniqueid
	Extension ExtensionID

	// Who and where to. They are set when the call appears, and stay.
	Direction Direction
	PhoneA    string // who calls
	PhoneB    string // who is called
	DIDA      string // the number that the calling side presents to the public network, "" where there is none
	DIDB      string // the public number that was dialled to reach us, "" where there is none

	State    CallState
	Bridge   string // ID of the leg at the other end, also of one that is no extension's; "" while there is none
	Hold     bool   // this leg pressed hold, or was put on hold by the other end
	Recorded bool   // a recording of this call is running
}

// Direction is a call's direction as its extension sees it.
type Direction uint8

// The directions of a call.
const (
	Inbound  Direction = iota // towards the extension
	Outbound                  // from the extension
)

// CallState is the state of a call's channel, numbered as Asterisk numbers it (include/asterisk/channelstate.h).
type CallState uint8

// The states of a call. A call starts in StateDown.
const (
	StateDown CallState = iota
	StateReserved
	StateOffHook
	StateDialing
	StateRing    // the far end is ringing, seen from the caller
	StateRinging // this phone is ringing
	StateUp
	StateBusy
	StateDialingOffHook
	StatePreRing
	StateUnknown
)

// Status is the state of an extension: what all its devices are doing, taken together.
type Status uint8

// The states of an extension.
const (
	Unavailable Status = iota // no device is reachable, or the PBX itself is not
	Idle
	InUse
	Busy
	Ringing
	InUseRinging
	OnHold
	InUseOnHold
)

// CauseUnknown is the Q.850 cause of a call whose end was not seen: the PBX restarted, or was away when it ended
// (127, "interworking, unspecified").
const CauseUnknown = 127
