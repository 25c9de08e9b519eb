package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/server"
)

// load returns the configuration of a server in dir, with a line of its own.
func load(t *testing.T, dir, line string) *config.Config {
	t.Helper()
	path := filepath.Join(dir, "clavija.toml")
	if err := os.WriteFile(path, []byte(line+"\n[listen]\nplain = \"127.0.0.1:0\"\ntls = \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestReloadSaysWhatOnlyARestartCanChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var text bytes.Buffer
	s, err := server.Open(t.Context(), load(t, dir, ""), slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line  string
		warns bool
	}{
		{"", false},
		{`log.format = "json"`, true},
		{`log.format = "json"`, true}, // it is still not in force
		{"", false},
		{`data_dir = "elsewhere"`, true},
		{`websocket.max_connections = 5`, false},
	} {
		text.Reset()
		if err := s.Reload(load(t, dir, tt.line)); err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(text.String(), "restart"); warned != tt.warns {
			t.Errorf("%q: warned: %v", tt.line, warned)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ended); err != nil {
		t.Error(err)
	}
}
