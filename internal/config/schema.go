package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Problem is one thing that is wrong with a configuration file.
type Problem struct {
	File    string
	Line    int // 0: the file as a whole
	Message string
}

// Error returns the problem as "file:line: message".
func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// problems gathers what is wrong with one file.
type problems struct {
	file  string
	lines lineIndex
	found []*Problem
}

func (p *problems) add(path, format string, args ...any) {
	p.found = append(p.found, &Problem{File: p.file, Line: p.lines.of(path), Message: fmt.Sprintf(format, args...)})
}

// err returns the problems in the order of their lines, joined, or nil.
func (p *problems) err() error {
	slices.SortStableFunc(p.found, func(a, b *Problem) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, len(p.found))
	for i, problem := range p.found {
		errs[i] = problem
	}
	return errors.Join(errs...)
}

// checkType compares a decoded value with the Go type that it is for: keys that the type doesn't have, values of another
// type, texts that can't be read. The decoder would stop at the first and say nothing of unknown keys.
func (p *problems) checkType(path string, value any, t reflect.Type) {
	if message := p.mismatch(path, value, t); message != "" {
		p.add(path, "%s %s", path, message)
	}
}

// mismatch returns what to say of a value of the wrong type; inside tables and arrays it looks on its own.
func (p *problems) mismatch(path string, value any, t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		if text, ok := value.(string); !ok || !isDuration(text) {
			return fmt.Sprintf(`must be a duration such as "30s", not %s`, describe(value))
		}
		return ""
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(t)); ok {
		text, ok := value.(string)
		if !ok && t == reflect.TypeFor[Secret]() {
			return "must be a string in quotes" // and is not repeated here
		}
		if !ok {
			return "must be a string, not " + describe(value)
		}
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return "is wrong: " + err.Error()
		}
		return ""
	}
	switch v := reflect.ValueOf(value); t.Kind() { //nolint:exhaustive // Config has no others
	case reflect.Struct:
		table, ok := value.(map[string]any)
		if !ok {
			return "must be a table, not " + describe(value)
		}
		p.checkTable(path, table, t)
	case reflect.Slice:
		if v.Kind() != reflect.Slice {
			return "must be an array, not " + describe(value)
		}
		for i := range v.Len() {
			p.checkType(element(path, i), v.Index(i).Interface(), t.Elem())
		}
	case reflect.String:
		if v.Kind() != reflect.String {
			return "must be a string, not " + describe(value)
		}
	case reflect.Int:
		if v.Kind() != reflect.Int64 {
			return "must be a whole number, not " + describe(value)
		}
	case reflect.Bool:
		if v.Kind() != reflect.Bool {
			return "must be true or false, not " + describe(value)
		}
	default:
		return "can't be configured"
	}
	return ""
}

func (p *problems) checkTable(path string, table map[string]any, t reflect.Type) {
	known := map[string]reflect.Type{}
	for field := range t.Fields() {
		if name := field.Tag.Get("toml"); name != "-" {
			known[name] = field.Type
		}
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		at := child(path, key)
		if t, ok := known[key]; ok {
			p.checkType(at, table[key], t)
			continue
		}
		if guess := nearest(key, maps.Keys(known)); guess != "" {
			p.add(at, "unknown key %s; did you mean %s?", at, guess)
		} else {
			p.add(at, "unknown key %s; known here: %s", at, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
}

func isDuration(text string) bool {
	_, err := time.ParseDuration(text)
	return err == nil
}

// describe names a decoded value's type as TOML does; texts and numbers are shown unless long, for they may be the key to
// what went wrong.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("the string %.30q", v)
	case int64:
		return fmt.Sprintf("the number %d", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprint(v)
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	default:
		return "an array"
	}
}
