package protocol

// State is the state of a call: Asterisk's channel state (enum ast_channel_state in its include/asterisk/channelstate.h).
// A value beyond [StateUnknown] reads as [StateUnknown].
type State uint8

// The states of a call.
const (
	StateDown           State = iota // not in use yet
	StateReserved                    // reserved, not in use yet
	StateOffHook                     // off hook
	StateDialing                     // digits have been dialled
	StateRing                        // the far end is ringing
	StateRinging                     // this end is ringing
	StateUp                          // answered
	StateBusy                        // the far end is busy
	StateDialingOffHook              // digits are dialled while off hook
	StatePreRing                     // about to ring
	StateUnknown                     // anything else
)

// String returns the state as it stands in a message: its number in decimal.
func (s State) String() string {
	return [...]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}[min(s, StateUnknown)]
}

// Desc returns the state's name as it stands in a message.
func (s State) Desc() string {
	return [...]string{
		"Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy", "Dialing Offhook", "Pre-ring", "Unknown",
	}[min(s, StateUnknown)]
}

// ParseState returns the state whose [State.String] is s, and whether there is one.
func ParseState(s string) (State, bool) {
	for state := StateDown; state <= StateUnknown; state++ {
		if state.String() == s {
			return state, true
		}
	}
	return StateUnknown, false
}

// The states of an extension: Asterisk's names of its extension states.
const (
	StatusIdle         = "Idle"
	StatusInUse        = "InUse"
	StatusBusy         = "Busy"
	StatusUnavailable  = "Unavailable" // its devices, or its PBX, can't be reached; or it was removed
	StatusRinging      = "Ringing"
	StatusInUseRinging = "InUse&Ringing" // in a call, another one rings
	StatusHold         = "Hold"
	StatusInUseHold    = "InUse&Hold" // in a call, another one is on hold
)

// Directions of a call, seen from its extension.
const (
	DirectionInbound  = "inbound"
	DirectionOutbound = "outbound"
)
