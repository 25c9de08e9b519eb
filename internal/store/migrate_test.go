package store

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

// rawDatabase opens the database in dir as it is.
func rawDatabase(t *testing.T, dir string) (*sql.DB, *goose.Provider) {
	t.Helper()
	db, err := openFile(filepath.Join(dir, databaseFile), url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	provider, err := migrations(db)
	if err != nil {
		t.Fatal(err)
	}
	return db, provider
}

// TestMigrateFromEach: a database of any earlier version can be opened.
func TestMigrateFromEach(t *testing.T) {
	t.Parallel()
	_, provider := rawDatabase(t, t.TempDir())
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	for version := range newest + 1 {
		dir := t.TempDir()
		_, provider := rawDatabase(t, dir)
		if version > 0 {
			if _, err := provider.UpTo(t.Context(), version); err != nil {
				t.Fatalf("up to version %d: %v", version, err)
			}
		}
		s := open(t, dir)
		mustAdd(t, s, supervisor("ana"))
		if got, err := provider.GetDBVersion(t.Context()); err != nil || got != newest {
			t.Errorf("from version %d to %d, want %d; %v", version, got, newest, err)
		}
	}
}

func TestMigrateFromNewer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	db, _ := rawDatabase(t, dir)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "schema is version 9999") {
		t.Errorf("a newer server's database: %v", err)
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := mustAdd(t, first, supervisor("ana"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, dir).UserByName(t.Context(), "ana"); err != nil || got != want {
		t.Errorf("after opening again: %+v, %v; want %+v", got, err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), filepath.Join("/dev/null", "data")); err == nil {
		t.Error("a directory below a file was made")
	}
}
