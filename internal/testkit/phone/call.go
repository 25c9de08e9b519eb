package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// A State is how far a call has come. It only rises.
type State int

// The states of a call, as the phone's user sees them.
const (
	Calling  State = iota // asked for, or come in; nothing rings yet
	Ringing               // here, or at the far end (180 or 183)
	Answered              // both sides know that they talk
	Ended
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Calling:
		return "calling"
	case Ringing:
		return "ringing"
	case Answered:
		return "answered"
	case Ended:
		return "ended"
	default:
		return fmt.Sprintf("State(%d)", int(s))
	}
}

// An End says how a call ended.
type End struct {
	Code   int    // status that the call was refused with; 200 after an answer; 0 when nobody answered us
	Remote bool   // whether the far end did it
	Reason string // the far end's Reason header (RFC 3326), as `Q.850;cause=16`
	Text   string // what went wrong, where there was no status
}

// A Call is one call of a phone. Its methods may be called from any goroutine, but
// those that act fail the test, so they belong to the test's.
type Call struct {
	phone    *Phone
	id       string
	outgoing bool
	number   string
	name     string
	dialled  string
	media    *media

	cancel     chan struct{} // closed to give an outgoing call up
	cancelOnce sync.Once
	final      chan struct{} // closed when an incoming call has its final response
	finalOnce  sync.Once
	acked      chan struct{} // closed by the ACK of an incoming call
	ackedOnce  sync.Once
	referred   chan int // statuses of a transfer that we asked for

	invite   *sip.Request          // an incoming call's
	inviteTx sip.ServerTransaction // an incoming call's

	mu       sync.Mutex
	state    State          // guarded by mu
	changed  chan struct{}  // closed and made anew when state changes; guarded by mu
	ended    End            // guarded by mu
	local    sip.FromHeader // guarded by mu
	remote   sip.ToHeader   // guarded by mu
	target   sip.Uri        // where the dialog's requests go; guarded by mu
	sequence uint32         // of our last request; guarded by mu
	version  int            // of our last SDP; guarded by mu
	want     direction      // what we want to do with the media; guarded by mu
	offering bool           // our re-INVITE is on its way; guarded by mu
	far      session        // what the far end last said; guarded by mu
	asserted string         // the far end's P-Asserted-Identity; guarded by mu
}

func newCall(p *Phone, id string) (*Call, error) {
	m, err := newMedia(p.config.IP)
	if err != nil {
		return nil, err
	}
	return &Call{
		phone:    p,
		id:       id,
		media:    m,
		cancel:   make(chan struct{}),
		final:    make(chan struct{}),
		acked:    make(chan struct{}),
		referred: make(chan int, 16),
		changed:  make(chan struct{}),
		want:     sendRecv,
	}, nil
}

// ID returns the SIP Call-ID.
func (c *Call) ID() string { return c.id }

// Number returns the far end's: whom we dialled, or who the From header says calls.
func (c *Call) Number() string { return c.number }

// Name returns the display name of who calls.
func (c *Call) Name() string { return c.name }

// Dialled returns the number that an incoming call was sent to.
func (c *Call) Dialled() string { return c.dialled }

// Asserted returns the number in the far end's newest P-Asserted-Identity (RFC 3325),
// "" if it sent none.
func (c *Call) Asserted() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asserted
}

// State returns how far the call has come.
func (c *Call) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// AwaitState waits until the call has come as far as state. A call that ends before
// fails the test.
func (c *Call) AwaitState(ctx context.Context, state State) {
	c.phone.tb.Helper()
	if err := c.await(ctx, state); err != nil {
		c.phone.tb.Fatalf("%s: %v", c, err)
	}
}

// AwaitEnd waits until the call has ended and returns how.
func (c *Call) AwaitEnd(ctx context.Context) End {
	c.phone.tb.Helper()
	c.AwaitState(ctx, Ended)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// String tells the call from others in a message.
func (c *Call) String() string {
	if c.outgoing {
		return fmt.Sprintf("call %s→%s", c.phone.config.User, c.number)
	}
	return fmt.Sprintf("call %s←%s", c.phone.config.User, c.number)
}

func (c *Call) await(ctx context.Context, want State) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		c.mu.Lock()
		state, changed, ended := c.state, c.changed, c.ended
		c.mu.Unlock()
		switch {
		case state == Ended && want != Ended:
			return fmt.Errorf("waited for %s: it ended: %+v", want, ended)
		case state >= want:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: it is still %s: %w", want, state, ctx.Err())
		}
	}
}

// advance brings the call as far as state, if it is not there yet.
func (c *Call) advance(state State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advanceLocked(state)
}

func (c *Call) advanceLocked(state State) {
	if state <= c.state {
		return
	}
	c.state = state
	close(c.changed)
	c.changed = make(chan struct{})
}

// end is how the call ended, unless it has ended before.
func (c *Call) end(how End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Ended {
		return
	}
	c.ended = how
	c.advanceLocked(Ended)
	c.media.close()
}

// Hangup ends the call as far as it has come: it gives a call up, refuses it (480), or
// says goodbye.
func (c *Call) Hangup() {
	c.phone.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := c.leave(ctx); err != nil {
		c.phone.tb.Fatalf("%s: hang up: %v", c, err)
	}
}

func (c *Call) leave(ctx context.Context) error {
	switch state := c.State(); {
	case state == Ended:
		return nil
	case state == Answered:
		return c.bye(ctx)
	case c.outgoing:
		c.cancelOnce.Do(func() { close(c.cancel) })
		if c.await(ctx, Answered) == nil { // the answer was first
			return c.bye(ctx)
		}
		return c.await(ctx, Ended)
	default:
		return c.refuse(sip.StatusTemporarilyUnavailable, "")
	}
}

func (c *Call) bye(ctx context.Context) error {
	req := c.request(sip.BYE)
	c.end(End{Code: sip.StatusOK})
	res, err := c.do(ctx, req)
	if err != nil {
		return err
	}
	// The far end may have said goodbye at the same time.
	if !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists {
		return fmt.Errorf("bye: %d %s", res.StatusCode, res.Reason)
	}
	return nil
}

// request is the next request in the call's dialog (RFC 3261, section 12.2.1.1). No
// Record-Route is minded: there is no proxy in between.
func (c *Call) request(method sip.RequestMethod) *sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence++
	return c.requestLocked(method, c.sequence)
}

func (c *Call) requestLocked(method sip.RequestMethod, sequence uint32) *sip.Request {
	req := sip.NewRequest(method, c.target)
	req.AppendHeader(sip.HeaderClone(&c.local))
	req.AppendHeader(sip.HeaderClone(&c.remote))
	id := sip.CallIDHeader(c.id)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: sequence, MethodName: method})
	req.AppendHeader(c.phone.contact())
	return req
}

// do sends a request of the dialog. If it needed credentials, it has cost a number more.
func (c *Call) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	res, err := c.phone.do(ctx, req)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence = max(c.sequence, res.CSeq().SeqNo)
	return res, nil
}

// offer is our session description.
func (c *Call) offer() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	return session{address: c.media.local, payloads: []int{pcmu, pcma}, direction: c.want}.sdp(c.version)
}

// accept takes the far end's offer and returns our answer.
func (c *Call) accept(body []byte) ([]byte, error) {
	far, err := parseSDP(body)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.far = far
	c.version++
	own := session{address: c.media.local, payloads: far.payloads[:1], direction: c.want.answer(far.direction)}
	return own.sdp(c.version), nil
}

// setFar takes the far end's answer to our offer.
func (c *Call) setFar(body []byte) error {
	far, err := parseSDP(body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.far = far
	return nil
}

// talk sends audio where and if the two sides have agreed to.
func (c *Call) talk() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Ended || len(c.far.payloads) == 0 {
		return
	}
	if c.want.sends() && c.far.direction.receives() {
		c.media.sendTo(c.far.address, c.far.payloads[0])
	} else {
		c.media.sendTo(nil, 0)
	}
}

// headers is what a request and a response have in common.
type headers interface {
	Contact() *sip.ContactHeader
	GetHeader(name string) sip.Header
}

// learn takes in who the far end says it is, and where it wants its requests.
func (c *Call) learn(msg headers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if contact := msg.Contact(); contact != nil {
		c.target = contact.Address
	}
	var who sip.Uri
	var params sip.HeaderParams
	if _, err := sip.ParseAddressValue(headerValue(msg, "P-Asserted-Identity"), &who, &params); err == nil {
		c.asserted = who.User
	}
}

func headerValue(msg headers, name string) string {
	if h := msg.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

var errEnded = errors.New("the call has ended")
