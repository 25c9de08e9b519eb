package asterisk_test

import (
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/clavija/clavija/internal/testkit/asterisk"
)

func TestStart(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		first, second := asterisk.Start(t, version), asterisk.Start(t, version)
		if first.AMIAddress() == second.AMIAddress() || first.SIPAddress() == second.SIPAddress() {
			t.Errorf("two servers share an address: %s, %s", first.AMIAddress(), second.SIPAddress())
		}
		want := "Asterisk " + string(version) + "."
		if got := first.CLI("core show version"); !strings.HasPrefix(got, want) {
			t.Errorf("it is %q, want %s", got, want)
		}
		for _, unwanted := range []string{"ERROR", "WARNING"} {
			if strings.Contains(second.Log(), unwanted) {
				t.Errorf("the log has an %s:\n%s", unwanted, second.Log())
			}
		}
	})
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := asterisk.Start(t, version)
		address := s.AMIAddress()
		s.Capture()
		for name, end := range map[string]func(){"killed": s.Kill, "stopped": s.Stop} {
			end()
			var dialer net.Dialer
			if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
				_ = conn.Close()
				t.Errorf("%s: somebody still listens", name)
			}
			s.Restart()
			if s.AMIAddress() != address {
				t.Errorf("%s: it came back as %s, want %s", name, s.AMIAddress(), address)
			}
			s.Capture().Await(t.Context(), "Event: FullyBooted")
		}
		s.Restart() // also while it runs
		s.Capture()
	})
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := asterisk.Start(t, version)
		c := s.Capture()
		s.Freeze()
		s.Thaw()
		c.Action("Action: Ping\r\n")
		s.Freeze() // and it ends nevertheless
	})
}

func TestReload(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := asterisk.Start(t, version)
		plan := s.Config("extensions.conf")
		s.WriteConfig("extensions.conf", strings.ReplaceAll(plan, "exten => 105,hint,", "exten => 150,hint,"))
		mark := s.Mark()
		s.Reload("pbx_config.so")
		s.AwaitEvent(t.Context(), mark, "Event: Reload\r\n", "Module: pbx_config.so\r\n")
		hints := s.CLI("core show hints")
		if !strings.Contains(hints, "150@from-internal") || strings.Contains(hints, "105@from-internal") {
			t.Errorf("the hints are not the new ones:\n%s", hints)
		}
		s.WriteConfig("extensions.conf", plan)
		s.Reload()
		if hints := s.CLI("core show hints"); !strings.Contains(hints, "105@from-internal") {
			t.Errorf("the hints are not the old ones:\n%s", hints)
		}
	})
}

func TestRights(t *testing.T) {
	t.Parallel()
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		s := asterisk.Start(t, version, asterisk.WithRights("system", "call"))
		c := s.Capture()
		for action, want := range map[string]string{
			"Status":    "Response: Success",
			"Originate": "Message: Permission denied",
		} {
			if got := c.Action("Action: " + action + "\r\n"); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %s", action, got, want)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	s := asterisk.Start(t, asterisk.V22, asterisk.WithConfig("queues.conf", "[own]\nmember => PJSIP/101\n; {{.AMIPort}}\n"))
	if got := s.CLI("queue show"); !strings.Contains(got, "own") || strings.Contains(got, "support") {
		t.Errorf("the queues are not the given ones:\n%s", got)
	}
	_, port, err := net.SplitHostPort(s.AMIAddress())
	if err != nil || !strings.Contains(s.Config("queues.conf"), "; "+port) {
		t.Errorf("the file is not filled in with port %s: %q", port, s.Config("queues.conf"))
	}
}

// recorder is a test that only remembers whether it was skipped or failed.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.skipped = args[0].(string)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.failed = args[0].(string)
	runtime.Goexit()
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("CLAVIJA_LAB", t.TempDir())
	start := func(ci, require string) *recorder {
		t.Setenv("CI", ci)
		t.Setenv("CLAVIJA_REQUIRE_LAB", require)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			asterisk.Start(r, asterisk.V22)
		}()
		<-done
		return r
	}
	const hint = "scripts/asterisk-lab.sh install 22"
	if r := start("", ""); !strings.Contains(r.skipped, hint) || r.failed != "" {
		t.Errorf("at home: skipped %q, failed %q", r.skipped, r.failed)
	}
	for _, r := range []*recorder{start("true", ""), start("", "1")} {
		if !strings.Contains(r.failed, hint) || r.skipped != "" {
			t.Errorf("in CI: skipped %q, failed %q", r.skipped, r.failed)
		}
	}
}
