package protocol

import "log/slog"

// Welcome greets a client at once after the upgrade and asks for its credentials.
type Welcome struct {
	Server string // name of the server's first PBX
}

// AuthOK accepts a client's credentials. The [Init] of each PBX follows at once.
type AuthOK struct {
	Server    string   // name of the PBX; a supervisor's first
	Extension string   // the agent's extension, "" for a supervisor
	Agent     string   // the user that logged in
	Token     string   // stands for the credentials from now on; a secret
	Features  []string // what was granted of the features asked for; nil when the client asked for none
}

// LogValue keeps the token out of logs.
func (m AuthOK) LogValue() slog.Value {
	return slog.GroupValue(slog.String("agent", m.Agent), slog.String("extension", m.Extension))
}

// AuthForbidden refuses a client's credentials. The connection stays open for another try.
type AuthForbidden struct {
	Server string
	Error  string // why, in English; the same for an unknown user and for a wrong password
}

// Init is the state of one PBX's extensions, as far as the client may see them, and of all their calls. It replaces
// whatever the client knew of that PBX.
type Init struct {
	Server string
	Data   []Extension // decoded: nil when empty
}

// Extension is one monitored extension in an [Init].
type Extension struct {
	Extension string
	Hint      string // the devices behind it, as "PJSIP/101"
	Status    string // one of the Status constants
	Calls     []Call // decoded: nil when there is none
}

// Call is one extension's leg of a conversation in an [Init].
type Call struct {
	Monitored     bool   // always true: only monitored extensions' calls are shown
	CallID        string // the leg's id, for its whole life
	CallDirection string // [DirectionInbound] or [DirectionOutbound]
	PhoneA        string // who calls
	PhoneB        string // who is called
	DIDA          string // number that the calling side presents to the public network, "" if none
	DIDB          string // public number that was dialled to reach us, "" if none
	Status        string // [State.String] of its state
	StatusDesc    string // [State.Desc] of its state
	Bridge        string // CallID of the leg at the other end, "" while there is none
	Hold          bool   // whether it is on hold, by either side
}

// ExtensionStatus says that an extension's state changed, or that the extension is new.
type ExtensionStatus struct {
	Server, Extension string
	Status            string // one of the Status constants
}

// NewCall announces a call at an extension, once for each call. Until a [CallState] says otherwise the call counts as
// [StateDown].
type NewCall struct {
	Server, Extension string
	CallID            string
	Direction         string // [DirectionInbound] or [DirectionOutbound]
	PhoneA, PhoneB    string // who calls, who is called
	DIDA, DIDB        string // as in [Call]
}

// CallState says that an announced call changed its state.
type CallState struct {
	Server, Extension string
	CallID            string
	State             string // [State.String]
	StateDesc         string // [State.Desc]
}

// CallMark says that hold or recording of an announced call began or ended.
type CallMark struct {
	Mark              Mark
	Server, Extension string
	CallID            string
}

// Mark is what a [CallMark] says; its value is the update's action on the wire.
type Mark string

// The marks. Each start is followed by its end before the call's [Hangup].
const (
	StartMOH    Mark = "start-moh"    // put on hold
	StopMOH     Mark = "stop-moh"     // taken back
	StartRecord Mark = "start-record" // recording starts
	EndRecord   Mark = "end-record"   // recording ends
)

// Hangup says that an announced call ended, once for each call; nothing of that call follows.
type Hangup struct {
	Server, Extension string
	CallID            string
	Cause             string // Q.850 cause (ITU-T Q.850, table 1) in decimal, as "16"
}

// Error answers what a client sent and the server could not do.
type Error struct {
	Code    ErrorCode
	Message string // for people, in English; may change, so never compare it
	Action  string // the action that it concerns, "" if none
}

// Unknown is a message of a type or an action that this package doesn't know. A client ignores it.
type Unknown struct {
	Type, Action string
	Raw          []byte // the whole message, as received
}

func (Welcome) message()         {}
func (AuthOK) message()          {}
func (AuthForbidden) message()   {}
func (Init) message()            {}
func (ExtensionStatus) message() {}
func (NewCall) message()         {}
func (CallState) message()       {}
func (CallMark) message()        {}
func (Hangup) message()          {}
func (Error) message()           {}
func (Unknown) message()         {}
