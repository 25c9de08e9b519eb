package auth

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// How guessing is slowed. Failures are forgotten by half each halfLife.
const (
	tableSize = 1 << 15 // addresses, names, and names with their address that are remembered
	halfLife  = time.Minute
	firstStep = 250 * time.Millisecond // the first delay; each further failure doubles it
	maxWait   = 10 * time.Second       // the longest that an attempt is kept waiting for its turn

	addressFree = 10 // failures of an address without a delay: many people may share it
	addressMax  = 5 * time.Second
	nameFree    = 3
	nameMax     = 2 * time.Second // low, for whoever attacks a name must not lock its owner out
)

// throttle slows those who guess passwords.
//
//   - Attempts from one address (of IPv6, one /64 network) take turns, the further apart the more have failed lately.
//   - Attempts for one name wait a little longer with each failure, but side by side, not in turns: otherwise a distributed
//     attack could hold all turns against the owner.
//   - A name that has logged in from an address needn't wait there, until it fails. So neither an attack on a name nor
//     one from an address that is shared slows those who are known. One attempt at a time has this right.
//
// Known and unknown names are treated alike.
type throttle struct {
	mu        sync.Mutex
	addresses *lru[netip.Prefix, record] // guarded by mu, as the other tables
	names     *lru[string, record]
	known     *lru[origin, struct{}]
}

// record is what is remembered of an address or a name.
type record struct {
	failures float64   // as of last
	last     time.Time // when failures was right
	next     time.Time // when the address's next turn comes
}

// origin is a name at an address.
type origin struct {
	address netip.Prefix
	name    string
}

func newThrottle() *throttle {
	return &throttle{
		addresses: newLRU[netip.Prefix, record](tableSize),
		names:     newLRU[string, record](tableSize),
		known:     newLRU[origin, struct{}](tableSize),
	}
}

// attempt is one login that was let in. It ends with either succeeded, failed or abandoned.
type attempt struct {
	throttle *throttle
	origin   origin
	known    bool // it uses the right of a name that is known at the address
	inTurn   bool // it has waited for a turn of its address
}

// admit lets an attempt in, when its time has come. It returns [ErrBusy] if that is too far off.
func (t *throttle) admit(ctx context.Context, remote netip.Addr, name string) (*attempt, error) {
	a := &attempt{throttle: t, origin: origin{network(remote), strings.ToLower(name)}}
	t.mu.Lock()
	a.known = t.known.remove(a.origin)
	t.mu.Unlock()
	if a.known {
		return a, nil
	}
	return a, a.wait(ctx)
}

// wait takes a turn and waits for it.
func (a *attempt) wait(ctx context.Context) error {
	delay, err := a.takeTurn()
	if err != nil || delay <= 0 {
		return err
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
	}
}

func (a *attempt) takeTurn() (time.Duration, error) {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	name, _ := t.names.get(a.origin.name)
	start := now.Add(name.delay(now, nameFree, nameMax))
	address, _ := t.addresses.get(a.origin.address)
	if gap := address.delay(now, addressFree, addressMax); gap > 0 {
		turn := later(now, address.next)
		if turn.Sub(now) > maxWait {
			return 0, fmt.Errorf("%w: too many attempts from %s", ErrBusy, a.origin.address)
		}
		address.next = turn.Add(gap)
		t.addresses.put(a.origin.address, address)
		start = later(start, turn)
		a.inTurn = true
	}
	return start.Sub(now), nil
}

// outrun reports whether so many others have failed since the attempt was let in that it should take a turn after all.
func (a *attempt) outrun() bool {
	if a.known || a.inTurn {
		return false
	}
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	address, _ := t.addresses.get(a.origin.address)
	return address.delay(time.Now(), addressFree, addressMax) > 0
}

// succeeded remembers the name at the address. One that was not known there takes a failure off the address, so that a
// few wrong passwords don't slow the many who come back to a restarted server from behind one address. (Who fails to be
// forgotten and succeeds to be forgiven gains nothing.)
func (a *attempt) succeeded() {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known.put(a.origin, struct{}{})
	if address, ok := t.addresses.get(a.origin.address); ok && !a.known {
		t.addresses.put(a.origin.address, address.failed(time.Now(), -1))
	}
}

func (a *attempt) failed() {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	address, _ := t.addresses.get(a.origin.address)
	t.addresses.put(a.origin.address, address.failed(now, 1))
	name, _ := t.names.get(a.origin.name)
	t.names.put(a.origin.name, name.failed(now, 1))
}

// abandoned ends an attempt of which it isn't known whether the password was right.
func (a *attempt) abandoned() {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.known {
		t.known.put(a.origin, struct{}{})
	}
}

// present returns how many failures are remembered by now.
func (r record) present(now time.Time) float64 {
	return r.failures * math.Exp2(-float64(now.Sub(r.last))/float64(halfLife))
}

// failed returns the record with n more failures.
func (r record) failed(now time.Time, n float64) record {
	r.failures, r.last = max(r.present(now)+n, 0), now
	return r
}

// delay returns what the failures after the first free ones amount to.
func (r record) delay(now time.Time, free int, most time.Duration) time.Duration {
	// Half a failure is let pass, lest the free ones be forgotten by a hair with each.
	steps := int(r.present(now)+0.5) - free
	if steps < 0 {
		return 0
	}
	return min(firstStep<<min(steps, 16), most)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// network returns what counts as one address: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer
// of a provider has at least.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // the zero address: all unknown ones are one
	}
	return p
}
