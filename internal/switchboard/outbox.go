package switchboard

import "sync"

// Outbox is the queue of what one client is still to get. Frames are shared with other clients, and never changed. Whoever pushes
// never waits: a writer goroutine lives only while there is something to write, takes all there is, and has it written at once.
//
// A client that does not keep up costs nobody else anything. When its queue is full, all events in it are thrown away, and Push
// says so: then the client is given a fresh state instead. When that does not get through either, it is told to come back, and let
// go.
type Outbox struct {
	limit int
	slow  []byte
	write func(frames [][]byte) error
	end   func(error)

	mu      sync.Mutex
	frames  [][]byte
	replies []int    // which of frames are answers to the client, which are never thrown away
	spare   [][]byte // the array of the batch before, to be used again
	size    int      // bytes in frames
	flying  int      // bytes that are being written
	state   int      // how many of them are a whole state, which may be larger than the limit
	writing bool     // a writer goroutine lives
	behind  bool     // overflowed, and not caught up since
	closed  bool
	last    bool // after what is queued, no more
	idle    *sync.Cond
}

// NewOutbox returns an empty outbox in which at most limit bytes wait. write writes a batch of frames, in its own time, which it
// must bound; end is called once, when nothing more will be written: with nil after the last frame, with what write returned, or
// with [ErrSlow]. slow is the last frame for a client that is let go because it does not keep up.
func NewOutbox(limit int, slow []byte, write func(frames [][]byte) error, end func(error)) *Outbox {
	o := &Outbox{limit: limit, slow: slow, write: write, end: end}
	o.idle = sync.NewCond(&o.mu)
	return o
}

// ErrSlow is why a client that asks and asks, and does not read the answers, is cut off.
var ErrSlow = slowError{}

type slowError struct{}

func (slowError) Error() string { return "the client does not read fast enough" }

// Push queues frames. It returns false when the queue was full and is now empty: the client must be given a fresh state, by
// [Outbox.Replace].
func (o *Outbox) Push(frames ...[]byte) bool {
	o.mu.Lock()
	if o.closed || o.last {
		o.mu.Unlock()
		return true
	}
	size := total(frames)
	if o.size+size > o.limit+o.state {
		o.dropEvents()
		if o.behind {
			o.finish(o.slow)
			o.mu.Unlock()
			return true
		}
		o.behind = true
		o.mu.Unlock()
		return false
	}
	o.queue(frames, size)
	o.mu.Unlock()
	return true
}

// Replace queues the whole state for a client that is new or has fallen behind, however large it is.
func (o *Outbox) Replace(frames ...[]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.last {
		return
	}
	size := total(frames)
	o.state += size
	o.queue(frames, size)
}

// Reply queues an answer to something that the client sent. There is room for answers when the queue is full otherwise; a client
// that asks and asks and does not read the answers is let go.
func (o *Outbox) Reply(frame []byte) {
	o.mu.Lock()
	if o.closed || o.last {
		o.mu.Unlock()
		return
	}
	if o.size+len(frame) > o.limit+o.state+replyRoom {
		o.fail(ErrSlow) // unlocks
		return
	}
	o.replies = append(o.replies, len(o.frames))
	o.queue([][]byte{frame}, len(frame))
	o.mu.Unlock()
}

// replyRoom is how many bytes of answers may wait besides a full queue.
const replyRoom = 64 << 10

// Finish queues a last frame, and has the connection ended when it is written. What is pushed later is ignored.
func (o *Outbox) Finish(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.last {
		return
	}
	o.finish(frame)
}

func (o *Outbox) finish(frame []byte) {
	o.queue([][]byte{frame}, len(frame))
	o.last = true
}

// Close throws away what is queued and waits for the writer goroutine. write must have been made to return.
func (o *Outbox) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.frames = nil
	for o.writing {
		o.idle.Wait()
	}
}

// Pending returns how many bytes are queued or being written.
func (o *Outbox) Pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.size + o.flying
}

func (o *Outbox) queue(frames [][]byte, size int) {
	if o.frames == nil {
		o.frames, o.spare = o.spare, nil
	}
	o.frames = append(o.frames, frames...)
	o.size += size
	if !o.writing {
		o.writing = true
		go o.drain()
	}
}

// dropEvents throws away all that is queued but the answers.
func (o *Outbox) dropEvents() {
	kept := make([][]byte, len(o.replies))
	for i, at := range o.replies {
		kept[i] = o.frames[at]
		o.replies[i] = i
	}
	o.frames, o.size, o.state = kept, total(kept), 0
}

// drain is the writer goroutine.
func (o *Outbox) drain() {
	o.mu.Lock()
	for len(o.frames) > 0 && !o.closed {
		batch := o.frames
		o.frames, o.spare = o.spare, nil
		o.replies, o.flying, o.size, o.state = o.replies[:0], o.size, 0, 0
		o.mu.Unlock()
		err := o.write(batch)
		clear(batch)
		o.mu.Lock()
		o.flying = 0
		if cap(batch) <= keptFrames {
			o.spare = batch[:0]
		}
		if err != nil {
			o.writing = false
			o.idle.Broadcast()
			o.fail(err) // unlocks
			return
		}
	}
	o.behind = false
	o.writing = false
	finished := o.last && !o.closed
	o.idle.Broadcast()
	if finished {
		o.fail(nil) // unlocks
		return
	}
	o.mu.Unlock()
}

// keptFrames bounds the arrays that an idle outbox keeps.
const keptFrames = 64

// fail ends the outbox for good. It is called with the lock, and gives it back.
func (o *Outbox) fail(err error) {
	ended := o.closed
	o.closed = true
	o.frames = nil
	o.mu.Unlock()
	if !ended {
		o.end(err)
	}
}

func total(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += len(f)
	}
	return n
}
