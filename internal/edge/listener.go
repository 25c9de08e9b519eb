package edge

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// spareConnections and sparePerAddress are how many connections may be open besides those that clients may have, so that what
	// is one too many, or plain HTTP, gets an answer.
	spareConnections = 64
	sparePerAddress  = 16
	warnEvery        = time.Minute // how often, at most, the log says that a limit is reached
)

// census counts connections, in all and from each network.
type census struct {
	total int
	by    map[netip.Prefix]int
}

// add counts one more. When there is no room it counts nothing, and returns the name of the limit. perAddress may be 0: no limit.
func (n *census) add(from netip.Prefix, inAll, perAddress int) (limit string) {
	switch {
	case n.total >= inAll:
		return "max_connections"
	case perAddress > 0 && n.by[from] >= perAddress:
		return "max_connections_per_address"
	}
	n.total++
	n.by[from]++
	return ""
}

func (n *census) remove(from netip.Prefix) {
	n.total--
	if n.by[from]--; n.by[from] == 0 {
		delete(n.by, from)
	}
}

// network returns whom an address is counted for: one host can have all the IPv6 addresses of a /64 (RFC 4291, section 2.5.4).
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // the zero address: all unknown ones are one
	}
	return p
}

// warn logs, now and then, that a limit keeps clients out. It is called with the lock.
func (s *Server) warn(limit string, remote netip.Addr) {
	if now := time.Now(); s.warned.IsZero() || now.Sub(s.warned) >= warnEvery {
		s.warned = now
		s.log.Warn("a connection limit is reached", "limit", limit, "remote", remote, "clients", len(s.clients))
	}
}

// Limit returns the listener with a hard limit to its connections, whatever state they are in: the limits to clients, and a few more
// for those that are no client (yet). Those beyond are closed unheard. Put it below TLS, whose handshakes count too.
func (s *Server) Limit(l net.Listener) net.Listener { return &listener{l, s} }

type listener struct {
	net.Listener
	server *Server
}

// Accept waits for a connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		remote := parseRemote(conn.RemoteAddr().String())
		if l.server.accept(remote) {
			return &countedConn{Conn: conn, release: sync.OnceFunc(func() { l.server.forget(remote) })}, nil
		}
		_ = conn.Close() // unheard
	}
}

func (s *Server) accept(remote netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	perAddress := s.settings.MaxPerAddress
	if perAddress > 0 {
		perAddress += sparePerAddress
	}
	limit := s.accepted.add(network(remote), s.settings.MaxConnections+spareConnections, perAddress)
	if limit != "" {
		s.warn(limit, remote)
	}
	return limit == ""
}

func (s *Server) forget(remote netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted.remove(network(remote))
}

// countedConn is a connection that counts until it is closed.
type countedConn struct {
	net.Conn
	release func()
}

// Close closes the connection.
func (c *countedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// CloseWrite is what the HTTP server calls before it closes a connection with unread data, so that its answer is not lost.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
