package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/server"
)

// serveCmd runs the server.
type serveCmd struct{}

// Help is what "clavija serve --help" adds.
func (serveCmd) Help() string {
	return `SIGHUP reads the configuration again and takes up what can be: log level, limits, origins, PBXs and accounts.
SIGINT and SIGTERM say goodbye to the clients and end the server within seconds; a second one ends it at once.`
}

// Run is called for "clavija serve".
func (serveCmd) Run(ctx context.Context, a *app) error {
	hangups := make(chan os.Signal, 1) // from the first moment: until they are caught, they end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	cfg, err := a.config(config.Load)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	log := newLog(a.stderr, cfg.Log.Format, level)
	warn(log, cfg)
	s, err := server.Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on, a second signal ends the process as if there were no server
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				reload(a, s, level, log)
			}
		}
	})
	err = s.Run(ctx)
	stop()
	reloads.Wait()
	return err
}

// reload takes the configuration up again. One that is wrong changes nothing.
func reload(a *app, s *server.Server, level *slog.LevelVar, log *slog.Logger) {
	cfg, err := a.config(config.Load)
	if err == nil {
		err = s.Reload(cfg)
	}
	if err != nil {
		log.Error("configuration not taken up; the former one stays", "err", err)
		return
	}
	level.Set(cfg.Log.Level)
	warn(log, cfg)
}

func warn(log *slog.Logger, cfg *config.Config) {
	for _, warning := range cfg.Warnings {
		log.Warn("configuration allowed but unwise", "warning", warning)
	}
	if len(cfg.PBXs) == 0 {
		log.Warn("no PBX is configured: there is nothing to follow", "advice", "add a [[pbx]] to the configuration")
	}
}

func newLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
