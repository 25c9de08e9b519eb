package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clavija/clavija/internal/auth"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func supervisor(name string) auth.User {
	return auth.User{Name: name, Kind: auth.Supervisor, Account: "default", PasswordHash: "hash of " + name}
}

func agentUser(name, extension string) auth.User {
	return auth.User{Name: name, Kind: auth.Agent, Account: "default", PBX: "pbx1", Extension: extension, PasswordHash: "hash of " + name}
}

func mustAdd(t *testing.T, s *Store, u auth.User) auth.User {
	t.Helper()
	added, err := s.AddUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	before := time.Now().Truncate(time.Second)
	ana := mustAdd(t, s, supervisor("Ana"))
	if ana.ID == 0 || ana.Version != 1 || ana.CreatedAt.Before(before) || !ana.UpdatedAt.Equal(ana.CreatedAt) || ana.CreatedAt.Location() != time.UTC {
		t.Errorf("added %+v", ana)
	}
	want := supervisor("Ana")
	ignored := cmpopts.IgnoreFields(auth.User{}, "ID", "Version", "CreatedAt", "UpdatedAt")
	if diff := cmp.Diff(want, ana, ignored); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	got, err := s.UserByName(t.Context(), "aNA")
	if diff := cmp.Diff(ana, got); diff != "" || err != nil {
		t.Errorf("by name: %v (-want +got):\n%s", err, diff)
	}
	if _, err := s.AddUser(t.Context(), supervisor("ANA")); !errors.Is(err, ErrNameTaken) {
		t.Errorf("the same name in another case: %v", err)
	}
	if _, err := s.UserByName(t.Context(), "eva"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("unknown name: %v", err)
	}
	if err := s.SetPassword(t.Context(), ana, "new"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.UserByName(t.Context(), "ana"); err != nil || got.PasswordHash != "new" || got.Version != 2 {
		t.Errorf("with a new password: %+v, %v", got, err)
	}
	if err := s.RemoveUser(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"remove":   s.RemoveUser(t.Context(), ana),
		"password": s.SetPassword(t.Context(), ana, "x"),
	} {
		if !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("%s of a removed user: %v", name, err)
		}
	}
	if again := mustAdd(t, s, supervisor("Ana")); again.ID == ana.ID {
		t.Errorf("a user created anew has the old ID %d", again.ID)
	}
}

func TestSetAgent(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	mustAdd(t, s, supervisor("boss"))
	set := func(u auth.User) auth.User {
		t.Helper()
		former, err := s.SetAgent(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		return former
	}
	if former := set(agentUser("ana", "101")); former.ID != 0 {
		t.Errorf("the first agent replaced %+v", former)
	}
	first, err := s.Agent(t.Context(), "default", "pbx1", "101")
	if err != nil {
		t.Fatal(err)
	}
	if former := set(agentUser("Ana", "101")); former.ID != first.ID {
		t.Errorf("the same agent replaced %+v", former)
	}
	if second, err := s.UserByName(t.Context(), "ana"); err != nil || second.ID != first.ID || second.Version != 2 || second.Name != "Ana" {
		t.Errorf("after its second setting: %+v, %v", second, err)
	}
	if former := set(agentUser("eva", "101")); former.ID != first.ID {
		t.Errorf("another agent replaced %+v", former)
	}
	if _, err := s.UserByName(t.Context(), "ana"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("the former agent: %v", err)
	}
	for _, name := range []string{"EVA", "boss"} {
		if _, err := s.SetAgent(t.Context(), agentUser(name, "102")); !errors.Is(err, ErrNameTaken) {
			t.Errorf("%s of 101 for extension 102: %v", name, err)
		}
	}
	other := agentUser("eva.acme", "101")
	other.Account = "acme"
	if former := set(other); former.ID != 0 {
		t.Errorf("the same extension in another account replaced %+v", former)
	}
	if _, err := s.Agent(t.Context(), "default", "pbx1", "102"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("an extension without agent: %v", err)
	}
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for name, u := range map[string]auth.User{
		"kind":       {Name: "a", Kind: "janitor", Account: "default"},
		"agent":      {Name: "b", Kind: auth.Agent, Account: "default", PBX: "pbx1"},
		"supervisor": {Name: "c", Kind: auth.Supervisor, Account: "default", Extension: "1"},
		"account":    {Name: "d", Kind: auth.Supervisor},
	} {
		if _, err := s.AddUser(t.Context(), u); err == nil {
			t.Errorf("%s: %+v was stored", name, u)
		}
	}
}

func TestWaitUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	users, revision, err := server.WaitUsers(t.Context(), 0)
	if err != nil || len(users) != 0 || revision < 1 {
		t.Fatalf("of an empty database: %v, %d, %v", users, revision, err)
	}
	ana := supervisor("ana")
	steps := []struct {
		name   string
		change func() error
		want   int // users
	}{
		{"add", func() (err error) { ana, err = command.AddUser(t.Context(), ana); return err }, 1},
		{"password", func() error { return command.SetPassword(t.Context(), ana, "new") }, 1},
		{"own change", func() (err error) { _, err = server.SetAgent(t.Context(), agentUser("eva", "101")); return err }, 2},
		{"remove", func() error { return command.RemoveUser(t.Context(), ana) }, 1},
	}
	for _, step := range steps {
		type result struct {
			users    []auth.User
			revision int64
			err      error
		}
		seen := make(chan result)
		go func() {
			users, revision, err := server.WaitUsers(t.Context(), revision)
			seen <- result{users, revision, err}
		}()
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		got := <-seen
		if got.err != nil || len(got.users) != step.want || got.revision <= revision {
			t.Errorf("%s: %d users, revision %d after %d, %v", step.name, len(got.users), got.revision, revision, got.err)
		}
		revision = got.revision
	}
	eva, err := server.UserByName(t.Context(), "eva")
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Rehash(t.Context(), eva.ID, eva.Version, "dearer"); err != nil {
		t.Fatal(err)
	}
	if err := command.Rehash(t.Context(), eva.ID, eva.Version-1, "late"); err != nil {
		t.Fatal(err)
	}
	if got, err := server.UserByName(t.Context(), "eva"); err != nil || got.PasswordHash != "dearer" || got.Version != eva.Version {
		t.Errorf("after a new hash: %+v, %v", got, err)
	}
	if now, err := server.usersRevision(t.Context()); err != nil || now != revision {
		t.Errorf("a new hash is a change: revision %d after %d, %v", now, revision, err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b", "100% #1?")
	s := open(t, dir)
	mustAdd(t, s, supervisor("ana"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 3 { // database, log, lock
		t.Errorf("files: %v", entries)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", entry.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory is %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(s.Path(), 0o644); err != nil { //nolint:gosec // what is to be mended
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(s.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("after opening again the database is %v, %v", info.Mode(), err)
	}
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestOpenAtOnceByProcesses runs this test binary several times on one new directory, to add a user each.
func TestOpenAtOnceByProcesses(t *testing.T) {
	t.Parallel()
	const variable = "CLAVIJA_TEST_STORE_USER"
	if name := os.Getenv(variable); name != "" {
		mustAdd(t, open(t, "."), supervisor(name))
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const processes = 4
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestOpenAtOnceByProcesses$") //nolint:gosec // this very program
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=user%d", variable, i))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	if users, err := open(t, dir).Users(t.Context()); err != nil || len(users) != processes {
		t.Errorf("users %v, %v", users, err)
	}
}
