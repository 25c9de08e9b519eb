package websocket

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The cases of the Autobahn test suite (crossbario/autobahn-testsuite), told by
// their numbers. Cases that differ only in how the client cuts its stream are one
// here, since runClauses cuts every stream. Messages go up to 1 MiB, not 16.

func TestAutobahnFraming(t *testing.T) {
	t.Parallel()
	var clauses []clause
	for group, op := range []Opcode{OpText, OpBinary} {
		for number, size := range []int{0, 125, 126, 127, 128, 65535, 65536} {
			payload := strings.Repeat("*", size)
			clauses = append(clauses, clause{
				source: fmt.Sprintf("1.%d.%d", group+1, number+1),
				stream: clientFrame(fin|byte(op), payload),
				want:   []string{describe(Event{Op: op, Payload: []byte(payload)})},
			})
		}
	}
	runClauses(t, clauses)
}

func TestAutobahnPings(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\xfe", 126)
	runClauses(t, []clause{
		{source: "2.1", stream: clientFrame(0x89, ""), want: []string{"ping "}},
		{source: "2.2", stream: clientFrame(0x89, "Hello, world!"), want: []string{"ping Hello, world!"}},
		{source: "2.3", stream: clientFrame(0x89, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), want: []string{"ping \x00\xff\xfe\xfd\xfc\xfb\x00\xff"}},
		{source: "2.4, 2.6", stream: clientFrame(0x89, long[:125]), want: []string{"ping " + long[:125]}},
		{source: "2.5", stream: clientFrame(0x89, long), want: []string{violated(CloseProtocolError, "control frame too long")}},
		{source: "2.7", stream: clientFrame(0x8A, ""), want: []string{"pong "}},
		{source: "2.8", stream: clientFrame(0x8A, "unsolicited"), want: []string{"pong unsolicited"}},
		{source: "2.9", stream: stream(clientFrame(0x8A, "unsolicited"), clientFrame(0x89, "ping")), want: []string{"pong unsolicited", "ping ping"}},
		{
			source: "2.10, 2.11",
			stream: bytes.Repeat(clientFrame(0x89, "payload"), 10),
			want:   slices.Repeat([]string{"ping payload"}, 10),
		},
	})
}

func TestAutobahnReservedBits(t *testing.T) {
	t.Parallel()
	reserved := violated(CloseProtocolError, "reserved bit set")
	hello, ping := clientFrame(0x81, "Hello"), clientFrame(0x89, "")
	runClauses(t, []clause{
		{source: "3.1", stream: clientFrame(0x81|1<<4, "Hello"), want: []string{reserved}},
		{source: "3.2", stream: stream(hello, clientFrame(0x81|2<<4, "Hello"), ping), want: []string{"text Hello", reserved}},
		{source: "3.3", stream: stream(hello, clientFrame(0x81|3<<4, "Hello"), ping), want: []string{"text Hello", reserved}},
		{source: "3.4", stream: stream(hello, clientFrame(0x81|4<<4, "Hello"), ping), want: []string{"text Hello", reserved}},
		{source: "3.5", stream: clientFrame(0x82|5<<4, "\x00\xff"), want: []string{reserved}},
		{source: "3.6", stream: clientFrame(0x89|6<<4, "Hello"), want: []string{reserved}},
		{source: "3.7", stream: clientFrame(0x88|7<<4, ""), want: []string{reserved}},
	})
}

func TestAutobahnOpcodes(t *testing.T) {
	t.Parallel()
	reserved := violated(CloseProtocolError, "reserved opcode")
	hello, ping := clientFrame(0x81, "Hello"), clientFrame(0x89, "")
	var clauses []clause
	for group, first := range []byte{3, 11} { // data and control opcodes
		for i := range byte(5) {
			source := fmt.Sprintf("4.%d.%d", group+1, i+1)
			clauses = append(clauses,
				clause{source: source, stream: clientFrame(fin|first+i, ""), want: []string{reserved}},
				clause{
					source: source + " after text",
					stream: stream(hello, clientFrame(fin|first+i, "payload"), ping),
					want:   []string{"text Hello", reserved},
				},
			)
		}
	}
	runClauses(t, clauses)
}

func TestAutobahnFragmentation(t *testing.T) {
	t.Parallel()
	fragmented := violated(CloseProtocolError, "control frame fragmented")
	nothing := violated(CloseProtocolError, "continuation without a message")
	within := violated(CloseProtocolError, "new message within a fragmented one")
	first, last := clientFrame(0x01, "fragment1"), clientFrame(0x80, "fragment2")
	both := "text fragment1fragment2"
	pings := []byte{}
	for i := range 5 {
		pings = append(pings, clientFrame([]byte{0x01, 0x00, 0x00, 0x00, 0x80}[i], fmt.Sprintf("fragment%d", i+1))...)
		if i == 1 || i == 3 {
			pings = append(pings, clientFrame(0x89, "pongme")...)
		}
	}
	runClauses(t, []clause{
		{source: "5.1", stream: stream(clientFrame(0x09, "frag"), clientFrame(0x80, "ment")), want: []string{fragmented}},
		{source: "5.2", stream: stream(clientFrame(0x0A, "frag"), clientFrame(0x80, "ment")), want: []string{fragmented}},
		{source: "5.3, 5.4, 5.5", stream: stream(first, last), want: []string{both}},
		{source: "5.6, 5.7, 5.8", stream: stream(first, clientFrame(0x89, "ping"), last), want: []string{"ping ping", both}},
		{source: "5.9, 5.10, 5.11", stream: stream(clientFrame(0x80, "nothing"), clientFrame(0x81, "Hello")), want: []string{nothing}},
		{source: "5.12, 5.13, 5.14", stream: stream(clientFrame(0x00, "nothing"), clientFrame(0x81, "Hello")), want: []string{nothing}},
		{source: "5.15", stream: stream(first, last, clientFrame(0x00, "nothing"), clientFrame(0x81, "Hello")), want: []string{both, nothing}},
		{source: "5.16", stream: bytes.Repeat(stream(clientFrame(0x00, "nothing"), first, last), 2), want: []string{nothing}},
		{source: "5.17", stream: bytes.Repeat(stream(clientFrame(0x80, "nothing"), first, last), 2), want: []string{nothing}},
		{source: "5.18", stream: stream(first, clientFrame(0x81, "fragment2")), want: []string{within}},
		{
			source: "5.19, 5.20",
			stream: pings,
			want:   []string{"ping pongme", "ping pongme", "text fragment1fragment2fragment3fragment4fragment5"},
		},
	})
}

func TestAutobahnClose(t *testing.T) {
	t.Parallel()
	hello, bye := clientFrame(0x81, "Hello"), clientFrame(0x88, closing(CloseNormal, ""))
	big := strings.Repeat("BAsd7&jh23", 26<<10)
	reason := strings.Repeat("*", 124)
	clauses := []clause{
		{source: "7.1.1", stream: stream(hello, bye), want: []string{"text Hello", "close 1000"}},
		{source: "7.1.2", stream: stream(bye, bye), want: []string{"close 1000"}},
		{source: "7.1.3", stream: stream(bye, clientFrame(0x89, "")), want: []string{"close 1000"}},
		{source: "7.1.4", stream: stream(bye, hello), want: []string{"close 1000"}},
		{source: "7.1.5", stream: stream(clientFrame(0x01, "frag"), bye, clientFrame(0x80, "ment")), want: []string{"close 1000"}},
		{
			source: "7.1.6",
			stream: stream(clientFrame(0x81, big), bye, clientFrame(0x89, "")),
			limits: Reader{MaxMessage: len(big)},
			want:   []string{"text " + big, "close 1000"},
		},
		{source: "7.3.1", stream: clientFrame(0x88, ""), want: []string{"close 1005"}},
		{source: "7.3.2", stream: clientFrame(0x88, "a"), want: []string{violated(CloseProtocolError, "close code cut short")}},
		{source: "7.3.3", stream: bye, want: []string{"close 1000"}},
		{source: "7.3.4", stream: clientFrame(0x88, closing(CloseNormal, "Hello World!")), want: []string{"close 1000 Hello World!"}},
		{source: "7.3.5", stream: clientFrame(0x88, closing(CloseNormal, reason[:123])), want: []string{"close 1000 " + reason[:123]}},
		{source: "7.3.6", stream: clientFrame(0x88, closing(CloseNormal, reason)), want: []string{violated(CloseProtocolError, "control frame too long")}},
		{
			source: "7.5.1",
			stream: clientFrame(0x88, closing(CloseNormal, kosme+"\xed\xa0\x80edited")),
			want:   []string{violated(CloseInvalidPayload, "close reason is not UTF-8")},
		},
	}
	valid := []CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}
	for i, code := range valid {
		clauses = append(clauses, clause{
			source: fmt.Sprintf("7.7.%d code %d", i+1, code),
			stream: clientFrame(0x88, closing(code, "")),
			want:   []string{fmt.Sprintf("close %d", code)},
		})
	}
	invalid := []CloseCode{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} // the last two are 7.13
	for i, code := range invalid {
		clauses = append(clauses, clause{
			source: fmt.Sprintf("7.9.%d code %d", i+1, code),
			stream: clientFrame(0x88, closing(code, "")),
			want:   []string{violated(CloseProtocolError, "invalid close code")},
		})
	}
	runClauses(t, clauses)
}

func TestAutobahnSizes(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	var clauses []clause
	for group, op := range []Opcode{OpText, OpBinary} {
		for i, size := range []int{64 << 10, 256 << 10, limit} {
			message := strings.Repeat("BAsd7&jh", size/8)
			clauses = append(clauses, clause{
				source: fmt.Sprintf("9.%d.%d", group+1, i+1),
				stream: clientFrame(fin|byte(op), message),
				limits: Reader{MaxMessage: limit},
				want:   []string{describe(Event{Op: op, Payload: []byte(message)})},
			})
		}
		for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10} {
			message := strings.Repeat("BAsd7&jh", limit/8)
			clauses = append(clauses, clause{
				source: fmt.Sprintf("9.%d.%d", group+3, i+1),
				stream: fragments(op, message, size),
				limits: Reader{MaxMessage: limit, MaxFragments: limit / 64},
				want:   []string{describe(Event{Op: op, Payload: []byte(message)})},
			})
		}
		for i, size := range []int{0, 16, 64, 256, 1024} {
			message := strings.Repeat("*", size)
			clauses = append(clauses, clause{
				source: fmt.Sprintf("9.%d.%d", group+7, i+1),
				stream: bytes.Repeat(clientFrame(fin|byte(op), message), 100),
				want:   slices.Repeat([]string{describe(Event{Op: op, Payload: []byte(message)})}, 100),
			})
		}
	}
	runClauses(t, clauses)
}
