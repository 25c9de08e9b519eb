package websocket

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// TestUTF8Checker tries all that the acceptance of UTF-8 can depend on: every
// string of up to four bytes from a set with the borders of all ranges in RFC
// 3629 §4, cut at every place. After each byte the checker must know whether any
// continuation could still make it UTF-8.
func TestUTF8Checker(t *testing.T) {
	t.Parallel()
	const borders = "\x00a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"
	var text []byte
	var try func(checker utf8Checker)
	try = func(checker utf8Checker) {
		for i := range len(borders) {
			text = append(text, borders[i])
			next := checker
			got, want := next.write(text[len(text)-1:]), possible(text)
			if got != want {
				t.Fatalf("% x accepted: %v, want %v", text, got, want)
			}
			if got && next.complete() != utf8.Valid(text) {
				t.Fatalf("% x complete: %v", text, next.complete())
			}
			for cut := range text {
				var pieces utf8Checker
				if ok := pieces.write(text[:cut]) && pieces.write(text[cut:]); ok != want {
					t.Fatalf("% x cut at %d accepted: %v, want %v", text, cut, ok, want)
				}
			}
			if got && len(text) < utf8.UTFMax {
				try(next)
			}
			text = text[:len(text)-1]
		}
	}
	try(utf8Checker{})
}

// possible reports whether some bytes after p would make it UTF-8.
func possible(p []byte) bool {
	for len(p) > 0 {
		if r, size := utf8.DecodeRune(p); r != utf8.RuneError || size > 1 {
			p = p[size:]
			continue
		}
		// The continuations that reach into every range of RFC 3629 §4.
		for _, rest := range []string{"\x80", "\x90", "\xa0", "\x80\x80", "\x90\x80", "\xa0\x80", "\x80\x80\x80", "\x90\x80\x80"} {
			if utf8.Valid(append(slices.Clip(p), rest...)) {
				return true
			}
		}
		return false
	}
	return true
}

func TestUnmask(t *testing.T) {
	t.Parallel()
	const key = 0x3d21fa37 // testKey, first byte lowest
	for size := range 40 {
		for cut := range size + 1 {
			p := make([]byte, size) // zeros, which the key turns into itself
			unmask(p[cut:], unmask(p[:cut], key))
			for i, b := range p {
				if b != testKey[i%4] {
					t.Fatalf("%d bytes cut at %d: byte %d is %#x, want %#x", size, cut, i, b, testKey[i%4])
				}
			}
		}
	}
}
