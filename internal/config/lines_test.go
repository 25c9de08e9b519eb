package config

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

func TestIndexLines(t *testing.T) {
	t.Parallel()
	got := indexLines(`# a comment = "x"
top = "a # b" # c
"quoted \u006bey".'and.more' = 1
multi = """
[not.a.table]
\""" still """""
literal = '''
x = 1'''
array = [ # one
  1, "]", # ]
  [2,
   3],
  {a = 1, b = {c = "}"}},
]
[table.sub]
date = 1979-05-27 07:32:00
[[list]]
a = 1
[[list.inner]]
b = 1
[[list]]
a = 2
[[list.inner]]
[[list.inner]]
b = 2
`)
	want := lineIndex{
		"top":                     2,
		`"quoted key"`:            3,
		`"quoted key"."and.more"`: 3,
		"multi":                   4,
		"literal":                 7,
		"array":                   9,
		"array[0]":                10,
		"array[1]":                10,
		"array[2]":                11,
		"array[2][0]":             11,
		"array[2][1]":             12,
		"array[3]":                13,
		"array[3].a":              13,
		"array[3].b":              13,
		"array[3].b.c":            13,
		"table":                   15,
		"table.sub":               15,
		"table.sub.date":          16,
		"list":                    17,
		"list[0]":                 17,
		"list[0].a":               18,
		"list[0].inner":           19,
		"list[0].inner[0]":        19,
		"list[0].inner[0].b":      20,
		"list[1]":                 21,
		"list[1].a":               22,
		"list[1].inner":           23,
		"list[1].inner[0]":        23,
		"list[1].inner[1]":        24,
		"list[1].inner[1].b":      25,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for path, line := range map[string]int{"list[1].missing": 21, "list[1].inner[1].x[3]": 24, "nowhere": 0} {
		if got := got.of(path); got != line {
			t.Errorf("%s is taken to be on line %d, want %d", path, got, line)
		}
	}
}

// FuzzIndexLines: everything in a document that the decoder takes has a line, whatever it looks like; and whatever isn't
// one does no harm.
func FuzzIndexLines(f *testing.F) {
	f.Add("a = 1\n[b]\nc.d = [1, {e = '''x'''}]\n[[f]]\n[[f.g]]\nh = \"\"\"\n\"\"\"\n")
	f.Add("\ufeff\"a\\\"b\" = [[1],\r\n[2]] # x\r\n")
	f.Add("a = [{b = [{c = 1}]}]\n[x.y]\n[x]\nz = 1979-05-27 07:32:00\n")
	f.Add("[[[=\"\"\"")
	f.Fuzz(func(t *testing.T, doc string) {
		lines := indexLines(doc)
		var values map[string]any
		if _, err := toml.Decode(doc, &values); err != nil {
			return
		}
		most := strings.Count(doc, "\n") + 1
		var check func(path string, value any)
		check = func(path string, value any) {
			if line := lines[path]; path != "" && (line < 1 || line > most) {
				t.Errorf("%s is on line %d of %d", path, line, most)
			}
			switch v := value.(type) {
			case map[string]any:
				for key, value := range v {
					check(child(path, key), value)
				}
			case []map[string]any:
				for i, value := range v {
					check(element(path, i), value)
				}
			case []any:
				for i, value := range v {
					check(element(path, i), value)
				}
			}
		}
		check("", values)
	})
}
