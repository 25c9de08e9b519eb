package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/protocol"
)

const root = "../.." // of the repository

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages returns the names of all pages of documentation.
func pages(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages %s: %v", pattern, err)
		}
		names = append(names, found...)
	}
	return names
}

// block is an example: what stands between two fences.
type block struct{ language, text string }

// split returns a page's examples, and the rest of it.
func split(page string) (blocks []block, prose string) {
	fence := regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	for _, match := range fence.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, block{match[1], match[2]})
	}
	return blocks, fence.ReplaceAllString(page, "")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		_, prose := split(read(t, page))
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose, -1) {
			if link := match[1]; !strings.HasPrefix(link, "https://") {
				checkLink(t, page, link)
			}
		}
	}
}

// checkLink looks for a link's file, and for the heading in it.
func checkLink(t *testing.T, page, link string) {
	t.Helper()
	name, anchor, _ := strings.Cut(link, "#")
	target := page
	if name != "" {
		target = filepath.Join(filepath.Dir(page), name)
	}
	if _, err := os.Stat(filepath.Join(root, target)); err != nil {
		t.Errorf("%s: dead link %s: %v", page, link, err)
		return
	}
	if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
		t.Errorf("%s: no heading for the link %s", page, link)
	}
}

// anchors returns how a page's headings are linked to, in the way of the code hosts.
func anchors(page string) []string {
	_, prose := split(page)
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose, -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return all
}

// TestConfigurations: every example of a configuration is one.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		blocks, _ := split(read(t, page))
		for _, b := range blocks {
			if b.language != "toml" {
				continue
			}
			file := filepath.Join(t.TempDir(), "clavija.toml")
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.LoadWithoutSecrets(file); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, b.text)
			}
		}
	}
}

// TestConversations: in a terminal's "< " and "> ", both sides understand one another.
func TestConversations(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, page := range pages(t) {
		blocks, _ := split(read(t, page))
		for _, b := range blocks {
			if b.language != "console" {
				continue
			}
			for line := range strings.Lines(b.text) {
				seen++
				checkMessage(t, page, strings.TrimSpace(line))
			}
		}
	}
	if seen == 0 {
		t.Error("no page has a conversation")
	}
}

// checkMessage reads one line of a conversation as the one who receives it, and expects the sender to write it like that.
func checkMessage(t *testing.T, page, line string) {
	t.Helper()
	message, fromServer := strings.CutPrefix(line, "< ")
	var written []byte
	if fromServer {
		m, err := protocol.Decode([]byte(message))
		if err != nil {
			t.Errorf("%s: %v in %s", page, err, line)
			return
		}
		written = m.AppendJSON(nil)
	} else {
		message = strings.TrimPrefix(line, "> ")
		request, wrong := protocol.ParseRequest([]byte(message))
		if wrong != nil {
			t.Errorf("%s: %s in %s", page, wrong.Message, line)
			return
		}
		written = request.AppendJSON(nil)
	}
	if diff := cmp.Diff(message, string(written)); diff != "" {
		t.Errorf("%s: page -, written +:\n%s", page, diff)
	}
}

// TestTranslation: the Spanish README has the examples of the English one, in their order.
func TestTranslation(t *testing.T) {
	t.Parallel()
	examples := func(page string) []string {
		var texts []string
		blocks, _ := split(read(t, page))
		for _, b := range blocks {
			if b.language != "text" { // pictures have words in them
				texts = append(texts, b.language+"\n"+b.text)
			}
		}
		return texts
	}
	if diff := cmp.Diff(examples("README.md"), examples("README.es.md")); diff != "" {
		t.Errorf("README.md -, README.es.md +:\n%s", diff)
	}
}
