package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"
)

// Limits on a packet that a Reader accepts.
const (
	MaxPacketSize = 1 << 20 // bytes, with line ends
	MaxHeaders    = 1 << 14
)

// ErrTooLarge says that a packet exceeds MaxPacketSize or MaxHeaders.
var ErrTooLarge = errors.New("AMI packet too large")

const (
	bufferSize    = 64 << 10
	maxEmptyReads = 100

	banner      = "Asterisk Call Manager"
	endOfOutput = "--END COMMAND--"
)

// Reader reads packets from a stream. Lines end with CRLF or LF. It is not safe for
// concurrent use.
//
// The output of a command reads as headers named Output, one a line, in both forms
// that Asterisk sends it in: as such headers since version 14, before that as bare
// lines between "Response: Follows" and "--END COMMAND--".
type Reader struct {
	src    io.Reader
	srcErr error // came with the newest bytes

	buf   []byte
	start int // of the packet in buf
	end   int // of what was received into buf
	next  int // first byte of the packet not yet cut into lines

	lines  []line
	output []byte // a packet with command output in the old form, rewritten

	begun   bool
	version string
	err     error // what ended the reading

	maxPacket, maxHeaders int
}

// NewReader returns a Reader of the packets in r. It buffers: nothing else should
// read from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{
		src:        r,
		buf:        make([]byte, bufferSize),
		maxPacket:  MaxPacketSize,
		maxHeaders: MaxHeaders,
	}
}

// Version returns the protocol's version from the line with which Asterisk greets,
// such as "11.0.0". It is "" before the first Read, and for a stream that begins
// without that line.
func (r *Reader) Version() string { return r.version }

// Read returns the next packet, which is valid until the next Read.
//
// The error is io.EOF when the stream ended after a whole packet,
// io.ErrUnexpectedEOF when it ended within one, ErrTooLarge, or the stream's own.
// It is final: every later Read returns it too.
func (r *Reader) Read() (Message, error) {
	if r.err == nil && !r.begun {
		_, _, r.err = r.greeting()
	}
	if r.err != nil {
		return Message{}, r.err
	}
	m, err := r.packet()
	r.err = err
	return m, err
}

// greeting tells the stream's first line, and takes it if it is Asterisk's greeting.
func (r *Reader) greeting() (first string, ok bool, err error) {
	n, err := r.find("\n")
	if err != nil {
		return "", false, err
	}
	r.begun = true
	first = strings.TrimSuffix(string(r.buf[:n]), "\r")
	if !strings.HasPrefix(first, banner) {
		return first, false, nil
	}
	r.next = n + 1
	_, r.version, _ = strings.Cut(first, "/")
	return first, true, nil
}

func (r *Reader) packet() (Message, error) {
	r.lines = r.lines[:0]
	r.drop()
	for {
		packet := r.buf[r.start:r.end]
		var whole bool
		r.lines, r.next, whole = cut(packet, r.next, r.lines, r.maxHeaders)
		switch {
		case whole && len(r.lines) == 0: // a blank line between packets
			r.drop()
			continue
		case len(r.lines) > 0 && string(packet[:r.lines[0].end]) == "Response: Follows":
			return r.commandOutput()
		case whole && r.next <= r.maxPacket && len(r.lines) <= r.maxHeaders:
			return Message{text: view(packet[:r.next]), lines: r.lines}, nil
		case len(packet) > r.maxPacket || len(r.lines) > r.maxHeaders:
			return Message{}, r.tooLarge()
		}
		if err := r.fill(); err != nil {
			return Message{}, err
		}
	}
}

// cut appends the lines of packet from pos on, up to a blank one or to one more than
// limit. It returns where the next line begins, and whether the blank one was found.
func cut(packet []byte, pos int, lines []line, limit int) (_ []line, next int, whole bool) {
	for len(lines) <= limit {
		n := bytes.IndexByte(packet[pos:], '\n')
		if n < 0 {
			break
		}
		next, end := pos+n+1, pos+n
		if n > 0 && packet[end-1] == '\r' {
			end--
		}
		if end == pos {
			return lines, next, true
		}
		lines = append(lines, line{pos, end})
		pos = next
	}
	return lines, pos, false
}

// commandOutput reads a packet that begins with "Response: Follows", in which blank
// lines are part of the output. The blank lines after it are left for packet to skip.
func (r *Reader) commandOutput() (Message, error) {
	n, err := r.find(endOfOutput)
	if err != nil {
		return Message{}, err
	}
	r.next = n + len(endOfOutput)
	r.lines, r.output = r.lines[:0], r.output[:0]
	headers := true
	for text := range bytes.Lines(r.buf[r.start : r.start+n]) {
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		headers = headers && (len(r.lines) == 0 ||
			bytes.HasPrefix(text, []byte("Privilege: ")) || bytes.HasPrefix(text, []byte("ActionID: ")))
		start := len(r.output)
		if !headers {
			r.output = append(r.output, "Output: "...)
		}
		r.output = append(r.output, text...)
		r.lines = append(r.lines, line{start, len(r.output)})
	}
	if len(r.lines) > r.maxHeaders {
		return Message{}, r.tooLarge()
	}
	return Message{text: view(r.output), lines: r.lines}, nil
}

// find returns where in the packet sep begins, waiting for it to come.
func (r *Reader) find(sep string) (int, error) {
	from := 0
	for {
		packet := r.buf[r.start:r.end]
		n := bytes.Index(packet[from:], []byte(sep))
		switch {
		case n >= 0 && from+n+len(sep) <= r.maxPacket:
			return from + n, nil
		case len(packet) > r.maxPacket:
			return 0, r.tooLarge()
		}
		from = max(0, len(packet)-len(sep)+1)
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

func (r *Reader) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes or %d headers", ErrTooLarge, r.maxPacket, r.maxHeaders)
}

// drop lets the packet begin at next.
func (r *Reader) drop() {
	r.start, r.next = r.start+r.next, 0
}

// fill receives at least one more byte. It makes room by forgetting the packets
// before this one and, if that gives none, by doubling the buffer.
func (r *Reader) fill() error {
	switch full := r.end == len(r.buf); {
	case r.start > 0 && (full || r.start == r.end):
		r.move(r.buf)
	case full:
		r.move(make([]byte, 2*len(r.buf)))
	}
	for range maxEmptyReads {
		if r.srcErr != nil {
			break
		}
		var n int
		n, r.srcErr = r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
	}
	switch {
	case r.srcErr == nil:
		return io.ErrNoProgress
	case errors.Is(r.srcErr, io.EOF) && r.end > r.start:
		return io.ErrUnexpectedEOF
	}
	return r.srcErr
}

// move brings the packet to the beginning of buf, which becomes the buffer.
func (r *Reader) move(buf []byte) {
	r.end = copy(buf, r.buf[r.start:r.end])
	r.buf, r.start = buf, 0
}

// view returns b as a string without copying it: most packets are looked at once and
// dropped. It is why a Message lasts only until the next Read, which may write to b.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // Nothing writes to b while the string may be used.
}
