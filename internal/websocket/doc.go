// Package websocket is the server side of the WebSocket protocol, RFC 6455,
// made for many thousand connections that are idle most of the time and for
// frames that are encoded once and sent to many of them.
//
// It runs no goroutine and keeps no connection. [Upgrade] ends the opening
// handshake and hands the [net.Conn] over; a [Reader] is pushed the bytes that
// arrive, cut anywhere, and calls back with whole messages and control frames;
// the Append functions encode what the server sends. When to read, to write and
// to give up is the caller's:
//
//	conn, buffered, err := websocket.Upgrade(w, r, nil)
//	…
//	reader := websocket.Reader{MaxMessage: 16 << 10}
//	err = reader.Feed(buffered, handle)
//	for err == nil {
//		…
//		n, readErr := conn.Read(buf)
//		err = reader.Feed(buf[:n], handle)
//		…
//	}
//
// A message that is too large is dropped as it comes, and at its end an [Event]
// says so: the client can be told, and loses nothing else. One that is far too
// large is an [Error], as is any violation by the client; it carries the close
// code that tells the client so. How long a client may take over one message is
// the caller's to bound: [Reader.Pending] tells while one is incomplete.
//
// Extensions and subprotocols are never negotiated, so a message needs no more
// than the bytes it came in.
package websocket
