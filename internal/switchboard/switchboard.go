// Package switchboard holds, for each account, what its clients see: the state of its extensions and calls, and the sessions that
// watch them.
//
// One goroutine owns a [Switchboard]. It applies the drivers' events to the state, encodes each change once, and hands it to the
// sessions that may see it; it does no I/O and never waits for a client. Joining is a message to it, so that a session's init and
// the first update after it meet without gap or overlap.
package switchboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/clavija/clavija/internal/pbx"
)

// Commander carries commands out on one PBX. Do never blocks; done is called once when the outcome is known.
type Commander interface {
	Do(cmd pbx.Command, done func(error))
}

// Server is one PBX of an account.
type Server struct {
	Name      string
	Commander Commander
}

// Config describes one account's switchboard.
type Config struct {
	Account string
	Servers []Server // in the order in which clients get their states
	// DialContext returns the context in which an extension of a PBX places calls, "" for the PBX's usual one. It may be nil.
	DialContext func(server string, id pbx.ExtensionID) string
	// Frame appends a message to dst in the form in which it goes over the wire.
	Frame func(dst, message []byte) []byte
	Log   *slog.Logger
}

// Switchboard is one account's extensions, calls and sessions. Make one with [New].
type Switchboard struct {
	cfg    Config
	events chan batch
	asks   chan func()
	done   chan struct{}

	// All below is owned by Run.
	servers     []*server
	byName      map[string]*server
	supervisors map[*Session]struct{}
	agents      map[place]map[*Session]struct{}
	outgoing    [][]byte // what the supervisors are to get of the batch that is being applied
	scratch     []byte
}

type batch struct {
	server string
	events []pbx.Event
}

// place is an extension as clients name it.
type place struct{ server, number string }

// server is one PBX as this account sees it.
type server struct {
	Server
	state   *pbx.State
	numbers map[string]pbx.ExtensionID
	online  bool
	known   bool   // something is known of the PBX, if only that it is away: until then clients are told nothing
	initial []byte // the supervisors' init, while nothing has changed since it was made
}

// ErrClosed is returned to who asks something of a switchboard that no longer runs.
var ErrClosed = errors.New("switchboard: closed")

// backlog is how many batches and questions may wait for the owner before who brings them must wait too. The owner does no I/O,
// so that is never for long.
const backlog = 64

// firstWord is how long clients wait for the state of a PBX of which nothing is known yet: when the server has just started, an init
// without calls would have them believe that all calls have ended.
const firstWord = 3 * time.Second

// New returns a switchboard for an account. It does nothing until Run.
func New(cfg Config) (*Switchboard, error) {
	if cfg.Frame == nil {
		return nil, fmt.Errorf("switchboard %s: no frame function", cfg.Account)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.DialContext == nil {
		cfg.DialContext = func(string, pbx.ExtensionID) string { return "" }
	}
	s := &Switchboard{
		cfg:         cfg,
		events:      make(chan batch, backlog),
		asks:        make(chan func(), backlog),
		done:        make(chan struct{}),
		byName:      make(map[string]*server),
		supervisors: make(map[*Session]struct{}),
		agents:      make(map[place]map[*Session]struct{}),
	}
	for _, srv := range cfg.Servers {
		if s.byName[srv.Name] != nil {
			return nil, fmt.Errorf("switchboard %s: PBX %s twice", cfg.Account, srv.Name)
		}
		own := &server{Server: srv, state: pbx.NewState(), numbers: make(map[string]pbx.ExtensionID)}
		s.servers = append(s.servers, own)
		s.byName[srv.Name] = own
	}
	return s, nil
}

// Run owns the state until ctx ends.
func (s *Switchboard) Run(ctx context.Context) error {
	defer close(s.done)
	patience := time.NewTimer(firstWord)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-patience.C:
			for _, srv := range s.servers {
				s.meet(srv)
			}
		case b := <-s.events:
			s.apply(b)
		case ask := <-s.asks:
			ask()
		}
	}
}

// Publish hands over what happened on a PBX, in order; the events must not be changed afterwards.
func (s *Switchboard) Publish(server string, events []pbx.Event) {
	select {
	case s.events <- batch{server, events}:
	case <-s.done:
	}
}

// ask has f called by the owner.
func (s *Switchboard) ask(f func()) error {
	select {
	case <-s.done:
		return ErrClosed
	default:
	}
	select {
	case s.asks <- f:
		return nil
	case <-s.done:
		return ErrClosed
	}
}

// Join lets a session see what it may see: first an init for each PBX, then every change.
func (s *Switchboard) Join(session *Session) error {
	return s.ask(func() {
		s.seat(session, true)
		session.out.Replace(s.initial(session)...)
	})
}

// Leave ends what Join began.
func (s *Switchboard) Leave(session *Session) error {
	return s.ask(func() { s.seat(session, false) })
}

func (s *Switchboard) seat(session *Session, there bool) {
	set := s.supervisors
	if session.agent {
		at := place{session.server, session.extension}
		if set = s.agents[at]; set == nil {
			set = make(map[*Session]struct{})
			s.agents[at] = set
		}
		defer func() {
			if len(set) == 0 {
				delete(s.agents, at)
			}
		}()
	}
	if there {
		set[session] = struct{}{}
		return
	}
	delete(set, session)
}

func (s *Switchboard) apply(b batch) {
	srv := s.byName[b.server]
	if srv == nil {
		return
	}
	for i := range b.events {
		ev := b.events[i] // a copy: other accounts get the same events
		if !s.admit(srv, &ev) {
			continue
		}
		srv.initial = nil
		srv.state.Apply(&ev, func(c pbx.Change) {
			if srv.known {
				s.change(srv, &c)
			}
		})
		if ev.Kind == pbx.Synchronized || ev.Kind == pbx.Offline {
			s.meet(srv)
		}
	}
	if len(s.outgoing) > 0 {
		for session := range s.supervisors {
			s.push(session, s.outgoing)
		}
		clear(s.outgoing)
		s.outgoing = s.outgoing[:0]
	}
}

// meet gives the state of a PBX of which nothing was known before to all who wait for it.
func (s *Switchboard) meet(srv *server) {
	if srv.known {
		return
	}
	srv.known = true
	for session := range s.supervisors {
		session.out.Replace(s.everything(srv))
	}
	for at, sessions := range s.agents {
		for session := range sessions {
			if at.server == srv.Name {
				session.out.Replace(s.initial(session)...)
			}
		}
	}
}

// admit keeps the books of a server, and tells whether an event is for this account: a number stands for one extension of a PBX,
// the first that came by it.
func (s *Switchboard) admit(srv *server, ev *pbx.Event) bool {
	switch ev.Kind {
	case pbx.Offline:
		srv.online = false
	case pbx.Synchronized:
		srv.online = true
		srv.numbers = make(map[string]pbx.ExtensionID, len(ev.Snapshot.Extensions))
		own := &pbx.Snapshot{Calls: ev.Snapshot.Calls}
		for _, e := range ev.Snapshot.Extensions {
			if s.claim(srv, e.ID) {
				own.Extensions = append(own.Extensions, e)
			}
		}
		ev.Snapshot = own
	case pbx.ExtensionChanged:
		return s.claim(srv, ev.Extension.ID)
	case pbx.ExtensionRemoved:
		if srv.numbers[ev.Extension.ID.Number] == ev.Extension.ID {
			delete(srv.numbers, ev.Extension.ID.Number)
		}
	case pbx.CallChanged, pbx.CallEnded: // those of other extensions are unknown to the state
	}
	return true
}

func (s *Switchboard) claim(srv *server, id pbx.ExtensionID) bool {
	holder, taken := srv.numbers[id.Number]
	if taken && holder != id {
		s.cfg.Log.Warn("two extensions of an account have the same number; only one is shown",
			"account", s.cfg.Account, "pbx", srv.Name, "shown", holder.String(), "hidden", id.String())
		return false
	}
	srv.numbers[id.Number] = id
	return true
}

// change tells a change to all who may see it.
func (s *Switchboard) change(srv *server, c *pbx.Change) {
	frame := s.encode(srv.Name, c)
	if frame == nil {
		return
	}
	if len(s.supervisors) > 0 {
		s.outgoing = append(s.outgoing, frame)
	}
	for session := range s.agents[place{srv.Name, c.Extension.Number}] {
		s.push(session, [][]byte{frame})
	}
}

func (s *Switchboard) push(session *Session, frames [][]byte) {
	if !session.out.Push(frames...) {
		session.out.Replace(s.initial(session)...)
	}
}

// Has tells whether the account has a PBX of that name.
func (s *Switchboard) Has(server string) bool { return s.byName[server] != nil }

// FirstServer returns the name of the account's first PBX, "" when it has none.
func (s *Switchboard) FirstServer() string {
	if len(s.cfg.Servers) == 0 {
		return ""
	}
	return s.cfg.Servers[0].Name
}

// Settle returns when all that was published before has been applied.
func (s *Switchboard) Settle() error {
	settled := make(chan struct{})
	if err := s.ask(func() {
		for {
			select {
			case b := <-s.events:
				s.apply(b)
			default:
				close(settled)
				return
			}
		}
	}); err != nil {
		return err
	}
	select {
	case <-settled:
		return nil
	case <-s.done:
		return ErrClosed
	}
}
