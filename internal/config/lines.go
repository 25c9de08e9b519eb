package config

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// lineIndex tells on which line of a document each of its keys stands, by the key's path, such as "pbx[1].secret".
type lineIndex map[string]int

// of returns the line of path, or else of the nearest thing around it: for a key that is missing, of its table.
func (l lineIndex) of(path string) int {
	for path != "" {
		if line, ok := l[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}

// child returns the path of a table's key.
func child(table, key string) string {
	if table == "" {
		return toml.Key{key}.String()
	}
	return table + "." + toml.Key{key}.String()
}

// element returns the path of an array's i-th element.
func element(array string, i int) string { return array + "[" + strconv.Itoa(i) + "]" }

// indexLines reads a document that the TOML decoder has accepted. The decoder says where something stands only when it
// can't parse it, which is too little for an unknown key or a value that is out of bounds.
func indexLines(doc string) lineIndex {
	s := lineScanner{src: strings.TrimPrefix(doc, "\ufeff"), line: 1, index: lineIndex{}, tables: map[string]int{}}
	s.document()
	return s.index
}

// lineScanner walks over a document without looking at what values mean. Whatever the document, it ends.
type lineScanner struct {
	src    string // what is still to be read
	line   int    // the line on which src begins
	index  lineIndex
	tables map[string]int // how many elements each array of tables has so far, by the array's path
}

func (s *lineScanner) document() {
	table := ""
	for s.skipSpace(); s.src != ""; s.skipSpace() {
		switch {
		case s.take("[["):
			table = s.resolve("", s.key(), true)
			s.take("]]")
		case s.take("["):
			table = s.resolve("", s.key(), false)
			s.take("]")
		default:
			s.pair(table)
		}
	}
}

// resolve returns the path that a key of some parts means inside table, noting the line of what is new; of an array of
// tables it is the newest element, or, with add, one more.
func (s *lineScanner) resolve(table string, parts []string, add bool) string {
	path := table
	for i, part := range parts {
		path = child(path, part)
		s.note(path)
		if add && i == len(parts)-1 {
			s.tables[path]++
		}
		if n := s.tables[path]; n > 0 {
			path = element(path, n-1)
			s.note(path)
		}
	}
	return path
}

func (s *lineScanner) note(path string) {
	if _, ok := s.index[path]; !ok {
		s.index[path] = s.line
	}
}

// pair reads key = value.
func (s *lineScanner) pair(table string) {
	path := s.resolve(table, s.key(), false)
	s.skipSpace()
	if !s.take("=") {
		s.advance(1)
		return
	}
	s.skipSpace()
	s.value(path)
}

func (s *lineScanner) value(path string) {
	switch {
	case s.take(`"""`):
		s.quoted(`"""`, true)
	case s.take("'''"):
		s.quoted("'''", false)
	case s.take(`"`):
		s.quoted(`"`, true)
	case s.take("'"):
		s.quoted("'", false)
	case s.take("["):
		for i := 0; s.more("]"); i++ {
			s.note(element(path, i))
			s.value(element(path, i))
		}
	case s.take("{"):
		for s.more("}") {
			s.pair(path)
		}
	default:
		s.advance(max(len(s.src)-len(strings.TrimLeftFunc(s.src, isBareValue)), 1))
	}
}

// more goes to the next item of a bracketed list, or takes the bracket that ends it.
func (s *lineScanner) more(end string) bool {
	s.skipSpace()
	for s.take(",") {
		s.skipSpace()
	}
	return s.src != "" && !s.take(end)
}

func isBareValue(r rune) bool { return !strings.ContainsRune(",]}#\r\n", r) }

// quoted reads to the end of a string whose opening quote is taken.
func (s *lineScanner) quoted(quote string, escapes bool) {
	for s.src != "" {
		switch {
		case escapes && s.src[0] == '\\':
			s.advance(2)
		case s.take(quote):
			if len(quote) == 3 { // up to two more quotes may end the text itself
				s.advance(min(2, len(s.src)-len(strings.TrimLeft(s.src, quote[:1]))))
			}
			return
		default:
			s.advance(1)
		}
	}
}

// key reads the parts of a dotted key.
func (s *lineScanner) key() []string {
	var parts []string
	for {
		s.skipSpace()
		before := s.src
		switch {
		case s.take(`"`):
			s.quoted(`"`, true)
		case s.take("'"):
			s.quoted("'", false)
		default:
			s.advance(len(s.src) - len(strings.TrimLeftFunc(s.src, isBareKey)))
		}
		parts = append(parts, keyPart(before[:len(before)-len(s.src)]))
		s.skipSpace()
		if !s.take(".") {
			return parts
		}
	}
}

func isBareKey(r rune) bool { return !strings.ContainsRune(" \t\r\n.=[]{},#", r) }

// keyPart returns the text of a key that may be quoted.
func keyPart(raw string) string {
	if raw == "" || raw[0] != '"' && raw[0] != '\'' {
		return raw
	}
	var doc struct{ Key string }
	if _, err := toml.Decode("key = "+raw, &doc); err != nil {
		return raw // only in a document that isn't TOML: the text is as good as any
	}
	return doc.Key
}

// skipSpace reads white space, line ends and comments.
func (s *lineScanner) skipSpace() {
	for s.src != "" {
		switch s.src[0] {
		case ' ', '\t', '\r', '\n':
			s.advance(1)
		case '#':
			comment, _, _ := strings.Cut(s.src, "\n")
			s.advance(len(comment))
		default:
			return
		}
	}
}

func (s *lineScanner) take(token string) bool {
	if !strings.HasPrefix(s.src, token) {
		return false
	}
	s.advance(len(token))
	return true
}

func (s *lineScanner) advance(n int) {
	n = min(n, len(s.src))
	s.line += strings.Count(s.src[:n], "\n")
	s.src = s.src[n:]
}
