package e2e

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
	"github.com/clavija/clavija/internal/testkit/proxy"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestBoot: Clavija is there before its Asterisk is.
func TestBoot(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		t.Run("before", func(t *testing.T) { bootBefore(t, server.With(t)) })
		t.Run("slow", func(t *testing.T) { bootSlow(t, server.With(t)) })
	})
}

func bootBefore(t *testing.T, server *asterisk.Server) {
	t.Helper()
	server.Kill()
	r := newRig(t, following(server, server.AMIAddress()))
	r.log.await(t, "level=ERROR", "pbx cannot be followed", "pbx=pbx1", server.AMIAddress(), "check that Asterisk runs")
	supervisor, agent := r.supervisor(t), r.agent(t, "101")
	agent.Do(protocol.Originate{Phone: "102"})
	watch.Await(agent, refused(protocol.ActionCall, protocol.CodePBXUnavailable))
	if status := agent.Replica().Status("pbx1", "101"); status != protocol.StatusUnavailable {
		t.Errorf("101 is %q, want it unavailable", status)
	}
	server.Restart()
	lab := scenario.New(t, server)
	lab.Plug("101", "102")
	awaitStatus(supervisor, protocol.StatusIdle, "101", "102")
	awaitStatus(agent, protocol.StatusIdle, "101")
	agent.Do(protocol.Originate{Phone: "102"})
	lab.Phone("101").AwaitCall(t.Context()).Hangup()
	supervisor.AwaitNoCalls()
	if n := strings.Count(r.log.text(), "pbx cannot be followed"); n > 2 { // nobody listens; perhaps it lets nobody in yet
		t.Errorf("the log complains %d times", n)
	}
}

// refused matches the error that answers an action.
func refused(action string, code protocol.ErrorCode) func(protocol.Error) bool {
	return func(m protocol.Error) bool { return m.Action == action && m.Code == code }
}

// bootSlow: Asterisk lets AMI clients in long before it has read its dial plan. What it says of it until then is not all.
func bootSlow(t *testing.T, server *asterisk.Server) {
	t.Helper()
	server.Kill()
	network := proxy.New(t, server.AMIAddress())
	said, asked := newLogBook(t), newLogBook(t)
	network.Tee(said, asked)
	r := newRig(t, following(server, network.Address()))
	supervisor := r.supervisor(t)
	holdBoot(t, server, func(ctx context.Context) {
		// It may be asked although it has not said that it has booted: then it has too little to say.
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
		asked.has(ctx, "Action: ExtensionStateList")
	})
	server.Restart() // returns when it has booted
	scenario.New(t, server).Plug("101")
	awaitStatus(supervisor, protocol.StatusIdle, "101")
	supervisor.AwaitState(func(r *watch.Replica) bool {
		known := 0
		for number := range originalHints() {
			if r.Status("pbx1", number) != "" {
				known++
			}
		}
		return known == len(originalHints())
	})
	if text := said.text(); strings.Index(text, "Event: FullyBooted") < strings.Index(text, "Authentication accepted") {
		t.Error("it let nobody in before it had booted: this tests nothing")
	}
}

// holdBoot has the next start of Asterisk wait, before it reads its dial plan, until the function returns.
func holdBoot(t *testing.T, server *asterisk.Server, until func(context.Context)) {
	t.Helper()
	gate, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		conn, err := gate.Accept()
		if err != nil {
			return // the test has ended
		}
		until(t.Context())
		_ = conn.Close()
	})
	t.Cleanup(func() {
		_ = gate.Close()
		waiting.Wait()
	})
	// A file that is included is read by a program, and that reads from here (bash, "Redirections").
	_, port, err := net.SplitHostPort(gate.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.WriteConfig("asterisk.conf", server.Config("asterisk.conf")+"\nexecincludes = yes\n")
	server.WriteConfig("extensions.conf", "#exec /bin/bash -c \"cat < /dev/tcp/127.0.0.1/"+port+"\"\n"+server.Config("extensions.conf"))
}
