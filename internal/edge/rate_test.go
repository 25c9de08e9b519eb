package edge_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/protocol"
)

func TestFloodOfPingsIsAnsweredByTheLatest(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.raw(t)
	const pings = 200
	var flood []byte
	for i := range pings {
		flood = append(flood, 0x89, 0x81, 0, 0, 0, 0, byte(i))
	}
	flood = append(flood, 0x81, 0x82, 0, 0, 0, 0, '{', '}')
	if _, err := c.conn.Write(flood); err != nil {
		t.Fatal(err)
	}
	var (
		pongs   int
		latest  byte
		refused bool
	)
	for latest != pings-1 || !refused {
		switch first, data := c.frame(t); {
		case first == 0x8A:
			pongs++
			latest = data[0]
		case bytes.Contains(data, []byte(protocol.CodeBadMessage)):
			refused = true
		case bytes.Contains(data, []byte(protocol.CodeRateLimited)):
			t.Fatal("pings count as messages")
		}
	}
	if pongs > pings/10 {
		t.Errorf("%d pongs", pongs)
	}
}

func TestTooLargeMessagesCountToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.raw(t)
	large := append([]byte{0x81, 0xFE, 0x13, 0x88, 0, 0, 0, 0}, make([]byte, 5000)...)
	go func() {
		for {
			if _, err := c.conn.Write(large); err != nil {
				return
			}
		}
	}()
	told := map[protocol.ErrorCode]bool{}
	for {
		first, data := c.frame(t)
		for _, code := range []protocol.ErrorCode{protocol.CodeTooLarge, protocol.CodeRateLimited} {
			told[code] = told[code] || strings.Contains(string(data), string(code))
		}
		if first == 0x88 {
			if code := int(data[0])<<8 | int(data[1]); code != int(protocol.ClosePolicyViolation) || len(told) != 2 {
				t.Errorf("told: %v; closed with %d", told, code)
			}
			return
		}
	}
}

func TestMessagesThatBeginBeforeOthersEnd(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.MessageTimeout = 250 * time.Millisecond
	o := newOffice(t, settings)
	c := o.raw(t)
	// Each write ends one message and begins the next, so that after each read one is unfinished.
	frame := []byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'}
	half := len(frame) / 2
	if _, err := c.conn.Write(frame[:half]); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); time.Since(begun) < 2*settings.MessageTimeout; <-time.After(settings.MessageTimeout / 5) {
		if _, err := c.conn.Write(append(frame[half:], frame[:half]...)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.conn.Write(frame[half:]); err != nil {
		t.Fatal(err)
	}
	c.write(t, 0x89, []byte("p"))
	for first, data := c.frame(t); first != 0x8A; first, data = c.frame(t) {
		if first == 0x88 {
			t.Fatalf("closed: %s", data[2:])
		}
	}
}

func TestWhoDoesNotKeepUpIsToldSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, usual())
	c := o.rawAs(t, "/ws", "eva")
	for first, data := c.frame(t); first != 0x81 || !bytes.Contains(data, []byte(`"init"`)); first, data = c.frame(t) {
	}
	events := make([]pbx.Event, 5000)
	for i := range events {
		status := pbx.Idle
		if i%2 == 0 {
			status = pbx.Ringing
		}
		events[i] = pbx.Event{Kind: pbx.ExtensionChanged, Extension: pbx.Extension{ID: id("102"), Status: status}}
	}
	for range 40 { // some 20 MB
		o.says(events...)
	}
	if code := c.awaitClose(t); code != int(protocol.CloseSlowConsumer) {
		t.Errorf("closed with %d", code)
	}
	c.write(t, 0x88, nil)
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the goodbye: %v", err)
	}
}
