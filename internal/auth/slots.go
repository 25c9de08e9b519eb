package auth

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// queuePerSlot bounds the logins that wait for each slot. At about 30 ms a hash, the last one waits for 15 s: still within
// the time that a client has for logging in.
const queuePerSlot = 512

// slots bounds the passwords that are hashed at a time, one to a processor, for each takes one whole and megabytes of
// memory.
type slots struct {
	taken   chan struct{}
	waiting atomic.Int64
	queue   int64
}

func newSlots() *slots {
	n := runtime.GOMAXPROCS(0)
	return &slots{taken: make(chan struct{}, n), queue: int64(n) * queuePerSlot}
}

// acquire takes a slot, first come, first served; release gives it back. It returns [ErrBusy] if too many wait already.
func (s *slots) acquire(ctx context.Context) error {
	select {
	case s.taken <- struct{}{}:
		return nil
	default:
	}
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > s.queue {
		return fmt.Errorf("%w: too many logins at a time", ErrBusy)
	}
	select {
	case s.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for other logins: %w", context.Cause(ctx))
	}
}

func (s *slots) release() { <-s.taken }
