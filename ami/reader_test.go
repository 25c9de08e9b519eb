package ami

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// packet is a Message as the tests compare it.
type packet [][2]string

func fields(m Message) packet {
	p := packet{}
	for name, value := range m.All() {
		p = append(p, [2]string{strings.Clone(name), strings.Clone(value)})
	}
	return p
}

// readAll returns all packets of r, and the error that ended them.
func readAll(r *Reader) ([]packet, error) {
	var all []packet
	for {
		m, err := r.Read()
		if err != nil {
			return all, err
		}
		all = append(all, fields(m))
	}
}

func TestReaderRead(t *testing.T) {
	t.Parallel()
	hangup := packet{{"Event", "Hangup"}, {"Cause", "16"}}
	for name, tc := range map[string]struct {
		in      string
		want    []packet
		version string
		err     error
	}{
		"nothing":        {"", nil, "", io.EOF},
		"greeting only":  {"Asterisk Call Manager/11.0.0\r\n", nil, "11.0.0", io.EOF},
		"half greeting":  {"Asterisk Call Man", nil, "", io.ErrUnexpectedEOF},
		"old greeting":   {"Asterisk Call Manager/1.1\r\nEvent: Hangup\r\nCause: 16\r\n\r\n", []packet{hangup}, "1.1", io.EOF},
		"proxy greeting": {"Asterisk Call Manager Proxy/1.2\r\n\r\n", nil, "1.2", io.EOF},
		"no version":     {"Asterisk Call Manager\r\n", nil, "", io.EOF},
		"no greeting":    {"Event: Hangup\r\nCause: 16\r\n\r\n", []packet{hangup}, "", io.EOF},
		"late greeting":  {"A: 1\n\nAsterisk Call Manager/1.1\n\n", []packet{{{"A", "1"}}, {{"", "Asterisk Call Manager/1.1"}}}, "", io.EOF},

		"LF":              {"Event: Hangup\nCause: 16\n\nEvent: Hangup\nCause: 16\n\n", []packet{hangup, hangup}, "", io.EOF},
		"CRLF and LF":     {"Event: Hangup\r\nCause: 16\n\r\nEvent: Hangup\nCause: 16\r\n\n", []packet{hangup, hangup}, "", io.EOF},
		"blank lines":     {"\r\n\n\r\nEvent: Hangup\r\nCause: 16\r\n\r\n\r\n\n", []packet{hangup}, "", io.EOF},
		"CR inside":       {"A: x\ry\r\r\n\r\n", []packet{{{"A", "x\ry\r"}}}, "", io.EOF},
		"line end missed": {"Event: Hangup\r\nCause: 16\r\n", nil, "", io.ErrUnexpectedEOF},
		"half a line":     {"Event: Hangup\r\nCause: 16\r\n\r\nEvent: Han", []packet{hangup}, "", io.ErrUnexpectedEOF},
		"half a line end": {"Event: Hangup\r\nCause: 16\r\n\r", nil, "", io.ErrUnexpectedEOF},

		"values": {
			"A: 1: 2 :3\nB:\nC: \nD:no blank\nE:   three\nF: end \nG:\t\n\n",
			[]packet{{{"A", "1: 2 :3"}, {"B", ""}, {"C", ""}, {"D", "no blank"}, {"E", "  three"}, {"F", "end "}, {"G", "\t"}}},
			"", io.EOF,
		},
		"names": {
			"no colon\n: no name\nChanVariable(SIP/192.0.2.1:5060-1): a=b:c\nX (y: z\nOutput: (a): b\n\n",
			[]packet{{{"", "no colon"}, {"", "no name"}, {"ChanVariable(SIP/192.0.2.1:5060-1)", "a=b:c"}, {"X (y", "z"}, {"Output", "(a): b"}}},
			"", io.EOF,
		},
		"junk": {
			"\x00\xff\xfe:\x80\n\x00\n\n\r\r\n\n",
			[]packet{{{"\x00\xff\xfe", "\x80"}, {"", "\x00"}}, {{"", "\r"}}},
			"", io.EOF,
		},
		"latin-1": {"CallerIDName: Jos\xe9\r\n\r\n", []packet{{{"CallerIDName", "Jos\xe9"}}}, "", io.EOF},

		"command": {
			"Response: Success\r\nActionID: 7\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput: \r\nOutput:    c\r\n\r\n",
			[]packet{{{"Response", "Success"}, {"ActionID", "7"}, {"Message", "Command output follows"}, {"Output", "a: b"}, {"Output", ""}, {"Output", "   c"}}},
			"", io.EOF,
		},
		"old command": {
			"Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\na: b\n\n   c\r\n--END COMMAND--\r\n\r\nEvent: Hangup\r\nCause: 16\r\n\r\n",
			[]packet{{{"Response", "Follows"}, {"Privilege", "Command"}, {"ActionID", "7"}, {"Output", "a: b"}, {"Output", ""}, {"Output", "   c"}}, hangup},
			"", io.EOF,
		},
		"old command, no last line end": {
			"Response: Follows\nPrivilege: Command\none\nActionID: not mine--END COMMAND--\n\nEvent: Hangup\nCause: 16\n\n",
			[]packet{{{"Response", "Follows"}, {"Privilege", "Command"}, {"Output", "one"}, {"Output", "ActionID: not mine"}}, hangup},
			"", io.EOF,
		},
		"old command, no output": {
			"Response: Follows\r\nPrivilege: Command\r\n--END COMMAND--\r\n\r\n",
			[]packet{{{"Response", "Follows"}, {"Privilege", "Command"}}},
			"", io.EOF,
		},
		"half an old command": {"Response: Follows\r\nPrivilege: Command\r\nx\n\n--END COM", nil, "", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReader(strings.NewReader(tc.in))
			got, err := readAll(r)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if r.Version() != tc.version {
				t.Errorf("version %q, want %q", r.Version(), tc.version)
			}
			if _, again := r.Read(); !errors.Is(again, err) {
				t.Errorf("after the error %v came %v", err, again)
			}
		})
	}
}

func TestReaderLimits(t *testing.T) {
	t.Parallel()
	oldCommand := func(output string) string { return "Response: Follows\n" + output + "--END COMMAND--\n\n" }
	for name, tc := range map[string]struct {
		in string
		ok bool
	}{
		"largest":                     {"A: " + strings.Repeat("x", MaxPacketSize-5) + "\n\n", true},
		"one byte more":               {"A: " + strings.Repeat("x", MaxPacketSize-4) + "\n\n", false},
		"endless line":                {strings.Repeat("x", MaxPacketSize+1), false},
		"most headers":                {strings.Repeat("A:\n", MaxHeaders) + "\n", true},
		"one header more":             {strings.Repeat("A:\n", MaxHeaders+1) + "\n", false},
		"endless headers":             {strings.Repeat("A:\n", MaxHeaders+1), false},
		"most command output":         {oldCommand(strings.Repeat("x\n", MaxHeaders-1)), true},
		"command output, a line more": {oldCommand(strings.Repeat("x\n", MaxHeaders)), false},
		"endless command output":      {"Response: Follows\n" + strings.Repeat("x", MaxPacketSize), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReader(strings.NewReader(tc.in))
			m, err := r.Read()
			if tc.ok {
				if n := len(fields(m)); err != nil || n == 0 {
					t.Fatalf("%d headers, error %v", n, err)
				}
				return
			}
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error %v, want %v", err, ErrTooLarge)
			}
			if _, again := r.Read(); !errors.Is(again, ErrTooLarge) {
				t.Errorf("then %v", again)
			}
		})
	}
}

// TestReaderStreamErrors reads from streams that fail.
func TestReaderStreamErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	whole := "Event: Hangup\r\nCause: 16\r\n\r\n"
	for name, tc := range map[string]struct {
		stream  io.Reader
		packets int
		err     error
	}{
		"at once":        {iotest.ErrReader(broken), 0, broken},
		"after a packet": {io.MultiReader(strings.NewReader(whole), iotest.ErrReader(broken)), 1, broken},
		"with a packet":  {iotest.DataErrReader(io.MultiReader(strings.NewReader(whole), iotest.ErrReader(broken))), 1, broken},
		"within one":     {io.MultiReader(strings.NewReader(whole+"Event: "), iotest.ErrReader(broken)), 1, broken},
		"EOF with data":  {iotest.DataErrReader(strings.NewReader(whole)), 1, io.EOF},
		"no progress":    {idle{}, 0, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(NewReader(tc.stream))
			if len(got) != tc.packets || !errors.Is(err, tc.err) {
				t.Errorf("%d packets and %v, want %d and %v", len(got), err, tc.packets, tc.err)
			}
		})
	}
}

// idle is a stream that gives neither bytes nor an error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// TestReaderReplay reads a call from Asterisk 22 in pieces of many sizes.
func TestReaderReplay(t *testing.T) {
	t.Parallel()
	stream, err := os.ReadFile("testdata/call.ami")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 2, 3, 7, 64, 1000, 1460, len(stream)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			r := NewReader(&pieces{data: stream, sizes: []int{size}})
			events := map[string]int{}
			var responses []string
			for {
				m, err := r.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if m.IsEvent() == m.IsResponse() {
					t.Errorf("neither or both an event and a response: %v", fields(m))
				}
				if m.IsResponse() {
					responses = append(responses, strings.Clone(m.Response()))
					continue
				}
				events[strings.Clone(m.Event())]++
			}
			if diff := cmp.Diff([]string{"Success", "Goodbye"}, responses); diff != "" {
				t.Errorf("responses (-want +got):\n%s", diff)
			}
			if r.Version() != "11.0.0" || events["Newchannel"] != 2 || events["Hold"] != 1 || events["Hangup"] != 2 {
				t.Errorf("version %s, events %v", r.Version(), events)
			}
		})
	}
}

// TestReaderAllocates nothing, once its buffers have grown to the packets.
// It is not parallel, because testing.AllocsPerRun counts for all goroutines.
func TestReaderAllocates(t *testing.T) {
	stream, err := os.ReadFile("testdata/call.ami")
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(&loop{data: stream})
	var sum int
	read := func() {
		m, err := r.Read()
		if err != nil {
			t.Error(err)
		}
		sum += len(m.Event()) + len(m.Get("uniqueid"))
	}
	if n := testing.AllocsPerRun(1000, read); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
