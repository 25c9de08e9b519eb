package ami

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pieces is a stream that comes in pieces of the given sizes, over and over.
type pieces struct {
	data  []byte
	sizes []int
	turn  int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := min(max(1, p.sizes[p.turn%len(p.sizes)]), len(p.data))
	p.turn++
	n = copy(b, p.data[:n])
	p.data = p.data[n:]
	return n, nil
}

// FuzzReader reads any bytes whole and in any pieces: what comes out is the same. The
// limits and the buffer are small, so that they are met.
func FuzzReader(f *testing.F) {
	stream, err := os.ReadFile("testdata/call.ami")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stream[:2000], []byte{0, 1, 200})
	f.Add([]byte("Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\na\n\nb--END COMMAND--\r\n\r\nEvent: X\n\n"), []byte{3})
	f.Add([]byte("\r\n\n\r\r\n:\n(:):\nA(b:c):d\n\n\r"), []byte{1})
	f.Add([]byte(strings.Repeat("A\n", 100)), []byte{5})
	f.Add([]byte(strings.Repeat("A", 2000)), []byte{50})
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		read := func(buffer int, src io.Reader) ([]packet, string, string) {
			r := NewReader(src)
			r.buf, r.maxPacket, r.maxHeaders = make([]byte, buffer), 1024, 64
			var all []packet
			for {
				m, err := r.Read()
				if err != nil {
					return all, r.Version(), err.Error()
				}
				checkMessage(t, m)
				all = append(all, fields(m))
			}
		}
		p := &pieces{data: data, sizes: []int{1}}
		for _, size := range sizes {
			p.sizes = append(p.sizes, int(size))
		}
		whole, version, end := read(len(data)+1, &pieces{data: data, sizes: []int{len(data)}})
		split, splitVersion, splitEnd := read(16, p)
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Errorf("packets (-whole +in pieces):\n%s", diff)
		}
		if version != splitVersion || end != splitEnd {
			t.Errorf("whole: version %q and %s; in pieces: %q and %s", version, end, splitVersion, splitEnd)
		}
	})
}

// checkMessage checks that the ways to look at a message agree.
func checkMessage(t *testing.T, m Message) {
	t.Helper()
	all := fields(m)
	if len(all) == 0 {
		t.Error("a packet without a line")
	}
	if diff := cmp.Diff(all, fields(m.Clone())); diff != "" {
		t.Errorf("clone (-message +clone):\n%s", diff)
	}
	for _, h := range all {
		name := h[0]
		if name == "" || strings.Contains(name, "(") {
			continue
		}
		var want, got []string
		for _, other := range all {
			if len(other[0]) == len(name) && strings.EqualFold(other[0], name) {
				want = append(want, other[1])
			}
		}
		for v := range m.Values(name) {
			got = append(got, v)
		}
		if diff := cmp.Diff(want, got); diff != "" || m.Get(name) != want[0] {
			t.Errorf("Get(%q) = %q, Values (-All +Values):\n%s", name, m.Get(name), diff)
		}
	}
}

// TestActionRoundTrip sends any actions that Append takes through a Reader in pieces.
func TestActionRoundTrip(t *testing.T) {
	t.Parallel()
	text := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	})
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []packet
		for range rapid.IntRange(0, 5).Draw(t, "actions") {
			a := NewAction(name.Draw(t, "action"))
			p := packet{{"Action", a.String()}}
			for range rapid.IntRange(0, 5).Draw(t, "headers") {
				n, v := name.Draw(t, "name"), text.Draw(t, "value")
				a = a.With(n, v)
				p = append(p, [2]string{n, v})
			}
			longer, err := a.Append(stream)
			if err != nil {
				if !errors.Is(err, ErrInvalidAction) || len(longer) != len(stream) {
					t.Fatalf("%d bytes appended and %v", len(longer)-len(stream), err)
				}
				continue
			}
			stream, want = longer, append(want, p)
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 100), 1, 5).Draw(t, "sizes")
		got, err := readAll(NewReader(&pieces{data: stream, sizes: sizes}))
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) {
			t.Errorf("%v (-sent +read):\n%s", err, diff)
		}
	})
}
