// Package protocol holds the messages that a Clavija server and its clients exchange over WebSocket: one JSON object in
// each text frame, UTF-8, both ways.
//
// A server encodes a [Message] with its AppendJSON method and reads a client's [Request] with [ParseRequest]; a client
// encodes a [Request] and reads a [Message] with [Decode]. Error codes and close codes, with what a client may do about
// each, are listed by [ErrorCodes] and [CloseCodes]. docs/protocol.md describes the whole for people.
package protocol

// Message is one message from the server to a client.
type Message interface {
	// AppendJSON appends the message's wire form, one compact JSON object, to dst and returns the extended slice. Keys
	// come in a fixed order; strings are escaped as encoding/json does without HTML escaping, and what is not UTF-8 in
	// them becomes U+FFFD. It allocates nothing beyond the growth of dst.
	AppendJSON(dst []byte) []byte

	message()
}

// Request is one message from a client to the server.
type Request interface {
	// AppendJSON appends the request's wire form, as [Message] does.
	AppendJSON(dst []byte) []byte

	request()
}

// What a server of this protocol calls itself in its [Welcome]. Clients of the hosted service that the protocol comes
// from know these two values.
const (
	ServerName = "BOBIf"
	Version    = "1.0"
)

// Values of the key type.
const (
	typeWelcome   = "welcome"
	typeAuthResp  = "auth-resp"
	typeInit      = "init"
	typeUpdate    = "update"
	typeError     = "error"
	typeAuthPlain = "auth-plain"
	typeAction    = "action"
)

// Values of the key auth in an auth-resp.
const (
	authOK        = "ok"
	authForbidden = "forbidden"
)

// Values of the key action in an update, besides the [Mark] values.
const (
	updateExtensionStatus = "extension-status"
	updateNewCall         = "new-call"
	updateCallState       = "call-state"
	updateHangup          = "hangup"
)

// Values of the key action in a request, and in the [Error] that answers it.
const (
	ActionCall          = "call"
	ActionBlindTransfer = "blindtransfer"
	ActionHangup        = "hangup"
)
