package websocket

import "unicode/utf8"

// utf8Checker validates text that comes in pieces cut anywhere. It tells of a
// violation with the first byte that cannot be part of UTF-8, so that a client
// that sends the rest slowly, or never, is found out at once.
type utf8Checker struct {
	open [utf8.UTFMax]byte // the character that the last piece ended within
	n    uint8             // bytes of it
}

// write reports whether p can follow what was written before.
func (c *utf8Checker) write(p []byte) bool {
	for c.n > 0 && len(p) > 0 {
		c.open[c.n] = p[0]
		c.n++
		p = p[1:]
		if char := c.open[:c.n]; utf8.FullRune(char) { // complete, or hopeless
			if !utf8.Valid(char) {
				return false
			}
			c.n = 0
		}
	}
	if len(p) == 0 {
		return true
	}
	whole := len(p) - unfinished(p)
	c.n = uint8(copy(c.open[:], p[whole:])) //nolint:gosec // at most 3
	return utf8.Valid(p[:whole])
}

// complete reports whether the text written may end here.
func (c *utf8Checker) complete() bool { return c.n == 0 }

// unfinished returns how many bytes at the end of p begin a character that more
// bytes could complete.
func unfinished(p []byte) int {
	for n := 1; n <= min(len(p), utf8.UTFMax-1); n++ {
		tail := p[len(p)-n:]
		if !utf8.RuneStart(tail[0]) {
			continue
		}
		if utf8.FullRune(tail) {
			return 0
		}
		return n
	}
	return 0
}
