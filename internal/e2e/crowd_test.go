package e2e

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestCrowd has a thousand clients connected while calls go on. All must get all that is theirs, in the same order, and none may cost
// much memory.
func TestCrowd(t *testing.T) {
	const (
		supervisors, agents = 900, 100
		most                = 24 << 10 // bytes a client, its own side of the connection included
	)
	// Not in parallel with others, for what they need would be counted too; and with one Asterisk: none sees the clients.
	s := newSite(t, asterisk.V22, "")
	watching := s.supervisor(t)
	awaitExtensions(watching)
	s.agent(t, "ana", "default", "pbx1", "101")
	before := memory()
	var crowd []*socket
	for i := range supervisors + agents {
		path, login := "/ws", credentials
		if i >= supervisors {
			path, login = "/agent", strings.Replace(credentials, "eva", "ana", 1)
		}
		c := dialSocket(t, s, path)
		c.wantText(welcome)
		c.say(login)
		c.wantLike(`{"type":"auth-resp","auth":"ok",.*}`)
		c.wantLike(`{"type":"init",.*}`)
		crowd = append(crowd, c)
	}
	idle := memory()
	t.Logf("%d bytes a client", (idle-before)/len(crowd))
	if idle-before > most*len(crowd) {
		t.Errorf("%d bytes a client, want %d at most", (idle-before)/len(crowd), most)
	}

	watching.Fence()
	mark := len(watching.Messages())
	lab := scenario.New(t, s.asterisk)
	for _, play := range []func(*scenario.Lab){scenario.Internal, scenario.Hold, scenario.TrunkIn, scenario.Group, scenario.Attended} {
		play(lab)
	}
	watching.AwaitNoCalls()
	watching.AwaitState(func(r *watch.Replica) bool { // which comes when it likes
		return !slices.ContainsFunc([]string{"101", "102", "103"}, func(number string) bool {
			return r.Status("pbx1", number) != protocol.StatusIdle
		})
	})
	watching.Fence()
	var all, own []string
	for _, m := range watching.Messages()[mark:] {
		number, _ := subject(m)
		if number == "" {
			continue // an answer to a fence
		}
		text := string(m.AppendJSON(nil))
		all = append(all, text)
		if number == "101" {
			own = append(own, text)
		}
	}
	for i, c := range crowd {
		want := all
		if i >= supervisors {
			want = own
		}
		if got := c.untilFence(); !slices.Equal(got, want) {
			t.Fatalf("client %d (-want +got): %s", i, cmp.Diff(want, got))
		}
	}
}

// memory returns how much is in use, when what is garbage is gone.
func memory() int {
	runtime.GC()
	runtime.GC() // what the first one only found unreachable
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// untilFence returns the messages that the server has queued by now.
func (c *socket) untilFence() []string {
	c.t.Helper()
	c.say(`{"type":"action","action":"fence"}`)
	var list []string
	for {
		text := c.text()
		if strings.HasSuffix(text, `"action":"fence"}`) {
			return list
		}
		list = append(list, text)
	}
}

// TestStuckClients has clients that log in and then read nothing, not even their init. Nobody else may wait for them.
func TestStuckClients(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := newSite(t, version, "", asterisk.WithConfig("extensions.conf", manyHints()))
		watching := s.supervisor(t)
		awaitExtensions(watching)
		for range 10 {
			c := dialStuck(t, s, "/ws")
			c.wantText(welcome)
			c.say(credentials)
			c.wantLike(`{"type":"auth-resp","auth":"ok",.*}`)
		}
		agent := s.agentOf(t, "101")
		lab := scenario.New(t, s.asterisk)
		for range 3 {
			scenario.Internal(lab)
		}
		for range 3 {
			watch.Await(watching, func(m protocol.Hangup) bool { return m.Extension == "102" })
			watch.Await(agent, func(protocol.Hangup) bool { return true })
		}
		calls := "  new-call outbound 101 → 102\n  call-state 4 Ring\n  call-state 6 Up\n  hangup 16\n"
		agent.Fence()
		if diff := cmp.Diff(strings.Repeat("101:\n"+calls, 3), transcript(agent.Messages())); diff != "" {
			t.Errorf("(-want +got): %s", diff)
		}
	})
}

// manyHints is a dial plan with so many extensions that their state does not fit into the buffers of a connection.
func manyHints() string {
	plan := []string{"[from-internal]", "exten => _10X,1,Dial(PJSIP/${EXTEN},30)", " same => n,Hangup()"}
	for _, number := range []int{101, 102} {
		plan = append(plan, fmt.Sprintf("exten => %d,hint,PJSIP/%d", number, number))
	}
	for number := 2000; number < 5000; number++ {
		plan = append(plan, fmt.Sprintf("exten => %d,hint,PJSIP/%d", number, number))
	}
	return strings.Join(plan, "\n") + "\n"
}

// dialStuck connects a client that takes little at a time. Its buffers are small, and so are, therefore, the server's for it.
func dialStuck(t *testing.T, s *site, path string) *socket {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
		})
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.clavija.Address("plain"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if status := upgradeByHand(t, conn, path, ""); status != 101 {
		t.Fatalf("status %d", status)
	}
	return &socket{t, conn}
}
