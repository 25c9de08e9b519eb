package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPatternMatch(t *testing.T) {
	t.Parallel()
	tests := []struct{ pattern, match, differ string }{
		{"205", "205", "20 2055 206 0205 x205"},
		{"1XX", "100 199", "10 1000 1xx 1XX 200"},
		{"ZN", "12 99", "02 11 10"},
		{"[13-5]0", "10 30 40 50", "20 60 00"},
		{"[A-C*#]1", "A1 B1 *1 #1", "D1 a1 -1"},
		{"[1-]", "1 -", "2 0"},
		{"1.", "10 1abc 1.2 1é", "1 20"},
		{"1!", "1 10 1abc", "2"},
		{".", "1 anna", ""},
		{"!", "1 anna", ""},
		{"*98", "*98", "98 *9"},
		{"+34NXXXXXXXX", "+34915555555", "34915555555 +34115555555"},
		{"anna-b_c", "anna-b_c", "Anna-b_c"},
		{"_1XX", "100", "_100 1xx"},
		{"_1xz", "101", "1xz"},
		{"_n", "5", "n"},
		{"1xx", "1xx", "100"},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		for number := range strings.FieldsSeq(tt.match) {
			if !p.Match(number) {
				t.Errorf("%s doesn't match %s", tt.pattern, number)
			}
		}
		for number := range strings.FieldsSeq(tt.differ) {
			if p.Match(number) {
				t.Errorf("%s matches %s", tt.pattern, number)
			}
		}
	}
	if (Pattern{}).Match("") || (Pattern{}).Match("1") {
		t.Error("the zero pattern matches")
	}
}

func TestParsePatternRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "_", "1.2", "1!.", "[", "[]", "[1-5", "[5-1]", "[1 ]", "1]", "1 2", "ñ", "a@b", strings.Repeat("1", 81)} {
		if p, err := ParsePattern(text); err == nil {
			t.Errorf("%q was read as %v", text, p)
		}
	}
}

// TestPatternProperties: a number is a pattern that matches itself alone, unless it has X, Z or N in it.
func TestPatternProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9A-MO-WYa-z*#+][0-9A-MO-WYa-z*#+_-]{0,20}`).Draw(t, "number")
		other := rapid.StringMatching(`[0-9A-Za-z*#+_-]{0,21}`).Draw(t, "other")
		p, err := ParsePattern(number)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Match(number) || p.Match(other) != (other == number) {
			t.Fatalf("%q: itself %v, %q %v", number, p.Match(number), other, p.Match(other))
		}
		if !ValidNumber(number) {
			t.Fatalf("%q is no valid number", number)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, text := range []string{"1XX", "_[1-5]Z.", "[", "[a-", "é", "!"} {
		f.Add(text, "123")
	}
	f.Fuzz(func(t *testing.T, text, number string) {
		p, err := ParsePattern(text)
		if err == nil && p.String() != text {
			t.Errorf("%q became %q", text, p)
		}
		if p.Match(number) && err != nil {
			t.Errorf("%q was refused and matches %q", text, number)
		}
	})
}
