package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/clavija/clavija/protocol"
)

// Legal checks the messages of one connection, in the order in which they come, against what the protocol promises:
//
//   - welcome is first; then come only answers to what the client sends; auth-resp ok comes once, and an init at once
//     after it;
//   - updates are about a server that sent its init, and about an extension that the init listed or that an
//     extension-status has announced; an agent hears of its own extension only;
//   - a call is announced once, by new-call or init; what is said about it comes after that and before its only hangup;
//   - extension-status and call-state say something new;
//   - start-moh and stop-moh alternate, start-record and end-record too, and none of them is open at the hangup;
//   - states, directions and causes are such.
//
// The zero value is ready for a connection's first message.
type Legal struct {
	// AllowResync allows a second init of a server. Of a call that it doesn't list no more may be heard.
	AllowResync bool

	phase      phase
	agent      string // the only extension that may be heard of, "" for a supervisor
	servers    map[string]bool
	extensions map[extensionKey]string // status
	calls      map[callKey]*call
}

type phase int

const (
	connected phase = iota // a welcome must come
	welcomed               // credentials may be refused or accepted
	accepted               // an init must come
	running
)

// call is what is known of a call that was announced.
type call struct {
	state     string
	hold      bool
	recording recording
	ended     bool
}

type recording int

const (
	off recording = iota
	on
	either // an init doesn't tell
)

// Check returns what is illegal about the next message, nil if nothing is.
func (l *Legal) Check(m protocol.Message) error {
	if err := l.check(m); err != nil {
		return fmt.Errorf("%w: %s", err, m.AppendJSON(nil))
	}
	return nil
}

func (l *Legal) check(m protocol.Message) error {
	switch m := m.(type) {
	case protocol.Welcome:
		return l.advance(connected, welcomed)
	case protocol.AuthForbidden:
		return l.advance(welcomed, welcomed)
	case protocol.AuthOK:
		l.agent = m.Extension
		return l.advance(welcomed, accepted)
	case protocol.Error:
		if l.phase == connected || l.phase == accepted {
			return errTooEarly
		}
		return nil
	case protocol.Init:
		return l.init(m)
	}
	key, isUpdate := keyOf(m)
	switch {
	case !isUpdate:
		return errors.New("unknown message")
	case l.phase != running || !l.servers[key.server]:
		return errTooEarly
	}
	return l.update(key, m)
}

var errTooEarly = errors.New("too early")

func (l *Legal) advance(from, to phase) error {
	if l.phase != from {
		return errors.New("too early, or again")
	}
	l.phase = to
	return nil
}

func (l *Legal) init(m protocol.Init) error {
	if l.phase != accepted && l.phase != running {
		return errTooEarly
	}
	l.phase = running
	if l.servers == nil {
		l.servers, l.extensions, l.calls = map[string]bool{}, map[extensionKey]string{}, map[callKey]*call{}
	}
	again := l.servers[m.Server]
	if again && !l.AllowResync {
		return errors.New("a second init")
	}
	l.servers[m.Server] = true
	l.forget(m.Server)
	for _, e := range m.Data {
		if err := l.list(extensionKey{m.Server, e.Extension}, e); err != nil {
			return err
		}
	}
	return nil
}

// forget forgets a server's extensions and live calls. Calls that have ended must never come back.
func (l *Legal) forget(server string) {
	maps.DeleteFunc(l.extensions, func(key extensionKey, _ string) bool { return key.server == server })
	maps.DeleteFunc(l.calls, func(key callKey, c *call) bool { return key.server == server && !c.ended })
}

// list takes note of an extension in an init.
func (l *Legal) list(key extensionKey, e protocol.Extension) error {
	if _, twice := l.extensions[key]; twice {
		return fmt.Errorf("extension %s is listed twice", e.Extension)
	}
	l.extensions[key] = e.Status
	for _, listed := range e.Calls {
		callKey := callKey{key, listed.CallID}
		if _, known := l.calls[callKey]; known {
			return fmt.Errorf("call %s is listed twice, or has ended before", listed.CallID)
		}
		l.calls[callKey] = &call{state: listed.Status, hold: listed.Hold, recording: either}
		if !listed.Monitored {
			return fmt.Errorf("call %s is not monitored", listed.CallID)
		}
		if err := errors.Join(checkDirection(listed.CallDirection), checkState(listed.Status, listed.StatusDesc)); err != nil {
			return err
		}
	}
	return errors.Join(l.checkOwn(key), checkStatus(e.Status))
}

func (l *Legal) update(key callKey, m protocol.Message) error {
	if err := l.checkOwn(key.extensionKey); err != nil {
		return err
	}
	status, known := l.extensions[key.extensionKey]
	if m, ok := m.(protocol.ExtensionStatus); ok {
		l.extensions[key.extensionKey] = m.Status
		// An extension that was removed reads Unavailable, and may come back as such: that is announced to all.
		if known && m.Status == status && status != protocol.StatusUnavailable {
			return errors.New("nothing new")
		}
		return checkStatus(m.Status)
	}
	if !known {
		return errors.New("extension was not announced")
	}
	c, known := l.calls[key]
	if m, ok := m.(protocol.NewCall); ok {
		if known {
			return errors.New("call was announced before")
		}
		l.calls[key] = &call{state: protocol.StateDown.String()}
		return checkDirection(m.Direction)
	}
	switch {
	case !known:
		return errors.New("call was not announced")
	case c.ended:
		return errors.New("call has ended")
	}
	return c.update(m)
}

func (c *call) update(m protocol.Message) error {
	switch m := m.(type) {
	case protocol.CallState:
		before := c.state
		c.state = m.State
		if m.State == before {
			return errors.New("nothing new")
		}
		return checkState(m.State, m.StateDesc)
	case protocol.CallMark:
		return c.mark(m.Mark)
	case protocol.Hangup:
		c.ended = true
		if c.hold || c.recording == on {
			return errors.New("hold or recording is still open")
		}
		if cause, err := strconv.Atoi(m.Cause); err != nil || cause < 0 || cause > 127 || strconv.Itoa(cause) != m.Cause {
			return errors.New("not a Q.850 cause")
		}
	}
	return nil
}

func (c *call) mark(mark protocol.Mark) error {
	switch mark {
	case protocol.StartMOH, protocol.StopMOH:
		before := c.hold
		c.hold = mark == protocol.StartMOH
		if c.hold == before {
			return errors.New("nothing new")
		}
	case protocol.StartRecord, protocol.EndRecord:
		before := c.recording
		c.recording = off
		if mark == protocol.StartRecord {
			c.recording = on
		}
		if c.recording == before {
			return errors.New("nothing new")
		}
	}
	return nil
}

func (l *Legal) checkOwn(key extensionKey) error {
	if l.agent != "" && key.extension != l.agent {
		return fmt.Errorf("not the agent's extension, %s", l.agent)
	}
	return nil
}

func checkStatus(status string) error {
	if !slices.Contains([]string{
		protocol.StatusIdle, protocol.StatusInUse, protocol.StatusBusy, protocol.StatusUnavailable, protocol.StatusRinging,
		protocol.StatusInUseRinging, protocol.StatusHold, protocol.StatusInUseHold,
	}, status) {
		return fmt.Errorf("not a status: %q", status)
	}
	return nil
}

func checkState(state, desc string) error {
	if s, ok := protocol.ParseState(state); !ok || s.Desc() != desc {
		return fmt.Errorf("not a state: %q %q", state, desc)
	}
	return nil
}

func checkDirection(direction string) error {
	if direction != protocol.DirectionInbound && direction != protocol.DirectionOutbound {
		return fmt.Errorf("not a direction: %q", direction)
	}
	return nil
}
