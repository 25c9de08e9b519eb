package config

import (
	"fmt"
	"strings"
)

// maxPattern is the length of the longest pattern: Asterisk's AST_MAX_EXTENSION.
const maxPattern = 80

// Pattern tells extension numbers in the syntax of Asterisk's dial plan: X is a digit, Z one of 1 to 9, N one of 2 to 9,
// [13-5] one of a set; a last "." stands for one or more further characters, a last "!" for any number of them. Digits,
// "*", "#", "+", "-", "_" and the other letters stand for themselves. A leading underscore is taken as Asterisk's mark of
// a pattern and changes nothing but that x, z and n count as X, Z and N, as they do there.
//
// See https://docs.asterisk.org/Configuration/Dialplan/Pattern-Matching/. The zero Pattern matches nothing.
type Pattern struct {
	text string
	sets []charSet
	tail tail
}

// tail is what may follow the characters that a pattern spells out.
type tail int

const (
	tailNone      tail = iota
	tailOneOrMore      // "."
	tailAny            // "!"
)

// charSet is a set of ASCII characters, a bit each.
type charSet [2]uint64

func (s *charSet) add(c byte) { s[c/64] |= 1 << (c % 64) }

func (s *charSet) addRange(from, to byte) {
	for c := from; c < to; c++ {
		s.add(c)
	}
	s.add(to)
}

func (s charSet) has(c byte) bool { return c < 128 && s[c/64]&(1<<(c%64)) != 0 }

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	rest, marked := strings.CutPrefix(text, "_")
	if rest == "" {
		return Pattern{}, fmt.Errorf("number pattern %q is empty", text)
	}
	if len(text) > maxPattern {
		return Pattern{}, fmt.Errorf("number pattern %.20q… is longer than %d characters", text, maxPattern)
	}
	for rest != "" {
		var set charSet
		c := rest[0]
		switch {
		case c == '.' || c == '!':
			if len(rest) > 1 {
				return Pattern{}, fmt.Errorf("number pattern %q: %q may only be the last character", text, c)
			}
			p.tail = tailAny
			if c == '.' {
				p.tail = tailOneOrMore
			}
			return p, nil
		case c == '[':
			members, after, closed := strings.Cut(rest[1:], "]")
			if err := set.addMembers(members); err != nil || !closed {
				return Pattern{}, fmt.Errorf("number pattern %q: %q is not a set like [1-5]", text, rest)
			}
			p.sets, rest = append(p.sets, set), after
			continue
		case c == 'X' || marked && c == 'x':
			set.addRange('0', '9')
		case c == 'Z' || marked && c == 'z':
			set.addRange('1', '9')
		case c == 'N' || marked && c == 'n':
			set.addRange('2', '9')
		case isNumberChar(c):
			set.add(c)
		default:
			return Pattern{}, fmt.Errorf("number pattern %q: %q can't be in an extension's number", text, []rune(rest)[0])
		}
		p.sets, rest = append(p.sets, set), rest[1:]
	}
	return p, nil
}

// addMembers adds what stands between the brackets of a set.
func (s *charSet) addMembers(members string) error {
	if members == "" {
		return fmt.Errorf("empty set")
	}
	for members != "" {
		from, to, width := members[0], members[0], 1
		if len(members) > 2 && members[1] == '-' {
			to, width = members[2], 3
		}
		if !isNumberChar(from) || !isNumberChar(to) || from > to {
			return fmt.Errorf("bad member %q", members[:width])
		}
		s.addRange(from, to)
		members = members[width:]
	}
	return nil
}

// Match reports whether number is one that the pattern tells.
func (p Pattern) Match(number string) bool {
	if len(number) < len(p.sets) || p.text == "" {
		return false
	}
	for i, set := range p.sets {
		if !set.has(number[i]) {
			return false
		}
	}
	switch more := len(number) - len(p.sets); p.tail {
	case tailAny:
		return true
	case tailOneOrMore:
		return more > 0
	case tailNone:
		return more == 0
	}
	return false
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Equal reports whether the two were written alike.
func (p Pattern) Equal(q Pattern) bool { return p.text == q.text }

// UnmarshalText is [ParsePattern] for the decoder.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePattern(string(text))
	return err
}

// isNumberChar reports whether c can be part of an extension's number.
func isNumberChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("*#+-_", c) >= 0
}

// ValidNumber reports whether number can be an extension's: 1 to 80 letters, digits and any of *#+-_ and dots.
func ValidNumber(number string) bool {
	if number == "" || len(number) > maxPattern {
		return false
	}
	for i := range len(number) {
		if !isNumberChar(number[i]) && number[i] != '.' {
			return false
		}
	}
	return true
}
