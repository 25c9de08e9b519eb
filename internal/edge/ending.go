package edge

import (
	"crypto/tls"
	"io"
	"slices"
	"time"

	"github.com/clavija/clavija/internal/websocket"
	"github.com/clavija/clavija/protocol"
)

// close has a close frame sent, after what is queued already. It is for any goroutine.
func (c *client) close(code protocol.CloseCode, reason string) {
	frame := websocket.AppendClose(nil, websocket.CloseCode(code), reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		c.doomed = frame
		return
	}
	c.closing.Store(true)
	c.out.Finish(frame)
}

// slowFrame is the last that a client gets which does not keep up.
func slowFrame() []byte {
	return websocket.AppendClose(nil, websocket.CloseCode(protocol.CloseSlowConsumer), "events come faster than you read them")
}

// ended is called by the outbox when nothing more will be written: the close frame is out, or the client is lost.
func (c *client) ended(err error) {
	c.closing.Store(true) // a slow client's close frame is the outbox's
	switch {
	case err != nil:
		c.cut()
	case c.parted.Load():
		_ = c.conn.Close() // by the writer goroutine, which may wait for TLS's farewell
	default:
		time.AfterFunc(closeTimeout, c.cut) // until then, the client can answer with a close frame of its own
	}
}

// cut ends the connection at once, and a login that is under way. It is for any goroutine, and does not block: a TLS connection
// would wait until its farewell is written, so what is below it is closed.
func (c *client) cut() {
	c.cancel()
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	_ = conn.Close() // nothing is left to be said, and nobody to hear of it
}

// lingerUntilClosed reads what a client still sends, until it has had its time to take the close frame. Closing a TCP connection
// with unread data would reset it, and the frame could be lost.
func (c *client) lingerUntilClosed() {
	if err := c.conn.SetReadDeadline(time.Now().Add(closeTimeout)); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(c.conn, maxLinger)) // whatever comes, comes too late
}

// maxLinger bounds what is read of a client that broke the protocol.
const maxLinger = 1 << 20

// write writes a batch of frames, many to a system call: the cost is per call, not per byte.
func (c *client) write(frames [][]byte) error {
	if len(frames) == 1 {
		return c.send(frames[0])
	}
	buf, _ := c.server.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
		*buf = make([]byte, 0, batchBytes)
	}
	defer c.server.buffers.Put(buf)
	batch := (*buf)[:0]
	for _, f := range frames {
		if len(batch)+len(f) > batchBytes {
			if err := c.send(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if len(f) > batchBytes {
			if err := c.send(f); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, f...)
	}
	return c.send(batch)
}

// send writes in pieces, each in its own time: a slow line needs longer for more.
func (c *client) send(p []byte) error {
	for piece := range slices.Chunk(p, batchBytes) {
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := c.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// batchBytes is the size of one write, and of a TLS record's content.
const batchBytes = 16 << 10
