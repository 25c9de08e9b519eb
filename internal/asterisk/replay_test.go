package asterisk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/switchboard"
)

// witness is a supervisor who writes down what it gets, one message a line.
type witness struct {
	board *switchboard.Switchboard
	out   *switchboard.Outbox
	done  chan error
	lines strings.Builder // owned by the outbox's writer, until it has finished
}

// fataler is what a test and a property check have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// testify runs f with a witness of a switchboard that f feeds, and returns what it got. f calls join when the witness is to come.
func testify(t fataler, f func(publish func([]pbx.Event), join func())) string {
	t.Helper()
	board, err := switchboard.New(switchboard.Config{
		Account: "default",
		Servers: []switchboard.Server{{Name: "pbx1"}},
		Frame:   func(dst, message []byte) []byte { return append(append(dst, message...), '\n') },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- board.Run(ctx) }()
	w := &witness{board: board, done: make(chan error, 1)}
	w.out = switchboard.NewOutbox(64<<20, nil, func(frames [][]byte) error {
		for _, frame := range frames {
			w.lines.Write(frame)
		}
		return nil
	}, func(err error) { w.done <- err })
	settle := func() {
		if err := board.Settle(); err != nil {
			t.Fatal(err)
		}
	}
	f(func(events []pbx.Event) { board.Publish("pbx1", events) }, func() {
		settle()
		if err := board.Join(switchboard.NewSupervisor(w.out)); err != nil {
			t.Fatal(err)
		}
		settle()
	})
	settle()
	w.out.Finish(nil)
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return w.lines.String()
}

// player feeds recorded messages to a model, in the place of a link. Its clock stands still.
type player struct {
	*model
	out []pbx.Event
}

func newPlayer() *player {
	p := &player{}
	p.model = newModel([]string{"from-internal"}, func(ev pbx.Event) { p.out = append(p.out, ev) })
	p.now = time.Unix(0, 0)
	return p
}

// play applies one message, and returns what came of it.
func (p *player) play(msg ami.Message) []pbx.Event {
	p.out = nil
	switch id := msg.ActionID(); {
	case strings.HasPrefix(id, "list-"):
		if !p.refresh.open {
			p.beginRefresh()
		}
		switch msg.Event() {
		case "ExtensionStatus":
			p.listHint(msg)
		case "Status":
			p.listChannel(msg)
		case "BridgeListItem":
			p.listBridge(msg)
		}
	case strings.HasPrefix(id, "barrier-"):
		p.finishRefresh()
	case id == "" && relevant(msg.Event()):
		p.apply(msg)
	}
	return p.out
}

// readMessages returns all messages of a stream.
func readMessages(t fataler, stream []byte) []ami.Message {
	t.Helper()
	var list []ami.Message
	r := ami.NewReader(bytes.NewReader(stream))
	for {
		msg, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, msg.Clone())
	}
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
