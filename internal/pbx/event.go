package pbx

// Event is what a driver says of its PBX. Events carry whole values, never differences: a repeated event changes nothing, and
// a lost one is mended by the next that speaks of the same thing.
type Event struct {
	Kind      EventKind
	Extension Extension // ExtensionChanged; ExtensionRemoved: its ID
	Call      Call      // CallChanged; CallEnded: its ID and Extension
	Cause     int       // CallEnded: why, a Q.850 cause
	Snapshot  *Snapshot // Synchronized
}

// EventKind tells what an [Event] says.
type EventKind uint8

// What a driver can say.
const (
	ExtensionChanged EventKind = iota // an extension appeared or is now as given
	ExtensionRemoved                  // the PBX no longer has the extension
	CallChanged                       // a call appeared or is now as given
	CallEnded                         // a call ended
	Offline                           // the PBX cannot be seen: all its extensions are unavailable, its calls may go on
	Synchronized                      // the PBX can be seen, and this is all there is: whatever is not in the snapshot is gone
)

// Snapshot is the whole state of a PBX at one moment.
type Snapshot struct {
	Extensions []Extension
	Calls      []Call
}

// Change is one step of a [State] that clients hear of.
type Change struct {
	Kind      ChangeKind
	Extension ExtensionID
	Status    Status // StatusChanged
	Call      Call   // all kinds that concern a call: the call after the change
	Cause     int    // CallRemoved
}

// ChangeKind tells what a [Change] is.
type ChangeKind uint8

// The changes of a state, as clients hear of them.
const (
	StatusChanged ChangeKind = iota
	CallAdded
	CallStateChanged
	BridgeChanged
	HoldStarted
	HoldStopped
	RecordingStarted
	RecordingStopped
	CallRemoved
)
