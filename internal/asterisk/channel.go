package asterisk

import (
	"strings"
	"time"

	"github.com/clavija/clavija/internal/pbx"
)

// channel is one channel of the PBX: a leg of a phone, of a trunk, or one half of a Local channel.
type channel struct {
	id     string // Uniqueid; stays with the leg for its life
	name   string // PJSIP/101-0000000b; can change (Rename)
	device string // PJSIP/101, lower case; "" for plumbing
	local  bool
	half   *channel // of a Local channel, the other half; also when that has hung up before this one

	state        pbx.CallState
	passed       []pbx.CallState // the states before, until the call is announced
	upAt         time.Time       // when it was seen to be up, zero before
	callerNum    string
	connectedNum string
	context      string // where the channel entered the dial plan …
	exten        string // … and with which number
	firstCaller  string // the caller's number as the channel brought it, before any dial plan changed it

	dialled   bool     // somebody dials this channel: the leg is inbound for its phone
	dialler   *channel // who; nil when the PBX itself does (Originate) or when it isn't known
	dialledBy string   // the caller's number that the dialler presents to this channel
	reached   bool     // the dial that this channel began has reached a real channel
	presented string   // the number presented to the trunk that this channel dialled
	origin    string   // of a channel that we did not see coming: the Uniqueid of the one that its conversation began with

	taken *pbx.Call // the call of another extension that this leg has picked up

	bridge    *bridge
	holding   bool   // this leg pressed hold
	inferred  bool   // holding is a guess
	holdHeard uint64 // the newest refresh that had begun when it last pressed or released hold
	recording bool   // a MixMonitor runs on this channel
	recorded  bool   // one has run, or runs

	request   *request  // the Originate that made it, if it was ours
	seenAt    time.Time // when we first heard of it
	since     uint64    // the newest refresh that had begun then
	listed    uint64    // the newest refresh that has listed it, or that had begun when it was born
	differs   uint64    // the newest refresh that has listed it as something else than we know
	heard     uint64    // the newest refresh that had begun when an event last spoke of it
	extension *extension
	announced bool
	call      pbx.Call // as last told
	queued    bool     // in model.dirty
}

// bridge is what joins channels. A holding bridge (parking lot) keeps channels that do not hear one another.
type bridge struct {
	id      string
	holding bool
	members []*channel
}

func (b *bridge) remove(c *channel) {
	for i, m := range b.members {
		if m == c {
			b.members = append(b.members[:i], b.members[i+1:]...)
			return
		}
	}
}

// deviceOf returns the device that a channel belongs to, in lower case: "pjsip/101" for PJSIP/101-0000000b.
// Channels that are plumbing of Asterisk have none.
func deviceOf(channelName string) string {
	if isHelper(channelName) || isLocal(channelName) {
		return ""
	}
	if cut := strings.LastIndexByte(channelName, '-'); cut >= 0 {
		channelName = channelName[:cut]
	}
	return strings.ToLower(channelName)
}

func isLocal(channelName string) bool { return strings.HasPrefix(channelName, "Local/") }

// isHelper tells whether a channel only serves a bridge: announcements and recordings of conferences, spies, parking.
func isHelper(channelName string) bool {
	technology, _, _ := strings.Cut(channelName, "/")
	switch technology {
	case "CBAnn", "CBRec", "Announcer", "Recorder", "Snoop", "Surrogate", "Message":
		return true
	}
	return false
}

// otherHalf returns the name of a Local channel's other half: Local/x@y-1;2 for Local/x@y-1;1.
func otherHalf(channelName string) string {
	if base, ok := strings.CutSuffix(channelName, ";1"); ok {
		return base + ";2"
	}
	if base, ok := strings.CutSuffix(channelName, ";2"); ok {
		return base + ";1"
	}
	return ""
}

// known returns a value of AMI, in which Asterisk writes "<unknown>" for nothing.
func known(value string) string {
	if value == "<unknown>" {
		return ""
	}
	return value
}
