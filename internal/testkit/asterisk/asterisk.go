// Package asterisk runs real Asterisk servers for tests.
//
// They live in roots made by scripts/asterisk-lab.sh. Each [Server] has its own
// configuration, ports and directories, so that any number of them, of any
// version, run beside each other. The configuration in conf/ offers the phones
// and the dial plan that the tests play their scenarios on.
package asterisk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Version is a major version of Asterisk, such as "22".
type Version string

// The versions that the lab holds.
const (
	V16 Version = "16"
	V22 Version = "22"
)

// timeout bounds every wait of this package: on a busy machine Asterisk is up
// within two seconds.
const timeout = 20 * time.Second

// A Server is one running Asterisk. It ends with its test. It is for the use of
// one goroutine at a time.
type Server struct {
	tb testing.TB
	*instance
}

type instance struct {
	version  Version
	root     string // the lab's root of this version
	settings *settings
	process  *process
	admin    *stream // with all rights
}

// An Option changes a server's configuration before it starts.
type Option func(*settings)

// WithRights gives the AMI user the classes of events that it may read and of
// actions that it may write, as manager.conf has them: "system,call". "" is none.
// The default is what the README asks for: "system,call" and "call,originate".
func WithRights(read, write string) Option {
	return func(s *settings) { s.AMI.Read, s.AMI.Write = read, write }
}

// WithConfig replaces a configuration file, such as "queues.conf", or adds one.
// The text is a template as those in conf/ are.
func WithConfig(file, text string) Option {
	return func(s *settings) { s.files[file] = text }
}

// Each runs a test on every version of the lab, as subtests asterisk22 and asterisk16.
func Each(t *testing.T, test func(t *testing.T, version Version)) {
	t.Helper()
	for _, version := range []Version{V22, V16} {
		t.Run("asterisk"+string(version), func(t *testing.T) { test(t, version) })
	}
}

// Start runs an Asterisk and waits until it is fully booted. Where the lab is not
// installed the test is skipped, or fails if CI or CLAVIJA_REQUIRE_LAB is set.
func Start(tb testing.TB, version Version, options ...Option) *Server {
	tb.Helper()
	root := findRoot(tb, version)
	settings, err := newSettings(root, reservePorts(tb), options)
	if err != nil {
		tb.Fatalf("asterisk %s: %v", version, err)
	}
	s := &Server{tb, &instance{version: version, root: root, settings: settings}}
	tb.Cleanup(func() {
		s.end()
		if tb.Failed() {
			tb.Logf("log of asterisk %s:\n%s", version, tail(s.Log(), 300))
		}
		if err := os.RemoveAll(s.dir()); err != nil {
			tb.Errorf("asterisk %s: %v", version, err)
		}
	})
	if err := settings.write(s.dir()); err != nil {
		tb.Fatalf("asterisk %s: %v", version, err)
	}
	s.start()
	return s
}

// With returns the same server for the use of a subtest, which fails instead of its parent.
func (s *Server) With(tb testing.TB) *Server {
	tb.Helper()
	return &Server{tb, s.instance}
}

// Version returns which Asterisk it is.
func (s *Server) Version() Version { return s.version }

// AMIAddress returns the host:port of the manager interface.
func (s *Server) AMIAddress() string { return loopback(s.settings.AMIPort) }

// AMIUser returns the name of the manager user whose rights [WithRights] sets.
func (s *Server) AMIUser() string { return s.settings.AMI.User }

// AMISecret returns that user's secret.
func (s *Server) AMISecret() string { return s.settings.AMI.Secret }

// SIPAddress returns the host:port of the SIP transport, UDP.
func (s *Server) SIPAddress() string { return loopback(s.settings.SIPPort) }

// Password returns the SIP password of every phone.
func (s *Server) Password() string { return password }

// CLI runs a command on Asterisk's console and returns what it prints.
func (s *Server) CLI(command string) string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	out, err := s.command(ctx, "-rx", command).Output()
	if err != nil {
		s.tb.Fatalf("asterisk -rx %q: %v", command, err)
	}
	return string(out)
}

// Kill ends Asterisk at once, as a crash does.
func (s *Server) Kill() {
	s.tb.Helper()
	s.end()
}

// Stop ends Asterisk in order, hanging up all calls.
func (s *Server) Stop() {
	s.tb.Helper()
	s.admin.close()
	s.admin = nil
	if err := s.process.stop(); err != nil {
		s.tb.Fatalf("stop asterisk: %v", err)
	}
	s.process = nil
}

// Restart runs Asterisk again, on the same ports, ending it first if it runs.
func (s *Server) Restart() {
	s.tb.Helper()
	if s.process != nil {
		s.Stop()
	}
	s.start()
}

// Freeze stops Asterisk's process without ending it: its connections stay open
// and say nothing.
func (s *Server) Freeze() {
	s.tb.Helper()
	if err := s.process.freeze(); err != nil {
		s.tb.Fatalf("freeze asterisk: %v", err)
	}
}

// Thaw lets a frozen Asterisk go on.
func (s *Server) Thaw() {
	s.tb.Helper()
	if err := s.process.thaw(); err != nil {
		s.tb.Fatalf("thaw asterisk: %v", err)
	}
}

// WriteConfig replaces a configuration file, or adds one. It counts from the next
// [Server.Reload] or [Server.Restart].
func (s *Server) WriteConfig(file, text string) {
	s.tb.Helper()
	if err := s.settings.writeFile(s.dir(), file, text); err != nil {
		s.tb.Fatalf("write configuration: %v", err)
	}
}

// Config returns the text of a configuration file as it stands.
func (s *Server) Config(file string) string {
	s.tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir(), "etc", filepath.Base(file)))
	if err != nil {
		s.tb.Fatalf("read configuration: %v", err)
	}
	return string(text)
}

// Reload makes Asterisk read its configuration again and waits until it has: that
// of the given modules, such as "pbx_config.so", or all of it.
func (s *Server) Reload(modules ...string) {
	s.tb.Helper()
	if len(modules) == 0 {
		s.CLI("core reload")
	}
	for _, module := range modules {
		s.CLI("module reload " + module)
	}
}

// Log returns what Asterisk has logged.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir(), "log", "full"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// dir is the instance's directory as the test sees it.
func (s *Server) dir() string { return filepath.Join(s.root, s.settings.Dir) }

// start runs the process and waits until it answers and has booted.
func (s *Server) start() {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	p, err := startProcess(s.command(context.Background(), "-f"))
	if err != nil {
		s.tb.Fatalf("start asterisk %s: %v", s.version, err)
	}
	s.process = p
	if s.admin, err = s.login(ctx); err != nil {
		s.tb.Fatalf("start asterisk %s: %v", s.version, err)
	}
}

// login tries to connect to the manager interface until it can, or until Asterisk
// ends, and returns when Asterisk is fully booted.
func (s *Server) login(ctx context.Context) (*stream, error) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		admin, err := dialStream(ctx, s.AMIAddress(), s.settings.Admin)
		if err == nil {
			// Asterisk lets in before it has booted.
			_, err = admin.await(ctx, 0, "Event: FullyBooted\r\n")
			return admin, err
		}
		if !isRefused(err) {
			return nil, err
		}
		select {
		case <-s.process.done:
			return nil, errors.New("it ended")
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

func (s *Server) end() {
	if s.admin != nil {
		s.admin.close()
		s.admin = nil
	}
	if s.process != nil {
		s.process.kill()
		s.process = nil
	}
}

// findRoot returns the root of a version, or skips the test.
func findRoot(tb testing.TB, version Version) string {
	tb.Helper()
	lab := os.Getenv("CLAVIJA_LAB")
	if lab == "" {
		lab = "/var/cache/clavija-lab"
	}
	root := filepath.Join(lab, "asterisk-"+string(version))
	var reason string
	if os.Geteuid() != 0 {
		reason = "running Asterisk in its root needs the rights of root"
	} else if _, err := os.Stat(filepath.Join(root, executable)); err != nil {
		reason = fmt.Sprintf("Asterisk %s is not installed in %s", version, root)
	}
	if reason == "" {
		return root
	}
	reason += "; as root: scripts/asterisk-lab.sh install " + string(version)
	if required() {
		tb.Fatal(reason)
	}
	tb.Skip(reason)
	return ""
}

func required() bool {
	for _, name := range []string{"CI", "CLAVIJA_REQUIRE_LAB"} {
		if on, err := strconv.ParseBool(os.Getenv(name)); err == nil && on {
			return true
		}
	}
	return false
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
