package asterisk

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/clavija/clavija/ami"
)

// bootGrace is how long Asterisk may take to say that it is booted. It says so at once to a user who may read system events.
const bootGrace = 3 * time.Second

// bootLimit is how long a PBX that has not said that it is booted, and has no hints, is taken to be loading its dial plan still.
const bootLimit = time.Minute

// suspectPause is how soon a PBX is asked again about channels that it did not list, and whose end it did not tell.
const suspectPause = 2 * time.Second

// list is one of the questions of a refresh.
type list struct {
	action   ami.Action
	item     string // the event that carries an item
	right    string // the write permission that it takes
	optional bool   // the PBX can be followed without
	take     func(ami.Message)
}

func (l *link) lists() []list {
	m := l.d.model
	return []list{
		{action: ami.NewAction("ExtensionStateList"), item: "ExtensionStatus", right: "call", take: m.listHint},
		{action: ami.NewAction("BridgeList"), item: "BridgeListItem", optional: true, take: m.listBridge},
		{action: ami.NewAction("Status").With("Variables", recordingVariable), item: "Status", right: "call", take: m.listChannel},
		{
			action: ami.NewAction("DeviceStateList"), item: "DeviceStateChange", right: "call", optional: true,
			take: m.setDevice,
		},
	}
}

// refreshDue returns when the next refresh is to begin; zero while one is under way.
func (l *link) refreshDue() time.Time {
	switch {
	case l.d.model.refresh.open:
		return time.Time{}
	case l.asked.IsZero() && l.booted, l.again:
		return l.begun // at once
	case l.asked.IsZero():
		return l.begun.Add(bootGrace)
	}
	return l.asked.Add(l.d.cfg.Refresh)
}

func (l *link) refreshIfDue(now time.Time) error {
	due := l.refreshDue()
	if due.IsZero() || now.Before(due) {
		return nil
	}
	l.asked, l.again = now, false
	l.d.model.beginRefresh()
	l.ask(l.lists())
	return nil
}

// ask asks for one list after the other, then for the barrier.
func (l *link) ask(lists []list) {
	if len(lists) == 0 {
		l.barrier()
		return
	}
	now, rest := lists[0], lists[1:]
	id := l.newID("list")
	finish := func() {
		delete(l.pending, id)
		l.ask(rest)
	}
	l.send(id, now.action, func(msg ami.Message, err error) {
		switch {
		case err != nil:
			l.fail(fmt.Errorf("ami %v: %w", now.action, err))
		case msg.Event() == now.item:
			l.pending[id].deadline = time.Now().Add(l.d.cfg.Patience)
			now.take(msg)
		case strings.EqualFold(msg.Get("EventList"), "Complete"):
			finish()
		case isDenied(msg) && !now.optional:
			l.fail(&deniedError{action: now.action.String(), right: now.right})
		case strings.EqualFold(msg.Response(), "Error"):
			finish() // an empty list, or a list that this version does not have
		}
	})
}

func (l *link) barrier() {
	id := l.newID("barrier")
	l.send(id, ami.NewAction("Ping"), func(_ ami.Message, err error) {
		delete(l.pending, id)
		if err != nil {
			l.fail(fmt.Errorf("ami barrier: %w", err))
			return
		}
		m := l.d.model
		if !l.seen && !l.booted && m.noneListed() && time.Since(l.begun) < bootLimit {
			m.abandonRefresh()
			l.asked = time.Now().Add(bootGrace - l.d.cfg.Refresh) // it is still loading its dial plan
			return
		}
		hinted := m.refresh.contexts
		unheard, suspects := m.finishRefresh()
		if suspects > 0 {
			l.asked = time.Now().Add(suspectPause - l.d.cfg.Refresh)
		}
		if unheard > 0 && !l.alive {
			l.d.warn("pbx has calls that no event told of: they are seen late",
				"advice", "add call to the user's read= line in manager.conf; then 'manager reload'")
		}
		if !l.seen {
			l.seen = true
			l.checkReading(hinted)
			l.checkRights()
			l.online()
		}
	})
}

// checkReading warns of what will not be seen.
func (l *link) checkReading(hinted map[string]int) {
	if !l.booted {
		l.d.warn("pbx did not say that it is booted: its restarts and reloads may go unnoticed for a while",
			"advice", "add system to the user's read= line in manager.conf; then 'manager reload'")
	}
	for _, context := range l.d.cfg.Contexts {
		if hinted[context] == 0 {
			l.d.warn("a context has no hints, so it has no extensions", "context", context, "hints", hinted,
				"advice", "name the contexts that have hints in the contexts of the [[pbx]] (FreePBX: ext-local, with dial_context = from-internal)")
		}
	}
}

// checkRights warns of commands that the AMI user may not give.
func (l *link) checkRights() {
	id := l.newID("rights")
	l.send(id, ami.NewAction("ListCommands"), func(msg ami.Message, err error) {
		delete(l.pending, id)
		if err != nil || !strings.EqualFold(msg.Response(), "Success") {
			return
		}
		for _, need := range []struct{ action, right, loss string }{
			{"Originate", "originate", "agents cannot place calls"},
			{"BlindTransfer", "call", "agents cannot transfer calls"},
			{"Hangup", "call", "agents cannot hang up calls"},
		} {
			if msg.Get(need.action) == "" {
				l.d.warn("the AMI user lacks a write permission", "permission", need.right, "action", need.action, "loss", need.loss,
					"advice", "add "+need.right+" to the user's write= line in manager.conf; then 'manager reload'")
			}
		}
	})
}

func (l *link) newID(kind string) string {
	l.nextID++
	return kind + "-" + strconv.FormatUint(l.nextID, 10)
}

// fromPBX returns the error that a response speaks of, nil when it is none.
func fromPBX(msg ami.Message) error {
	if strings.EqualFold(msg.Response(), "Error") {
		return errors.New(msg.Get("Message"))
	}
	return nil
}
