// Package exchange ties PBXs to accounts: it runs the drivers and the switchboards, and hands each switchboard the events of the
// extensions that are its account's, and of no others.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/switchboard"
)

// Driver follows one PBX and carries out commands on it.
type Driver interface {
	Run(ctx context.Context) error
	Do(cmd pbx.Command, done func(error))
}

// PBX is one PBX to follow. NewDriver makes its driver; publish takes what happens, in order, from one goroutine, and the events
// must not be changed afterwards.
type PBX struct {
	Name      string
	NewDriver func(publish func([]pbx.Event)) (Driver, error)
}

// Account says which extensions an account has.
type Account struct {
	Name string
	PBXs []string // in the order in which clients get their states
	// Has tells whether an extension of a PBX is this account's. It is called from several goroutines.
	Has func(pbx string, id pbx.ExtensionID) bool
	// DialContext is as in [switchboard.Config].
	DialContext func(pbx string, id pbx.ExtensionID) string
}

// Config describes an exchange.
type Config struct {
	PBXs     []PBX
	Accounts []Account
	Frame    func(dst, message []byte) []byte // see [switchboard.Config]
	Log      *slog.Logger
}

// Exchange is all PBXs and accounts of a server. Make one with [New].
type Exchange struct {
	drivers map[string]Driver
	boards  map[string]*switchboard.Switchboard
}

// New makes the drivers and switchboards. They do nothing until Run.
func New(cfg Config) (*Exchange, error) {
	x := &Exchange{drivers: make(map[string]Driver), boards: make(map[string]*switchboard.Switchboard)}
	routers := make(map[string]*router)
	for _, p := range cfg.PBXs {
		r := &router{pbx: p.Name, owners: make(map[pbx.ExtensionID][]*board)}
		driver, err := p.NewDriver(r.publish)
		if err != nil {
			return nil, fmt.Errorf("pbx %s: %w", p.Name, err)
		}
		routers[p.Name] = r
		x.drivers[p.Name] = driver
	}
	for _, a := range cfg.Accounts {
		var servers []switchboard.Server
		for _, name := range a.PBXs {
			servers = append(servers, switchboard.Server{Name: name, Commander: x.drivers[name]})
		}
		sb, err := switchboard.New(switchboard.Config{
			Account: a.Name, Servers: servers, DialContext: a.DialContext, Frame: cfg.Frame, Log: cfg.Log,
		})
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", a.Name, err)
		}
		x.boards[a.Name] = sb
		for _, name := range a.PBXs {
			if r := routers[name]; r != nil {
				r.boards = append(r.boards, &board{Switchboard: sb, has: a.Has})
			}
		}
	}
	return x, nil
}

// Board returns an account's switchboard, nil when there is no such account.
func (x *Exchange) Board(account string) *switchboard.Switchboard { return x.boards[account] }

// Run runs drivers and switchboards until ctx ends or one of them fails.
func (x *Exchange) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		failed  error
	)
	start := func(run func(context.Context) error) {
		running.Go(func() {
			if err := run(ctx); err != nil {
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
				cancel()
			}
		})
	}
	for _, sb := range x.boards {
		start(sb.Run)
	}
	for _, d := range x.drivers {
		start(d.Run)
	}
	running.Wait()
	return failed
}

type board struct {
	*switchboard.Switchboard
	has func(pbx string, id pbx.ExtensionID) bool
}

// router hands the events of one PBX to the accounts that may know of them. It belongs to its driver's goroutine.
type router struct {
	pbx    string
	boards []*board
	owners map[pbx.ExtensionID][]*board // remembered: whose an extension is
}

func (r *router) publish(events []pbx.Event) {
	for _, b := range r.boards {
		if own := r.share(b, events); len(own) > 0 {
			b.Publish(r.pbx, own)
		}
	}
}

// share returns the events that concern an account: the very slice when all do.
func (r *router) share(b *board, events []pbx.Event) []pbx.Event {
	if !slices.ContainsFunc(events, func(ev pbx.Event) bool { return !r.whole(b, &ev) }) {
		return events
	}
	var own []pbx.Event
	for i := range events {
		ev := events[i]
		switch ev.Kind {
		case pbx.Offline:
		case pbx.Synchronized:
			ev.Snapshot = r.shareSnapshot(b, ev.Snapshot)
		default:
			if !r.whole(b, &ev) {
				continue
			}
		}
		own = append(own, ev)
	}
	return own
}

// whole tells whether all that an event says is the account's.
func (r *router) whole(b *board, ev *pbx.Event) bool {
	switch ev.Kind {
	case pbx.ExtensionChanged, pbx.ExtensionRemoved:
		return r.owns(b, ev.Extension.ID)
	case pbx.CallChanged, pbx.CallEnded:
		return r.owns(b, ev.Call.Extension)
	case pbx.Synchronized:
		return !slices.ContainsFunc(ev.Snapshot.Extensions, func(e pbx.Extension) bool { return !r.owns(b, e.ID) })
	case pbx.Offline:
	}
	return true
}

func (r *router) shareSnapshot(b *board, all *pbx.Snapshot) *pbx.Snapshot {
	own := &pbx.Snapshot{}
	for _, e := range all.Extensions {
		if r.owns(b, e.ID) {
			own.Extensions = append(own.Extensions, e)
		}
	}
	for i := range all.Calls {
		if r.owns(b, all.Calls[i].Extension) {
			own.Calls = append(own.Calls, all.Calls[i])
		}
	}
	return own
}

func (r *router) owns(b *board, id pbx.ExtensionID) bool {
	owners, known := r.owners[id]
	if !known {
		for _, candidate := range r.boards {
			if candidate.has(r.pbx, id) {
				owners = append(owners, candidate)
			}
		}
		r.owners[id] = owners
	}
	return slices.Contains(owners, b)
}
