package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// The limits of a [Reader] that sets none.
const (
	DefaultMaxMessage   = 64 << 10 // bytes
	DefaultMaxFragments = 1024

	skippedPerMessage = 16      // MaxSkipped, in times of MaxMessage
	leastMaxSkipped   = 1 << 20 // but no less, bytes
)

// Event is a message or a control frame from the client.
type Event struct {
	// Op is OpText, OpBinary, OpPing, OpPong or OpClose.
	Op Opcode

	// Payload is the message, in UTF-8 if Op is OpText, the data of a Ping or
	// Pong, or the reason of a Close, in UTF-8 too. It is valid until the handler
	// returns. It is nil if TooLarge.
	Payload []byte

	// Code is that of a Close, CloseNoStatus if it came without, and else 0.
	Code CloseCode

	// TooLarge says that this was a message of more than MaxMessage bytes, which
	// was skipped. Its content is unknown; OpText does not mean that it was UTF-8.
	TooLarge bool
}

// Reader makes events of the bytes that one client sends. It holds no memory
// beyond itself, 120 bytes, but while a message or control frame is incomplete,
// and then no more than twice what has come of it. Of a message that is too large
// it holds nothing, from the header on that makes it so.
//
// The zero Reader is ready for the first byte after the handshake. It must not
// be copied once used, nor used by two goroutines at a time.
type Reader struct {
	// MaxMessage is the largest message accepted, in bytes, all its fragments
	// together; 0 means DefaultMaxMessage. It does not bound control frames,
	// which have at most 125 bytes. It may be changed between calls of Feed, as
	// when a client has proved who it is; a message is skipped to its end once it
	// was too large.
	MaxMessage int

	// MaxSkipped is the largest message, in bytes, all its fragments together,
	// that is skipped when it exceeds MaxMessage: at its end comes an Event that
	// says TooLarge. The header that announces more is an Error. 0 means 16 times
	// MaxMessage, but at least 1 MiB; with no more than MaxMessage, nothing is
	// skipped.
	MaxSkipped int

	// MaxFragments is the number of frames that a message may come in; 0 means
	// DefaultMaxFragments. It keeps a client from sending empty ones forever.
	MaxFragments int

	buf       []byte // the incomplete message, then the incomplete control frame
	frame     frame
	skipped   int64                 // size of the incomplete message so far if it is too large, else 0
	control   int                   // bytes at the end of buf that belong to a control frame
	fragments int                   // frames of the incomplete message
	headLen   int                   // bytes in head
	text      utf8Checker           // of the incomplete message
	message   Opcode                // of the incomplete message; OpContinuation if there is none
	head      [maxClientHeader]byte // an incomplete header
	done      bool
}

// Feed takes the next bytes from the client, cut anywhere, and calls handle with
// each event that they complete, in order; control frames come when they come,
// in the midst of a fragmented message too (RFC 6455 §5.4). Feed overwrites p,
// and keeps nothing of it. The handler must not call Feed.
//
// It returns an [Error] when the client violates the protocol or a limit, or the
// error that handle returned. After that, and after a Close, what the client
// sends has no meaning any more: Feed ignores it (§1.4, §7.1.7).
func (r *Reader) Feed(p []byte, handle func(Event) error) error {
	for len(p) > 0 && !r.done {
		rest, err := r.next(p, handle)
		if err != nil {
			r.done, r.buf = true, nil
			return err
		}
		p = rest
	}
	return nil
}

// Pending reports whether a frame or a message is incomplete, so that the client
// owes the rest of it; after an error or a Close it owes nothing. In the handler
// it tells of what is incomplete besides the event: the message that a control
// frame came in the midst of, or nothing. What is pending thus began after the
// last event for which the handler saw false.
func (r *Reader) Pending() bool {
	return !r.done && (r.headLen > 0 || r.frame.remaining > 0 || r.message != OpContinuation)
}

// next takes what p begins with: of one frame, as much as there is of it.
func (r *Reader) next(p []byte, handle func(Event) error) (rest []byte, err error) {
	if r.frame.remaining == 0 {
		var complete bool
		if p, complete, err = r.readHeader(p); err != nil || !complete {
			return nil, err
		}
	}
	n := min(int64(len(p)), r.frame.remaining)
	payload := p[:n]
	r.frame.key = unmask(payload, r.frame.key)
	r.frame.remaining -= n
	switch {
	case r.frame.op.control():
		err = r.readControl(payload, handle)
	case r.skipped > 0:
		err = r.skipData(handle)
	default:
		err = r.readData(payload, handle)
	}
	return p[n:], err
}

// readHeader takes a frame's header, or the part of it that there is, and
// returns what follows it.
func (r *Reader) readHeader(p []byte) (rest []byte, complete bool, err error) {
	kept := r.headLen
	b := p
	if kept > 0 {
		b = r.head[:kept+copy(r.head[kept:], p)]
	}
	f, size, err := parseHeader(b)
	if err != nil {
		return nil, false, err
	}
	if size == 0 {
		r.headLen = copy(r.head[:], b)
		return nil, false, nil
	}
	r.headLen = 0
	return p[size-kept:], true, r.begin(f)
}

// begin starts on a frame's payload, if the frame may come now and is not too much.
func (r *Reader) begin(f frame) error {
	r.frame = f
	if f.op.control() {
		return nil
	}
	if inside, continues := r.message != OpContinuation, f.op == OpContinuation; inside != continues { // §5.4
		if inside {
			return violation("new message within a fragmented one")
		}
		return violation("continuation without a message")
	}
	if f.op != OpContinuation {
		r.message = f.op
	}
	if r.skipped > 0 || f.remaining > int64(r.maxMessage()-len(r.buf)) { // §10.4
		if err := r.skip(f.remaining); err != nil {
			return err
		}
	}
	if r.fragments++; r.fragments > r.maxFragments() {
		return Error{ClosePolicyViolation, "too many fragments"}
	}
	return nil
}

// skip makes the incomplete message, to which a frame of that many bytes is to be
// added, one that is skipped, if it is not too large even for that.
func (r *Reader) skip(frame int64) error {
	size := r.skipped + int64(len(r.buf)) // one of them is 0
	if frame > r.maxSkipped()-size {
		return Error{CloseMessageTooBig, "message too big"}
	}
	r.skipped, r.buf, r.text = size+frame, nil, utf8Checker{}
	return nil
}

// readData takes a piece of a data frame's payload. A message that is all in one
// piece is handed on without a copy.
func (r *Reader) readData(piece []byte, handle func(Event) error) error {
	if r.message == OpText && !r.text.write(piece) {
		return invalidText("text is not UTF-8")
	}
	if !r.ended() {
		r.keep(piece)
		return nil
	}
	if r.message == OpText && !r.text.complete() {
		return invalidText("text ends within a character")
	}
	if len(r.buf) > 0 {
		r.keep(piece)
		piece = r.buf
	}
	return r.finish(Event{Op: r.message, Payload: piece}, handle)
}

// skipData is readData for a message that is too large: the piece is dropped.
func (r *Reader) skipData(handle func(Event) error) error {
	if !r.ended() {
		return nil
	}
	return r.finish(Event{Op: r.message, TooLarge: true}, handle)
}

// ended reports whether the message has come to its end.
func (r *Reader) ended() bool { return r.frame.fin && r.frame.remaining == 0 }

// finish hands on a message that is complete, and is ready for the next.
func (r *Reader) finish(message Event, handle func(Event) error) error {
	r.message, r.fragments, r.skipped, r.buf = OpContinuation, 0, 0, nil
	return handle(message)
}

// readControl takes a piece of a control frame's payload.
func (r *Reader) readControl(piece []byte, handle func(Event) error) error {
	if r.frame.remaining > 0 {
		r.keep(piece)
		r.control += len(piece)
		return nil
	}
	if r.control > 0 {
		message := len(r.buf) - r.control
		r.keep(piece)
		piece = r.buf[message:]
		r.buf, r.control = r.buf[:message], 0
		if message == 0 {
			r.buf = nil
		}
	}
	event := Event{Op: r.frame.op, Payload: piece}
	if event.Op == OpClose {
		var err error
		if event.Code, event.Payload, err = parseClose(piece); err != nil {
			return err
		}
		r.done, r.buf = true, nil
	}
	return handle(event)
}

// parseClose takes a Close frame's payload apart (RFC 6455 §5.5.1).
func parseClose(p []byte) (code CloseCode, reason []byte, err error) {
	switch len(p) {
	case 0:
		return CloseNoStatus, nil, nil
	case 1:
		return 0, nil, violation("close code cut short")
	}
	code, reason = CloseCode(binary.BigEndian.Uint16(p)), p[2:]
	if !code.sendable() {
		return 0, nil, violation("invalid close code")
	}
	if !utf8.Valid(reason) {
		return 0, nil, invalidText("close reason is not UTF-8")
	}
	return code, reason, nil
}

// invalidText is what a client must not call text (RFC 6455 §8.1).
func invalidText(reason string) error { return Error{CloseInvalidPayload, reason} }

// keep adds to the buffer, which doubles as the bytes come, but never beyond what
// the limits let it need: a header that announces much must cost nothing.
func (r *Reader) keep(p []byte) {
	if need := len(r.buf) + len(p); need > cap(r.buf) {
		grown := make([]byte, len(r.buf), max(need, min(2*cap(r.buf), r.maxMessage()+maxControl)))
		copy(grown, r.buf)
		r.buf = grown
	}
	r.buf = append(r.buf, p...)
}

func (r *Reader) maxMessage() int {
	if r.MaxMessage > 0 {
		return r.MaxMessage
	}
	return DefaultMaxMessage
}

func (r *Reader) maxSkipped() int64 {
	if r.MaxSkipped > 0 {
		return int64(r.MaxSkipped)
	}
	return max(leastMaxSkipped, skippedPerMessage*int64(r.maxMessage()))
}

func (r *Reader) maxFragments() int {
	if r.MaxFragments > 0 {
		return r.MaxFragments
	}
	return DefaultMaxFragments
}
