// Package asterisk is the driver for Asterisk PBXs: over the Manager Interface (AMI) it follows the extensions and their calls,
// and carries out commands.
//
// A [Driver] is a loop over links. A link is one connection's life: a reader goroutine that never blocks (Asterisk gives up a
// client that does not read for 100 ms), a writer goroutine, and the owner of the model, which does no I/O. When a link ends,
// for whatever reason, the driver says that the PBX is offline, connects again, asks for everything, and tells the difference.
package asterisk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// Config says which PBX a driver follows, and how.
type Config struct {
	Name        string     // of the PBX, for the log
	AMI         ami.Config // where and as whom
	Contexts    []string   // whose hints are the extensions, in order of preference
	DialContext string     // where calls are placed; default the first of Contexts

	RingTimeout time.Duration // how long a placed call rings the extension's phone; default 30 s
	Refresh     time.Duration // how often everything is asked again; default 60 s
	Silence     time.Duration // after how long without a byte the PBX is asked whether it lives; default 10 s
	Patience    time.Duration // how long an answer may take before the link is given up; default 10 s
	RetryMin    time.Duration // the first pause before connecting again; default 250 ms
	RetryMax    time.Duration // the longest pause; default 5 s

	// Publish takes what happens, in order. It is called from one goroutine.
	Publish func([]pbx.Event)
	Log     *slog.Logger
}

// Driver follows one Asterisk. Make one with [New].
type Driver struct {
	cfg   Config
	model *model      // owned by Run
	out   []pbx.Event // owned by Run: what the model has emitted and is not published yet

	warned map[string]bool // owned by Run: what the operator has been warned of

	mu   sync.Mutex
	link *link // nil while the PBX cannot take commands
}

// New checks the configuration and returns a driver that does nothing until Run.
func New(cfg Config) (*Driver, error) {
	if len(cfg.Contexts) == 0 {
		return nil, fmt.Errorf("asterisk %s: no contexts whose hints are the extensions", cfg.Name)
	}
	if cfg.Publish == nil {
		return nil, fmt.Errorf("asterisk %s: nobody to publish to", cfg.Name)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.DialContext == "" {
		cfg.DialContext = cfg.Contexts[0]
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&cfg.RingTimeout, 30 * time.Second},
		{&cfg.Refresh, time.Minute},
		{&cfg.Silence, 10 * time.Second},
		{&cfg.Patience, 10 * time.Second},
		{&cfg.RetryMin, 250 * time.Millisecond},
		{&cfg.RetryMax, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	d := &Driver{cfg: cfg, warned: make(map[string]bool)}
	d.model = newModel(cfg.Contexts, func(ev pbx.Event) { d.out = append(d.out, ev) })
	d.model.internal[cfg.DialContext] = true
	return d, nil
}

// Run follows the PBX until ctx ends. It comes back to a PBX that was away for as long as it takes.
func (d *Driver) Run(ctx context.Context) error {
	complaint := complaints{log: d.cfg.Log.With("pbx", d.cfg.Name, "address", d.cfg.AMI.Address)}
	pause := d.cfg.RetryMin
	for ctx.Err() == nil {
		followed, err := d.follow(ctx, &complaint)
		if followed {
			pause = d.cfg.RetryMin
		}
		d.out = append(d.out, pbx.Event{Kind: pbx.Offline})
		d.publish()
		if ctx.Err() == nil {
			complaint.say(err)
			rest(ctx, pause)
		}
		pause = min(2*pause, d.cfg.RetryMax)
	}
	return nil
}

// rest waits for a pause, more or less: a fleet of servers must not come back to a restarted PBX in step.
func rest(ctx context.Context, pause time.Duration) {
	wait := time.NewTimer(pause/2 + rand.N(pause/2+1)) //nolint:gosec // chance, not a secret
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
}

var errTooOld = errors.New("the AMI of this Asterisk does not tell of dials and bridges")

// follow is one connection's life. followed tells whether it came so far that the PBX was seen.
func (d *Driver) follow(ctx context.Context, complaint *complaints) (followed bool, err error) {
	conn, err := ami.Dial(ctx, d.cfg.AMI)
	if err != nil {
		return false, fmt.Errorf("ami dial: %w", err)
	}
	if strings.HasPrefix(conn.Version(), "1.") {
		return false, errors.Join(errTooOld, conn.Close())
	}
	l := newLink(d, conn)
	l.online = func() {
		followed = true
		d.setLink(l)
		complaint.over()
	}
	err = l.run(ctx)
	d.setLink(nil)
	l.refuse()
	d.model.desynchronize()
	return followed, err
}

// warn warns the operator, once: not again at each reconnect.
func (d *Driver) warn(message string, attrs ...any) {
	key := message + fmt.Sprint(attrs...)
	if !d.warned[key] {
		d.warned[key] = true
		d.cfg.Log.With("pbx", d.cfg.Name).Warn(message, attrs...) //nolint:sloglint // the callers' messages are constant
	}
}

func (d *Driver) publish() {
	if len(d.out) == 0 {
		return
	}
	d.cfg.Publish(d.out)
	d.out = nil // the receiver keeps what it was given
}

func (d *Driver) setLink(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.link = l
}

// Do carries a command out. It never blocks; done is called once, from some goroutine, when the outcome is known: with nil, or
// with a [*pbx.Failure]. An Originate's outcome is known when the extension's own phone was answered, or was not.
func (d *Driver) Do(cmd pbx.Command, done func(error)) {
	d.mu.Lock()
	l := d.link
	taken := l != nil && l.accept(&request{command: cmd, done: done})
	d.mu.Unlock()
	if taken {
		return
	}
	if l == nil {
		done(&pbx.Failure{Reason: pbx.PBXUnavailable, Detail: d.cfg.Name + " is away; try again when its extensions are back"})
		return
	}
	done(&pbx.Failure{Reason: pbx.Congestion, Detail: "too many commands at once"})
}

// complaints logs why the PBX cannot be followed: each new reason at once, the same one as a reminder.
type complaints struct {
	log    *slog.Logger
	advice string
	at     time.Time
}

// reminder is how often the same complaint is made.
const reminder = time.Minute

func (c *complaints) say(err error) {
	what := advice(err)
	if what == c.advice && time.Since(c.at) < reminder {
		return
	}
	c.advice, c.at = what, time.Now()
	c.log.Error("pbx cannot be followed; trying again until it can", "err", err, "advice", what)
}

func (c *complaints) over() {
	c.advice = ""
	c.log.Info("pbx is followed")
}

// advice says what to do about the reasons that an operator can mend.
func advice(err error) string {
	var denied *deniedError
	switch {
	case errors.Is(err, ami.ErrAuth):
		return "check username and secret of the [[pbx]] against manager.conf, and its permit= and deny= lines; then 'manager reload'"
	case errors.As(err, &denied):
		return "add " + denied.right + " to the user's write= line in manager.conf; then 'manager reload'"
	case errors.Is(err, ami.ErrNotAMI):
		return "the address of the [[pbx]] must be the AMI port of manager.conf (usually 5038)"
	case errors.Is(err, errTooOld):
		return "follow an Asterisk 13 or newer"
	case errors.Is(err, errBehind):
		return "this host is too busy for the events of the PBX: look what else runs on it"
	case errors.Is(err, errEnded):
		return "Asterisk has stopped, or has dropped this client; if it does so again and again, raise the user's writetimeout in manager.conf"
	case errors.Is(err, errSilent):
		return "the PBX, or the network on the way to it, has stopped answering"
	}
	return "check that Asterisk runs, that manager.conf has enabled=yes, and that its bindaddr and a firewall let this host in"
}
