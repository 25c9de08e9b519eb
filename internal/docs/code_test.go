package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const module = "github.com/clavija/clavija"

// source is one Go file of the repository.
type source struct {
	dir       string // of its package
	forTests  bool   // no part of the server
	imports   []string
	functions []string
}

// sources reads all Go files of the repository. (Itself, not by go list, so that a cached result of the test is dropped when one of
// the files changes.)
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case entry.IsDir() && (base == "testdata" || len(base) > 1 && base[0] == '.'):
			return fs.SkipDir
		case path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		list = append(list, describe(name, file))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func describe(name string, file *ast.File) source {
	s := source{dir: path.Dir(name)}
	s.forTests = strings.HasSuffix(name, "_test.go") || strings.HasPrefix(s.dir, "internal/testkit/") ||
		s.dir == "internal/e2e" || s.dir == "internal/docs"
	for _, spec := range file.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil { // always: it was parsed
			s.imports = append(s.imports, imported)
		}
	}
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			s.functions = append(s.functions, f.Name.Name)
		}
	}
	return s
}

// TestPackages: dependencies between the packages run one way, as docs/architecture.md has them.
func TestPackages(t *testing.T) {
	t.Parallel()
	want := map[string][]string{}
	for _, row := range table(t, "docs/architecture.md", "Packages") {
		want[quoted(row[0])[0]] = quoted(row[2])
	}
	known := map[string]map[string]bool{}
	for _, s := range sources(t) {
		if s.forTests {
			continue
		}
		if known[s.dir] == nil {
			known[s.dir] = map[string]bool{}
		}
		for _, imported := range s.imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				known[s.dir][ours] = true
			}
		}
	}
	got := map[string][]string{}
	for dir, imported := range known {
		got[dir] = slices.Sorted(maps.Keys(imported))
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("docs/architecture.md -, imports +:\n%s", diff)
	}
}

// TestDependencies: docs/dependencies.md lists the modules that are imported, those of the server apart from those of the tests.
func TestDependencies(t *testing.T) {
	t.Parallel()
	server, others := map[string]bool{}, map[string]bool{}
	required := requirements(t, "go.mod")
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			switch owner := ownerOf(imported, required); {
			case owner == "":
			case s.forTests:
				others[owner] = true
			default:
				server[owner] = true
			}
		}
	}
	maps.DeleteFunc(others, func(name string, _ bool) bool { return server[name] })
	tools := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^tool (\S+)$`).FindAllStringSubmatch(read(t, "tools/go.mod"), -1) {
		tools[ownerOf(match[1], requirements(t, "tools/go.mod"))] = true
	}
	for heading, used := range map[string]map[string]bool{"Of the server": server, "Of the tests": others, "Tools": tools} {
		var listed []string
		for _, row := range table(t, "docs/dependencies.md", heading) {
			listed = append(listed, quoted(row[0])[0])
		}
		if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(used))); diff != "" {
			t.Errorf("docs/dependencies.md, %q -, imports +:\n%s", heading, diff)
		}
	}
}

// requirements returns the modules that a go.mod requires.
func requirements(t *testing.T, file string) []string {
	t.Helper()
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^(?:\t|require )(\S+) v\S+`).FindAllStringSubmatch(read(t, file), -1) {
		names = append(names, match[1])
	}
	return names
}

// ownerOf returns the module that has a package, "" for those of the standard library and our own.
func ownerOf(imported string, modules []string) string {
	owner := ""
	for _, m := range modules {
		if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(owner) {
			owner = m
		}
	}
	return owner
}

// TestNames: what the pages call a test, a benchmark or a file of this repository is there.
func TestNames(t *testing.T) {
	t.Parallel()
	functions := map[string]bool{}
	for _, s := range sources(t) {
		for _, name := range s.functions {
			functions[name] = true
		}
	}
	function := regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w+`)
	file := regexp.MustCompile(`^(?:\.ci|ami|cmd|docs|internal|protocol|scripts|tools)/\S+$`)
	for _, page := range pages(t) {
		text := read(t, page)
		for _, name := range function.FindAllString(text, -1) {
			if !functions[name] {
				t.Errorf("%s: there is no %s", page, name)
			}
		}
		_, prose := split(text)
		for _, name := range quoted(prose) {
			if !file.MatchString(name) {
				continue
			}
			if _, err := fs.Stat(os.DirFS(root), name); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestLogMessages: what docs/asterisk.md explains of the log is what the driver says.
func TestLogMessages(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	for _, pattern := range []string{"ami/*.go", "internal/asterisk/*.go", "internal/switchboard/*.go"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				said.WriteString(read(t, name))
			}
		}
	}
	fromElsewhere := []string{"connection refused", "i/o timeout", "EOF"}
	for _, row := range table(t, "docs/asterisk.md", "When something is wrong") {
		for _, message := range quoted(row[0]) {
			if !slices.Contains(fromElsewhere, message) && !strings.Contains(said.String(), message) {
				t.Errorf("docs/asterisk.md: nothing says %q", message)
			}
		}
	}
}

// table returns the rows of the tables under a heading of a page that begin with a code, a list of cells each.
func table(t *testing.T, page, heading string) [][]string {
	t.Helper()
	_, section, found := strings.Cut(read(t, page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"))
		}
	}
	return rows
}

// quoted returns what stands between backquotes.
func quoted(text string) []string {
	var list []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	return list
}
