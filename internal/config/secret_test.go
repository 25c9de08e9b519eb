package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

func unwrapAll(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

func TestSecretSources(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		lines    string // of the PBX, "%s" is the path of a file
		file     string // what the file holds
		mode     os.FileMode
		env      []string
		want     string
		warnings int
		err      string
	}{
		{name: "inline", lines: `secret = "s1"`, want: "s1"},
		{name: "file", lines: `secret_file = "%s"`, file: "s2\n", want: "s2"},
		{name: "file of Windows", lines: `secret_file = "%s"`, file: "s2\r\n", want: "s2"},
		{name: "relative file", lines: `secret_file = "near"`, want: "near by"},
		{name: "file of the group", lines: `secret_file = "%s"`, file: "s2", mode: 0o640, want: "s2"},
		{name: "file of everybody", lines: `secret_file = "%s"`, file: "s2", mode: 0o644, want: "s2", warnings: 1},
		{name: "environment", env: []string{"CLAVIJA_PBX_OUR_PBX_1_SECRET", "s3"}, want: "s3"},
		{name: "none", err: `PBX "our.pbx-1" has no secret: give secret, secret_file or the environment variable CLAVIJA_PBX_OUR_PBX_1_SECRET`},
		{name: "none but empty ones", lines: `secret = ""`, env: []string{"CLAVIJA_PBX_OUR_PBX_1_SECRET", ""}, err: "has no secret"},
		{name: "file and environment", lines: `secret_file = "%s"`, file: "x", env: []string{"CLAVIJA_PBX_OUR_PBX_1_SECRET", "s3"}, err: "has two secrets"},
		{name: "inline and environment", lines: `secret = "x"`, env: []string{"CLAVIJA_PBX_OUR_PBX_1_SECRET", "s3"}, err: "has two secrets"},
		{name: "no file", lines: `secret_file = "nowhere"`, err: `secret of PBX "our.pbx-1": open `},
		{name: "empty file", lines: `secret_file = "%s"`, file: "\n", err: "is empty"},
		{name: "long file", lines: `secret_file = "%s"`, file: strings.Repeat("x", maxSecret+1), err: "is longer than 4096 bytes"},
		{name: "two lines", lines: `secret_file = "%s"`, file: "s2\nAction: Logoff", err: "holds a line end"},
		{name: "inline line end", lines: `secret = "a\r\nb"`, err: "holds a line end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.mode != 0 {
				if err := os.Chmod(file, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			path := write(t, pbx("our.pbx-1", strings.Replace(tt.lines, "%s", file, 1)))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "near"), []byte("near by"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := load(path, environ(tt.env...))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v; want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.PBXs[0].Secret.Reveal(); got != tt.want {
				t.Errorf("secret %q, want %q", got, tt.want)
			}
			if len(c.Warnings) != tt.warnings {
				t.Errorf("warnings %q, want %d", c.Warnings, tt.warnings)
			}
		})
	}
}

func TestSecretOfTwoPBXs(t *testing.T) {
	t.Parallel()
	path := write(t, pbx("a-b")+pbx("a_b"))
	_, err := load(path, environ("CLAVIJA_PBX_A_B_SECRET", "x"))
	if err == nil || !strings.Contains(err.Error(), `:10: the environment variable CLAVIJA_PBX_A_B_SECRET would be the secret of both PBX "a-b" and "a_b"`) {
		t.Errorf("error %v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	path := write(t, pbx("a", `secret = "x"`, `tls_server_name = "y"`))
	if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // what is warned of
		t.Fatal(err)
	}
	c, err := load(path, environ())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`PBX "a": tls_ca_file and tls_server_name do nothing without tls = true`,
		path + " holds a secret and everybody on this machine can read it: chmod 640 it, or use secret_file",
	}
	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	c := Default()
	c.PBXs = []PBX{{Name: "a", Secret: NewSecret(password)}}
	hidden := struct{ c Config }{*c}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", c, hidden, c.PBXs[0].Secret)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("configured", "config", c, "pbx", c.PBXs[0], "secret", c.PBXs[0].Secret)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	if err := toml.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{password, fmt.Sprintf("%x", password)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret is shown:\n%s", &out)
		}
	}
}
