// Package server is the whole of Clavija in one process: store, authentication, exchange, edge and listeners, wired together.
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/asterisk"
	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/certificate"
	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/edge"
	"github.com/clavija/clavija/internal/exchange"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/store"
	"github.com/clavija/clavija/internal/websocket"
)

const (
	requestTimeout = 10 * time.Second // for a request to come, and as much for its answer to be taken
	idleTimeout    = time.Minute      // of a connection that is no WebSocket (yet)
	maxHeader      = 16 << 10         // bytes
	goodbyeTimeout = 4 * time.Second  // for the clients, when the server stops
)

// Server is a server that listens and does not serve yet. Make one with [Open].
type Server struct {
	log       *slog.Logger
	store     *store.Store
	auth      *auth.Auth
	edge      *edge.Server
	listeners []listener

	mu     sync.Mutex
	cfg    *config.Config
	runner *runner
	// start runs an exchange; it is set while Run runs.
	start func(*runner)
}

type listener struct {
	net.Listener
	name string
}

// runner is an exchange, and the way to end it.
type runner struct {
	*exchange.Exchange
	cancel context.CancelFunc
	done   chan struct{}
}

// Open opens the store, the certificate and the listening sockets, so that whatever is wrong with them is known before anything
// runs.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Server, error) {
	s := &Server{log: log, cfg: cfg}
	err := s.open(ctx)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	var err error
	if s.store, err = store.Open(ctx, s.cfg.DataDir); err != nil {
		return err
	}
	if s.auth, err = auth.New(auth.Config{Users: s.store, Log: s.log}); err != nil {
		return err
	}
	if s.runner, err = newRunner(s.cfg, s.log); err != nil {
		return err
	}
	if s.edge, err = edge.New(edge.Config{Auth: s.auth, Settings: settings(s.cfg, s.runner), Log: s.log}); err != nil {
		return err
	}
	return s.listen(ctx)
}

func (s *Server) listen(ctx context.Context) error {
	open := func(name, address string, wrap func(net.Listener) net.Listener) error {
		if address == "" {
			return nil
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen.%s: %w", name, err)
		}
		s.listeners = append(s.listeners, listener{wrap(s.edge.Limit(l)), name})
		return nil
	}
	if err := open("plain", s.cfg.Listen.Plain, func(l net.Listener) net.Listener { return l }); err != nil {
		return err
	}
	if s.cfg.Listen.TLS == "" {
		return nil
	}
	source, err := s.certificate()
	if err != nil {
		return err
	}
	return open("tls", s.cfg.Listen.TLS, func(l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{
			GetCertificate: source.Get,
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"http/1.1"}, // WebSocket takes the connection over, which HTTP/2 does not allow
		})
	})
}

func (s *Server) certificate() (*certificate.Source, error) {
	if s.cfg.TLS.CertFile != "" {
		return certificate.FromFiles(s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile, s.log)
	}
	return certificate.SelfSigned(s.cfg.DataDir, s.log)
}

// Address returns where a listener ("plain" or "tls") listens, "" when it is off.
func (s *Server) Address(name string) string {
	for _, l := range s.listeners {
		if l.name == name {
			return l.Addr().String()
		}
	}
	return ""
}

// Run serves until ctx ends, then says goodbye to the clients and closes everything.
func (s *Server) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var (
		running  sync.WaitGroup
		mu       sync.Mutex
		failures []error
		stop     = make(chan struct{})
		once     sync.Once
	)
	fail := func(err error) {
		if err != nil {
			mu.Lock()
			failures = append(failures, err)
			mu.Unlock()
			once.Do(func() { close(stop) })
		}
	}
	running.Go(func() { fail(s.auth.Run(inner)) })
	s.mu.Lock()
	s.start = func(r *runner) {
		own, end := context.WithCancel(inner)
		r.cancel = end
		running.Go(func() {
			defer close(r.done)
			fail(r.Run(own))
		})
	}
	s.start(s.runner)
	s.mu.Unlock()
	servers := s.serve(&running, fail)
	select {
	case <-ctx.Done():
	case <-stop:
	}
	s.log.Info("stopping")
	fail(s.goodbye(servers))
	s.mu.Lock()
	s.start = nil
	s.mu.Unlock()
	cancel()
	running.Wait()
	fail(s.close())
	return errors.Join(failures...)
}

func (s *Server) serve(running *sync.WaitGroup, fail func(error)) []*http.Server {
	var servers []*http.Server
	for _, l := range s.listeners {
		srv := newHTTPServer(s.edge.Handler(), s.log)
		servers = append(servers, srv)
		s.log.Info("listening", "listener", l.name, "address", l.Addr().String())
		running.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("serve %s: %w", l.name, err))
			}
		})
	}
	return servers
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        handler,
		ReadTimeout:    requestTimeout, // with the body, which is waited for only to be thrown away
		WriteTimeout:   requestTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what strangers do wrong
	}
}

// goodbye takes no more clients, and lets go of those that are there.
func (s *Server) goodbye(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTimeout)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Close()) // WebSocket connections are the edge's, and stay
	}
	if err := s.edge.Shutdown(ctx); err != nil {
		s.log.Warn("clients were cut off", "err", err)
	}
	return errors.Join(errs...)
}

func (s *Server) close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Reload takes a changed configuration up: limits and origins for new connections; PBXs and accounts by a new exchange, whose clients
// are asked to connect again. What only a restart can change is logged.
func (s *Server) Reload(cfg *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := *cfg
	taken.Listen, taken.TLS, taken.DataDir, taken.Log.Format = s.cfg.Listen, s.cfg.TLS, s.cfg.DataDir, s.cfg.Log.Format
	if taken.Listen != cfg.Listen || taken.TLS != cfg.TLS || taken.DataDir != cfg.DataDir || taken.Log.Format != cfg.Log.Format {
		s.log.Warn("listen, tls, data_dir or log.format has changed: a restart takes it up")
	}
	cfg = &taken
	next := s.runner
	if !reflect.DeepEqual(cfg.PBXs, s.cfg.PBXs) || !reflect.DeepEqual(cfg.Accounts, s.cfg.Accounts) {
		var err error
		if next, err = newRunner(cfg, s.log); err != nil {
			return err
		}
	}
	if err := s.edge.Configure(settings(cfg, next)); err != nil {
		return err
	}
	former := s.runner
	s.cfg, s.runner = cfg, next
	if next != former && s.start != nil {
		// One after the other: the two would get in each other's way only in the log, but a PBX may limit its AMI clients.
		former.cancel()
		<-former.done
		s.start(next)
	}
	s.log.Info("configuration taken up")
	return nil
}

func settings(cfg *config.Config, r *runner) edge.Settings {
	name := ""
	if len(cfg.PBXs) > 0 {
		name = cfg.PBXs[0].Name
	}
	return edge.Settings{
		Exchange:       r.Exchange,
		ServerName:     name,
		Origins:        cfg.WebSocket.Origins,
		MaxMessage:     cfg.WebSocket.MaxMessage,
		PingInterval:   cfg.WebSocket.PingInterval,
		AuthTimeout:    cfg.WebSocket.AuthTimeout,
		MaxConnections: cfg.WebSocket.MaxConnections,
		MaxPerAddress:  cfg.WebSocket.MaxConnectionsPerAddress,
	}
}

func newRunner(cfg *config.Config, log *slog.Logger) (*runner, error) {
	x := exchange.Config{Frame: websocket.AppendText, Log: log}
	for _, p := range cfg.PBXs {
		x.PBXs = append(x.PBXs, exchange.PBX{Name: p.Name, NewDriver: func(publish func([]pbx.Event)) (exchange.Driver, error) {
			return newDriver(p, publish, log)
		}})
	}
	for _, a := range cfg.Accounts {
		x.Accounts = append(x.Accounts, exchange.Account{
			Name: a.Name,
			PBXs: a.PBXs(),
			Has:  func(pbxName string, id pbx.ExtensionID) bool { return a.Has(pbxName, id.Context, id.Number) },
			DialContext: func(pbxName string, id pbx.ExtensionID) string {
				return cfg.DialContext(a, pbxName, id.Context, id.Number)
			},
		})
	}
	made, err := exchange.New(x)
	if err != nil {
		return nil, err
	}
	return &runner{Exchange: made, done: make(chan struct{})}, nil
}

func newDriver(p config.PBX, publish func([]pbx.Event), log *slog.Logger) (exchange.Driver, error) {
	link := ami.Config{Address: p.Address, Username: p.Username, Secret: p.Secret.Reveal()}
	if p.TLS {
		link.TLS = &tls.Config{ServerName: p.TLSServerName, MinVersion: tls.VersionTLS12}
		if p.TLSCAFile != "" {
			pem, err := os.ReadFile(p.TLSCAFile)
			if err != nil {
				return nil, fmt.Errorf("tls_ca_file: %w", err)
			}
			link.TLS.RootCAs = x509.NewCertPool()
			if !link.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("tls_ca_file %s: no certificate in it", p.TLSCAFile)
			}
		}
	}
	return asterisk.New(asterisk.Config{
		Name:        p.Name,
		AMI:         link,
		Contexts:    p.Contexts,
		DialContext: p.DialContext,
		RingTimeout: p.RingTimeout,
		Refresh:     p.Refresh,
		Publish:     publish,
		Log:         log,
	})
}
