// Package phone is a SIP telephone for tests: it registers, calls, rings, answers,
// holds and transfers as its test tells it to, and sends silence while it talks.
//
// It speaks SIP over UDP by sipgo's transactions; dialogs are its own, as sipgo's
// neither send CANCEL nor bear concurrent use.
package phone

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// timeout bounds every wait.
const timeout = 10 * time.Second

// Config says what a telephone is.
type Config struct {
	Server   string // host:port of the PBX
	User     string // SIP user
	Password string // for digest authentication
	IP       string // own address, 127.0.0.1 if empty
}

// A Phone is a running SIP telephone. It ends with its test. Methods that wait fail
// the test after ten seconds, saying what they waited for.
type Phone struct {
	tb       testing.TB
	config   Config
	server   sip.Uri
	conn     *tracedConn
	ua       *sipgo.UserAgent
	client   *sipgo.Client
	incoming chan *Call
	done     chan struct{} // closed when the socket is no longer read

	mu         sync.Mutex
	mode       Mode             // guarded by mu
	calls      map[string]*Call // by Call-ID; guarded by mu
	registered bool             // guarded by mu
}

// New plugs a telephone in. It rings when it is called; see [Phone.SetMode].
func New(tb testing.TB, config Config) *Phone {
	tb.Helper()
	if config.IP == "" {
		config.IP = "127.0.0.1"
	}
	p, err := newPhone(tb, config)
	if err != nil {
		tb.Fatalf("phone %s: %v", config.User, err)
	}
	tb.Cleanup(func() {
		p.Close()
		if tb.Failed() {
			tb.Logf("messages of phone %s:\n%s", config.User, p.conn.trace())
		}
	})
	return p
}

func newPhone(tb testing.TB, config Config) (*Phone, error) {
	tb.Helper()
	p := &Phone{
		tb:       tb,
		config:   config,
		mode:     Ring(),
		incoming: make(chan *Call, 64),
		done:     make(chan struct{}),
		calls:    map[string]*Call{},
	}
	if err := sip.ParseUri("sip:"+config.Server, &p.server); err != nil {
		return nil, err
	}
	var err error
	if p.conn, err = listen(config.IP); err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler) // the trace says more
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent(config.User),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		),
	)
	if err != nil {
		return nil, err
	}
	p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientLogger(quiet),
		sipgo.WithClientConnectionAddr(p.conn.LocalAddr().String()))
	if err != nil {
		return nil, err
	}
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, err
	}
	server.OnInvite(p.onInvite)
	server.OnAck(p.onAck)
	server.OnBye(p.onBye)
	server.OnNotify(p.onNotify)
	server.OnUpdate(p.onUpdate)
	server.OnOptions(p.onOther)
	server.OnInfo(p.onOther)
	server.OnMessage(p.onOther)
	go func() {
		defer close(p.done)
		_ = server.ServeUDP(p.conn) // it ends when the socket is closed
	}()
	<-p.conn.reading
	return p, nil
}

// User returns the SIP user.
func (p *Phone) User() string { return p.config.User }

// Address returns the host:port of the phone's SIP.
func (p *Phone) Address() string { return p.conn.LocalAddr().String() }

// Close hangs up, unregisters and unplugs. Tests need not call it.
func (p *Phone) Close() {
	// The server may be gone: nobody is to wait long for it.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, call := range p.activeCalls() {
		_ = call.leave(ctx)
	}
	p.mu.Lock()
	registered := p.registered
	p.mu.Unlock()
	if registered {
		_ = p.register(ctx, 0)
	}
	p.unplug()
}

// Vanish unplugs the telephone as it is: it says nothing and answers nothing.
func (p *Phone) Vanish() {
	p.mu.Lock()
	p.registered = false
	p.mu.Unlock()
	for _, call := range p.activeCalls() {
		call.end(End{Text: "unplugged"})
	}
	p.unplug()
}

func (p *Phone) unplug() {
	_ = p.conn.Close() // closed already when the telephone vanished
	_ = p.ua.Close()
	<-p.done
}

// Register makes the phone reachable by its user name.
func (p *Phone) Register() {
	p.tb.Helper()
	if err := p.register(context.Background(), time.Hour); err != nil {
		p.tb.Fatalf("phone %s: register: %v", p.config.User, err)
	}
	p.setRegistered(true)
}

// Unregister ends what Register began.
func (p *Phone) Unregister() {
	p.tb.Helper()
	if err := p.register(context.Background(), 0); err != nil {
		p.tb.Fatalf("phone %s: unregister: %v", p.config.User, err)
	}
	p.setRegistered(false)
}

func (p *Phone) setRegistered(registered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.registered = registered
}

// Incoming returns the calls that ring here, in their order, until [Phone.AwaitCall]
// or a reader takes them. It holds 64.
func (p *Phone) Incoming() <-chan *Call { return p.incoming }

// AwaitCall returns the next call that comes in.
func (p *Phone) AwaitCall(ctx context.Context) *Call {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case call := <-p.incoming:
		return call
	case <-ctx.Done():
		p.tb.Fatalf("phone %s: no call came in: %v", p.config.User, ctx.Err())
		return nil
	}
}

// register says for how long the phone is here; for no time it is gone.
func (p *Phone) register(ctx context.Context, expires time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	self := sip.Uri{Scheme: "sip", User: p.config.User, Host: p.server.Host, Port: p.server.Port}
	req := sip.NewRequest(sip.REGISTER, p.server)
	from := &sip.FromHeader{Address: self, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(16))
	req.AppendHeader(from)
	req.AppendHeader(&sip.ToHeader{Address: self, Params: sip.NewParams()})
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(expires.Seconds()))))
	res, err := p.do(ctx, req)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return fmt.Errorf("%d %s", res.StatusCode, res.Reason)
	}
	return nil
}

// do sends a request, with credentials if it is asked for them, and returns its
// final response.
func (p *Phone) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	res, err := p.client.Do(ctx, req)
	if err != nil || !isChallenge(res) {
		return res, err
	}
	// The first transaction may still have to repeat its request.
	return p.client.DoDigestAuth(ctx, req.Clone(), res, p.credentials())
}

func (p *Phone) credentials() sipgo.DigestAuth {
	return sipgo.DigestAuth{Username: p.config.User, Password: p.config.Password}
}

func isChallenge(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// contact is where requests reach this phone.
func (p *Phone) contact() *sip.ContactHeader {
	_, port, _ := sip.ParseAddr(p.conn.LocalAddr().String())
	return &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: p.config.User, Host: p.config.IP, Port: port}}
}

func (p *Phone) add(call *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[call.id] = call
}

// callOf returns the call that a request belongs to, or nil.
func (p *Phone) callOf(req *sip.Request) *Call {
	id := req.CallID()
	if id == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id.Value()]
}

func (p *Phone) activeCalls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var active []*Call
	for _, call := range p.calls {
		if call.State() != Ended {
			active = append(active, call)
		}
	}
	return active
}
