package pbx

// Command is what an extension asks of its PBX.
type Command struct {
	Kind      CommandKind
	Extension ExtensionID
	Phone     string    // Originate, BlindTransfer: the number to dial …
	Context   string    // … and where, "" for the PBX's usual context
	CallID    string    // BlindTransfer, Hangup: the extension's own call
	Custom    [2]string // Originate: the two custom fields of the call log
}

// CommandKind tells what a [Command] asks for.
type CommandKind uint8

// What can be asked of a PBX.
const (
	Originate     CommandKind = iota // ring the extension; when it answers, dial Phone
	BlindTransfer                    // send the other party of the call to Phone
	Hangup                           // end the call
)

// Failure says why a PBX did not carry out a [Command].
type Failure struct {
	Reason Reason
	Detail string // what the PBX said, or what to do about it; may be empty
}

// Error returns the reason and the detail.
func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.Reason.String()
	}
	return f.Reason.String() + ": " + f.Detail
}

// Reason is why a command failed.
type Reason uint8

// Why a command failed.
const (
	Refused         Reason = iota // the PBX refused, for a reason of its own
	PBXUnavailable                // the PBX cannot be reached
	NotRegistered                 // no device of the extension is registered
	PhoneBusy                     // the extension's phone is busy
	NoAnswer                      // the extension's phone was not answered in time
	Rejected                      // the extension's phone rejected the call
	Congestion                    // the PBX or the network had no capacity
	NoSuchNumber                  // no dial plan takes the number
	NoSuchCall                    // the call has ended
	NotTransferable               // the call has no single other party to transfer
	TimedOut                      // the PBX did not answer the command in time
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Refused:
		return "the PBX refused"
	case PBXUnavailable:
		return "the PBX cannot be reached"
	case NotRegistered:
		return "no phone of the extension is registered"
	case PhoneBusy:
		return "the extension's phone is busy"
	case NoAnswer:
		return "the extension's phone was not answered"
	case Rejected:
		return "the extension's phone rejected the call"
	case Congestion:
		return "no capacity for the call"
	case NoSuchNumber:
		return "no dial plan takes the number"
	case NoSuchCall:
		return "the call has ended"
	case NotTransferable:
		return "the call has no single other party that could be transferred"
	case TimedOut:
		return "the PBX did not answer in time"
	}
	return "unknown reason"
}
