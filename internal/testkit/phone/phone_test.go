package phone

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// newPair returns two phones, the first of which calls the second without a PBX. What
// they do with one, its registrar among it, is proven by the scenarios on Asterisk.
func newPair(t *testing.T) (caller, callee *Phone) {
	t.Helper()
	callee = New(t, Config{Server: "127.0.0.1:9", User: "102"})
	return New(t, Config{Server: callee.Address(), User: "101"}), callee
}

// connect has the first phone call the second, which answers.
func connect(t *testing.T) (out, in *Call) {
	t.Helper()
	caller, callee := newPair(t)
	out = caller.Dial("102")
	in = callee.AwaitCall(t.Context())
	in.Answer()
	out.AwaitState(t.Context(), Answered)
	return out, in
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	caller, callee := newPair(t)
	out := caller.Dial("102")
	in := callee.AwaitCall(t.Context())
	out.AwaitState(t.Context(), Ringing)
	if in.Number() != "101" || in.Dialled() != "102" || out.Number() != "102" || in.ID() != out.ID() {
		t.Errorf("%v and %v (to %s) are not the two sides of a call from 101 to 102", out, in, in.Dialled())
	}
	in.Answer()
	out.AwaitState(t.Context(), Answered)
	in.AwaitState(t.Context(), Answered)
}

func TestHangup(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"caller", "callee"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			first, second := connect(t)
			if by == "callee" {
				first, second = second, first
			}
			first.Hangup()
			if got, want := first.AwaitEnd(t.Context()), (End{Code: 200}); got != want {
				t.Errorf("who hung up: %+v, want %+v", got, want)
			}
			if got, want := second.AwaitEnd(t.Context()), (End{Code: 200, Remote: true}); got != want {
				t.Errorf("the other: %+v, want %+v", got, want)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		mode Mode
		want int
	}{
		{"busy", Refuse(486), 486},
		{"declined", Refuse(603), 603},
		{"forwarded", Forward("103"), 302},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			caller, callee := newPair(t)
			callee.SetMode(test.mode)
			if got, want := caller.Dial("102").AwaitEnd(t.Context()), (End{Code: test.want, Remote: true}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	caller, callee := newPair(t)
	out := caller.Dial("102")
	in := callee.AwaitCall(t.Context())
	out.AwaitState(t.Context(), Ringing)
	in.Reject(480)
	if got := out.AwaitEnd(t.Context()); got.Code != 480 {
		t.Errorf("got %+v, want 480", got)
	}
	if err := in.answer(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("answer of a refused call: %v, want %v", err, errEnded)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]Mode{"ringing": Ring(), "silent": Silent()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, callee := newPair(t)
			callee.SetMode(mode)
			out := caller.Dial("102")
			in := callee.AwaitCall(t.Context())
			out.Hangup()
			if got := out.AwaitEnd(t.Context()); got.Code != 487 {
				t.Errorf("caller: %+v, want 487", got)
			}
			if got, want := in.AwaitEnd(t.Context()), (End{Code: 487, Remote: true}); got != want {
				t.Errorf("callee: %+v, want %+v", got, want)
			}
		})
	}
}

// An answer that crosses a CANCEL is confirmed and ended: neither side is left in a call.
func TestCancelCrossesAnswer(t *testing.T) {
	t.Parallel()
	caller, callee := newPair(t)
	callee.SetMode(AutoAnswer())
	for range 50 {
		out := caller.Dial("102")
		out.Hangup()
		out.AwaitEnd(t.Context())
		callee.AwaitCall(t.Context()).AwaitEnd(t.Context())
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	out, in := connect(t)
	farOf := func(c *Call) direction {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.far.direction
	}
	steps := []struct {
		name string
		do   func()
		seen direction // by the callee
		told direction // to the caller
	}{
		{"hold", out.Hold, sendOnly, recvOnly},
		{"resume", out.Resume, sendRecv, sendRecv},
		{"hold inactive", out.HoldInactive, inactive, inactive},
		{"resume again", out.Resume, sendRecv, sendRecv},
	}
	for _, step := range steps {
		step.do()
		if farOf(in) != step.seen || farOf(out) != step.told {
			t.Errorf("%s: callee saw %s, caller was told %s; want %s, %s", step.name, farOf(in), farOf(out), step.seen, step.told)
		}
	}
	in.Hold() // a callee can do it as well
	if got := farOf(out); got != sendOnly {
		t.Errorf("held by the callee: caller saw %s, want %s", got, sendOnly)
	}
}

func TestSeveralCalls(t *testing.T) {
	t.Parallel()
	caller, callee := newPair(t)
	first, second := caller.Dial("102"), caller.Dial("102")
	ringing := map[string]*Call{}
	for range 2 {
		call := callee.AwaitCall(t.Context())
		ringing[call.ID()] = call
	}
	ringing[second.ID()].Answer()
	second.AwaitState(t.Context(), Answered)
	ringing[first.ID()].Reject(486)
	first.AwaitEnd(t.Context())
	if got := second.State(); got != Answered {
		t.Errorf("the second call is %s after the end of the first, want %s", got, Answered)
	}
}

func TestSendDTMF(t *testing.T) {
	t.Parallel()
	out, _ := connect(t)
	out.SendDTMF("*1")
}

func TestReferRefused(t *testing.T) {
	t.Parallel()
	out, _ := connect(t)
	if got := out.Refer("103"); got != 405 { // phones don't transfer for others
		t.Errorf("got %d, want 405", got)
	}
}

func TestTrunk(t *testing.T) {
	t.Parallel()
	pbx := New(t, Config{Server: "127.0.0.1:9", User: "pbx"})
	trunk := NewTrunk(t, Config{Server: pbx.Address(), User: "trunk", IP: "127.0.0.2"})
	trunk.Call("34600123456", "34911000101")
	in := pbx.AwaitCall(t.Context())
	if in.Number() != "34600123456" || in.Dialled() != "34911000101" {
		t.Errorf("the PBX got a call from %q to %q", in.Number(), in.Dialled())
	}
}

func TestVanish(t *testing.T) {
	t.Parallel()
	out, in := connect(t)
	in.phone.Vanish()
	in.AwaitEnd(t.Context())
	if got := out.State(); got != Answered {
		t.Errorf("the far end of a vanished phone is %s, want %s", got, Answered)
	}
	out.phone.Vanish()
}

// A wait that fails says what it waited for.
func TestAwaitFailure(t *testing.T) {
	t.Parallel()
	caller, callee := newPair(t)
	out := caller.Dial("102")
	in := callee.AwaitCall(t.Context())
	out.AwaitState(t.Context(), Ringing)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := out.await(ctx, Answered)
	if want := "waited for answered: it is still ringing"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	in.Reject(sip.StatusBusyHere)
	err = out.await(t.Context(), Answered)
	if want := "waited for answered: it ended: {Code:486"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
