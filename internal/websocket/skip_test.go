package websocket

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tooLarge is what becomes of a message that is too large, as feed has it.
func tooLarge(op Opcode) string { return describe(Event{Op: op, TooLarge: true}) }

func TestReaderSkips(t *testing.T) {
	t.Parallel()
	tooBig := violated(CloseMessageTooBig, "message too big")
	limits := Reader{MaxMessage: 8, MaxSkipped: 16, MaxFragments: 4}
	hello, ping := clientFrame(0x81, "Hello"), clientFrame(0x89, "ping")
	largest := clientFrame(0x81, "0123456789abcdef")
	header := func(size int) []byte { return clientFrame(0x82, strings.Repeat("x", size))[:maxClientHeader] }
	clauses := []clause{
		{
			source: "10.4 message of the limit",
			stream: clientFrame(0x82, "12345678"),
			want:   []string{"binary 12345678"},
		},
		{
			source: "10.4 message beyond the limit, between others",
			stream: stream(hello, clientFrame(0x81, "123456789"), hello, clientFrame(0x82, "123456789"), ping, hello),
			want:   []string{"text Hello", tooLarge(OpText), "text Hello", tooLarge(OpBinary), "ping ping", "text Hello"},
		},
		{
			source: "10.4 message beyond the limit, but for its last byte",
			stream: clientFrame(0x81, "123456789")[:14],
		},
		{
			source: "10.4 fragments beyond the limit together",
			stream: stream(clientFrame(0x02, "12345"), clientFrame(0x00, "678"), clientFrame(0x80, "9"), hello),
			want:   []string{tooLarge(OpBinary), "text Hello"},
		},
		{
			source: "10.4 beyond the limit with the first fragment",
			stream: stream(clientFrame(0x01, "123456789"), clientFrame(0x00, "ab"), clientFrame(0x80, ""), hello),
			want:   []string{tooLarge(OpText), "text Hello"},
		},
		{
			source: "10.4 largest that is skipped, twice",
			stream: stream(largest, largest, hello),
			want:   []string{tooLarge(OpText), tooLarge(OpText), "text Hello"},
		},
		{
			source: "10.4 largest that is skipped, in fragments",
			stream: stream(fragments(OpText, "0123456789abcdef", 4), hello),
			want:   []string{tooLarge(OpText), "text Hello"},
		},
		{
			source: "10.4 message that is too large to skip, of which only the header came",
			stream: stream(hello, clientFrame(0x81, "0123456789abcdefg")[:6]),
			want:   []string{"text Hello", tooBig},
		},
		{
			source: "10.4 fragments too large to skip together",
			stream: stream(clientFrame(0x01, "01234"), clientFrame(0x00, "56789abcdef"), clientFrame(0x80, "g")[:6]),
			want:   []string{tooBig},
		},
		{
			source: "10.4 fragment that is too large to skip after what was accepted",
			stream: stream(clientFrame(0x01, "012345"), clientFrame(0x80, "6789abcdefg")[:6]),
			want:   []string{tooBig},
		},
		{
			source: "10.4 fragments of a skipped message are counted",
			stream: fragments(OpBinary, "0123456789abcdef", 3),
			want:   []string{violated(ClosePolicyViolation, "too many fragments")},
		},
		{
			source: "10.4 fragments are counted anew after it",
			stream: stream(fragments(OpBinary, "0123456789abcdef", 4), fragments(OpBinary, "0123", 1)),
			want:   []string{tooLarge(OpBinary), "binary 0123"},
		},
		{
			source: "5.4 control frames within a skipped message",
			stream: stream(ping, clientFrame(0x01, "1234"), ping, clientFrame(0x00, "56789"), clientFrame(0x8A, strings.Repeat("p", 125)),
				clientFrame(0x00, ""), clientFrame(0x89, ""), clientFrame(0x80, "a"), ping),
			want: []string{"ping ping", "ping ping", "pong " + strings.Repeat("p", 125), "ping ", tooLarge(OpText), "ping ping"},
		},
		{
			source: "5.4 new message within a skipped one",
			stream: stream(clientFrame(0x01, "123456789"), hello),
			want:   []string{violated(CloseProtocolError, "new message within a fragmented one")},
		},
		{
			source: "5.4 continuation after a skipped message",
			stream: stream(clientFrame(0x81, "123456789"), clientFrame(0x80, "")),
			want:   []string{tooLarge(OpText), violated(CloseProtocolError, "continuation without a message")},
		},
		{
			source: "5.5.1 Close within a skipped message",
			stream: stream(clientFrame(0x01, "123456789"), clientFrame(0x88, closing(CloseNormal, "bye")), clientFrame(0x80, "")),
			want:   []string{"close 1000 bye"},
		},
		{
			source: "8.1 what is skipped may be anything",
			stream: stream(clientFrame(0x81, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"), hello),
			want:   []string{tooLarge(OpText), "text Hello"},
		},
		{
			source: "8.1 what was accepted must not",
			stream: stream(clientFrame(0x01, "\xff"), clientFrame(0x80, "12345678")),
			want:   []string{violated(CloseInvalidPayload, "text is not UTF-8")},
		},
		{
			source: "8.1 too large within a character",
			stream: stream(clientFrame(0x01, "\xce"), clientFrame(0x80, "12345678"), hello),
			want:   []string{tooLarge(OpText), "text Hello"},
		},
	}
	for i := range clauses {
		clauses[i].limits = limits
	}
	clauses = append(
		clauses,
		clause{
			source: "default limit",
			stream: clientFrame(0x82, strings.Repeat("x", DefaultMaxMessage+1)),
			want:   []string{tooLarge(OpBinary)},
		},
		clause{source: "default limits, the most", stream: header(1 << 20)},
		clause{source: "default limits, beyond", stream: header(1<<20 + 1), want: []string{tooBig}},
		clause{source: "default for small messages, the most", stream: header(1 << 20), limits: Reader{MaxMessage: 8}},
		clause{source: "default for small messages, beyond", stream: header(1<<20 + 1), limits: Reader{MaxMessage: 8}, want: []string{tooBig}},
		clause{source: "default for large messages, the most", stream: header(2 << 20), limits: Reader{MaxMessage: 128 << 10}},
		clause{source: "default for large messages, beyond", stream: header(2<<20 + 1), limits: Reader{MaxMessage: 128 << 10}, want: []string{tooBig}},
		clause{
			source: "nothing to be skipped",
			stream: stream(clientFrame(0x82, "12345678"), clientFrame(0x82, "123456789")[:6]),
			limits: Reader{MaxMessage: 8, MaxSkipped: 1},
			want:   []string{"binary 12345678", tooBig},
		},
	)
	runClauses(t, clauses)
}

// TestReaderLimitChanges changes MaxMessage in the midst of messages.
func TestReaderLimitChanges(t *testing.T) {
	t.Parallel()
	r := Reader{MaxMessage: 4}
	var got []string
	for _, step := range []struct {
		limit  int
		stream []byte
	}{
		{4, clientFrame(0x01, "12345")}, // too large
		{8, clientFrame(0x80, "678")},   // and stays so
		{8, clientFrame(0x01, "12345")}, // accepted
		{4, clientFrame(0x80, "")},      // and now too large
		{4, clientFrame(0x81, "1234")},
	} {
		r.MaxMessage = step.limit
		got = append(got, feed(t, &r, step.stream, whole)...)
	}
	if diff := cmp.Diff([]string{tooLarge(OpText), tooLarge(OpText), "text 1234"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestReaderSkipAllocations: what is skipped costs no memory, however much it is.
func TestReaderSkipAllocations(t *testing.T) { // not parallel: AllocsPerRun counts everybody's
	var r Reader
	skipped := 0
	handle := func(e Event) error {
		if e.TooLarge {
			skipped++
		}
		return nil
	}
	sent := clientFrame(0x81, strings.Repeat("x", 1<<20))
	p := make([]byte, 4096)
	n := testing.AllocsPerRun(10, func() {
		for piece := range slices.Chunk(sent, len(p)) {
			if err := r.Feed(p[:copy(p, piece)], handle); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 0 || skipped != 11 { // once more, to warm up
		t.Errorf("%v allocations, %d messages skipped", n, skipped)
	}
}

// TestReaderPending asks after every byte, and at every event.
func TestReaderPending(t *testing.T) {
	t.Parallel()
	r := Reader{MaxMessage: 8}
	var got, want []string
	handle := func(e Event) error {
		got = append(got, fmt.Sprintf("%s, pending: %v", describe(e), r.Pending()))
		return nil
	}
	if r.Pending() {
		t.Error("pending before the first byte")
	}
	for _, unit := range []struct {
		stream []byte // after no byte of which but the last nothing is pending
		want   []string
	}{
		{clientFrame(0x81, "Hello"), []string{"text Hello, pending: false"}},
		{clientFrame(0x82, ""), []string{"binary , pending: false"}},
		{clientFrame(0x89, "ping"), []string{"ping ping, pending: false"}},
		{clientFrame(0x8A, ""), []string{"pong , pending: false"}},
		{
			stream(clientFrame(0x01, ""), clientFrame(0x89, ""), clientFrame(0x00, "a"), clientFrame(0x89, "ping"), clientFrame(0x80, "")),
			[]string{"ping , pending: true", "ping ping, pending: true", "text a, pending: false"},
		},
		{clientFrame(0x81, "123456789"), []string{"too large: text , pending: false"}},
		{
			stream(clientFrame(0x01, "123456789"), clientFrame(0x89, "ping"), clientFrame(0x80, "a")),
			[]string{"ping ping, pending: true", "too large: text , pending: false"},
		},
		{
			stream(clientFrame(0x01, "a"), clientFrame(0x88, closing(CloseNormal, ""))),
			[]string{"close 1000, pending: false"},
		},
	} {
		for i := range unit.stream {
			if err := r.Feed(unit.stream[i:i+1], handle); err != nil {
				t.Fatal(err)
			}
			if last := i == len(unit.stream)-1; r.Pending() == last {
				t.Errorf("%v: pending is %v after %d of %d bytes", unit.want, !last, i+1, len(unit.stream))
			}
		}
		want = append(want, unit.want...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if err := r.Feed([]byte{0x81}, handle); err != nil || r.Pending() {
		t.Errorf("after the Close: error %v, pending: %v", err, r.Pending())
	}
}
