package websocket

import "fmt"

// CloseCode is the status code of a Close frame (RFC 6455 §7.4). Codes from
// 3000 to 4999 belong to frameworks and applications, which define their own.
type CloseCode uint16

// The codes of RFC 6455 §7.4.1 and of the IANA registry that it founded (§11.7).
const (
	CloseNormal             CloseCode = 1000 // the purpose was fulfilled
	CloseGoingAway          CloseCode = 1001 // the server goes down, or the browser leaves the page
	CloseProtocolError      CloseCode = 1002
	CloseUnsupportedData    CloseCode = 1003 // a type of message that the endpoint cannot accept
	CloseNoStatus           CloseCode = 1005 // never sent: the Close frame had no code
	CloseAbnormal           CloseCode = 1006 // never sent: the connection ended without a Close frame
	CloseInvalidPayload     CloseCode = 1007 // not what its type says, such as text that is not UTF-8
	ClosePolicyViolation    CloseCode = 1008
	CloseMessageTooBig      CloseCode = 1009
	CloseMandatoryExtension CloseCode = 1010 // sent by clients only
	CloseInternalError      CloseCode = 1011
	CloseServiceRestart     CloseCode = 1012
	CloseTryAgainLater      CloseCode = 1013
	CloseBadGateway         CloseCode = 1014
	CloseTLSHandshake       CloseCode = 1015 // never sent: TLS failed
)

// closeReserved is kept by RFC 6455 §7.4.1 for a meaning to come.
const closeReserved CloseCode = 1004

// sendable reports whether a Close frame may carry the code (RFC 6455 §7.4).
func (c CloseCode) sendable() bool {
	if c == closeReserved || c == CloseNoStatus || c == CloseAbnormal {
		return false
	}
	return c >= CloseNormal && c <= CloseBadGateway || c >= 3000 && c <= 4999
}

// Error is a violation of the protocol or of a limit by the client, upon which
// the server must fail the connection: send a Close frame with Code and Reason,
// and close (RFC 6455 §7.1.7).
type Error struct {
	Code   CloseCode
	Reason string // for people; short enough for a Close frame
}

func (e Error) Error() string {
	return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code)
}
