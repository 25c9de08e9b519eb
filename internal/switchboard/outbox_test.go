package switchboard_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/switchboard"
)

// reader is a client at its own pace: each batch is taken when the test says so.
type reader struct {
	batches chan []string
	next    chan error
	ended   chan error
}

func newReader(t *testing.T, limit int) (*reader, *switchboard.Outbox) {
	t.Helper()
	r := &reader{batches: make(chan []string, 16), next: make(chan error, 16), ended: make(chan error, 1)}
	out := switchboard.NewOutbox(limit, []byte("too slow"), func(frames [][]byte) error {
		var batch []string
		for _, f := range frames {
			batch = append(batch, string(f))
		}
		r.batches <- batch
		return <-r.next
	}, func(err error) { r.ended <- err })
	t.Cleanup(func() {
		close(r.next)
		out.Close()
	})
	return r, out
}

func (r *reader) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, <-r.batches); diff != "" {
		t.Error(diff)
	}
}

func TestOutboxWritesWhatHasGatheredAtOnce(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 100)
	out.Push([]byte("a"))
	r.expect(t, "a") // being written
	out.Push([]byte("b"))
	out.Push([]byte("c"), []byte("d"))
	r.next <- nil
	r.expect(t, "b", "c", "d")
	r.next <- nil
}

func TestOutboxThatOverflowsIsGivenAFreshState(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 4)
	out.Push([]byte("a"))
	r.expect(t, "a")
	if !out.Push([]byte("bbbb")) {
		t.Fatal("there was room")
	}
	out.Reply([]byte("answer"))
	if out.Push([]byte("c")) {
		t.Fatal("there was no room")
	}
	out.Replace([]byte("fresh state"))
	r.next <- nil
	r.expect(t, "answer", "fresh state")
	r.next <- nil
}

func TestOutboxThatOverflowsTwiceEnds(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 4)
	out.Push([]byte("a"))
	r.expect(t, "a")
	out.Push([]byte("bbbb"))
	if out.Push([]byte("c")) {
		t.Fatal("there was no room")
	}
	out.Replace([]byte("fresh state"))
	out.Push([]byte("dddd"))
	if !out.Push([]byte("e")) {
		t.Error("a lost client is not to be given another state")
	}
	out.Push([]byte("too late"))
	r.next <- nil
	r.expect(t, "too slow")
	r.next <- nil
	if err := <-r.ended; err != nil {
		t.Errorf("ended by %v", err)
	}
}

func TestOutboxForgivesWhoHasCaughtUp(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 4)
	for range 3 {
		out.Push([]byte("a"))
		r.expect(t, "a")
		if out.Push([]byte("bbbbb")) {
			t.Fatal("there was no room")
		}
		out.Replace([]byte("fresh"))
		r.next <- nil
		r.expect(t, "fresh")
		r.next <- nil
		for out.Pending() > 0 {
			// The writer is about to find nothing more.
		}
		out.Push([]byte("c"))
		r.expect(t, "c")
		r.next <- nil
		for out.Pending() > 0 {
			// Likewise.
		}
	}
}

func TestOutboxAnswersWhenFull(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 4)
	out.Push([]byte("aaaa"))
	r.expect(t, "aaaa")
	out.Reply([]byte("pong"))
	r.next <- nil
	r.expect(t, "pong")
	r.next <- nil
}

func TestOutboxEndsWhoAsksAndDoesNotRead(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 4)
	out.Push([]byte("a"))
	r.expect(t, "a")
	answer := bytes.Repeat([]byte("x"), 1<<10)
	for range 65 {
		out.Reply(answer)
	}
	if err := <-r.ended; !errors.Is(err, switchboard.ErrSlow) {
		t.Errorf("ended by %v", err)
	}
}

func TestOutboxFinishesInOrder(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 100)
	out.Push([]byte("a"))
	r.expect(t, "a")
	out.Push([]byte("b"))
	out.Finish([]byte("bye"))
	out.Push([]byte("too late"))
	out.Reply([]byte("too late"))
	out.Finish([]byte("too late"))
	r.next <- nil
	r.expect(t, "b", "bye")
	r.next <- nil
	if err := <-r.ended; err != nil {
		t.Errorf("ended by %v", err)
	}
}

func TestOutboxEndsWhenWritingFails(t *testing.T) {
	t.Parallel()
	r, out := newReader(t, 100)
	broken := errors.New("broken pipe")
	out.Push([]byte("a"))
	r.expect(t, "a")
	r.next <- broken
	if err := <-r.ended; !errors.Is(err, broken) {
		t.Errorf("ended by %v", err)
	}
	out.Push([]byte("b")) // ignored
}

// TestOutboxKeepsOrder: many push at once; each one's frames arrive whole and in order.
func TestOutboxKeepsOrder(t *testing.T) {
	t.Parallel()
	const pushers, frames = 8, 1000
	var got []byte // owned by the writer goroutine, then by us
	done := make(chan error, 1)
	out := switchboard.NewOutbox(1<<20, nil, func(batch [][]byte) error {
		got = append(got, slices.Concat(batch...)...)
		return nil
	}, func(err error) { done <- err })
	var all sync.WaitGroup
	for p := range pushers {
		all.Go(func() {
			for i := range frames {
				out.Push([]byte{byte(p), byte(i)})
			}
		})
	}
	all.Wait()
	out.Finish(nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	next := make([]byte, pushers)
	for pair := range slices.Chunk(got, 2) {
		if next[pair[0]] != pair[1] {
			t.Fatalf("pusher %d: frame %d instead of %d", pair[0], pair[1], next[pair[0]])
		}
		next[pair[0]]++
	}
	if len(got) != pushers*frames*2 {
		t.Errorf("%d bytes arrived of %d", len(got), pushers*frames*2)
	}
}
