package websocket

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func TestReaderClauses(t *testing.T) {
	t.Parallel()
	tooMany := violated(ClosePolicyViolation, "too many fragments")
	notMinimal := violated(CloseProtocolError, "length not in the fewest bytes")
	runClauses(t, []clause{
		{
			source: "5.7 a single-frame masked text message",
			stream: []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
			want:   []string{"text Hello"},
		},
		{
			source: "5.7 masked Ping response",
			stream: []byte{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
			want:   []string{"pong Hello"},
		},
		{
			source: "5.1 a server closes upon a frame that is not masked",
			stream: []byte{0x81, 0x05, 'H', 'e', 'l', 'l', 'o'},
			want:   []string{violated(CloseProtocolError, "frame not masked")},
		},
		{
			source: "5.1 without waiting for a key that will not come",
			stream: []byte{0x81, 0x00},
			want:   []string{violated(CloseProtocolError, "frame not masked")},
		},
		{
			source: "5.2 16-bit length that needs 7 bits",
			stream: []byte{0x82, 0xFE, 0x00, 125},
			want:   []string{notMinimal},
		},
		{
			source: "5.2 64-bit length that needs 7 bits",
			stream: []byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0},
			want:   []string{notMinimal},
		},
		{
			source: "5.2 64-bit length that needs 16 bits",
			stream: []byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF},
			want:   []string{notMinimal},
		},
		{
			source: "5.2 most significant bit of a 64-bit length",
			stream: []byte{0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0},
			want:   []string{violated(CloseProtocolError, "length has its highest bit set")},
		},
		{
			source: "5.4 control frames within a fragmented message",
			stream: stream(clientFrame(0x01, "a"), clientFrame(0x8A, "b"), clientFrame(0x00, ""),
				clientFrame(0x89, "c"), clientFrame(0x80, "d")),
			want: []string{"pong b", "ping c", "text ad"},
		},
		{
			source: "5.5 length of a control frame, without waiting for the rest",
			stream: []byte{0x89, 0xFE},
			want:   []string{violated(CloseProtocolError, "control frame too long")},
		},
		{
			source: "5.5.1 nothing after a Close is read",
			stream: stream(clientFrame(0x88, closing(1000, "bye")), []byte("GET / HTTP/1.1")),
			want:   []string{"close 1000 bye"},
		},
		{
			source: "10.4 the largest length there is",
			stream: []byte{0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4},
			want:   []string{violated(CloseMessageTooBig, "message too big")},
		},
		{
			source: "10.4 fragments of the limit, and a control frame as long",
			stream: stream(clientFrame(0x02, "12345"), clientFrame(0x89, strings.Repeat("p", 125)), clientFrame(0x80, "678")),
			limits: Reader{MaxMessage: 8},
			want:   []string{"ping " + strings.Repeat("p", 125), "binary 12345678"},
		},
		{
			source: "10.4 as many fragments as allowed, twice",
			stream: stream(fragments(OpText, "abc", 1), fragments(OpText, "def", 1)),
			limits: Reader{MaxFragments: 3},
			want:   []string{"text abc", "text def"},
		},
		{
			source: "10.4 one fragment more than allowed",
			stream: fragments(OpText, "abcd", 1),
			limits: Reader{MaxFragments: 3},
			want:   []string{tooMany},
		},
		{
			source: "10.4 empty fragments without end",
			stream: stream(clientFrame(0x01, ""), []byte(strings.Repeat(string(clientFrame(0x00, "")), DefaultMaxFragments))),
			want:   []string{tooMany},
		},
	})
}

func TestReaderStopsAtHandlerError(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	var r Reader
	var got []string
	handle := func(e Event) error {
		got = append(got, describe(e))
		return enough
	}
	two := stream(clientFrame(0x81, "one"), clientFrame(0x81, "two"))
	if err := r.Feed(two, handle); !errors.Is(err, enough) {
		t.Fatalf("Feed returned %v, want the handler's error", err)
	}
	if err := r.Feed(clientFrame(0x81, "three"), handle); err != nil {
		t.Fatalf("Feed after the error returned %v", err)
	}
	if diff := cmp.Diff([]string{"text one"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestReaderFailsOnce proves that a client that was failed is not read on (RFC
// 6455 §7.1.7), and the code that it is told.
func TestReaderFailsOnce(t *testing.T) {
	t.Parallel()
	var r Reader
	handle := func(e Event) error {
		t.Errorf("unexpected %s", describe(e))
		return nil
	}
	err := r.Feed(clientFrame(0x81, "\xff"), handle)
	if violation, ok := errors.AsType[Error](err); !ok || violation.Code != CloseInvalidPayload {
		t.Fatalf("Feed returned %v, want an Error with code %d", err, CloseInvalidPayload)
	}
	if err := r.Feed(clientFrame(0x81, "more"), handle); err != nil {
		t.Fatalf("Feed after the error returned %v", err)
	}
	if r.Pending() {
		t.Error("something is pending after the error")
	}
}

// TestReaderSize keeps the price of an idle connection in view.
func TestReaderSize(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(Reader{}); size > 120 {
		t.Errorf("a Reader takes %d bytes", size)
	}
}

// TestReaderAllocations: what comes whole is neither copied nor allocated for.
func TestReaderAllocations(t *testing.T) { // not parallel: AllocsPerRun counts everybody's
	var r Reader
	handle := func(Event) error { return nil }
	sent := stream(clientFrame(0x81, `{"action":"dial"}`), clientFrame(0x89, "ping"))
	p := make([]byte, len(sent))
	if n := testing.AllocsPerRun(100, func() {
		copy(p, sent)
		if err := r.Feed(p, handle); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
