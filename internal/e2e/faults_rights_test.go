package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavija/clavija/ami"
	driver "github.com/clavija/clavija/internal/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// rights is what an AMI user may do, and what the log says of it.
type rights struct {
	read, write string
	complains   []string // what a line of the log says, one for each; no other line is a warning or an error
	follows     bool     // whether the PBX is followed all the same
}

// String returns the rights as they name the user who has them.
func (r rights) String() string { return r.read + "/" + r.write }

const (
	cannotFollow = `level=ERROR msg="pbx cannot be followed`
	advice       = "line in manager.conf; then 'manager reload'"
	needCall     = cannotFollow + `|permission call|add call to the user's write= ` + advice
	noOriginate  = `level=WARN|permission=originate|agents cannot place calls|add originate to the user's write= ` + advice
	noTransfer   = `level=WARN|permission=call|agents cannot transfer calls|add call to the user's write= ` + advice
	noHangup     = `level=WARN|permission=call|agents cannot hang up calls|add call to the user's write= ` + advice
	notBooted    = `level=WARN|did not say that it is booted|add system to the user's read= ` + advice
)

func allRights() []rights {
	return []rights{
		{"system,call", "system,call,originate,reporting", nil, true},
		{"system,call", "system,call,originate", nil, true},
		{"system,call", "call,originate", nil, true},
		{"system,call,dialplan,agent,user", "all", nil, true},
		{"all", "call", []string{noOriginate}, true},
		{"system,call", "system,reporting,originate", []string{noTransfer}, true},
		{"system,call", "reporting", []string{noOriginate, noTransfer, noHangup}, true},
		{"system,call", "system,originate", []string{needCall}, false},
		{"system,call", "originate", []string{needCall}, false},
		{"system,call", "", []string{needCall}, false},
		{"call", "call,originate", []string{notBooted}, true},
		{"", "call", []string{notBooted, noOriginate}, true},
		{"system", "call", []string{noOriginate}, true}, // what it may not read is found out when there are calls
	}
}

// addUsers gives an Asterisk an AMI user for each of the rights, all with the same secret.
func addUsers(server *asterisk.Server, list []rights) {
	var users strings.Builder
	for _, r := range list {
		fmt.Fprintf(&users, "\n[%s]\nsecret = %s\nread = %s\nwrite = %s\n", r, server.AMISecret(), r.read, r.write)
	}
	server.WriteConfig("manager.conf", server.Config("manager.conf")+users.String())
	server.CLI("manager reload")
}

// TestRights: whatever the AMI user may not do, the log names it, once, with what to do about it; everything else works.
func TestRights(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		addUsers(server, allRights())
		t.Run("no originate", func(t *testing.T) { originateDenied(newFault(t, server, as("all/call"))) })
		t.Run("wrong secret", func(t *testing.T) { wrongSecret(t, server) })
		for _, given := range allRights() {
			t.Run(given.String(), func(t *testing.T) {
				t.Parallel()
				given.check(t, server)
			})
		}
		t.Run("no events", func(t *testing.T) {
			t.Parallel()
			eventsDenied(newFault(t, server, func(cfg *driver.Config) {
				as("system/call")(cfg)
				cfg.Refresh = 100 * time.Millisecond
			}))
		})
	})
}

// as has the driver log in as the user with those rights.
func as(user string) func(*driver.Config) {
	return func(cfg *driver.Config) { cfg.AMI.Username = user }
}

// check follows an Asterisk with the rights, and compares what the log says with what it should.
func (r rights) check(t *testing.T, server *asterisk.Server) {
	t.Helper()
	network, asked := watched(t, server)
	cfg := following(server, network.Address())
	as(r.String())(&cfg)
	cfg.Refresh = 20 * time.Millisecond
	clavija := newRig(t, cfg)
	if r.follows {
		awaitStatus(clavija.supervisor(t), protocol.StatusUnavailable, "105")
	}
	for _, line := range r.complains {
		clavija.log.await(t, strings.Split(line, "|")...)
	}
	// What it says about its rights, it has said when it has asked for everything a third time: answers come in order.
	asked.awaitTimes(t, 3, "Action: ExtensionStateList")
	complaints := 0
	for line := range strings.Lines(clavija.log.text()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			complaints++
		}
	}
	if want := len(r.complains); complaints != want {
		t.Errorf("the log has %d complaints, want %d", complaints, want)
	}
	wantDiscreet(t, clavija, server)
}

// watched is a network to an Asterisk, and what is said to it.
func watched(t *testing.T, server *asterisk.Server) (*proxy.Proxy, *logBook) {
	t.Helper()
	network, asked := proxy.New(t, server.AMIAddress()), newLogBook(t)
	network.Tee(io.Discard, asked)
	return network, asked
}

// wantDiscreet fails the test if the log tells the AMI user's secret.
func wantDiscreet(t *testing.T, r *rig, server *asterisk.Server) {
	t.Helper()
	if strings.Contains(r.log.text(), server.AMISecret()) {
		t.Error("the log tells the secret")
	}
}

// originateDenied: an AMI user who may do all but place calls. The agent is told.
func originateDenied(f *fault) {
	agent := f.agent(f.t, "101")
	agent.Do(protocol.Originate{Phone: "102"})
	m := watch.Await(agent, refused(protocol.ActionCall, protocol.CodeRefused))
	if !strings.Contains(m.Message, "permission") {
		f.TB.Errorf("the agent is told %q", m.Message)
	}
	_, callee := f.talking()
	agent.Do(protocol.BlindTransfer{Call: f.client.ID("$a"), Phone: "103"})
	f.Phone("103").AwaitCall(f.Context()).Answer()
	f.settled("PJSIP/102 Up + PJSIP/103 Up")
	callee.Hangup()
	f.ended()
	f.talk("101", "102", "102")
	f.settled(talking)
	for id := range f.client.Replica().CallsOf("pbx1", "101") {
		agent.Do(protocol.HangupCalls{Calls: []string{id}})
	}
	f.ended()
}

// eventsDenied: an AMI user who may not read what happens. It is asked for, again and again.
func eventsDenied(f *fault) {
	caller, callee := f.dial("101", "102", "102")
	f.settled(calling101, called102)
	f.log.await(f.t, "level=WARN", "no event told of", "add call to the user's read= "+advice)
	callee.Answer()
	f.settled(talking)
	awaitStatus(f.client, protocol.StatusInUse, "101", "102")
	caller.Hangup()
	f.ended()
	f.want("101", isStatus(protocol.StatusInUse), isStatus(protocol.StatusIdle),
		newOutbound("$a", "101", "102"), inState("$a", protocol.StateRing), inState("$a", protocol.StateUp), hungUp("$a", unseen))
}

// wrongSecret: the log says so, what to do about it, and neither the right secret nor the wrong one.
func wrongSecret(t *testing.T, server *asterisk.Server) {
	t.Helper()
	network, asked := watched(t, server)
	cfg := following(server, network.Address())
	cfg.AMI.Secret = "not " + cfg.AMI.Secret
	r := newRig(t, cfg)
	r.log.await(t, cannotFollow, "pbx=pbx1", network.Address(), "check username and secret of the [[pbx]] against manager.conf")
	asked.awaitTimes(t, 3, "Action: Login")
	if n := strings.Count(r.log.text(), "level=ERROR"); n != 1 {
		t.Errorf("the log complains %d times, want once", n)
	}
	wantDiscreet(t, r, server)
	agent := r.agent(t, "101")
	agent.Do(protocol.Originate{Phone: "102"})
	watch.Await(agent, refused(protocol.ActionCall, protocol.CodePBXUnavailable))
}

// TestRightsRestored: what was missing is granted while the server runs.
func TestRightsRestored(t *testing.T) {
	t.Parallel()
	server := asterisk.Start(t, asterisk.V22, asterisk.WithRights("system,call", "originate"))
	r := newRig(t, following(server, server.AMIAddress()))
	r.log.await(t, strings.Split(needCall, "|")...)
	server.WriteConfig("manager.conf", strings.ReplaceAll(server.Config("manager.conf"), "write = originate", "write = call,originate"))
	server.CLI("manager reload")
	scenario.New(t, server).Plug("101")
	awaitStatus(r.supervisor(t), protocol.StatusIdle, "101")
}

// TestWrongAddress: whoever answers there is no AMI, or nobody answers.
func TestWrongAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, greeting, want string }{
		{"another service", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "must be the AMI port of manager.conf"},
		{"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "must be the AMI port of manager.conf"},
		{"a service that waits", "", "timeout"},
		{"a service that hangs up", "bye", "unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := greeter(t, test.greeting)
			r := newRig(t, driver.Config{
				Name: "pbx1", Contexts: []string{"from-internal"}, RetryMin: time.Millisecond, RetryMax: time.Millisecond,
				AMI: ami.Config{Address: address, Username: "clavija", Secret: "a secret thing", LoginTimeout: 100 * time.Millisecond},
			})
			r.log.await(t, cannotFollow, "pbx=pbx1", address, test.want)
			if strings.Contains(r.log.text(), "a secret thing") {
				t.Error("the log tells the secret")
			}
		})
	}
}

// greeter returns the address of a server that says a text to all who come, and hangs up, unless the text is empty.
func greeter(t *testing.T, text string) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.WriteString(conn, text)
				if text == "" {
					_, _ = io.Copy(io.Discard, conn) // until the other side has had enough
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}
