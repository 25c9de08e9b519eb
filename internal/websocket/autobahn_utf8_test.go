package websocket

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	latin = "Hello-µ@ßöäüàá-UTF-8!!"
	kosme = "κ\u1f79σμε" // 11 bytes: the ό is of 3
)

func TestAutobahnUTF8(t *testing.T) {
	t.Parallel()
	notText := violated(CloseInvalidPayload, "text is not UTF-8")
	cutShort := violated(CloseInvalidPayload, "text ends within a character")
	const surrogate = kosme + "\xed\xa0\x80edited"
	const tooHigh = kosme + "\xf4\x90\x80\x80edited"
	runClauses(t, []clause{
		{source: "6.1.1", stream: clientFrame(0x81, ""), want: []string{"text "}},
		{source: "6.1.2", stream: stream(clientFrame(0x01, ""), clientFrame(0x00, ""), clientFrame(0x80, "")), want: []string{"text "}},
		{
			source: "6.1.3",
			stream: stream(clientFrame(0x01, ""), clientFrame(0x00, "middle frame payload"), clientFrame(0x80, "")),
			want:   []string{"text middle frame payload"},
		},
		{source: "6.2.1", stream: clientFrame(0x81, latin), want: []string{"text " + latin}},
		{source: "6.2.2", stream: fragments(OpText, latin, strings.Index(latin, "ü")), want: []string{"text " + latin}},
		{source: "6.2.3", stream: fragments(OpText, latin, 1), want: []string{"text " + latin}},
		{source: "6.2.4", stream: fragments(OpText, kosme, 1), want: []string{"text " + kosme}},
		{source: "6.3.1", stream: clientFrame(0x81, surrogate), want: []string{notText}},
		{source: "6.3.2", stream: fragments(OpText, surrogate, 1), want: []string{notText}},
		{
			source: "6.4.1 invalid in the second of three fragments",
			stream: stream(clientFrame(0x01, kosme), clientFrame(0x00, "\xf4\x90\x80\x80")),
			want:   []string{notText},
		},
		{
			source: "6.4.2 fails before the character is complete",
			stream: stream(clientFrame(0x01, kosme+"\xf4"), clientFrame(0x00, "\x90")),
			want:   []string{notText},
		},
		{
			source: "6.4.3 fails before the frame is complete",
			stream: clientFrame(0x81, tooHigh)[:6+len(kosme+"\xf4\x90\x80\x80")],
			want:   []string{notText},
		},
		{
			source: "6.4.4 fails before frame and character are complete",
			stream: clientFrame(0x81, tooHigh)[:6+len(kosme+"\xf4\x90")],
			want:   []string{notText},
		},
		{
			source: "a character that the last frame leaves open",
			stream: stream(clientFrame(0x01, "κ\xce"), clientFrame(0x80, "")),
			want:   []string{cutShort},
		},
		{
			source: "a control frame within a character",
			stream: stream(clientFrame(0x01, "\xce"), clientFrame(0x89, "\xff"), clientFrame(0x80, "\xba")),
			want:   []string{"ping \xff", "text κ"},
		},
		{
			source: "binary may be anything",
			stream: fragments(OpBinary, surrogate, 3),
			want:   []string{"binary " + surrogate},
		},
	})
}

// vectors is a group of strings that either all are UTF-8 or all are not.
type vectors struct {
	group   string
	valid   bool
	strings []string
}

// utf8Vectors are groups 6.5 to 6.23, most of which are Markus Kuhn's "UTF-8
// decoder capability and stress test".
func utf8Vectors() []vectors {
	incomplete := []string{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	}
	return []vectors{
		{"6.5 valid", true, []string{"hello\x24world", "hello\u00a2world", "hello\u20acworld", "hello\U00024b62world", kosme}},
		{"6.7 first of a length", true, []string{"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}},
		{"6.8 first of a length beyond 4", false, []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
		{"6.9 last of a length", true, []string{"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}},
		{"6.10 last of a length beyond U+10FFFF", false, []string{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
		{"6.11 other boundaries", true, []string{"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}},
		{"6.11 boundary of Unicode", false, []string{"\xf4\x90\x80\x80"}},
		{"6.12 unexpected continuation", false, []string{
			"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf",
			byteRange(0x80, 0xbe, ""),
		}},
		{"6.13 lonely start", false, []string{
			byteRange(0xc0, 0xde, " "), byteRange(0xe0, 0xee, " "), byteRange(0xf0, 0xf6, " "), byteRange(0xf8, 0xfa, " "), "\xfc ",
		}},
		{"6.14 last continuation missing", false, incomplete},
		{"6.15 incomplete sequences, concatenated", false, []string{strings.Join(incomplete, "")}},
		{"6.16 impossible bytes", false, []string{"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
		{"6.17 overlong ASCII", false, []string{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
		{"6.18 maximum overlong", false, []string{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"}},
		{"6.19 overlong NUL", false, []string{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"}},
		{"6.20 single surrogates", false, []string{
			"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
		}},
		{"6.21 paired surrogates", false, []string{
			"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
		}},
		{"6.22 noncharacters", true, noncharacters()},
		{"6.23 specials", true, []string{"\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff"}},
	}
}

// byteRange returns the bytes from first to last, each followed by sep.
func byteRange(first, last byte, sep string) string {
	var b strings.Builder
	for c := first; c <= last; c++ {
		b.WriteByte(c)
		b.WriteString(sep)
	}
	return b.String()
}

// noncharacters returns the last two code points of every plane.
func noncharacters() []string {
	var all []string
	for plane := range rune(17) {
		all = append(all, string(plane<<16|0xFFFE), string(plane<<16|0xFFFF))
	}
	return all
}

func TestAutobahnUTF8Vectors(t *testing.T) {
	t.Parallel()
	prefixes := vectors{"6.6 prefixes that end between characters", true, nil}
	cutShort := vectors{"6.6 prefixes that end within a character", false, nil}
	for end := range len(kosme) + 1 {
		if prefix := kosme[:end]; utf8.ValidString(prefix) {
			prefixes.strings = append(prefixes.strings, prefix)
		} else {
			cutShort.strings = append(cutShort.strings, prefix)
		}
	}
	var clauses []clause
	for _, v := range append(utf8Vectors(), prefixes, cutShort) {
		for i, s := range v.strings {
			want := "text " + s
			switch {
			case v.valid:
			case possible([]byte(s)):
				want = violated(CloseInvalidPayload, "text ends within a character")
			default:
				want = violated(CloseInvalidPayload, "text is not UTF-8")
			}
			source := fmt.Sprintf("%s, %d", v.group, i+1)
			clauses = append(clauses,
				clause{source: source, stream: clientFrame(0x81, s), want: []string{want}},
				clause{source: source + " in fragments", stream: fragments(OpText, s, 1), want: []string{want}},
			)
		}
	}
	runClauses(t, clauses)
}
