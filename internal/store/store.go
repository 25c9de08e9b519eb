// Package store keeps what must outlive the server, in SQLite. Its queries are written so that PostgreSQL takes them too.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

const (
	databaseFile = "clavija.db"
	lockFile     = "clavija.lock"

	// maxConns bounds the connections of this process to the database.
	maxConns = 8
)

// Store is the database of one data directory. Its methods may be called from any goroutine, and several processes may
// have the same directory open.
type Store struct {
	db   *sql.DB
	path string
}

// Open opens the database in dir and brings its schema up to date. It makes what is missing, for its owner alone to read.
func Open(ctx context.Context, dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	path := filepath.Join(dir, databaseFile)
	s, err := openLocked(ctx, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), unlock())
	}
	if err := unlock(); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// openLocked opens the database while no other process does.
func openLocked(ctx context.Context, path string) (*Store, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	db, err := openFile(path, url.Values{
		"_busy_timeout": {"5000"}, // milliseconds
		"_foreign_keys": {"1"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"NORMAL"},
		"_txlock":       {"immediate"},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
	})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db: db, path: path}, nil
}

// Path returns where the database is.
func (s *Store) Path() string { return s.path }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// createPrivate makes the database file, or restricts the one that is there, so that only its owner can read it. SQLite
// gives the files that it puts beside it the same rights.
//
// A file that is there is not opened for it: to close it would drop the locks that SQLite holds on it in this process, see
// https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the directory
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, 0o600)
}

func openFile(path string, parameters url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: parameters.Encode()}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// lock keeps others from opening the database while it is created, set to its journal mode and migrated: SQLite and goose
// guard none of that against others who do the same. It is a transaction on a database of its own, which ends with the
// process at the latest.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	db, err := openFile(path, url.Values{
		"_busy_timeout": {"60000"}, // milliseconds
		"_txlock":       {"exclusive"},
	})
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), db.Close())
	}
	return func() error { return errors.Join(os.Chmod(path, 0o600), tx.Rollback(), db.Close()) }, nil
}
