package asterisk

import (
	"maps"
	"slices"
	"time"

	"github.com/clavija/clavija/internal/pbx"
)

// model is what the driver knows of its PBX: hints, channels, bridges. AMI events change it; [model.flush] derives from it, for
// each channel of an extension, the call that clients see, and emits those that differ from what was told before. So nothing
// depends on catching one particular event: whatever brings the model to the truth brings the clients there too.
//
// All that is peculiar to Asterisk ends here. A model belongs to one goroutine, does no I/O, and reads no clock.
type model struct {
	contexts []string // whose hints are the extensions, in order of preference
	grace    time.Duration
	settle   time.Duration

	extensions map[pbx.ExtensionID]*extension
	byDevice   map[string]*extension // device in lower case
	remap      bool                  // hints have changed: byDevice is to be made anew
	devices    map[string]bool       // device in lower case → reachable, as far as it was told

	internal map[string]bool // contexts from which calls are no public ones

	channels map[string]*channel // by Uniqueid
	byName   map[string]*channel
	byOwner  map[string]map[*channel]bool // the channels of each device, in lower case
	bridges  map[string]*bridge
	requests map[string]*request // our Originates whose leg has not appeared yet, by ChannelId

	refresh   refresh
	linkedAt  uint64          // the refresh with which the link began
	strangers map[string]bool // channels that the last refresh has listed, and no event has told of
	dirty     []*channel
	waiting   map[*channel]bool // channels of extensions that are not announced yet
	// untraced are dialled channels at the end of a chain of Local channels of which not all DialBegins have come.
	untraced map[*channel]bool
	synced   bool      // a whole snapshot was taken: changes may be told
	now      time.Time // of the message that is being applied
	emit     func(pbx.Event)
}

// announceGrace is how long a phone's own call may wait for the dial plan to dial somebody before it is announced all the
// same. Until then the number that it presents to the network cannot be told.
const announceGrace = 500 * time.Millisecond

// announceSettle is the same for a call that is up already.
const announceSettle = 100 * time.Millisecond

func newModel(contexts []string, emit func(pbx.Event)) *model {
	m := &model{
		contexts:   contexts,
		grace:      announceGrace,
		settle:     announceSettle,
		extensions: make(map[pbx.ExtensionID]*extension),
		byDevice:   make(map[string]*extension),
		devices:    make(map[string]bool),
		channels:   make(map[string]*channel),
		byName:     make(map[string]*channel),
		byOwner:    make(map[string]map[*channel]bool),
		bridges:    make(map[string]*bridge),
		requests:   make(map[string]*request),
		waiting:    make(map[*channel]bool),
		untraced:   make(map[*channel]bool),
		internal:   make(map[string]bool),
		emit:       emit,
	}
	for _, context := range contexts {
		m.internal[context] = true
	}
	return m
}

// channel returns the channel of that Uniqueid, new if need be.
func (m *model) channel(id, name string) *channel {
	c, ok := m.channels[id]
	if !ok {
		c = &channel{id: id, seenAt: m.now, since: m.refresh.number, listed: m.refresh.number, request: m.requests[id]}
		m.channels[id] = c
		if c.request != nil {
			c.request.appeared = true
			delete(m.requests, id)
		}
	}
	if name != "" && c.name != name {
		m.rename(c, name)
	}
	return c
}

func (m *model) rename(c *channel, name string) {
	if m.byName[c.name] == c {
		delete(m.byName, c.name)
	}
	m.disown(c)
	c.name, c.local, c.device = name, isLocal(name), deviceOf(name)
	m.byName[name] = c
	if c.device != "" {
		if m.byOwner[c.device] == nil {
			m.byOwner[c.device] = make(map[*channel]bool)
		}
		m.byOwner[c.device][c] = true
	}
	if half := m.byName[otherHalf(name)]; c.local && half != nil {
		c.half, half.half = half, c
	}
	m.own(c)
}

// disown forgets which device a channel belongs to.
func (m *model) disown(c *channel) {
	delete(m.byOwner[c.device], c)
	if len(m.byOwner[c.device]) == 0 {
		delete(m.byOwner, c.device)
	}
}

// own finds the extension that a channel belongs to. Once a call is announced, its extension stays.
func (m *model) own(c *channel) {
	if c.announced {
		return
	}
	c.extension = m.byDevice[c.device]
	delete(m.waiting, c)
	if c.extension != nil {
		m.waiting[c] = true
	}
}

func (m *model) touch(c *channel) {
	if c != nil && !c.queued {
		c.queued = true
		m.dirty = append(m.dirty, c)
	}
}

// touchFar touches a channel, then all that are joined with it, also through Local channels.
func (m *model) touchFar(c *channel) {
	m.touch(c)
	m.walk(c, make(map[*bridge]bool), m.touch)
}

func (m *model) walk(c *channel, seen map[*bridge]bool, visit func(*channel)) {
	b := c.bridge
	if b == nil || seen[b] {
		return
	}
	seen[b] = true
	for _, member := range b.members {
		visit(member)
		if !member.local {
			continue
		}
		if member.half != nil {
			m.walk(member.half, seen, visit)
		}
	}
}

// enter puts a channel into a bridge, and out of the one that it was in.
func (m *model) enter(c *channel, id string) *bridge {
	if c.bridge != nil && c.bridge.id == id {
		return c.bridge
	}
	m.leave(c)
	b, ok := m.bridges[id]
	if !ok {
		b = &bridge{id: id}
		m.bridges[id] = b
	}
	b.members = append(b.members, c)
	c.bridge = b
	m.touchFar(c)
	return b
}

func (m *model) leave(c *channel) {
	b := c.bridge
	if b == nil {
		return
	}
	m.touchFar(c)
	for _, member := range b.members {
		if member.inferred {
			member.holding, member.inferred = false, false
		}
	}
	b.remove(c)
	c.bridge = nil
	if len(b.members) == 0 {
		delete(m.bridges, b.id)
	}
}

// end removes a channel that has hung up.
func (m *model) end(c *channel, cause int) {
	m.leave(c)
	if m.synced && c.extension != nil && !c.announced && (c.dialled || c.entered()) {
		m.announce(c) // it was too short to be told before
	}
	// What waits to be told of the others comes first: a leg is taken off hold before the one that held it is gone.
	m.flush()
	if c.announced && m.synced {
		m.emit(pbx.Event{Kind: pbx.CallEnded, Call: c.call, Cause: cause})
	}
	if c.request != nil {
		c.request.end(cause)
	}
	delete(m.channels, c.id)
	if m.byName[c.name] == c {
		delete(m.byName, c.name)
	}
	m.disown(c)
	delete(m.waiting, c)
	delete(m.untraced, c)
}

// flush tells what has changed since the last flush.
func (m *model) flush() {
	if m.remap && m.synced {
		m.mapDevices()
	}
	for i := 0; i < len(m.dirty); i++ {
		c := m.dirty[i]
		c.queued = false
		if m.synced && m.channels[c.id] == c {
			m.tell(c)
		}
	}
	clear(m.dirty)
	m.dirty = m.dirty[:0]
}

func (m *model) tell(c *channel) {
	if c.extension == nil || !c.announced && !m.ready(c) {
		return
	}
	if !c.announced {
		m.announce(c)
		return
	}
	if now := m.view(c); now != c.call {
		c.call = now
		m.emit(pbx.Event{Kind: pbx.CallChanged, Call: now})
	}
}

func (m *model) announce(c *channel) {
	c.call = m.introduce(c)
	c.announced = true
	delete(m.waiting, c)
	for _, state := range c.passed {
		c.call.State = state
		m.emit(pbx.Event{Kind: pbx.CallChanged, Call: c.call})
	}
	c.passed = nil
	c.call = m.view(c)
	m.emit(pbx.Event{Kind: pbx.CallChanged, Call: c.call})
}

// deadline returns when the next call that waits for its other party must be announced without; zero when none waits.
func (m *model) deadline() time.Time {
	var first time.Time
	if !m.synced {
		return first
	}
	for c := range m.waiting {
		if t := m.patience(c); first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// expire announces the calls that have waited long enough.
func (m *model) expire() {
	if !m.synced {
		return
	}
	for _, c := range slices.SortedFunc(maps.Keys(m.waiting), (*channel).compare) {
		if m.ready(c) {
			m.announce(c)
		}
	}
	m.flush()
}

// desynchronize forgets what cannot be trusted once the link is lost: who is joined with whom. Channels are kept, so that those
// that live on are recognised.
func (m *model) desynchronize() {
	m.flush()
	m.synced = false
	m.refresh = refresh{number: m.refresh.number}
	for _, c := range m.channels {
		c.bridge = nil
	}
	clear(m.bridges)
}

// snapshot emits the whole state.
func (m *model) snapshot() {
	if m.remap {
		m.mapDevices()
	}
	s := &pbx.Snapshot{Extensions: make([]pbx.Extension, 0, len(m.extensions))}
	for _, e := range m.extensions {
		s.Extensions = append(s.Extensions, e.Extension)
	}
	slices.SortFunc(s.Extensions, func(a, b pbx.Extension) int { return m.compare(a.ID, b.ID) })
	live := make([]*channel, 0, len(m.channels))
	for _, c := range m.channels {
		c.queued = false
		if c.extension != nil && (c.announced || m.ready(c)) {
			live = append(live, c)
		}
	}
	clear(m.dirty)
	m.dirty = m.dirty[:0]
	slices.SortFunc(live, func(a, b *channel) int { return a.compare(b) })
	for _, c := range live {
		if !c.announced {
			c.call = m.introduce(c)
			c.announced, c.passed = true, nil
			delete(m.waiting, c)
		}
		c.call = m.view(c)
		s.Calls = append(s.Calls, c.call)
	}
	m.synced = true
	m.emit(pbx.Event{Kind: pbx.Synchronized, Snapshot: s})
}
