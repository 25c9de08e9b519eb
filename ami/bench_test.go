package ami

import (
	"bytes"
	"os"
	"testing"
)

// loop is a stream that never ends.
type loop struct {
	data []byte
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.pos:])
	l.pos = (l.pos + n) % len(l.data)
	return n, nil
}

// BenchmarkReader reads one answered call, with hold, as Asterisk 22 tells it.
func BenchmarkReader(b *testing.B) {
	stream, err := os.ReadFile("testdata/call.ami")
	if err != nil {
		b.Fatal(err)
	}
	_, stream, _ = bytes.Cut(stream, []byte("\r\n")) // the greeting comes but once
	packets := bytes.Count(stream, []byte("\r\n\r\n"))

	keys := []string{
		"Channel", "ChannelState", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
		"Context", "Exten", "Uniqueid", "Linkedid", "Cause",
	}
	var sink int
	get := func(m Message) {
		for _, k := range keys {
			sink += len(m.Get(k))
		}
	}
	for _, bm := range []struct {
		name string
		do   func(Message)
	}{
		{"skip", func(m Message) {
			if m.Event() == "none such" {
				b.Error("an event that was not sent")
			}
		}},
		{"get10", get},
		{"clone", func(m Message) { sink += len(m.Clone().text) }},
		{"get10+clone", func(m Message) { get(m); sink += len(m.Clone().text) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			r := NewReader(&loop{data: stream})
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				for range packets {
					m, err := r.Read()
					if err != nil {
						b.Fatal(err)
					}
					bm.do(m)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
		})
	}
}
