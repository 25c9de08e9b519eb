package scenario_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/clavija/clavija/internal/testkit/asterisk"
	"github.com/clavija/clavija/internal/testkit/asterisk/scenario"
)

// TestScenarios plays every scenario on every version. With CLAVIJA_CAPTURE set it
// writes what AMI said to files below that directory.
func TestScenarios(t *testing.T) {
	dir := os.Getenv("CLAVIJA_CAPTURE")
	asterisk.Each(t, func(t *testing.T, version asterisk.Version) {
		t.Parallel()
		server := asterisk.Start(t, version)
		for _, s := range scenario.All() {
			t.Run(s.Name, func(t *testing.T) {
				lab := scenario.New(t, server)
				if dir != "" {
					capture(t, server.With(t), filepath.Join(dir, string(version), s.Name))
				}
				s.Run(lab)
			})
		}
	})
}

func capture(t *testing.T, server *asterisk.Server, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	own, all := server.Capture(), server.CaptureAll()
	t.Cleanup(func() {
		for name, capture := range map[string]*asterisk.Capture{file + ".ami": own, file + ".all.ami": all} {
			if err := os.WriteFile(name, []byte(capture.Stop()), 0o644); err != nil {
				t.Error(err)
			}
		}
	})
}
