package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fin is the first byte's bit of a final frame; or'ed with an opcode.
const fin = 0x80

// testKey is the masking key of the examples in RFC 6455 §5.7.
var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d} //nolint:gochecknoglobals // an array cannot be a constant

// clientFrame encodes a frame as a client does, straight from RFC 6455 §5.2 and
// apart from the code under test. The first byte is given as it goes out: FIN,
// RSV1 to RSV3 and opcode.
func clientFrame(first byte, payload string) []byte {
	return maskedFrame(first, payload, testKey)
}

func maskedFrame(first byte, payload string, key [4]byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(frame, key[:]...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^key[i%4])
	}
	return frame
}

// fragments encodes a message in frames of at most size bytes.
func fragments(op Opcode, message string, size int) []byte {
	var stream []byte
	for first := byte(op); ; first = byte(OpContinuation) {
		if len(message) <= size {
			return append(stream, clientFrame(fin|first, message)...)
		}
		stream = append(stream, clientFrame(first, message[:size])...)
		message = message[size:]
	}
}

// closing is the payload of a Close frame.
func closing(code CloseCode, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// stream joins what a client sends.
func stream(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// describe is an event or error in one line, as the tables write them.
func describe(e Event) string {
	if e.TooLarge {
		return "too large: " + describe(Event{Op: e.Op, Payload: e.Payload})
	}
	switch e.Op {
	case OpText:
		return "text " + string(e.Payload)
	case OpBinary:
		return "binary " + string(e.Payload)
	case OpPing:
		return "ping " + string(e.Payload)
	case OpPong:
		return "pong " + string(e.Payload)
	case OpClose:
		return strings.TrimSpace(fmt.Sprintf("close %d %s", e.Code, e.Payload))
	case OpContinuation:
	}
	return fmt.Sprintf("unexpected opcode %d", e.Op)
}

// cut is a way to cut a stream into what single reads return: it yields the
// length of the next piece, given the bytes left.
type cut func(left int) int

func whole(left int) int { return left }
func byteByByte(int) int { return 1 }
func randomly(r *rand.Rand) cut {
	return func(left int) int { return 1 + r.IntN(min(left, 1+r.IntN(200))) }
}

// feed feeds the stream cut so, stops at the first error and returns what came of
// it, as describe has it, the error last. It fails the test if the Reader ever
// holds more than its limits allow, or anything while nothing is incomplete, or
// of a message that is too large.
func feed(tb testing.TB, r *Reader, stream []byte, next cut) (got []string) {
	tb.Helper()
	handle := func(e Event) error {
		got = append(got, describe(e))
		return nil
	}
	stream = bytes.Clone(stream) // Feed overwrites it, and so do we
	for len(stream) > 0 {
		n := next(len(stream))
		piece := stream[:n:n]
		stream = stream[n:]
		err := r.Feed(piece, handle)
		clear(piece)
		limit := r.maxMessage() + maxControl
		switch {
		case r.done, r.message == OpContinuation && r.frame.remaining == 0:
			limit = 0
		case r.skipped > 0 && !r.frame.op.control():
			limit = 0
		case r.skipped > 0:
			limit = 2 * maxControl
		}
		if held := cap(r.buf); held > limit {
			tb.Fatalf("%d bytes held, more than %d", held, limit)
		}
		if err != nil {
			return append(got, err.Error())
		}
	}
	return got
}

// violated describes an Error as feed does.
func violated(code CloseCode, reason string) string { return Error{code, reason}.Error() }

// clause is what the server must make of a stream, and who says so.
type clause struct {
	source string // section of RFC 6455, or case of the Autobahn test suite
	stream []byte
	want   []string
	limits Reader // its limits
}

// runClauses feeds each stream whole, byte by byte and cut at random; but one
// with a message of 1 MiB not byte by byte, which takes long.
func runClauses(t *testing.T, clauses []clause) {
	t.Helper()
	for _, c := range clauses {
		t.Run(c.source, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(6455, uint64(len(c.stream)))) //nolint:gosec // reproducible
			cuts := []cut{whole, randomly(random)}
			if len(c.stream) < 300<<10 { // enough of it
				cuts = append(cuts, byteByByte, randomly(random), randomly(random))
			}
			for i, next := range cuts {
				r := Reader{MaxMessage: c.limits.MaxMessage, MaxSkipped: c.limits.MaxSkipped, MaxFragments: c.limits.MaxFragments}
				if diff := cmp.Diff(c.want, feed(t, &r, c.stream, next)); diff != "" {
					t.Fatalf("cut %d (-want +got):\n%.2000s", i, diff)
				}
			}
		})
	}
}
