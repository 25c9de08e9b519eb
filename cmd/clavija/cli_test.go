package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"clavija": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true})
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args           string
		code           int
		stdout, stderr string // regular expressions
	}{
		{"", exitUsage, `^$`, `^clavija: expected one of "serve", "user", "agent", "version"`},
		{"--help", exitOK, `^Usage: clavija <command> \[flags\]`, `^$`},
		{"agent set -h", exitOK, `(?s)^Usage: clavija agent set --user=NAME <extension> \[flags\].*--pbx=NAME`, `^$`},
		{"version", exitOK, `^clavija \S+ go\S+ \w+/\w+\n$`, `^$`},
		{"usr list", exitUsage, `^$`, `^clavija: unexpected argument usr, did you mean "user"\? \(see clavija --help\)\n$`},
		{"user list --colour", exitUsage, `^$`, `^clavija: unknown flag --colour`},
		{"user add", exitUsage, `^$`, `^clavija: expected "<name>"`},
		{"agent set 101", exitUsage, `^$`, `^clavija: missing flags: --user=NAME`},
		{"user list --config /dev/null/x", exitFailed, `^$`, `^clavija: read configuration: `},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for pattern, got := range map[string]string{tt.stdout: stdout.String(), tt.stderr: stderr.String()} {
				if !regexp.MustCompile(pattern).MatchString(got) {
					t.Errorf("%q doesn't match %s", got, pattern)
				}
			}
		})
	}
}
