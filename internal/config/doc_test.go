package config

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const docFile = "../../docs/configuration.md"

// docBlocks returns the TOML examples of the documentation.
func docBlocks(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^```toml\n(.*?)^```$").FindAllStringSubmatch(string(doc), -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	blocks := docBlocks(t)
	if len(blocks) < 4 {
		t.Fatalf("%s has only %d examples", docFile, len(blocks))
	}
	for _, block := range blocks {
		c, err := LoadWithoutSecrets(write(t, block))
		if err != nil {
			t.Errorf("%v in\n%s", err, block)
			continue
		}
		if len(c.Warnings) > 0 {
			t.Errorf("warnings %q of\n%s", c.Warnings, block)
		}
	}
}

// TestDocumentedDefaults: one example has every key (but secret, which secret_file excludes), and the defaults where there
// are any.
func TestDocumentedDefaults(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(docBlocks(t), func(block string) bool { return strings.HasPrefix(block, "data_dir") })
	block := docBlocks(t)[i]
	meta, err := toml.Decode(block, &map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{"pbx.secret": true}
	for _, key := range meta.Keys() {
		documented[key.String()] = true
	}
	known := map[string]bool{}
	allKeys("", reflect.TypeFor[Config](), known)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("keys (-known +documented):\n%s", diff)
	}

	path := write(t, block)
	got, err := LoadWithoutSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := LoadWithoutSecrets(write(t, pbx("a")))
	if err != nil {
		t.Fatal(err)
	}
	want.WebSocket.Origins = []string{}
	type values struct {
		Listen               Listen
		WebSocket            WebSocket
		Log                  Log
		Refresh, RingTimeout time.Duration
	}
	defaults := func(c *Config) values {
		return values{c.Listen, c.WebSocket, c.Log, c.PBXs[0].Refresh, c.PBXs[0].RingTimeout}
	}
	if diff := cmp.Diff(defaults(want), defaults(got)); diff != "" {
		t.Errorf("defaults (-true +documented):\n%s", diff)
	}
}

// allKeys gathers the keys that the type has in a file.
func allKeys(table string, t reflect.Type, keys map[string]bool) {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for field := range t.Fields() {
		if name := field.Tag.Get("toml"); name != "" && name != "-" {
			keys[child(table, name)] = true
			allKeys(child(table, name), field.Type, keys)
		}
	}
}
