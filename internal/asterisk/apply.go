package asterisk

import (
	"strconv"
	"strings"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// relevant tells whether the model wants an AMI event. Most of what Asterisk sends is of no use here, and is thrown away by
// the reader before it is copied.
func relevant(event string) bool {
	switch event {
	case "Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "Rename", "Hangup",
		"DialBegin", "BridgeEnter", "BridgeLeave", "BridgeDestroy",
		"Hold", "Unhold", "MixMonitorStart", "MixMonitorStop", "VarSet", "Pickup",
		"ExtensionStatus", "DeviceStateChange", "OriginateResponse", "FullyBooted", "Reload":
		return true
	}
	return false
}

// recordingVariable is set on a channel when a MixMonitor starts on it.
const recordingVariable = "MIXMONITOR_FILENAME"

// apply takes one live event of the PBX.
func (m *model) apply(msg ami.Message) {
	switch event := msg.Event(); event {
	case "ExtensionStatus":
		m.applyHint(msg)
	case "DeviceStateChange":
		m.setDevice(msg)
	case "BridgeDestroy":
		m.destroy(msg.Get("BridgeUniqueid"))
	case "DialBegin":
		m.dial(msg)
	default:
		m.applyChannel(event, msg)
	}
	m.flush()
}

func (m *model) applyHint(msg ami.Message) {
	number, err := strconv.Atoi(msg.Get("Status"))
	if err != nil {
		return
	}
	id := pbx.ExtensionID{Context: msg.Get("Context"), Number: msg.Get("Exten")}
	m.setHint(id, msg.Get("Hint"), number)
	if e := m.extensions[id]; e != nil {
		e.heard = m.refresh.number
		if m.synced {
			m.inferHoldOf(e)
		}
	}
}

// setDevice notes whether a device of an extension can be reached. Those of others are of no use: there is one for each number that
// was ever dialled.
func (m *model) setDevice(msg ami.Message) {
	if m.remap {
		m.mapDevices()
	}
	if device := strings.ToLower(msg.Get("Device")); m.byDevice[device] != nil {
		m.devices[strings.Clone(device)] = reachable(msg.Get("State"))
	}
}

// reachable tells of a device state's name whether a call to the device could ring.
func reachable(state string) bool { return state != "UNAVAILABLE" && state != "INVALID" }

// applyChannel takes an event that concerns one channel.
func (m *model) applyChannel(event string, msg ami.Message) {
	id := msg.Get("Uniqueid")
	if id == "" {
		return
	}
	c, exists := m.channels[id]
	if event == "Newchannel" {
		m.born(msg)
		return
	}
	if event == "Hangup" {
		m.refresh.missed(id)
	}
	if !exists {
		return // from before our time; a refresh will list it if it lives
	}
	c.heard = m.refresh.number
	switch event {
	case "Hangup":
		cause, err := strconv.Atoi(msg.Get("Cause"))
		if err != nil {
			cause = pbx.CauseUnknown
		}
		m.end(c, cause)
		return
	case "Rename":
		m.rename(c, msg.Get("Newname"))
		return
	}
	m.identify(c, msg, false)
	switch event {
	case "BridgeEnter":
		b := m.enter(c, msg.Get("BridgeUniqueid"))
		b.holding = isHolding(msg)
	case "BridgeLeave":
		if c.bridge != nil && c.bridge.id == msg.Get("BridgeUniqueid") {
			m.leave(c)
		}
	case "Hold", "Unhold":
		m.hold(c, event == "Hold")
		m.touchFar(c)
	case "MixMonitorStart", "MixMonitorStop":
		m.record(c, event == "MixMonitorStart")
	case "Pickup":
		if target := m.channels[msg.Get("TargetUniqueid")]; target != nil && target.extension != nil {
			taken := m.introduce(target)
			c.taken = &taken
			m.touch(c)
		}
	case "VarSet":
		if msg.Get("Variable") == recordingVariable && msg.Get("Value") != "" {
			m.record(c, true)
		}
	}
}

// hold notes that a leg has pressed hold, or released it.
func (m *model) hold(c *channel, pressed bool) {
	// The hints of chan_sip tell who holds, not who is held: so it was this end that held, not the other. (With PJSIP, an Unhold of
	// an end that was not known to hold is only late.)
	guessed := strings.HasPrefix(c.device, "sip/") && !pressed && !c.holding
	if peer := m.peer(c); guessed && peer != nil && peer.inferred {
		peer.holding, peer.inferred = false, false
		m.touchFar(peer)
	}
	c.holding, c.inferred, c.holdHeard = pressed, false, m.refresh.number
}

// record notes that a recording of a channel runs, or does not.
func (m *model) record(c *channel, runs bool) {
	c.recording, c.recorded = runs, c.recorded || runs
	m.touchFar(c)
}

// born takes a Newchannel.
func (m *model) born(msg ami.Message) {
	c := m.channel(msg.Get("Uniqueid"), msg.Get("Channel"))
	c.heard = m.refresh.number
	m.identify(c, msg, false)
	c.context, c.exten = msg.Get("Context"), msg.Get("Exten")
	c.firstCaller = c.callerNum
	m.touch(c)
}

// identify takes what every event of a channel, and every item of Status, says about it. Only a list is trusted to say that a
// channel has gone back from a later state to an earlier one: an event that says so is late.
func (m *model) identify(c *channel, msg ami.Message, listed bool) {
	if name := msg.Get("Channel"); name != "" && name != c.name {
		m.rename(c, name)
	}
	if s, err := strconv.ParseUint(msg.Get("ChannelState"), 10, 8); err == nil && s <= uint64(pbx.StateUnknown) {
		late := !listed && (pbx.CallState(s) == pbx.StateDown || c.state == pbx.StateUp)
		if state := pbx.CallState(s); state != c.state && !late {
			c.enterState(state, m.now)
			m.touch(c)
		}
	}
	if exten := msg.Get("Exten"); c.early() && exten != "" && exten != "s" {
		c.context, c.exten, c.seenAt = msg.Get("Context"), exten, m.now
		m.touch(c)
	}
	c.callerNum = known(msg.Get("CallerIDNum"))
	c.connectedNum = known(msg.Get("ConnectedLineNum"))
}

// dial takes a DialBegin: one channel, or the PBX itself, dials another. The DialBegins of a chain of Local channels come in any
// order, so each may complete what another one began.
func (m *model) dial(msg ami.Message) {
	to, ok := m.channels[msg.Get("DestUniqueid")]
	if !ok {
		return
	}
	to.dialled = true
	to.dialler = m.channels[msg.Get("Uniqueid")]
	to.dialledBy = known(msg.Get("DestConnectedLineNum"))
	if !to.local {
		m.untraced[to] = true
	}
	for c := range m.untraced {
		if m.traced(c) {
			delete(m.untraced, c)
			m.reach(c)
		}
	}
}

// reach notes that the dial of a real channel has reached it.
func (m *model) reach(to *channel) {
	if source := m.source(to); source != nil {
		source.reached = true
		if to.extension == nil && source.extension != nil && to.dialledBy != source.extension.ID.Number {
			source.presented = to.dialledBy
		}
		m.touch(source)
	}
	m.touch(to)
}

func isHolding(msg ami.Message) bool { return msg.Get("BridgeTechnology") == "holding_bridge" }

func (m *model) destroy(id string) {
	b, ok := m.bridges[id]
	if !ok {
		return
	}
	for len(b.members) > 0 {
		m.leave(b.members[0])
	}
}
