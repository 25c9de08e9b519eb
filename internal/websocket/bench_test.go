package websocket

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkFeed reads what one read of a busy client returns: 16 small masked
// text messages.
func BenchmarkFeed(b *testing.B) {
	const messages = 16
	message := string(bytes.Repeat([]byte("x"), 100))
	sent := bytes.Repeat(clientFrame(0x81, message), messages)
	p := make([]byte, len(sent))
	var r Reader
	events := 0
	handle := func(Event) error {
		events++
		return nil
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(sent)))
	for b.Loop() {
		copy(p, sent) // Feed overwrites it
		if err := r.Feed(p, handle); err != nil {
			b.Fatal(err)
		}
	}
	if events != messages*b.N {
		b.Fatalf("%d events, want %d", events, messages*b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/message")
}

// BenchmarkFeedSplit reads a message that comes in two reads, and must be copied.
func BenchmarkFeedSplit(b *testing.B) {
	sent := clientFrame(0x81, string(bytes.Repeat([]byte("x"), 100)))
	p := make([]byte, len(sent))
	var r Reader
	handle := func(Event) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		copy(p, sent)
		for _, piece := range [][]byte{p[:40], p[40:]} {
			if err := r.Feed(piece, handle); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, size := range []int{16, 128, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				unmask(p, 0x3d21fa37)
			}
		})
	}
}

func BenchmarkAppendText(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 250)
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		AppendText(dst, payload)
	}
}

func BenchmarkPreparedText(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 250)
	b.ReportAllocs()
	for b.Loop() {
		PreparedText(payload)
	}
}
