package switchboard_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/switchboard"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

func bare(dst, message []byte) []byte { return append(dst, message...) }

// run runs a switchboard with the given PBXs until cleanup.
func run(tb interface {
	Fatal(...any)
	Cleanup(func())
}, servers ...switchboard.Server,
) *switchboard.Switchboard {
	s, err := switchboard.New(switchboard.Config{Account: "default", Servers: servers, Frame: bare})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Fatal(err)
		}
	})
	return s
}

// inbox is a client that takes everything at once.
type inbox struct {
	out *switchboard.Outbox
	end chan error

	mu       sync.Mutex
	messages []protocol.Message
}

func newInbox(limit int) *inbox {
	c := &inbox{end: make(chan error, 1)}
	c.out = switchboard.NewOutbox(limit, nil, func(frames [][]byte) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.take(frames)
	}, func(err error) { c.end <- err })
	return c
}

func (c *inbox) take(frames [][]byte) error {
	for _, f := range frames {
		if len(f) == 0 {
			continue // the end
		}
		m, err := protocol.Decode(f)
		if err != nil {
			return fmt.Errorf("%w: %s", err, f)
		}
		c.messages = append(c.messages, m)
	}
	return nil
}

// all ends the client and returns what it got.
func (c *inbox) all(fatal func(...any)) []protocol.Message {
	c.out.Finish(nil)
	if err := <-c.end; err != nil {
		fatal(err)
	}
	return c.messages
}

func extensionID(number string) pbx.ExtensionID {
	return pbx.ExtensionID{Context: "from-internal", Number: number}
}

func synchronized(numbers ...string) pbx.Event {
	s := &pbx.Snapshot{}
	for _, n := range numbers {
		s.Extensions = append(s.Extensions, pbx.Extension{ID: extensionID(n), Hint: "PJSIP/" + n, Status: pbx.Idle})
	}
	return pbx.Event{Kind: pbx.Synchronized, Snapshot: s}
}

func changed(number, id string, state pbx.CallState) pbx.Event {
	return pbx.Event{Kind: pbx.CallChanged, Call: pbx.Call{ID: id, Extension: extensionID(number), State: state}}
}

func TestEachSeesItsOwn(t *testing.T) {
	t.Parallel()
	s := run(t, switchboard.Server{Name: "pbx1"}, switchboard.Server{Name: "pbx2"})
	s.Publish("pbx1", []pbx.Event{synchronized("101", "102")})
	s.Publish("pbx2", []pbx.Event{synchronized("101")})
	supervisor, here, there, absent := newInbox(1<<20), newInbox(1<<20), newInbox(1<<20), newInbox(1<<20)
	for _, err := range []error{
		s.Settle(),
		s.Join(switchboard.NewSupervisor(supervisor.out)),
		s.Join(switchboard.NewAgent("pbx1", "101", here.out)),
		s.Join(switchboard.NewAgent("pbx2", "101", there.out)),
		s.Join(switchboard.NewAgent("pbx2", "199", absent.out)),
		s.Settle(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Publish("pbx1", []pbx.Event{changed("101", "1", pbx.StateDown), changed("102", "2", pbx.StateDown)})
	s.Publish("pbx3", []pbx.Event{changed("101", "3", pbx.StateDown)})
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	idle := func(number string) protocol.Extension {
		return protocol.Extension{Extension: number, Hint: "PJSIP/" + number, Status: protocol.StatusIdle}
	}
	init := func(server string, data ...protocol.Extension) protocol.Message {
		return protocol.Init{Server: server, Data: data}
	}
	call := func(number, id string) protocol.Message {
		return protocol.NewCall{Server: "pbx1", Extension: number, CallID: id, Direction: protocol.DirectionInbound}
	}
	for _, tt := range []struct {
		who  string
		got  []protocol.Message
		want []protocol.Message
	}{
		{"supervisor", supervisor.all(t.Fatal), []protocol.Message{
			init("pbx1", idle("101"), idle("102")), init("pbx2", idle("101")), call("101", "1"), call("102", "2"),
		}},
		{"agent of the call", here.all(t.Fatal), []protocol.Message{init("pbx1", idle("101")), call("101", "1")}},
		{"agent of the same number elsewhere", there.all(t.Fatal), []protocol.Message{init("pbx2", idle("101"))}},
		{"agent of an extension that is not there", absent.all(t.Fatal), []protocol.Message{
			init("pbx2", protocol.Extension{Extension: "199", Status: protocol.StatusUnavailable}),
		}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: %s", tt.who, diff)
		}
	}
}

func TestOneNumberStandsForOneExtension(t *testing.T) {
	t.Parallel()
	s := run(t, switchboard.Server{Name: "pbx1"})
	twin := pbx.Extension{ID: pbx.ExtensionID{Context: "elsewhere", Number: "101"}, Status: pbx.Busy}
	first := synchronized("101")
	first.Snapshot.Extensions = append(first.Snapshot.Extensions, twin)
	s.Publish("pbx1", []pbx.Event{
		first,
		{Kind: pbx.ExtensionChanged, Extension: twin},
		{Kind: pbx.CallChanged, Call: pbx.Call{ID: "1", Extension: twin.ID}},
	})
	c := newInbox(1 << 20)
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	if err := s.Join(switchboard.NewSupervisor(c.out)); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	want := []protocol.Message{protocol.Init{Server: "pbx1", Data: []protocol.Extension{
		{Extension: "101", Hint: "PJSIP/101", Status: protocol.StatusIdle},
	}}}
	if diff := cmp.Diff(want, c.all(t.Fatal)); diff != "" {
		t.Error(diff)
	}
}

// TestReplicaEqualsServer: whatever happens on the PBXs, and whenever a client joins, what it gets is legal, and the state that it
// keeps from it is the server's.
func TestReplicaEqualsServer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := run(t, switchboard.Server{Name: "pbx1"}, switchboard.Server{Name: "pbx2"})
		settle := func() {
			if err := s.Settle(); err != nil {
				t.Fatal(err)
			}
		}
		var clients []*inbox
		join := func() {
			c := newInbox(16 << 20)
			clients = append(clients, c)
			if err := s.Join(switchboard.NewSupervisor(c.out)); err != nil {
				t.Fatal(err)
			}
		}
		join()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "join") == 0 {
				settle()
				join()
			}
			server := rapid.SampledFrom([]string{"pbx1", "pbx2"}).Draw(t, "server")
			s.Publish(server, rapid.SliceOfN(rapid.Custom(drawEvent), 1, 3).Draw(t, "events"))
		}
		settle()
		join()
		settle()
		var fresh []protocol.Init
		for _, m := range clients[len(clients)-1].all(t.Fatal) {
			fresh = append(fresh, m.(protocol.Init))
		}
		for i, c := range clients[:len(clients)-1] {
			replica := watch.NewReplica()
			legal := watch.Legal{}
			for _, m := range append(greeting(), c.all(t.Fatal)...) {
				if err := legal.Check(m); err != nil {
					t.Fatalf("client %d: %v", i, err)
				}
				if err := replica.Apply(m); err != nil {
					t.Fatalf("client %d: %v", i, err)
				}
			}
			if diff := replica.Diff(fresh...); diff != "" {
				t.Fatalf("client %d: %s", i, diff)
			}
		}
	})
}

// greeting is what a client gets before the switchboard speaks.
func greeting() []protocol.Message {
	return []protocol.Message{protocol.Welcome{Server: "pbx1"}, protocol.AuthOK{Server: "pbx1", Agent: "eva", Token: "t"}}
}

func drawEvent(t *rapid.T) pbx.Event {
	number := func() pbx.ExtensionID {
		return extensionID(rapid.SampledFrom([]string{"101", "102", "103"}).Draw(t, "number"))
	}
	extension := func() pbx.Extension {
		status := rapid.IntRange(0, int(pbx.InUseOnHold)).Draw(t, "status")
		return pbx.Extension{ID: number(), Status: pbx.Status(status)}
	}
	call := func() pbx.Call {
		return pbx.Call{
			ID:        strconv.Itoa(rapid.IntRange(1, 30).Draw(t, "call")),
			Extension: number(),
			State:     pbx.CallState(rapid.IntRange(0, int(pbx.StateUnknown)).Draw(t, "state")),
			Hold:      rapid.Bool().Draw(t, "hold"),
			Recorded:  rapid.Bool().Draw(t, "recorded"),
		}
	}
	ev := pbx.Event{Kind: rapid.SampledFrom([]pbx.EventKind{
		pbx.ExtensionChanged, pbx.ExtensionRemoved, pbx.CallChanged, pbx.CallChanged, pbx.CallEnded, pbx.Offline, pbx.Synchronized,
	}).Draw(t, "kind"), Extension: extension(), Call: call(), Cause: 16}
	if ev.Kind == pbx.Synchronized {
		ev.Snapshot = &pbx.Snapshot{}
		for range rapid.IntRange(0, 3).Draw(t, "extensions") {
			ev.Snapshot.Extensions = append(ev.Snapshot.Extensions, extension())
		}
		for range rapid.IntRange(0, 3).Draw(t, "calls") {
			ev.Snapshot.Calls = append(ev.Snapshot.Calls, call())
		}
	}
	return ev
}

// TestSlowClientIsGivenAFreshState: who does not read fast enough gets an init instead of what it missed, and nobody else notices.
func TestSlowClientIsGivenAFreshState(t *testing.T) {
	t.Parallel()
	s := run(t, switchboard.Server{Name: "pbx1"})
	s.Publish("pbx1", []pbx.Event{synchronized("101")})
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	slow, began, gate := newInbox(0), make(chan struct{}), make(chan struct{})
	first := true
	out := switchboard.NewOutbox(3500, nil, func(frames [][]byte) error {
		if first {
			first = false
			close(began)
			<-gate
		}
		return slow.take(frames)
	}, func(err error) { slow.end <- err })
	slow.out = out
	if err := errors.Join(s.Join(switchboard.NewSupervisor(out)), s.Settle()); err != nil {
		t.Fatal(err)
	}
	<-began
	for i := range 20 {
		s.Publish("pbx1", []pbx.Event{changed("101", strconv.Itoa(i), pbx.StateUp)})
	}
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	close(gate)
	replica := watch.NewReplica()
	inits := 0
	for _, m := range slow.all(t.Fatal) {
		if _, ok := m.(protocol.Init); ok {
			inits++
		}
		if err := replica.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	if inits != 2 || replica.Calls() != 20 {
		t.Errorf("%d inits, and %d calls of 20", inits, replica.Calls())
	}
}
