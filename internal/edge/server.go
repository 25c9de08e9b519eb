// Package edge is where clients arrive: HTTP, WebSocket, credentials, limits. It knows sessions, and no PBX.
//
// Each client has one goroutine that reads, and one that writes while there is something to write (the outbox's). A client that is
// slow, silent, rude or gone takes nothing from anyone but its own connection.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/switchboard"
	"github.com/clavija/clavija/internal/websocket"
	"github.com/clavija/clavija/protocol"
)

// Authenticator says who a client is.
type Authenticator interface {
	Login(ctx context.Context, kind auth.Kind, name, password string, remote netip.Addr) (auth.Identity, error)
	// OnRevoked has f called once when the identity is no longer true, perhaps at once. f must not block.
	OnRevoked(ctx context.Context, id auth.Identity, f func()) (stop func(), err error)
}

// Exchange finds an account's switchboard.
type Exchange interface {
	Board(account string) *switchboard.Switchboard
}

// Settings are what can change while the server runs. New connections get the newest.
type Settings struct {
	Exchange       Exchange
	ServerName     string        // what the welcome calls the server
	Origins        []string      // web pages that may connect besides those of this host; "*" for all
	MaxMessage     int           // bytes of a client's message
	PingInterval   time.Duration // how long a connection may be silent before it is pinged; twice that and it is dead
	AuthTimeout    time.Duration // how long a client may take to log in
	MessageTimeout time.Duration // how long one message may take to come; 0: 30 s
	MaxConnections int           // in all
	MaxPerAddress  int           // from one address; 0: no limit of its own
}

// Config is what a server is made of.
type Config struct {
	Auth     Authenticator
	Settings Settings
	Log      *slog.Logger
}

const (
	outboxLimit   = 1 << 20          // bytes that may wait for one client
	writeTimeout  = 10 * time.Second // for one write to one client
	closeTimeout  = 2 * time.Second  // for the client's half of the closing handshake
	maxWrongTries = 5                // wrong credentials on one connection, before it is closed
	maxBusyTries  = 5                // likewise of logins that there was no time for
	loginTimeout  = 30 * time.Second
	busyPause     = 500 * time.Millisecond // between two tries to log a client in, when too many log in at once
	messageBurst  = 50                     // messages that a client may send at once …
	messageRate   = 20                     // … and per second after that
	rudeMessages  = 500
	// strangerMessage bounds a message of a client that has not logged in, bytes: credentials have less.
	strangerMessage = 4 << 10
)

// Server serves WebSocket clients. Make one with [New].
type Server struct {
	auth    Authenticator
	log     *slog.Logger
	buffers sync.Pool // *[]byte, each of one write

	mu          sync.Mutex
	settings    *settings
	clients     map[*client]struct{}
	present     census // the clients
	accepted    census // all connections of limited listeners
	warned      time.Time
	closing     bool
	connections sync.WaitGroup
}

type settings struct {
	Settings
	checkOrigin func(*http.Request) bool
}

// New returns a server.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		auth:     cfg.Auth,
		log:      cfg.Log,
		clients:  make(map[*client]struct{}),
		present:  census{by: make(map[netip.Prefix]int)},
		accepted: census{by: make(map[netip.Prefix]int)},
	}
	if err := s.Configure(cfg.Settings); err != nil {
		return nil, err
	}
	return s, nil
}

// Configure changes the settings. Clients of an exchange that is no longer the one are asked to come again.
func (s *Server) Configure(now Settings) error {
	if now.MessageTimeout <= 0 {
		now.MessageTimeout = 30 * time.Second
	}
	check, err := websocket.OriginPolicy(now.Origins...)
	if err != nil {
		return fmt.Errorf("origins: %w", err)
	}
	s.mu.Lock()
	s.settings = &settings{Settings: now, checkOrigin: check}
	var former []*client
	for c := range s.clients {
		if c.settings.Exchange != now.Exchange {
			former = append(former, c)
		}
	}
	s.mu.Unlock()
	for _, c := range former {
		c.close(protocol.CloseServiceRestart, "the configuration has changed; connect again")
	}
	return nil
}

// Handler returns the server's paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", s.socket(auth.Supervisor))
	mux.Handle("/agent", s.socket(auth.Agent))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("This is Clavija. WebSocket clients connect to /ws (supervisors) or /agent (agents).\n"))
	})
	return mux
}

// socket upgrades requests to WebSocket clients of a kind.
func (s *Server) socket(kind auth.Kind) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remote := parseRemote(r.RemoteAddr)
		ctx, cancel := context.WithCancel(context.Background()) // the connection outlives the request
		c := &client{server: s, kind: kind, remote: remote, features: r.URL.Query().Has("features"), cancel: cancel}
		if !s.admit(c) {
			cancel()
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many connections; try again later", http.StatusServiceUnavailable)
			return
		}
		conn, early, err := websocket.Upgrade(w, r, c.settings.checkOrigin)
		if err != nil {
			s.release(c)
			s.log.Debug("no websocket", "remote", remote, "path", r.URL.Path, "err", err)
			return
		}
		c.start(conn)
		go func() { // the request's goroutine ends, and with it what the HTTP server keeps for it
			defer s.release(c)
			c.run(ctx, early)
		}()
	})
}

func parseRemote(address string) netip.Addr {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// admit counts a client in, if there is room, and gives it the settings of this moment.
func (s *Server) admit(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if limit := s.present.add(network(c.remote), s.settings.MaxConnections, s.settings.MaxPerAddress); limit != "" {
		s.warn(limit, c.remote)
		return false
	}
	c.settings = s.settings
	s.clients[c] = struct{}{}
	s.connections.Add(1)
	return true
}

func (s *Server) release(c *client) {
	c.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
	s.present.remove(network(c.remote))
	s.connections.Done()
}

// Clients returns how many clients are connected.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// Shutdown lets nobody in any more, says goodbye to all clients, and waits until they are gone. When ctx ends first, it cuts them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, c := range s.all() {
		c.close(protocol.CloseGoingAway, "the server is stopping")
	}
	gone := make(chan struct{})
	go func() {
		s.connections.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.all() {
		c.cut()
	}
	<-gone
	return errors.New("edge: some clients did not say goodbye")
}

// all returns the clients of this moment.
func (s *Server) all() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.clients))
}
