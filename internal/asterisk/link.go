package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clavija/clavija/ami"
)

const (
	inboxSize   = 1 << 15 // messages that may wait for the owner; past that it has fallen behind, and the link starts over
	outboxSize  = 1 << 10 // actions that may wait for the writer
	commandSize = 1 << 8  // commands that may wait for the owner
	batchSize   = 256     // messages that are applied before what they changed is published
)

var (
	errSilent = errors.New("the pbx does not answer any more")
	errEnded  = errors.New("the pbx has ended the link")
	errBehind = errors.New("events come faster than they can be applied")
)

// link is one connection to the PBX, from login to its end.
type link struct {
	d    *Driver
	conn *ami.Conn

	inbox    chan ami.Message
	outbox   chan ami.Action
	commands chan *request
	failed   chan error   // why the link must end
	heard    atomic.Int64 // when the reader last got anything, Unix nanoseconds
	online   func()       // called once, when the PBX is seen

	// All below is owned by run.
	pending map[string]*pending // answers that we wait for, by ActionID
	nextID  uint64
	begun   time.Time // of the link
	booted  bool      // Asterisk has said that it can be asked
	asked   time.Time // when the running or last refresh began
	again   bool      // something happened that calls for another refresh
	seen    bool      // the first refresh is done
	alive   bool      // call events come
}

// pending is an action that is to be answered.
type pending struct {
	deadline time.Time
	handle   func(ami.Message, error) // the message is valid when the error is nil
}

func newLink(d *Driver, conn *ami.Conn) *link {
	return &link{
		d: d, conn: conn,
		inbox:    make(chan ami.Message, inboxSize),
		outbox:   make(chan ami.Action, outboxSize),
		commands: make(chan *request, commandSize),
		failed:   make(chan error, 1),
		pending:  make(map[string]*pending),
	}
}

// accept hands a command over; false when too many wait.
func (l *link) accept(r *request) bool {
	select {
	case l.commands <- r:
		return true
	default:
		return false
	}
}

// run lives until the connection fails or ctx ends, and leaves no goroutine behind.
func (l *link) run(ctx context.Context) error {
	l.begun = time.Now()
	l.heard.Store(l.begun.UnixNano())
	var helpers sync.WaitGroup
	helpers.Go(l.read)
	helpers.Go(l.write)
	err := l.own(ctx)
	close(l.outbox)
	closeErr := l.conn.Close()
	helpers.Wait()
	return errors.Join(err, closeErr)
}

// fail ends the link.
func (l *link) fail(err error) {
	select {
	case l.failed <- err:
	default: // it is ending already
	}
}

func (l *link) read() {
	for {
		msg, err := l.conn.Read()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			l.fail(fmt.Errorf("ami read: %w: %w", errEnded, err))
			return
		case err != nil:
			l.fail(fmt.Errorf("ami read: %w", err))
			return
		}
		l.heard.Store(time.Now().UnixNano())
		if !wanted(msg) {
			continue
		}
		select {
		case l.inbox <- msg.Clone():
		default:
			l.fail(errBehind)
			return
		}
	}
}

// wanted tells whether the owner has any use for a message.
func wanted(msg ami.Message) bool {
	switch event := msg.Event(); {
	case msg.ActionID() != "":
		return true
	case event == "VarSet":
		return msg.Get("Variable") == recordingVariable
	default:
		return relevant(event)
	}
}

func (l *link) write() {
	for action := range l.outbox {
		if err := l.conn.Write(action); err != nil {
			l.fail(fmt.Errorf("ami write: %w", err))
			return
		}
	}
}

// own is the owner of the model while the link lives.
func (l *link) own(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := l.tick(time.Now()); err != nil {
			return err
		}
		l.d.publish()
		timer.Reset(time.Until(l.wake()))
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.failed:
			l.drain()
			return err
		case r := <-l.commands:
			l.command(r)
		case <-timer.C:
		case msg := <-l.inbox:
			l.receive(msg)
			l.receiveMore(batchSize)
		}
	}
}

// drain applies what had arrived before the connection failed.
func (l *link) drain() {
	for len(l.inbox) > 0 {
		l.receiveMore(len(l.inbox))
	}
}

func (l *link) receiveMore(most int) {
	for range most {
		select {
		case msg := <-l.inbox:
			l.receive(msg)
		default:
			return
		}
	}
}

// receive takes one message of the PBX.
func (l *link) receive(msg ami.Message) {
	m := l.d.model
	m.now = time.Now()
	id := msg.ActionID()
	if p := l.pending[id]; p != nil && id != "" {
		p.handle(msg, nil)
		return
	}
	switch msg.Event() {
	case "":
	case "FullyBooted":
		l.again = l.again || !l.booted && !l.asked.IsZero() // what was asked before was not all there is
		l.booted = true
	case "Reload":
		l.again = true
	case "OriginateResponse":
	default:
		if id == "" {
			l.alive = l.alive || msg.Event() == "Newchannel"
			m.apply(msg)
		}
	}
}

// tick does what time calls for.
func (l *link) tick(now time.Time) error {
	m := l.d.model
	m.now = now
	m.expire()
	for id, p := range l.pending {
		if now.After(p.deadline) {
			delete(l.pending, id)
			p.handle(ami.Message{}, errSilent)
		}
	}
	if now.Sub(time.Unix(0, l.heard.Load())) > l.d.cfg.Silence+l.d.cfg.Patience {
		return errSilent
	}
	if now.Sub(time.Unix(0, l.heard.Load())) > l.d.cfg.Silence && l.pending[keepAlive] == nil {
		l.send(keepAlive, ami.NewAction("Ping"), func(ami.Message, error) { delete(l.pending, keepAlive) })
	}
	return l.refreshIfDue(now)
}

const keepAlive = "keepalive"

// wake returns when tick has something to do, if nothing else happens.
func (l *link) wake() time.Time {
	heard := time.Unix(0, l.heard.Load())
	next := heard.Add(l.d.cfg.Silence)
	if l.pending[keepAlive] != nil {
		next = heard.Add(l.d.cfg.Silence + l.d.cfg.Patience)
	}
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	sooner(l.d.model.deadline())
	for _, p := range l.pending {
		sooner(p.deadline)
	}
	sooner(l.refreshDue())
	// A moment more, so that what is due then is past and not just now.
	return next.Add(time.Millisecond)
}

// send sends an action and keeps handle for its answer. Every message with its ActionID goes to handle until the pending is
// deleted.
func (l *link) send(id string, action ami.Action, handle func(ami.Message, error)) {
	action = action.With("ActionID", id)
	if _, err := action.Append(nil); err != nil {
		handle(ami.Message{}, err)
		return
	}
	l.pending[id] = &pending{deadline: time.Now().Add(l.d.cfg.Patience), handle: handle}
	select {
	case l.outbox <- action:
	default:
		delete(l.pending, id)
		handle(ami.Message{}, errBehind)
	}
}

// isDenied tells whether Asterisk refused an action for want of a right of the AMI user.
func isDenied(msg ami.Message) bool {
	return strings.EqualFold(msg.Response(), "Error") && strings.Contains(msg.Get("Message"), "Permission denied")
}

// deniedError is a right that the AMI user lacks.
type deniedError struct{ action, right string }

func (e *deniedError) Error() string {
	return "the AMI user may not do " + e.action + ": it lacks the write permission " + e.right
}
