package watch

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/protocol"
)

func idle(extensions ...string) protocol.Init {
	state := protocol.Init{Server: "pbx1"}
	for _, number := range extensions {
		state.Data = append(state.Data, protocol.Extension{
			Extension: number, Hint: "PJSIP/" + number, Status: protocol.StatusIdle,
		})
	}
	return state
}

// callOf returns the messages of a call that 101 gets, takes and ends.
func callOf(id string) []protocol.Message {
	return []protocol.Message{
		protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: protocol.StatusRinging},
		protocol.NewCall{
			Server: "pbx1", Extension: "101", CallID: id, Direction: protocol.DirectionInbound, PhoneA: "102", PhoneB: "101",
		},
		protocol.CallState{Server: "pbx1", Extension: "101", CallID: id, State: "5", StateDesc: "Ringing"},
		protocol.CallState{Server: "pbx1", Extension: "101", CallID: id, State: "6", StateDesc: "Up"},
		protocol.CallMark{Mark: protocol.StartMOH, Server: "pbx1", Extension: "101", CallID: id},
		protocol.CallMark{Mark: protocol.StopMOH, Server: "pbx1", Extension: "101", CallID: id},
		protocol.Hangup{Server: "pbx1", Extension: "101", CallID: id, Cause: "16"},
		protocol.ExtensionStatus{Server: "pbx1", Extension: "101", Status: protocol.StatusIdle},
	}
}

func play(c *Client) { c.Do(protocol.Originate{Phone: "play"}) }

func TestClient(t *testing.T) {
	t.Parallel()
	c := Dial(t, serve(t, idle("101"), callOf("1.0"), callOf("2.0")))
	Await(c, Equal(protocol.Welcome{Server: "pbx1"}))
	if got := c.TryLogin("ana", "wrong"); got != (protocol.AuthForbidden{Server: "pbx1", Error: "invalid credentials"}) {
		t.Errorf("wrong password: %#v", got)
	}
	if got := c.Login("ana", "s3cret"); got.Agent != "ana" {
		t.Errorf("logged in as %q", got.Agent)
	}
	isHangup := func(protocol.Hangup) bool { return true }
	play(c)
	if m := Await(c, isHangup); m.CallID != "1.0" {
		t.Errorf("hangup of %s", m.CallID)
	}
	play(c)
	if m := Await(c, isHangup); m.CallID != "2.0" {
		t.Errorf("then, hangup of %s", m.CallID)
	}
	c.AwaitNoCalls()
	Never(c, func(m protocol.NewCall) bool { return m.Extension == "102" })
	c.Send(`{"type":"action","action":"call"}`)
	Await(c, func(m protocol.Error) bool {
		return m.Code == protocol.CodeBadMessage && m.Action == protocol.ActionCall
	})

	c.AwaitState(func(r *Replica) bool { return r.Status("pbx1", "101") == protocol.StatusIdle })
	if diff := c.Replica().Diff(idle("101")); diff != "" {
		t.Errorf("state (-replica +server):\n%s", diff)
	}
	want := append([]protocol.Message{idle("101")}, append(callOf("1.0"), callOf("2.0")...)...)
	if diff := cmp.Diff(want, c.Messages()[3:3+len(want)]); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestDialOptions(t *testing.T) {
	t.Parallel()
	sockets := handler(t, idle("101"), nil)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "letmein" {
			http.Error(w, "no key", http.StatusForbidden)
			return
		}
		sockets.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trust := WithTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})
	url := "wss" + strings.TrimPrefix(server.URL, "https")

	c := Dial(t, url, trust, WithHeader(http.Header{"X-Key": {"letmein"}}), WithTimeout(time.Minute))
	c.Login("ana", "s3cret")
	if c.timeout != time.Minute {
		t.Errorf("timeout %v", c.timeout)
	}
	if got := failuresOf(t, func(tb *failing) { Dial(tb, url, trust) }); len(got) != 1 || !strings.Contains(got[0], "403") {
		t.Errorf("without the header: %q", got)
	}
}

func TestResync(t *testing.T) {
	t.Parallel()
	fresh := []protocol.Message{inCall(true), idle("101")}
	c := Dial(t, serve(t, idle("101", "102"), fresh), AllowResync())
	c.Login("ana", "s3cret")
	play(c)
	c.Fence()
	if diff := c.Replica().Diff(idle("101")); diff != "" {
		t.Errorf("state (-replica +server):\n%s", diff)
	}
}

func TestAwaitClose(t *testing.T) {
	t.Parallel()
	c := Dial(t, serve(t, idle("101")))
	c.Login("ana", "s3cret")
	c.Do(protocol.Originate{Phone: "close"})
	if code, reason := c.AwaitClose(); code != protocol.CloseRevoked || reason != "changed" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestClientFails(t *testing.T) {
	t.Parallel()
	hangup := protocol.Hangup{Server: "pbx1", Extension: "101", CallID: "9.9", Cause: "16"}
	url := serve(t, idle("101"), []protocol.Message{hangup})
	for name, tt := range map[string]struct {
		test func(*failing)
		want []string // in each failure
	}{
		"dial": {
			func(tb *failing) { Dial(tb, "ws://127.0.0.1:1/ws") },
			[]string{"dial ws://127.0.0.1:1/ws"},
		},
		"login": {
			func(tb *failing) { Dial(tb, url).Login("ana", "wrong") },
			[]string{"login of ana: {\"type\":\"auth-resp\",\"auth\":\"forbidden\""},
		},
		"nothing comes": {
			func(tb *failing) {
				c := Dial(tb, url)
				c.AwaitState(func(*Replica) bool { return len(c.received) == 1 })
				c.timeout = time.Millisecond
				Await(c, func(protocol.Init) bool { return true })
			},
			[]string{"await Init: not in time; messages:\n   1 {\"type\":\"welcome\""},
		},
		"nothing can come": {
			func(tb *failing) {
				c := Dial(tb, url)
				c.Login("ana", "s3cret")
				c.Do(protocol.Originate{Phone: "close"})
				Await(c, Equal(hangup))
			},
			[]string{"await Hangup: "},
		},
		"comes but must not": {
			func(tb *failing) {
				c := Dial(tb, url, Lawless())
				c.Login("ana", "s3cret")
				play(c)
				Never(c, Equal(hangup))
			},
			[]string{"unwanted: {\"type\":\"update\",\"action\":\"hangup\""},
		},
		"illegal": {
			func(tb *failing) {
				c := Dial(tb, url)
				c.Login("ana", "s3cret")
				play(c)
				c.Fence()
			},
			[]string{"message 4: call was not announced: {\"type\":\"update\",\"action\":\"hangup\""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failuresOf(t, tt.test)
			if len(got) != len(tt.want) {
				t.Fatalf("failures:\n%s", strings.Join(got, "\n"))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("failure %q, want one with %q", got[i], want)
				}
			}
		})
	}
}

func TestMessagesAreExact(t *testing.T) {
	t.Parallel()
	raw := func(text string) protocol.Message { return protocol.Unknown{Raw: []byte(text)} }
	url := serve(t, idle("101"), []protocol.Message{
		raw(`{"type":"update", "action":"extension-status","server":"pbx1","extension":"101","status":"Busy"}`),
		raw(`{"type":"update","action":"dance"}`),
		raw(`{"type":"update"`),
	})
	c := Dial(t, url, Lawless())
	c.Login("ana", "s3cret")
	play(c)
	c.Fence()
	var got []string
	for _, err := range c.Violations() {
		got = append(got, err.Error())
	}
	for i, want := range []string{"which should be", "unknown message", "not JSON"} {
		if i >= len(got) || !strings.Contains(got[i], want) {
			t.Fatalf("violations %q", got)
		}
	}
}
