package asterisk_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the installer runs, without the download: a root is a directory in which a
// file says what its Asterisk is.
const (
	stubID          = "#!/bin/sh\necho \"${STUB_UID:-0}\"\n"
	stubChroot      = "#!/bin/sh\ncat \"$1/version\" 2>/dev/null\n"
	stubDebootstrap = `#!/bin/sh
echo "$@" >>"$STUB_CALLS"
mkdir -p "$4/var/cache/apt/archives"
touch "$4/var/cache/apt/archives/asterisk.deb"
[ -z "${STUB_FAILURE:-}" ] || { echo "$STUB_FAILURE"; exit 1; }
echo "$STUB_VERSION" >"$4/version"
`
)

// An installer runs scripts/asterisk-lab.sh with those.
type installer struct {
	lab, calls string
	env        []string
}

func newInstaller(t *testing.T) *installer {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"id": stubID, "chroot": stubChroot, "debootstrap": stubDebootstrap} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	i := &installer{lab: filepath.Join(dir, "lab"), calls: filepath.Join(dir, "calls")}
	i.env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CLAVIJA_LAB="+i.lab, "STUB_CALLS="+i.calls)
	return i
}

func (i *installer) run(t *testing.T, env []string, args ...string) (output string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../../scripts/asterisk-lab.sh", args...)
	cmd.Env = slices.Concat(i.env, env)
	out, err := cmd.CombinedOutput()
	t.Logf("%v: %v\n%s", args, err, out)
	return string(out), err == nil
}

func (i *installer) installed(version string) bool {
	_, err := os.Stat(filepath.Join(i.lab, "asterisk-"+version))
	return err == nil
}

func TestInstall(t *testing.T) {
	t.Parallel()
	const v22, v16 = "STUB_VERSION=Asterisk 22.10.1", "STUB_VERSION=Asterisk 16.28.0"
	tests := []struct {
		name     string
		env      []string
		args     []string
		want     string // in the output
		ok, made bool
	}{
		{"first time", []string{v22}, []string{"install", "22"}, "Asterisk 22.10.1 is installed", true, true},
		{"download fails", []string{"STUB_FAILURE=no route"}, []string{"install", "22"}, "no route", false, false},
		{"release has moved on", []string{"STUB_VERSION=Asterisk 23.1.0"}, []string{"install", "22"}, "no longer has Asterisk 22", false, false},
		{"unknown version", []string{v22}, []string{"install", "22", "18"}, "no Debian release is known to have Asterisk 18", false, false},
		{"not root", []string{v16, "STUB_UID=1000"}, []string{"install", "22"}, "as root", false, false},
		{"no command", nil, nil, "usage", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := newInstaller(t)
			output, ok := i.run(t, test.env, test.args...)
			if ok != test.ok || !strings.Contains(output, test.want) || i.installed("22") != test.made {
				t.Errorf("got ok %v, installed %v; want %v, %v and %q in the output", ok, i.installed("22"), test.ok, test.made, test.want)
			}
			if leftover, _ := filepath.Glob(filepath.Join(i.lab, ".unfinished*")); leftover != nil {
				t.Errorf("left over: %v", leftover)
			}
		})
	}
}

func TestInstallTwice(t *testing.T) {
	t.Parallel()
	i := newInstaller(t)
	unfinished := filepath.Join(i.lab, ".unfinished-16", "etc")
	if err := os.MkdirAll(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		env := []string{"STUB_VERSION=Asterisk 16.28.0", "CLAVIJA_DEBIAN_MIRROR=http://mirror.test/debian"}
		if output, ok := i.run(t, env, "install", "16"); !ok {
			t.Fatal(output)
		}
	}
	calls, err := os.ReadFile(i.calls)
	if err != nil {
		t.Fatal(err)
	}
	want := "--variant=minbase --include=asterisk bullseye " + i.lab + "/.unfinished-16 http://mirror.test/debian\n"
	if string(calls) != want {
		t.Errorf("debootstrap was run as %q, want once %q", calls, want)
	}
	if _, err := os.Stat(filepath.Join(i.lab, "asterisk-16", "etc")); err == nil {
		t.Error("a half installation was taken for a part of a whole one")
	}
}
