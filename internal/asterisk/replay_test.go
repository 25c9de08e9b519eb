package asterisk

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/switchboard"
)

// client is a supervisor who writes down what it gets, one message a line.
type client struct {
	board *switchboard.Switchboard
	out   *switchboard.Outbox
	done  chan error
	lines strings.Builder // owned by the outbox's writer, until it has finished
}

// newClient returns a client of a switchboard that runs until the test ends.
func newClient(t *testing.T) *client {
	t.Helper()
	board, err := switchboard.New(switchboard.Config{
		Account: "default",
		Servers: []switchboard.Server{{Name: "pbx1"}},
		Frame:   func(dst, message []byte) []byte { return append(append(dst, message...), '\n') },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- board.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c := &client{board: board, done: make(chan error, 1)}
	c.out = switchboard.NewOutbox(64<<20, func(frames [][]byte) error {
		for _, f := range frames {
			c.lines.Write(f)
		}
		return nil
	}, func(err error) { c.done <- err })
	return c
}

func (c *client) publish(events []pbx.Event) { c.board.Publish("pbx1", events) }

// text returns all that the client got.
func (c *client) text(t *testing.T) string {
	t.Helper()
	if err := c.board.Settle(); err != nil {
		t.Fatal(err)
	}
	c.out.Finish(nil)
	if err := <-c.done; err != nil {
		t.Fatal(err)
	}
	return c.lines.String()
}

// replayEvents feeds a recorded stream to a model that knows the given extensions, as if each packet came when the one before was
// done with.
func replayEvents(t *testing.T, stream io.Reader, numbers ...string) string {
	t.Helper()
	c := newClient(t)
	if err := c.board.Join(switchboard.NewSupervisor(c.out)); err != nil {
		t.Fatal(err)
	}
	var out []pbx.Event
	m := newModel([]string{"from-internal"}, func(ev pbx.Event) { out = append(out, ev) })
	m.now = time.Unix(0, 0)
	m.beginRefresh()
	for _, number := range numbers {
		m.setHint(pbx.ExtensionID{Context: "from-internal", Number: number}, "PJSIP/"+number, 0)
	}
	m.finishRefresh()
	r := ami.NewReader(stream)
	for {
		msg, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if msg.ActionID() == "" && relevant(msg.Event()) {
			m.apply(msg.Clone())
		}
		c.publish(out)
		out = nil
	}
	return c.text(t)
}
