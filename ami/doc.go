// Package ami speaks the Asterisk Manager Interface: packets of "Name: value"
// lines, each ended by a blank line, over TCP or TLS.
//
// [Reader] cuts what Asterisk sends into [Message] values, [Action] builds what
// a client sends, and [Dial] opens a [Conn], logged in, that does both. The
// package keeps no state about actions: who waits for which ActionID, and what
// an event means, is the caller's matter.
//
// Asterisk drops a client that does not read for the time of its writetimeout,
// 100 ms by default (manager.conf). So the goroutine that calls Read should do
// nothing else that can block:
//
//	for {
//		m, err := conn.Read()
//		if err != nil {
//			return err
//		}
//		if wanted(m.Event()) {
//			queue.push(m.Clone())
//		}
//	}
package ami
