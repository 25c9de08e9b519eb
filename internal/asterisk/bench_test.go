package asterisk

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
)

// BenchmarkIntake reads and applies what AMI says of a call with a hold, on one core, as the reader and the owner of a link do
// together.
func BenchmarkIntake(b *testing.B) {
	stream := readFile(b, "testdata/transcripts/22/hold.ami")
	p := newPlayer()
	events := len(readMessages(b, stream))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := ami.NewReader(bytes.NewReader(stream))
		for {
			msg, err := r.Read()
			if err != nil {
				break
			}
			if relevant(msg.Event()) || msg.ActionID() != "" {
				p.play(msg.Clone())
			}
		}
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRefresh compares a PBX of 10,000 extensions and 2,000 calls with its lists, nothing having changed.
func BenchmarkRefresh(b *testing.B) {
	var stream bytes.Buffer
	for i := range 10000 {
		fmt.Fprintf(&stream, "Event: ExtensionStatus\r\nActionID: list-1\r\nExten: %d\r\nContext: from-internal\r\nHint: PJSIP/%d\r\n"+
			"Status: 0\r\nStatusText: Idle\r\n\r\n", 10000+i, 10000+i)
	}
	for i := range 4000 {
		fmt.Fprintf(&stream, "Event: Status\r\nActionID: list-2\r\nChannel: PJSIP/%d-%08x\r\nChannelState: 6\r\nCallerIDNum: %d\r\n"+
			"ConnectedLineNum: 1\r\nContext: from-internal\r\nExten: 1\r\nUniqueid: 1.%d\r\nLinkedid: 1.%d\r\nDNID: 1\r\n"+
			"BridgeID: b%d\r\nSeconds: 9\r\n\r\n", 10000+i, i, 10000+i, i, i, i/2)
	}
	messages := readMessages(b, stream.Bytes())
	p := newPlayer()
	b.ReportAllocs()
	for b.Loop() {
		p.out = nil
		p.beginRefresh()
		for _, msg := range messages {
			if msg.Event() == "Status" {
				p.listChannel(msg)
				continue
			}
			p.listHint(msg)
		}
		p.finishRefresh()
	}
	if n := len(p.channels); n != 4000 {
		b.Fatal(n, " channels")
	}
	if len(p.out) != 0 && p.out[0].Kind != pbx.Synchronized {
		b.Fatalf("%d events, and nothing has changed", len(p.out))
	}
}
