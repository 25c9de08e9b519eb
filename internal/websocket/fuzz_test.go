package websocket

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// FuzzReader: however a stream is cut, the events are the same and so is the
// error; and they are those of a Reader that accepts all that this one skips, but
// for what is too large. That no more is held than the limits allow is for feed
// to see.
func FuzzReader(f *testing.F) {
	f.Add(stream(clientFrame(0x81, "Hello"), clientFrame(0x88, closing(CloseNormal, "bye"))), uint64(1))
	f.Add(stream(clientFrame(0x01, "\xce"), clientFrame(0x89, "ping"), clientFrame(0x80, "\xba")), uint64(2))
	f.Add(fragments(OpBinary, "fragments, more of them than are allowed", 2), uint64(3))
	f.Add(clientFrame(0x82, string(make([]byte, 300)))[:200], uint64(4))
	f.Add(stream(clientFrame(0x81, string(make([]byte, 65))), clientFrame(0x81, "next")), uint64(7))
	f.Add(stream(clientFrame(0x01, string(make([]byte, 60))), clientFrame(0x89, "ping"), clientFrame(0x80, "12345\xce")), uint64(8))
	f.Add([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, uint64(5))
	f.Add(clientFrame(0x88, closing(CloseNoStatus, "")), uint64(6))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		limits := Reader{MaxMessage: 64, MaxSkipped: 256, MaxFragments: 8}
		atOnce, inBytes, inPieces := limits, limits, limits
		want := feed(t, &atOnce, data, whole)
		if diff := cmp.Diff(want, feed(t, &inBytes, data, byteByByte)); diff != "" {
			t.Errorf("byte by byte (-whole +cut):\n%s", diff)
		}
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // reproducible
		if diff := cmp.Diff(want, feed(t, &inPieces, data, randomly(random))); diff != "" {
			t.Errorf("cut at random (-whole +cut):\n%s", diff)
		}
		generous := Reader{MaxMessage: limits.MaxSkipped, MaxSkipped: limits.MaxSkipped, MaxFragments: limits.MaxFragments}
		all := skip(feed(t, &generous, data, byteByByte), limits.MaxMessage)
		if n := len(all); n > 0 && strings.HasPrefix(all[n-1], "websocket: text ") {
			all = all[:n-1] // which may be text that is not looked at when skipped
			want = want[:min(len(want), n-1)]
		}
		if diff := cmp.Diff(all, want, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("skipped (-accepted +skipped):\n%s", diff)
		}
	})
}

// skip makes of what feed returned what it had returned if messages of more than
// size bytes had been skipped.
func skip(events []string, size int) []string {
	for i, event := range events {
		for _, op := range []Opcode{OpText, OpBinary} {
			payload, ok := strings.CutPrefix(event, describe(Event{Op: op}))
			if ok && len(payload) > size {
				events[i] = tooLarge(op)
			}
		}
	}
	return events
}

// TestRoundTrip: any messages, fragmented anyhow with control frames in between,
// masked with any keys and cut anywhere, arrive as they were, or are skipped.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reader := Reader{MaxMessage: rapid.SampledFrom([]int{10, 100, 70000}).Draw(t, "limit")}
		var sent []byte
		var want []string
		send := func(first byte, payload string) {
			key := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))
			sent = append(sent, maskedFrame(first, payload, key)...)
		}
		controls := func() {
			for range rapid.IntRange(0, 2).Draw(t, "controls") {
				op := rapid.SampledFrom([]Opcode{OpPing, OpPong}).Draw(t, "control")
				payload := string(rapid.SliceOfN(rapid.Byte(), 0, maxControl).Draw(t, "data"))
				send(fin|byte(op), payload)
				want = append(want, describe(Event{Op: op, Payload: []byte(payload)}))
			}
		}
		for range rapid.IntRange(0, 5).Draw(t, "messages") {
			op, message := OpText, rapid.StringN(-1, -1, 70000).Draw(t, "text")
			if rapid.Bool().Draw(t, "binary") {
				op, message = OpBinary, string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "binary"))
			}
			first, rest := byte(op), message
			for range rapid.IntRange(0, 4).Draw(t, "fragments") {
				n := rapid.IntRange(0, len(rest)).Draw(t, "fragment")
				send(first, rest[:n])
				first, rest = byte(OpContinuation), rest[n:]
				controls()
			}
			send(fin|first, rest)
			event := Event{Op: op, Payload: []byte(message)}
			if len(message) > reader.MaxMessage {
				event = Event{Op: op, TooLarge: true}
			}
			want = append(want, describe(event))
			controls()
		}
		var got []string
		for rest := bytes.Clone(sent); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "read")
			if err := reader.Feed(rest[:n], func(e Event) error {
				got = append(got, describe(e))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("events (-want +got):\n%s", diff)
		}
	})
}
