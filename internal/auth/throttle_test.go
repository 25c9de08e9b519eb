package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// address returns the i-th IPv4 address of a block.
func address(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }

// admit lets an attempt in and returns how long that took.
func admit(t *testing.T, th *throttle, remote netip.Addr, name string) (*attempt, time.Duration) {
	t.Helper()
	start := time.Now()
	a, err := th.admit(t.Context(), remote, name)
	if err != nil {
		t.Fatal(err)
	}
	return a, time.Since(start)
}

func fail(t *testing.T, th *throttle, remote netip.Addr, name string) time.Duration {
	t.Helper()
	a, waited := admit(t, th, remote, name)
	a.failed()
	return waited
}

const ms = time.Millisecond

func TestThrottleName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		var got []time.Duration
		for i := range byte(8) {
			got = append(got, fail(t, th, address(i), []string{"ana", "Ana"}[i%2]))
		}
		if diff := cmp.Diff([]time.Duration{0, 0, 0, 250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 2000 * ms}, got); diff != "" {
			t.Errorf("waits of one name's attempts (-want +got):\n%s", diff)
		}
		if waited := fail(t, th, address(100), "eva"); waited != 0 {
			t.Errorf("another name waited %v", waited)
		}
		<-time.After(5 * time.Minute)
		if waited := fail(t, th, address(101), "ana"); waited != 0 {
			t.Errorf("after five minutes the name waited %v", waited)
		}
	})
}

func TestThrottleAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		var got []time.Duration
		for i := range 18 {
			got = append(got, fail(t, th, address(1), fmt.Sprint("user", i)))
		}
		want := make([]time.Duration, 11)
		want = append(want, 250*ms, 500*ms, 1000*ms, 2000*ms, 4000*ms, 4000*ms, 5000*ms) // meanwhile some is forgotten
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("waits of one address's attempts (-want +got):\n%s", diff)
		}
		if waited := fail(t, th, address(2), "user1"); waited != 0 {
			t.Errorf("another address waited %v", waited)
		}
		<-time.After(5 * time.Minute)
		if waited := fail(t, th, address(1), "user0"); waited != 0 {
			t.Errorf("after five minutes the address waited %v", waited)
		}
	})
}

// TestThrottleTurns: attempts that come at once take turns, and those whose turn is far off are sent away.
func TestThrottleTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for i := range addressFree + 4 { // now 4 s apart
			fail(t, th, address(1), fmt.Sprint("user", i))
		}
		const attempts = 8
		start := time.Now()
		waits := make(chan time.Duration, attempts)
		for range attempts {
			go func() {
				_, err := th.admit(t.Context(), address(1), "ana")
				if errors.Is(err, ErrBusy) && time.Since(start) == 0 {
					waits <- -1
					return
				}
				if err != nil {
					t.Error(err)
				}
				waits <- time.Since(start)
			}()
		}
		count := map[time.Duration]int{}
		for range attempts {
			count[<-waits]++
		}
		if diff := cmp.Diff(map[time.Duration]int{-1: 5, 2 * time.Second: 1, 6 * time.Second: 1, 10 * time.Second: 1}, count); diff != "" {
			t.Errorf("attempts by their wait (-want +got):\n%s", diff)
		}
	})
}

// TestThrottleKnown: neither an attack on a name nor one from an address slows those who have been there.
func TestThrottleKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		home := address(1)
		a, _ := admit(t, th, home, "ana")
		a.succeeded()
		for i := range byte(40) {
			fail(t, th, address(100+i), "ana")
			fail(t, th, home, fmt.Sprint("user", i))
		}
		a, waited := admit(t, th, home, "ANA")
		if waited != 0 {
			t.Errorf("the known name waited %v", waited)
		}
		if second, waited := admit(t, th, home, "ana"); waited == 0 {
			t.Error("a second attempt beside it didn't wait")
		} else {
			second.abandoned()
		}
		a.abandoned()
		a, waited = admit(t, th, home, "ana")
		if waited != 0 {
			t.Errorf("after one that was abandoned it waited %v", waited)
		}
		a.failed()
		if _, waited := admit(t, th, home, "ana"); waited == 0 {
			t.Error("after a failure it didn't wait")
		}
		if a, waited := admit(t, th, address(2), "ana"); waited != nameMax {
			t.Errorf("from another address it waited %v", waited)
		} else {
			a.succeeded()
		}
		if _, waited := admit(t, th, address(2), "ana"); waited != 0 {
			t.Errorf("the second time from there it waited %v", waited)
		}
	})
}

// TestThrottleSharedAddress: a few wrong passwords don't slow the many right ones from one address.
func TestThrottleSharedAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for i := range 500 {
			if i%10 == 0 {
				fail(t, th, address(1), fmt.Sprint("wrong", i))
			}
			a, waited := admit(t, th, address(1), fmt.Sprint("user", i))
			if waited != 0 {
				t.Fatalf("user %d waited %v", i, waited)
			}
			a.succeeded()
		}
		for i := range addressFree + 4 { // one account that logs in again and again is no leave to guess
			fail(t, th, address(1), fmt.Sprint("guess", i))
			a, _ := admit(t, th, address(1), "user1")
			a.succeeded()
		}
		if waited := fail(t, th, address(1), "guess"); waited == 0 {
			t.Error("guesses between logins weren't slowed")
		}
	})
}

func TestThrottleOutrun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		early, _ := admit(t, th, address(1), "ana")
		if early.outrun() {
			t.Error("the first attempt is outrun")
		}
		for i := range addressFree {
			fail(t, th, address(1), fmt.Sprint("user", i))
		}
		if !early.outrun() {
			t.Error("an attempt that came in before all failures isn't outrun")
		}
		late, _ := admit(t, th, address(1), "ana")
		if late.outrun() {
			t.Error("an attempt that has had its turn is outrun")
		}
	})
}

func TestThrottleHonoursContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for i := range byte(10) {
			fail(t, th, address(i), "ana")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := th.admit(ctx, address(99), "ana"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7":               "192.0.2.7/32",
		"::ffff:192.0.2.7":        "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::/64",
		"fe80::1234:5678%eth0":    "fe80::/64",
		"2001:db8:1:2:ffff::9999": "2001:db8:1:2::/64",
	} {
		if got := network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
	if got := network(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address counts as %v", got)
	}
}

func TestLRU(t *testing.T) {
	t.Parallel()
	l := newLRU[string, int](2)
	l.put("a", 1)
	l.put("b", 2)
	l.put("a", 3)
	l.put("c", 4) // b goes
	if _, ok := l.get("b"); ok {
		t.Error("the oldest is still there")
	}
	if v, ok := l.get("a"); !ok || v != 3 {
		t.Errorf("a is %d, %v", v, ok)
	}
	l.put("d", 5) // c goes: a was read
	if _, ok := l.get("c"); ok {
		t.Error("c is still there")
	}
	if !l.remove("a") || l.remove("a") || len(l.entries) != 1 || l.order.Len() != 1 {
		t.Errorf("after removal: %v", l.entries)
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		for range cap(s.taken) {
			if err := s.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, s.queue)
		for range s.queue {
			go func() { done <- s.acquire(ctx) }()
		}
		synctest.Wait()
		if err := s.acquire(ctx); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
		s.release()
		if err := <-done; err != nil {
			t.Errorf("the next in the queue: %v", err)
		}
		cancel()
		for range s.queue - 1 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		}
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d are left waiting", n)
		}
	})
}
