package edge

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clavija/clavija/internal/certificate"
	"github.com/clavija/clavija/internal/exchange"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1/32",
		"::ffff:192.0.2.1":     "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s counts for %s, not %s", address, got, want)
		}
	}
	if got := network(netip.Addr{}); got.IsValid() {
		t.Errorf("no address counts for %s", got)
	}
}

func TestNobodyStaysWithAFormerExchange(t *testing.T) {
	t.Parallel()
	var former, next Settings
	for _, settings := range []*Settings{&former, &next} {
		x, err := exchange.New(exchange.Config{})
		if err != nil {
			t.Fatal(err)
		}
		*settings = Settings{Exchange: x, MaxConnections: 2}
	}
	s, err := New(Config{Settings: former})
	if err != nil {
		t.Fatal(err)
	}
	early, late := &client{server: s, cancel: func() {}}, &client{server: s, cancel: func() {}}
	if !s.admit(early) {
		t.Fatal("not admitted")
	}
	if err := s.Configure(next); err != nil {
		t.Fatal(err)
	}
	if !s.admit(late) {
		t.Fatal("not admitted")
	}
	if early.doomed == nil {
		t.Error("who came before the change, and is not upgraded yet, is not asked to connect again")
	}
	if late.doomed != nil || late.settings.Exchange != next.Exchange {
		t.Error("who came after the change does not get it")
	}
}

// writes is a connection that keeps what is written.
type writes struct {
	net.Conn
	pieces    [][]byte
	deadlines int
}

func (w *writes) Write(p []byte) (int, error) {
	w.pieces = append(w.pieces, bytes.Clone(p))
	return len(p), nil
}

func (w *writes) SetWriteDeadline(time.Time) error {
	w.deadlines++
	return nil
}

func TestLargeFramesAreWrittenInPieces(t *testing.T) {
	t.Parallel()
	small, large := []byte("small"), bytes.Repeat([]byte("large"), batchBytes)
	for _, frames := range [][][]byte{{large}, {small, large, small}, {small, small}, {large, large}} {
		conn := &writes{}
		c := &client{server: &Server{}, conn: conn}
		if err := c.write(frames); err != nil {
			t.Fatal(err)
		}
		if got := bytes.Join(conn.pieces, nil); !bytes.Equal(got, bytes.Join(frames, nil)) {
			t.Errorf("%d bytes are not what was to be written", len(got))
		}
		for _, p := range conn.pieces {
			if len(p) == 0 || len(p) > batchBytes {
				t.Errorf("a write of %d bytes", len(p))
			}
		}
		if conn.deadlines != len(conn.pieces) {
			t.Errorf("%d deadlines for %d writes", conn.deadlines, len(conn.pieces))
		}
	}
}

func TestCutDoesNotWaitForTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		source, err := certificate.SelfSigned(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := source.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(cert.Leaf)
		ours, theirs := net.Pipe() // nobody reads: a farewell would wait for its deadline
		conn := tls.Server(ours, &tls.Config{GetCertificate: source.Get, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true})
		peer := tls.Client(theirs, &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12})
		shaken := make(chan error, 1)
		go func() { shaken <- peer.HandshakeContext(t.Context()) }()
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		(&client{conn: conn, cancel: func() {}}).cut()
		if took := time.Since(begun); took > 0 {
			t.Errorf("took %v", took)
		}
		_ = theirs.Close()
	})
}
