// Package certificate gives the server its TLS certificate: the operator's, taken up anew whenever its files change, or one that
// it signs itself, made once and kept.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// checkEvery is how often, at most, a handshake looks whether the files have changed.
const checkEvery = time.Second

// Source is a certificate in two files.
type Source struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	read    stamp
	checked time.Time
	trouble string // with the files, said in the log
}

// stamp tells versions of the two files apart.
type stamp struct{ cert, key fs.FileInfo }

func (s stamp) equal(other stamp) bool {
	same := func(a, b fs.FileInfo) bool {
		return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
	}
	return same(s.cert, other.cert) && same(s.key, other.key)
}

// FromFiles reads a certificate chain and its key, in PEM.
func FromFiles(certFile, keyFile string, log *slog.Logger) (*Source, error) {
	s := &Source{certFile: certFile, keyFile: keyFile, log: log}
	now, err := s.stamp()
	if err != nil {
		return nil, fmt.Errorf("tls certificate: %w", err)
	}
	if err := s.load(now); err != nil {
		return nil, err
	}
	s.checked = time.Now()
	return s, nil
}

// SelfSigned returns the certificate that is kept in dir, made and signed by ourselves if there is none, or none that is good for
// another month. Its names are localhost, this host's, and the loopback addresses.
func SelfSigned(dir string, log *slog.Logger) (*Source, error) {
	certFile, keyFile := filepath.Join(dir, "tls-self-signed.crt"), filepath.Join(dir, "tls-self-signed.key")
	s, err := FromFiles(certFile, keyFile, log)
	switch {
	case err == nil && time.Until(s.cert.Leaf.NotAfter) > 30*24*time.Hour:
		return s, nil
	case err == nil:
		log.Info("the self-signed certificate ends soon and is made anew", "file", certFile, "ends", s.cert.Leaf.NotAfter)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("self-signed certificate (remove both files to have it made anew): %w", err)
	}
	if err := makeSelfSigned(certFile, keyFile); err != nil {
		return nil, fmt.Errorf("make self-signed certificate: %w", err)
	}
	return FromFiles(certFile, keyFile, log)
}

// Get is for [tls.Config.GetCertificate]. Files that have changed are taken up; when they are no good, the certificate that was good
// is kept, and the log says why.
func (s *Source) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.checked) >= checkEvery {
		s.checked = now
		s.refresh()
	}
	return s.cert, nil
}

func (s *Source) refresh() {
	now, err := s.stamp()
	if err == nil && now.equal(s.read) {
		s.trouble = ""
		return
	}
	if err == nil {
		if err = s.load(now); err == nil {
			s.trouble = ""
			s.log.Info("tls certificate taken up", "file", s.certFile, "ends", s.cert.Leaf.NotAfter)
			return
		}
		s.read = now // no other try for this version of the files
	}
	if err.Error() == s.trouble {
		return // said once
	}
	s.trouble = err.Error()
	s.log.Error("tls certificate not taken up; the former one stays", "err", err)
}

func (s *Source) stamp() (stamp, error) {
	cert, err := os.Stat(s.certFile)
	if err != nil {
		return stamp{}, err
	}
	key, err := os.Stat(s.keyFile)
	if err != nil {
		return stamp{}, err
	}
	return stamp{cert, key}, nil
}

func (s *Source) load(now stamp) error {
	cert, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		return fmt.Errorf("tls certificate %s with key %s: %w", s.certFile, s.keyFile, err)
	}
	s.cert, s.read = &cert, now
	return nil
}

func makeSelfSigned(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Clavija (self-signed)"},
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(2, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a certificate without its key would be taken for a broken pair.
	if err := writePEM(keyFile, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", der, 0o644)
}

// writePEM writes a file so that it is there whole or not at all.
func writePEM(name, kind string, der []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // is gone already when it was renamed
	err = errors.Join(f.Chmod(mode), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
