package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

// TestReload has the configuration change while clients are there.
func TestReload(t *testing.T) {
	t.Parallel()
	first, second := asterisk.Start(t, asterisk.V22), asterisk.Start(t, asterisk.V16)
	p := serve(t, minimal(first))
	p.await("pbx is followed", "pbx=pbx1")
	p.clavija(password, "user", "add", "eva", "--password-stdin")
	eva := p.login("plain", "/ws", "eva")

	// What is wrong with the new configuration is said by line, and all stays as it was.
	p.configure(minimal(first) + "ring_timeout = \"5 minutes\"\n[[acount]]\n")
	p.signal(syscall.SIGHUP)
	broken := p.await("level=ERROR", "configuration not taken up")
	for _, want := range []string{"clavija.toml:14: pbx[0].ring_timeout must be a duration", "clavija.toml:15: unknown key acount; did you mean account?"} {
		if !strings.Contains(broken, want) {
			t.Errorf("%q doesn't say %s", broken, want)
		}
	}
	eva.Fence()

	// A log level is nothing that clients hear of.
	p.configure(minimal(first) + "[log]\nlevel = \"debug\"\n")
	p.signal(syscall.SIGHUP)
	p.await("configuration taken up")
	eventually(t, "what is worth no more than a debug message", func() bool {
		p.get("/ws")
		return p.logged("level=DEBUG", "no websocket")
	})
	eva.Fence()

	// Accounts are: clients are asked to come again, and find what is theirs by then.
	accounts := minimal(first) + pbxTable("pbx2", second) + `
[[account]]
name = "default"
extensions = [{pbx = "pbx2", numbers = ["10[1-3]"]}, {pbx = "pbx1", numbers = ["108"]}]
[[account]]
name = "acme"
extensions = [{pbx = "pbx1", numbers = ["1XX"]}]
`
	p.configure(accounts)
	p.signal(syscall.SIGHUP)
	wantClose(t, eva, protocol.CloseServiceRestart)
	p.await("configuration taken up")
	eva = p.login("plain", "/ws", "eva")
	p.clavija(password, "user", "add", "gil", "--account", "acme", "--password-stdin")
	gil := p.login("plain", "/ws", "gil")
	wantState(t, eva, map[string]string{"pbx1 108": "Unavailable", "pbx2 101": "Unavailable", "pbx2 102": "Unavailable", "pbx2 103": "Unavailable"})
	wantState(t, gil, map[string]string{
		"pbx1 101": "Unavailable", "pbx1 102": "Unavailable", "pbx1 103": "Unavailable", "pbx1 104": "Unavailable",
		"pbx1 105": "Unavailable", "pbx1 106": "Unavailable", "pbx1 107": "Unavailable", "pbx1 108": "Unavailable",
	})
	if first := eva.Messages()[0]; first != (protocol.Welcome{Server: "pbx1"}) {
		t.Errorf("welcome %+v, want of the first PBX", first)
	}

	// An account that is gone has no users any more, whoever has the password.
	p.configure(strings.ReplaceAll(accounts, `"acme"`, `"globex"`))
	p.signal(syscall.SIGHUP)
	wantClose(t, gil, protocol.CloseServiceRestart)
	wantClose(t, eva, protocol.CloseServiceRestart)
	p.wantForbidden("/ws", "gil", password)
	p.login("plain", "/ws", "eva")
}

// wantState waits until a client has been told of exactly these extensions, "pbx number", in these states.
func wantState(t *testing.T, c *watch.Client, want map[string]string) {
	t.Helper()
	c.AwaitState(func(r *watch.Replica) bool {
		for place, status := range want {
			pbx, number, _ := strings.Cut(place, " ")
			if r.Status(pbx, number) != status {
				return false
			}
		}
		return true
	})
	c.Fence()
	for _, m := range c.Messages() {
		switch m := m.(type) {
		case protocol.Init:
			for _, e := range m.Data {
				if want[m.Server+" "+e.Extension] == "" {
					t.Errorf("told of extension %s on %s", e.Extension, m.Server)
				}
			}
		case protocol.ExtensionStatus:
			if want[m.Server+" "+m.Extension] == "" {
				t.Errorf("told of extension %s on %s", m.Extension, m.Server)
			}
		}
	}
}

// get asks for a path as a browser would.
func (p *process) get(path string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.address("plain")+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = res.Body.Close()
}

// TestCertificate has the certificate's files change under a running server.
func TestCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	writeCertificate(t, file("cert.pem"), file("key.pem"), 1)
	p := serve(t, `
data_dir = "data"
[listen]
plain = ""
tls = "127.0.0.1:0"
[tls]
cert_file = "`+file("cert.pem")+`"
key_file = "`+file("key.pem")+`"
`)
	shows := func(serial int64) bool {
		conn, err := (&tls.Dialer{Config: p.trust(file("cert.pem"))}).DialContext(t.Context(), "tcp", p.address("tls"))
		if err != nil {
			return false // it still shows the former one, which the new file doesn't vouch for
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64() == serial
	}
	await := func(serial int64) {
		t.Helper()
		eventually(t, "the new certificate", func() bool { return shows(serial) })
	}
	await(1)
	client := watch.Dial(t, "wss://"+p.address("tls")+"/ws", watch.WithTLS(p.trust(file("cert.pem"))))
	writeCertificate(t, file("cert.pem"), file("key.pem"), 2)
	await(2)
	p.await("tls certificate taken up", "cert.pem")
	if err := os.WriteFile(file("key.pem"), []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error in the log", func() bool {
		if !shows(2) {
			t.Error("the former certificate is gone")
		}
		return p.logged("level=ERROR", "tls certificate not taken up")
	})
	writeCertificate(t, file("cert.pem"), file("key.pem"), 3)
	await(3)
	client.Send("{") // who is connected stays so
	watch.Await(client, func(m protocol.Error) bool { return m.Code == protocol.CodeBadJSON })
}

// eventually waits until something is so that nothing tells of.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for timeout := time.After(patience); !is(); {
		select {
		case <-again.C:
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// writeCertificate writes a certificate that vouches for itself, as certificate authorities' tools do: to another file each, which
// then takes the place of the former.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "cti.example.com"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		keyFile: {Type: "PRIVATE KEY", Bytes: secret}, certFile: {Type: "CERTIFICATE", Bytes: cert},
	} {
		if err := os.WriteFile(file+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
}
