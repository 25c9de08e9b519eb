package certificate_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clavija/clavija/internal/certificate"
)

func leaf(t *testing.T, s *certificate.Source) *tls.Certificate {
	t.Helper()
	cert, err := s.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func selfSigned(t *testing.T, dir string) *certificate.Source {
	t.Helper()
	s, err := certificate.SelfSigned(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSelfSignedIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := leaf(t, selfSigned(t, dir)), leaf(t, selfSigned(t, dir))
	if !first.Leaf.Equal(second.Leaf) {
		t.Error("the second start made another certificate")
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := first.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "tls-self-signed.key"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
}

func TestSelfSignedIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first := leaf(t, selfSigned(t, dir))
		<-time.After(time.Until(first.Leaf.NotAfter) - 24*time.Hour)
		if leaf(t, selfSigned(t, dir)).Leaf.Equal(first.Leaf) {
			t.Error("a certificate that ends tomorrow was not made anew")
		}
	})
}

func TestBrokenPairIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	selfSigned(t, dir)
	key := filepath.Join(dir, "tls-self-signed.key")
	if err := os.WriteFile(key, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.SelfSigned(dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a broken key was replaced without a word")
	}
}

func TestChangedFilesAreTakenUp(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	files := func(dir string) (string, string) {
		return filepath.Join(dir, "tls-self-signed.crt"), filepath.Join(dir, "tls-self-signed.key")
	}
	synctest.Test(t, func(t *testing.T) {
		selfSigned(t, dir)
		want := leaf(t, selfSigned(t, other))
		cert, key := files(dir)
		s, err := certificate.FromFiles(cert, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		before := leaf(t, s)

		// Half-way through a change the pair does not match: the former certificate stays.
		newCert, newKey := files(other)
		if err := os.Rename(newKey, key); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		if !leaf(t, s).Leaf.Equal(before.Leaf) {
			t.Error("half a change was taken up")
		}
		if err := os.Rename(newCert, cert); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		if !leaf(t, s).Leaf.Equal(want.Leaf) {
			t.Error("the changed certificate was not taken up")
		}
	})
}

func TestMissingFilesAreSaidOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		selfSigned(t, dir)
		cert, key := filepath.Join(dir, "tls-self-signed.crt"), filepath.Join(dir, "tls-self-signed.key")
		var text bytes.Buffer
		s, err := certificate.FromFiles(cert, key, slog.New(slog.NewTextHandler(&text, nil)))
		if err != nil {
			t.Fatal(err)
		}
		handshakes := func() {
			for range 5 {
				<-time.After(2 * time.Second)
				leaf(t, s)
			}
		}
		for want := range 3 {
			if got := strings.Count(text.String(), "level=ERROR"); got != want {
				t.Fatalf("said %d times instead of %d:\n%s", got, want, text.String())
			}
			if err := os.Rename(cert, cert+".away"); err != nil {
				t.Fatal(err)
			}
			handshakes()
			if err := os.Rename(cert+".away", cert); err != nil {
				t.Fatal(err)
			}
			handshakes()
		}
	})
}
