package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// fields reads the keys of one JSON object. Unlike encoding/json into a struct it compares keys letter by letter: "Type"
// is not "type". Of a key that is there twice the last counts, as in JavaScript; null counts as absent. The first
// problem sticks in err, and what is read from then on means nothing.
type fields struct {
	raw map[string]json.RawMessage
	err *Error
}

func parseFields(data []byte) *fields {
	f := &fields{}
	if !utf8.Valid(data) {
		f.fail(CodeBadJSON, "not UTF-8")
		return f
	}
	err := json.Unmarshal(data, &f.raw)
	_, other := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case other, err == nil && f.raw == nil: // nil: the data was null
		f.fail(CodeBadJSON, "want one JSON object")
	case err != nil:
		f.fail(CodeBadJSON, "not JSON: %v", err)
	}
	return f
}

// fail keeps the first problem. Messages name keys and what is wanted, never a value: it may be a secret.
func (f *fields) fail(code ErrorCode, format string, args ...any) {
	if f.err == nil {
		f.err = &Error{Code: code, Message: fmt.Sprintf(format, args...)}
	}
}

// check fails unless the value of key is ok; want and args say what it should be.
func (f *fields) check(ok bool, key, want string, args ...any) {
	if !ok {
		f.fail(CodeBadMessage, "key %q: want %s", key, fmt.Sprintf(want, args...))
	}
}

// value returns the raw value of key, nil when it is absent.
func (f *fields) value(key string) json.RawMessage {
	if raw := f.raw[key]; string(raw) != "null" {
		return raw
	}
	return nil
}

func (f *fields) require(keys ...string) {
	for _, key := range keys {
		if f.value(key) == nil {
			f.fail(CodeBadMessage, "key %q is missing", key)
		}
	}
}

// str returns the string at key, "" when it is absent.
func (f *fields) str(key string) string {
	raw := f.value(key)
	if raw == nil {
		return ""
	}
	s, ok := unquote(raw)
	f.check(ok, key, "a string")
	return s
}

// text is str that takes a number too, by its literal text.
func (f *fields) text(key string) string {
	if raw := f.value(key); isNumber(raw) {
		return string(raw)
	}
	return f.str(key)
}

// flag returns the boolean at key, false when it is absent.
func (f *fields) flag(key string) bool {
	raw := string(f.value(key))
	f.check(raw == "" || raw == "true" || raw == "false", key, "true or false")
	return raw == "true"
}

// list returns the elements of the array at key, nil when it is absent.
func (f *fields) list(key, want string) []json.RawMessage {
	raw := f.value(key)
	if raw == nil {
		return nil
	}
	var list []json.RawMessage
	f.check(json.Unmarshal(raw, &list) == nil, key, "%s", want)
	return list
}

// strs returns the strings of the array at key: nil when it is absent, not nil when it is empty.
func (f *fields) strs(key string) []string {
	raws := f.list(key, "a list of strings")
	if raws == nil {
		return nil
	}
	list := make([]string, len(raws))
	for i, raw := range raws {
		s, ok := unquote(raw)
		f.check(ok, key, "a list of strings")
		list[i] = s
	}
	return list
}

// isNumber tells whether raw, which is valid JSON, is a number.
func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9')
}

// unquote returns the string that raw, which is valid JSON in UTF-8, stands for, and whether it is one.
func unquote(raw json.RawMessage) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 { // nearly always, and then there is nothing to do
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}
