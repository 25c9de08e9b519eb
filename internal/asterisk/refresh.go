package asterisk

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// refresh is one round of asking the PBX for all it has. Its answers are merged with the live events without gap or ghost:
//
// Asterisk writes the items of a list as it walks its channels, but live events go through queues of its own: one that comes after an
// item can be older than it, by milliseconds, more on a busy machine. An action sent after the lists (the barrier) is answered when
// the events that had reached our session have been written.
//
// Before the first barrier nothing is told to anyone, so items are simply taken as they come: the old events that follow repeat
// a piece of history that ends at the truth. Afterwards items are kept until the barrier, and a channel of which an event has
// spoken meanwhile is left alone. Of the others, what the lists say otherwise than the model is noted, and the lists are asked
// for again soon: only what is still so then, and no event has spoken of, is corrected.
type refresh struct {
	number uint64 // of the newest round
	open   bool   // a round is under way
	items  []ami.Message
	hints  []ami.Message
	gone   map[string]bool // channels that ended while the round was under way
	lots   map[string]bool // bridges that were listed as holding ones

	removed  map[pbx.ExtensionID]bool // hints that were removed while the round was under way
	contexts map[string]int           // how many hints each context has
}

// missed notes the end of a channel, which an item of the round may still list.
func (r *refresh) missed(id string) {
	if r.open {
		r.gone[id] = true
	}
}

func (m *model) beginRefresh() {
	m.refresh = refresh{
		number: m.refresh.number + 1, open: true, gone: make(map[string]bool), lots: make(map[string]bool),
		removed: make(map[pbx.ExtensionID]bool), contexts: make(map[string]int),
	}
}

// abandonRefresh gives a round up whose lists cannot be true.
func (m *model) abandonRefresh() { m.refresh = refresh{number: m.refresh.number} }

// noneListed tells whether no extension has been listed in this round.
func (m *model) noneListed() bool {
	for _, context := range m.contexts {
		if m.refresh.contexts[context] > 0 {
			return false
		}
	}
	return true
}

// listHint takes an item of ExtensionStateList.
func (m *model) listHint(item ami.Message) {
	m.refresh.contexts[item.Get("Context")]++
	if m.synced {
		m.refresh.hints = append(m.refresh.hints, item)
		return
	}
	m.applyHint(item)
}

// listChannel takes an item of Status.
func (m *model) listChannel(item ami.Message) {
	if m.synced {
		m.refresh.items = append(m.refresh.items, item)
		return
	}
	m.take(item)
}

// listBridge takes an item of BridgeList. The channels that are in the bridges are listed after it.
func (m *model) listBridge(item ami.Message) {
	if isHolding(item) {
		m.refresh.lots[item.Get("BridgeUniqueid")] = true
	}
}

// finishRefresh compares the model with the lists. The first time it tells the whole state, later what differs. It returns how
// many channels live events should have told of, and did not; and on how many the lists and the model disagree for the first time.
// (Not only because of late events: Asterisk takes channels out of its list for a moment when it joins two into one.)
func (m *model) finishRefresh() (unheard, suspects int) {
	round := m.refresh.number
	if m.remap {
		m.mapDevices()
	}
	for _, item := range m.refresh.hints {
		id := pbx.ExtensionID{Context: item.Get("Context"), Number: item.Get("Exten")}
		switch e := m.extensions[id]; {
		case m.refresh.removed[id]:
		case e != nil && e.heard == round:
			e.listed = round
		default:
			m.applyHint(item)
		}
	}
	strangers := make(map[string]bool)
	for _, item := range m.refresh.items {
		id := item.Get("Uniqueid")
		c := m.channels[id]
		switch {
		case c == nil && m.refresh.gone[id]:
		case c == nil && !m.strangers[id]:
			strangers[id] = true
			suspects++
		case c == nil:
			if !isHelper(item.Get("Channel")) {
				unheard++
			}
			m.take(item)
		case c.heard == round || m.agrees(c, item):
			c.listed = round
		case c.differs == round-1 && c.heard < c.differs:
			m.take(item)
		default:
			c.listed, c.differs = round, round
			suspects++
		}
	}
	m.strangers = strangers
	for _, e := range m.extensions {
		if e.listed != round {
			m.removeExtension(e)
		}
	}
	for _, c := range m.channels {
		switch {
		case c.listed == round:
		case m.synced && (c.heard == round || c.listed+1 == round):
			suspects++
		default:
			m.end(c, pbx.CauseUnknown)
		}
	}
	m.refresh = refresh{number: round}
	if !m.synced {
		clear(m.requests) // those of a lost link: their legs have been listed now, or never came to be
		m.inferHold()
		m.snapshot()
		return 0, 0
	}
	m.flush()
	return unheard, suspects
}

// agrees tells whether an item of Status says of a channel what the model does.
func (m *model) agrees(c *channel, item ami.Message) bool {
	bridge := ""
	if c.bridge != nil {
		bridge = c.bridge.id
	}
	return item.Get("ChannelState") == strconv.Itoa(int(c.state)) && item.Get("BridgeID") == bridge &&
		item.Get("Channel") == c.name && (c.recorded || !tellsRecording(item))
}

// tellsRecording tells whether an item of Status says that a recording was begun on its channel.
func tellsRecording(item ami.Message) bool {
	for variable := range item.Values("Variable") {
		if value, ok := strings.CutPrefix(variable, recordingVariable+"="); ok && value != "" && value != "(null)" {
			return true
		}
	}
	return false
}

// take makes the model agree with an item of Status.
func (m *model) take(item ami.Message) {
	id := item.Get("Uniqueid")
	if id == "" {
		return
	}
	_, exists := m.channels[id]
	c := m.channel(id, item.Get("Channel"))
	c.listed = m.refresh.number
	if !c.announced {
		c.origin = cmp.Or(item.Get("Linkedid"), id)
	}
	m.identify(c, item, true)
	if !c.announced {
		m.takeHistory(c, item, exists)
	}
	if tellsRecording(item) && !c.recorded { // the variable stays when a recording ends: it tells of one only if none was seen before
		m.record(c, true)
	}
	if id := item.Get("BridgeID"); id != "" {
		b := m.enter(c, id)
		b.holding = b.holding || m.refresh.lots[id]
	} else {
		m.leave(c)
	}
	m.touchFar(c)
}

// takeHistory guesses how a channel came to be that we did not see coming, or not all the way.
func (m *model) takeHistory(c *channel, item ami.Message, exists bool) {
	if !exists {
		c.exten, c.firstCaller = cmp.Or(item.Get("DNID"), item.Get("Exten")), c.callerNum
		if seconds, err := strconv.Atoi(item.Get("Seconds")); err == nil {
			c.seenAt = m.now.Add(-time.Duration(seconds) * time.Second)
		}
	}
	if item.Get("Data") == "(Outgoing Line)" && !c.dialled { // the mark of Dial, Queue, Originate on the channels that they make
		c.dialled, c.dialledBy, c.exten = true, c.connectedNum, ""
	}
}

// inferHold finds who holds whom in a state that was not seen coming. Asterisk does not list it, but the hint of an extension
// that hears music because the other end pressed hold says so.
func (m *model) inferHold() {
	m.linkedAt = m.refresh.number
	for _, e := range m.extensions {
		m.inferHoldOf(e)
	}
}

// inferHoldOf finds whether the one call of an extension is held by its other end. Hints follow what they tell of by milliseconds:
// so they are believed until the other end itself is heard to press or release hold on this link. Through Local channels, they tell
// nothing of holding.
func (m *model) inferHoldOf(e *extension) {
	var own *channel
	for _, device := range e.devices {
		for c := range m.byOwner[strings.ToLower(device)] {
			if own != nil {
				return // it may be either
			}
			own = c
		}
	}
	if own == nil {
		return
	}
	other := own.bridge.other(own)
	if other == nil || other.local || other.holdHeard >= m.linkedAt || other.since > m.linkedAt {
		return
	}
	held := e.Status == pbx.OnHold || e.Status == pbx.InUseOnHold
	if other.holding != held {
		other.holding, other.inferred = held, held
		m.touchFar(other)
	}
}
