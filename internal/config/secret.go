package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

const redacted = "[redacted]"

// maxSecret is the size in bytes of the longest secret that a file may hold.
const maxSecret = 4096

// Secret is a password that can't be printed, logged or encoded by accident. The zero Secret is empty.
//
// The value is behind a pointer because fmt prints the fields of unexported structs without asking their methods.
type Secret struct{ value *string }

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the password itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether both hold the same password.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

// String returns a placeholder, for fmt.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder, for fmt's %#v.
func (s Secret) GoString() string { return redacted }

// LogValue returns a placeholder, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText sets the password, for decoders.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// SecretVariable returns the name of the environment variable that can hold the secret of the PBX called name.
func SecretVariable(name string) string {
	upper := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	return "CLAVIJA_PBX_" + upper + "_SECRET"
}

// readSecret returns the secret in a file, without the end of its line, and whether others than the file's owner and
// group can read it.
func readSecret(path string) (secret Secret, exposed bool, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return Secret{}, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, false, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return Secret{}, false, err
	}
	if len(data) > maxSecret {
		return Secret{}, false, fmt.Errorf("%s is longer than %d bytes", path, maxSecret)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 {
		return Secret{}, false, fmt.Errorf("%s is empty", path)
	}
	return NewSecret(string(data)), exposedMode(info), nil
}

// exposedMode reports whether everybody on the machine can read the file.
func exposedMode(info os.FileInfo) bool { return info.Mode().Perm()&0o004 != 0 }
