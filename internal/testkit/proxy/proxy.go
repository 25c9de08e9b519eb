// Package proxy stands between a client and a server on TCP and does to their connections what networks do: cuts them, stalls
// them, cuts them in the middle of a message. It can also write down what passes.
package proxy

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy forwards connections to one address. Its methods may be called at any time.
type Proxy struct {
	tb     testing.TB
	target string
	ln     net.Listener

	mu      sync.Mutex
	changed *sync.Cond
	conns   map[net.Conn]struct{}
	stalled bool       // nothing passes, nothing is closed
	refuse  bool       // new connections are closed at once
	budget  int        // bytes from the server that still pass before everything is cut; negative: no limit
	ration  func() int // for a new connection: bytes from the server before it is cut; nil: no limit
	down    io.Writer
	up      io.Writer
	running sync.WaitGroup
}

// New returns a proxy to the address, which lives until the test ends.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{tb: tb, target: target, ln: ln, conns: make(map[net.Conn]struct{}), budget: -1}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.serve)
	tb.Cleanup(func() {
		_ = ln.Close()
		p.Refuse(true)
		p.Stall(false)
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Address is where clients connect.
func (p *Proxy) Address() string { return p.ln.Addr().String() }

// Tee writes down what passes: down is from the server, up from the client.
func (p *Proxy) Tee(down, up io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.up = down, up
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// CutAfter closes all connections when the server has sent so many more bytes: most likely in the middle of a message.
func (p *Proxy) CutAfter(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = bytes
}

// Ration has each new connection cut when the server has sent so many bytes on it, as next says; negative: never. A nil next ends
// that, also for the connections that there are. next is called for one connection after the other.
func (p *Proxy) Ration(next func() int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ration = next
}

// Stall stops all that passes, or lets it pass again. Connections stay open, as on a network that loses everything.
func (p *Proxy) Stall(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = yes
	p.changed.Broadcast()
}

// Refuse has new connections closed at once, or accepts them again.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = yes
}

func (p *Proxy) cut() {
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
	p.budget = -1
}

func (p *Proxy) serve() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.forward(client) })
	}
}

func (p *Proxy) forward(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).Dial("tcp", p.target) //nolint:noctx // the proxy lives longer than the test's context
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	p.mu.Lock()
	if p.refuse {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	ration := -1
	if p.ration != nil {
		ration = p.ration()
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, p.passUp) })
	p.copy(client, server, func(to net.Conn, b []byte) bool { return p.passDown(to, b, &ration) })
	_ = server.Close()
	_ = client.Close()
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

func (p *Proxy) copy(to, from net.Conn, pass func(to net.Conn, b []byte) bool) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 && !pass(to, buf[:n]) {
			return
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// passUp forwards what the client sent, and tells whether more may follow.
func (p *Proxy) passUp(to net.Conn, b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.write(to, b, p.up)
}

// passDown forwards what the server sent, as far as it may pass, and tells whether more may follow.
func (p *Proxy) passDown(to net.Conn, b []byte, ration *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, end := spend(&p.budget, b)
	last := false
	if p.ration != nil {
		b, last = spend(ration, b)
	}
	ok := p.write(to, b, p.down)
	if end {
		p.cut()
	}
	return ok && !end && !last
}

// spend takes b off a budget of bytes, and returns what of it the budget is enough for, and whether it is spent now.
func spend(budget *int, b []byte) (enough []byte, spent bool) {
	if *budget < 0 {
		return b, false
	}
	b = b[:min(len(b), *budget)]
	*budget -= len(b)
	return b, *budget == 0
}

// write forwards bytes when they may pass. p.mu is held.
func (p *Proxy) write(to net.Conn, b []byte, tee io.Writer) bool {
	for p.stalled {
		p.changed.Wait()
	}
	if tee != nil {
		if _, err := tee.Write(b); err != nil {
			p.tb.Errorf("proxy: write down what passes: %v", err)
		}
	}
	_, err := to.Write(b)
	return err == nil
}
