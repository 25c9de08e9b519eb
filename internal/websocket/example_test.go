package websocket_test

import (
	"fmt"

	"github.com/clavija/clavija/internal/websocket"
)

func ExampleReader_Feed() {
	var reader websocket.Reader
	var out []byte // to be written to the client
	handle := func(event websocket.Event) error {
		if event.TooLarge {
			out = websocket.AppendText(out, []byte("too large"))
			return nil
		}
		switch event.Op {
		case websocket.OpText:
			fmt.Printf("message %q\n", event.Payload)
		case websocket.OpPing:
			out = websocket.AppendPong(out, event.Payload)
		case websocket.OpClose:
			out = websocket.AppendClose(out, event.Code, "")
		case websocket.OpBinary, websocket.OpPong, websocket.OpContinuation:
		}
		return nil
	}
	// The masked "Hello" of RFC 6455 §5.7, in two reads.
	for _, read := range []string{"\x81\x85\x37\xfa\x21", "\x3d\x7f\x9f\x4d\x51\x58"} {
		if err := reader.Feed([]byte(read), handle); err != nil {
			fmt.Println(err)
		}
	}
	// Output: message "Hello"
}
