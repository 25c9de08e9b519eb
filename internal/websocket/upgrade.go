package websocket

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 §4.2.2 prescribes it; nothing secret rests on it
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

const (
	version = "13" // of the protocol (RFC 6455 §4.1)
	keySize = 16   // bytes of the client's nonce (§4.1)
	keyGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

	// switchTimeout bounds the write of the answer, for which the buffer of a
	// connection that was all but idle has room.
	switchTimeout = 10 * time.Second
)

// HandshakeError says why a request was refused.
type HandshakeError struct {
	Status int // of the HTTP response
	Reason string
}

func (e HandshakeError) Error() string {
	return fmt.Sprintf("websocket: handshake refused: %s (%d)", e.Reason, e.Status)
}

// Upgrade does the server's part of the opening handshake (RFC 6455 §4.2) and
// takes the connection over from the HTTP server, with no deadlines set. It
// returns the connection and what the client has sent beyond the request, the
// first bytes for the [Reader].
//
// A request that is no handshake, or not from an origin that checkOrigin accepts,
// is answered with a text for people, and a [HandshakeError] is returned. With a
// nil checkOrigin, pages of the host itself may connect, as with an [OriginPolicy]
// of no other origins. Whatever Upgrade returns, the response has been written.
func Upgrade(w http.ResponseWriter, r *http.Request, checkOrigin func(*http.Request) bool) (conn net.Conn, buffered []byte, err error) {
	if refusal := check(r, checkOrigin); refusal != nil {
		refuse(w, r, *refusal)
		return nil, nil, *refusal
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "connection cannot be upgraded", http.StatusInternalServerError)
		return nil, nil, fmt.Errorf("websocket: hijack: %w", err)
	}
	buffered, err = switchProtocols(conn, rw.Reader, r.Header.Get("Sec-WebSocket-Key"))
	if err != nil {
		return nil, nil, fmt.Errorf("websocket: switch protocols: %w", errors.Join(err, conn.Close()))
	}
	return conn, buffered, nil
}

// check returns what is wrong with the client's handshake (RFC 6455 §4.2.1).
func check(r *http.Request, checkOrigin func(*http.Request) bool) *HandshakeError {
	if checkOrigin == nil {
		checkOrigin = originPolicy{}.allows
	}
	switch {
	case r.Method != http.MethodGet:
		return &HandshakeError{http.StatusMethodNotAllowed, "a WebSocket is opened with GET"}
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return &HandshakeError{
			http.StatusUpgradeRequired,
			"this is a WebSocket endpoint: connect with a WebSocket client; " +
				"a proxy in between must pass the Upgrade and Connection headers",
		}
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return &HandshakeError{http.StatusBadRequest, "a WebSocket is opened over HTTP/1.1"}
	case !hasToken(r.Header, "Connection", "Upgrade"):
		return &HandshakeError{http.StatusBadRequest, "the Connection header lacks Upgrade"}
	case r.Host == "":
		return &HandshakeError{http.StatusBadRequest, "the Host header is empty"}
	case r.ContentLength != 0: // it would be taken for frames
		return &HandshakeError{http.StatusBadRequest, "the request has a body"}
	case single(r.Header, "Sec-WebSocket-Version") != version:
		return &HandshakeError{http.StatusUpgradeRequired, "Sec-WebSocket-Version must be " + version}
	case !validKey(single(r.Header, "Sec-WebSocket-Key")):
		return &HandshakeError{http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64"}
	case !checkOrigin(r):
		return &HandshakeError{http.StatusForbidden, "connections from this origin are not allowed"}
	}
	return nil
}

// refuse answers a request that is not to be upgraded.
func refuse(w http.ResponseWriter, r *http.Request, refusal HandshakeError) {
	header := w.Header()
	switch refusal.Status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		header.Set("Sec-WebSocket-Version", version) // RFC 6455 §4.4
		if r.ProtoMajor == 1 {                       // RFC 9110 §15.5.22; RFC 9113 §8.2.2 forbids them
			header.Set("Connection", "Upgrade")
			header.Set("Upgrade", "websocket")
		}
	}
	http.Error(w, refusal.Reason, refusal.Status)
}

// switchProtocols sends the server's handshake (RFC 6455 §4.2.2) and returns the
// bytes that the HTTP server has read too many. They are copied, so that its
// buffer of some KiB can go.
func switchProtocols(conn net.Conn, read *bufio.Reader, key string) (buffered []byte, err error) {
	// Those of the HTTP server would hit a connection that is merely idle.
	if err = conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if err = conn.SetWriteDeadline(time.Now().Add(switchTimeout)); err != nil {
		return nil, err
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(key) + "\r\n\r\n"
	if _, err = conn.Write([]byte(answer)); err != nil {
		return nil, err
	}
	if err = conn.SetWriteDeadline(time.Time{}); err != nil {
		return nil, err
	}
	beyond, err := read.Peek(read.Buffered())
	return bytes.Clone(beyond), err
}

// acceptKey proves that the handshake was understood (RFC 6455 §4.2.2, 5.4).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + keyGUID)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}

// validKey reports whether key is a client's nonce (RFC 6455 §4.2.1, 5).
func validKey(key string) bool {
	nonce, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(nonce) == keySize
}

// single returns the value of a header field that must not come twice (RFC 6455
// §11.3), and none if it does.
func single(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// hasToken reports whether a header field that is a list, perhaps over several
// lines, has the token, in any case of its ASCII letters.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			item = textproto.TrimString(item)
			// A letter beyond ASCII that folds to one within, as the Kelvin sign
			// does, is longer.
			if len(item) == len(token) && strings.EqualFold(item, token) {
				return true
			}
		}
	}
	return false
}
