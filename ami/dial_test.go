package ami

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDial(t *testing.T) {
	t.Parallel()
	address := serve(t, nil, func(p *peer) {
		p.login()
		p.send(event("FullyBooted"))
		p.expect("Ping")
		p.send("Response: Success\r\nActionID: 1\r\nPing: Pong\r\n\r\n")
	})
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Dial(ctx, Config{Address: address, Username: user, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	cancel() // It was for Dial only.
	if c.Version() != "11.0.0" {
		t.Errorf("version %q", c.Version())
	}
	expectEvents(t, c, "FullyBooted")
	if err := c.Write(NewAction("Ping").With("ActionID", "1")); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Read(); err != nil || m.Get("Ping") != "Pong" {
		t.Errorf("read %v, %v", fields(m), err)
	}
	if _, err := c.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the server's end: %v", err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDialKeepsEarlyPackets sends events before, with and after the login's responses.
func TestDialKeepsEarlyPackets(t *testing.T) {
	t.Parallel()
	address := serve(t, nil, func(p *peer) {
		p.login(event("A"), event("B"))
		p.send(event("C") + event("D"))
	})
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	expectEvents(t, c, "A", "B", "A", "B", "C", "D")
}

func TestDialTLS(t *testing.T) {
	t.Parallel()
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	address := serve(t, https.TLS, func(p *peer) {
		p.login()
		p.send(event("A"))
	})
	trust := https.Client().Transport.(*http.Transport).TLSClientConfig
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret, TLS: trust})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	expectEvents(t, c, "A")
}

// TestDialPlain logs in to a server that knows no Challenge.
func TestDialPlain(t *testing.T) {
	t.Parallel()
	address := serve(t, nil, func(p *peer) {
		p.send("Asterisk Call Manager Proxy/1.2\r\n")
		p.send(refusal(p.expect("Challenge"), "Invalid/unknown command"))
		m := p.expect("Login")
		want := packet{{"Action", "Login"}, {"Username", user}, {"Secret", secret}, {"Events", "call"}, {"ActionID", m.ActionID()}}
		if diff := cmp.Diff(want, fields(m)); diff != "" {
			p.t.Errorf("login (-want +got):\n%s", diff)
		}
		p.send("Response: Success\r\n\r\n") // no ActionID: it can only be for us
	})
	c, err := Dial(t.Context(), Config{Address: address, Username: user, Secret: secret, EventMask: "call"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestDialFails tells the failures apart and finds the secret in none.
func TestDialFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script func(p *peer)
		config Config
		err    error
		text   string // part of the error
	}{
		"wrong secret": {
			script: func(p *peer) {
				p.send(greeting)
				p.send("Response: Success\r\nActionID: " + p.expect("Challenge").ActionID() + "\r\nChallenge: 1\r\n\r\n")
				p.send(refusal(p.expect("Login"), "Authentication failed"))
			},
			err: ErrAuth, text: "Authentication failed",
		},
		"secret repeated": {
			script: func(p *peer) {
				p.send(greeting)
				p.send(refusal(p.expect("Challenge"), "no"))
				p.send(refusal(p.expect("Login"), "not "+secret))
			},
			err: ErrAuth, text: "not …",
		},
		"bad greeting": {
			script: func(p *peer) { p.send("SSH-2.0-OpenSSH_9.9\r\n") },
			err:    ErrNotAMI, text: "SSH-2.0",
		},
		"refused at the door": {
			script: func(*peer) {}, // as Asterisk does beyond authlimit
			err:    io.ErrUnexpectedEOF,
		},
		"half a message": {
			script: func(p *peer) {
				p.send(greeting)
				p.expect("Challenge")
				p.send("Response: Success\r\nChall")
			},
			err: io.ErrUnexpectedEOF,
		},
		"no greeting": {
			script: (*peer).untilClosed,
			config: Config{LoginTimeout: 20 * time.Millisecond},
			err:    ErrTimeout,
		},
		"no response": {
			script: func(p *peer) {
				p.send(greeting + event("A"))
				_, _ = io.Copy(io.Discard, p.conn)
			},
			config: Config{LoginTimeout: 20 * time.Millisecond},
			err:    ErrTimeout,
		},
		"flood before the response": {
			script: func(p *peer) {
				p.send(greeting)
				p.expect("Challenge")
				p.send(strings.Repeat(event("A"), maxEarly))
				p.untilClosed()
			},
			text: "no response to Challenge",
		},
		"no TLS": {
			script: func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) },
			config: Config{TLS: &tls.Config{}, DialTimeout: 20 * time.Millisecond},
			err:    ErrTimeout,
		},
		"injection": {
			script: func(p *peer) {
				p.send(greeting)
				p.send(refusal(p.expect("Challenge"), "no"))
				p.untilClosed()
			},
			config: Config{Secret: secret + "\r\nAction: Logoff"},
			err:    ErrInvalidAction, text: "Secret",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := tc.config
			cfg.Address, cfg.Username = serve(t, nil, tc.script), user
			if cfg.Secret == "" {
				cfg.Secret = secret
			}
			c, err := Dial(t.Context(), cfg)
			if err == nil {
				c.Close()
				t.Fatal("connected")
			}
			if tc.err != nil && !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want %v with %q", err, tc.err, tc.text)
			}
			if strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), cfg.Address) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestDialUnreachable(t *testing.T) {
	t.Parallel()
	_, err := Dial(t.Context(), Config{Address: "127.0.0.1:0", Username: user, Secret: secret})
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("error %v", err)
	}
}

// TestDialCancelled ends Dial while it waits for the response to the Challenge.
func TestDialCancelled(t *testing.T) {
	t.Parallel()
	reason := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	address := serve(t, nil, func(p *peer) {
		p.send(greeting)
		p.expect("Challenge")
		cancel(reason)
		p.untilClosed()
	})
	if _, err := Dial(ctx, Config{Address: address, Username: user, Secret: secret}); !errors.Is(err, reason) {
		t.Errorf("error %v, want %v", err, reason)
	}
	if _, err := Dial(ctx, Config{Address: address, Username: user, Secret: secret}); !errors.Is(err, reason) {
		t.Errorf("again: error %v, want %v", err, reason)
	}
}

// TestConnWrite writes from many goroutines at once.
