package ami

import (
	"iter"
	"slices"
	"strings"
)

// Message is one packet: header fields in the order in which they were sent.
// Names are compared without regard to case; a name may occur several times.
// Values are the bytes that were sent, not necessarily UTF-8; of blanks before a
// value only the first is taken off. The zero Message has no fields.
//
// A Message from a Reader, and every string taken from it, is valid until the
// Reader's next Read; Clone makes one that lasts. Any number of goroutines may
// use a Message at once.
type Message struct {
	text  string
	lines []line
}

// line is where one line of a packet is in its text, without the line end.
type line struct{ start, end int }

// Event returns what event the packet is, such as "Newchannel", and "" for a
// packet that is none.
func (m Message) Event() string { return m.lead("Event") }

// Response returns how the action went that the packet answers: "Success",
// "Error", "Goodbye" or, before Asterisk 14, "Follows". It returns "" for a packet
// that is no response, so also for the event OriginateResponse, which has a header
// of that name further down.
func (m Message) Response() string { return m.lead("Response") }

// IsEvent reports whether the packet is an event.
func (m Message) IsEvent() bool { return m.Event() != "" }

// IsResponse reports whether the packet is the response to an action.
func (m Message) IsResponse() bool { return m.Response() != "" }

// ActionID returns the ActionID of the action that the packet belongs to. Events
// have one too when they are the items of a list that was asked for.
func (m Message) ActionID() string { return m.Get("ActionID") }

// Get returns the first value of the named header, "" when there is none.
func (m Message) Get(name string) string {
	if i := m.find(name, 0); i >= 0 {
		return m.value(i, name)
	}
	return ""
}

// Values yields the values of the named header, in order.
func (m Message) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := m.find(name, 0); i >= 0 && yield(m.value(i, name)); {
			i = m.find(name, i+1)
		}
	}
}

// All yields the names and values of all headers, in order. A line without a colon
// is yielded as a value without a name.
func (m Message) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range m.lines {
			name, v := "", m.line(i)
			if n := colon(v); n >= 0 {
				name, v = v[:n], trim(v[n+1:])
			}
			if !yield(name, v) {
				return
			}
		}
	}
}

// Clone returns a copy with memory of its own. A string taken from the copy keeps
// the whole packet in memory: use strings.Clone for what is kept for long.
func (m Message) Clone() Message {
	return Message{text: strings.Clone(m.text), lines: slices.Clone(m.lines)}
}

// lead returns the value of the packet's first header, which tells its kind, if it
// is called name.
func (m Message) lead(name string) string {
	if len(m.lines) > 0 && named(m.line(0), name) {
		return m.value(0, name)
	}
	return ""
}

// find returns the index of the first header from the given one on that is called
// name, or -1. Whether there is a colon where the name would end settles nearly all
// lines, so that is looked at first and here.
func (m Message) find(name string, from int) int {
	n := len(name)
	for i := from; i < len(m.lines); i++ {
		l := m.lines[i]
		if l.start+n < l.end && m.text[l.start+n] == ':' && named(m.text[l.start:l.end], name) {
			return i
		}
	}
	return -1
}

// value returns the value of header i, which is called name.
func (m Message) value(i int, name string) string {
	return trim(m.line(i)[len(name)+1:])
}

func (m Message) line(i int) string {
	return m.text[m.lines[i].start:m.lines[i].end]
}

// named reports whether the header in line is called name.
func named(line, name string) bool {
	n := len(name)
	return n < len(line) && line[n] == ':' && (line[:n] == name || strings.EqualFold(line[:n], name))
}

// colon returns the index of the colon that ends the name in line, -1 when there is
// none. A channel's name in "ChanVariable(SIP/192.0.2.1:5060-1): X=1" may itself
// hold colons.
func colon(line string) int {
	i := strings.IndexByte(line, ':')
	if i > 0 && strings.IndexByte(line[:i], '(') > 0 {
		if j := strings.Index(line, "):"); j > 0 {
			return j + 1
		}
	}
	return i
}

// trim takes off the blank that Asterisk puts after the colon, and no other: the
// lines of a command's output are indented.
func trim(value string) string { return strings.TrimPrefix(value, " ") }
