package websocket

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<16)
	euros := strings.Repeat("€", 42) // 126 bytes, 3 each
	tests := []struct {
		clause string
		got    []byte
		want   string
	}{
		{"5.7 a single-frame unmasked text message", AppendText(nil, []byte("Hello")), "\x81\x05Hello"},
		{"5.7 unmasked Ping request", AppendPing(nil, []byte("Hello")), "\x89\x05Hello"},
		{"5.7 256 bytes binary message in a single unmasked frame", AppendFrame(nil, OpBinary, []byte(long[:256])), "\x82\x7E\x01\x00" + long[:256]},
		{"5.7 64KiB binary message in a single unmasked frame", AppendFrame(nil, OpBinary, []byte(long)), "\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00" + long},
		{"5.2 largest 7-bit length", AppendText(nil, []byte(long[:125])), "\x81\x7D" + long[:125]},
		{"5.2 smallest 16-bit length", AppendText(nil, []byte(long[:126])), "\x81\x7E\x00\x7E" + long[:126]},
		{"5.2 largest 16-bit length", AppendText(nil, []byte(long[:65535])), "\x81\x7E\xFF\xFF" + long[:65535]},
		{"5.6 empty text", AppendText(nil, nil), "\x81\x00"},
		{"5.6 text after other frames", AppendText([]byte("\x89\x00"), []byte("x")), "\x89\x00\x81\x01x"},
		{"5.6 prepared text", PreparedText([]byte("Hello")), "\x81\x05Hello"},
		{"5.5.3 Pong", AppendPong(nil, []byte("Hello")), "\x8A\x05Hello"},
		{"5.5 Ping of at most 125 bytes", AppendPing(nil, []byte(long[:126])), "\x89\x7D" + long[:125]},
		{"5.5 Pong of at most 125 bytes", AppendPong(nil, []byte(long[:126])), "\x8A\x7D" + long[:125]},
		{"5.5.1 Close", AppendClose(nil, CloseNormal, ""), "\x88\x02\x03\xE8"},
		{"5.5.1 Close with a reason", AppendClose(nil, CloseGoingAway, "restart"), "\x88\x09\x03\xE9restart"},
		{"5.5.1 Close, reason of 123 bytes", AppendClose(nil, 4000, long[:123]), "\x88\x7D\x0F\xA0" + long[:123]},
		{"5.5.1 Close, reason of 124 bytes", AppendClose(nil, 4000, long[:124]), "\x88\x7D\x0F\xA0" + long[:123]},
		{"5.5.1 Close, reason cut between characters", AppendClose(nil, 4000, "x"+euros), "\x88\x7B\x0F\xA0x" + euros[:120]},
		{"5.5.1 Close, reason made UTF-8", AppendClose(nil, 4000, "a\xffb"), "\x88\x07\x0F\xA0a\uFFFDb"},
		{"7.4.1 no code to send", AppendClose(nil, CloseNoStatus, "unsaid"), "\x88\x00"},
		{"7.4.1 abnormal closure is not sent", AppendClose(nil, CloseAbnormal, ""), "\x88\x00"},
		{"7.4.1 TLS failure is not sent", AppendClose(nil, CloseTLSHandshake, ""), "\x88\x00"},
	}
	for _, test := range tests {
		t.Run(test.clause, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]byte(test.want), test.got); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTruncate cuts every string of mixed widths at every place.
func TestTruncate(t *testing.T) {
	t.Parallel()
	const text = "aé€😀"
	for size := range len(text) + 2 {
		got := truncate(text, size)
		if !strings.HasPrefix(text, got) || !utf8.ValidString(got) || len(got) > size ||
			len(got) < min(size, len(text))-3 {
			t.Errorf("truncate(%q, %d) = %q", text, size, got)
		}
	}
}

// TestAppendAllocations: nothing but what dst may need to grow.
func TestAppendAllocations(t *testing.T) { // not parallel: AllocsPerRun counts everybody's
	payload := bytes.Repeat([]byte("x"), 250)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		frames := AppendText(dst, payload)
		frames = AppendPong(frames, payload[:5])
		AppendClose(frames, ClosePolicyViolation, "auth")
	}); n > 0 {
		t.Errorf("%v allocations with room in dst", n)
	}
	if n := testing.AllocsPerRun(100, func() { PreparedText(payload) }); n > 1 {
		t.Errorf("%v allocations for a prepared frame", n)
	}
}
