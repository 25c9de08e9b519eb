package protocol

// ErrorCode says in an [Error] what is wrong. Programs compare codes, people read messages.
type ErrorCode string

// The error codes; [ErrorCodes] says what each means.
const (
	CodeBadJSON       ErrorCode = "bad_json"
	CodeBadMessage    ErrorCode = "bad_message"
	CodeUnknownType   ErrorCode = "unknown_type"
	CodeUnknownAction ErrorCode = "unknown_action"
	CodeTooLarge      ErrorCode = "too_large"

	CodeNotAuthenticated     ErrorCode = "not_authenticated"
	CodeAlreadyAuthenticated ErrorCode = "already_authenticated"
	CodeAuthBusy             ErrorCode = "auth_busy"
	CodeRateLimited          ErrorCode = "rate_limited"
	CodeForbidden            ErrorCode = "forbidden"

	CodeInvalidPhone    ErrorCode = "invalid_phone"
	CodeNoSuchCall      ErrorCode = "no_such_call"
	CodeNotTransferable ErrorCode = "not_transferable"

	CodePBXUnavailable ErrorCode = "pbx_unavailable"
	CodeNotRegistered  ErrorCode = "not_registered"
	CodeBusy           ErrorCode = "busy"
	CodeNoAnswer       ErrorCode = "no_answer"
	CodeRejected       ErrorCode = "rejected"
	CodeCongestion     ErrorCode = "congestion"
	CodeNoSuchNumber   ErrorCode = "no_such_number"
	CodeTimeout        ErrorCode = "timeout"
	CodeRefused        ErrorCode = "refused"
	CodeInternal       ErrorCode = "internal"
)

// ErrorInfo describes one error code.
type ErrorInfo struct {
	Code    ErrorCode
	Meaning string
	Retry   bool // whether the very same message may succeed later
}

// ErrorCodes lists the error codes in the order in which docs/protocol.md shows them.
func ErrorCodes() []ErrorInfo {
	return []ErrorInfo{
		{CodeBadJSON, "The message is not one JSON object in UTF-8.", false},
		{CodeBadMessage, "A key is missing, or its value is of the wrong type or beyond a limit; the message names it.", false},
		{CodeUnknownType, "The server knows no such `type`.", false},
		{CodeUnknownAction, "The server knows no such `action`.", false},
		{CodeTooLarge, "The message is over the size limit; it was skipped.", false},
		{CodeNotAuthenticated, "Not before `auth-resp` has said `ok`: send credentials first.", true},
		{CodeAlreadyAuthenticated, "This connection has logged in already; open another one for another user.", false},
		{CodeAuthBusy, "The server is checking as many credentials as it can.", true},
		{CodeRateLimited, "Too many messages, or too many wrong credentials, in a short time.", true},
		{CodeForbidden, "This user may not do that: actions are for agents, on `/agent`.", false},
		{CodeInvalidPhone, "`phone` is empty, too long, or has characters that can't be dialled.", false},
		{CodeNoSuchCall, "The agent's extension has no such call: it never had, or the call has ended.", false},
		{CodeNotTransferable, "The call can't be transferred now: it is not talking to exactly one other party.", true},
		{CodePBXUnavailable, "The server has no connection to the extension's PBX.", true},
		{CodeNotRegistered, "None of the extension's phones is registered.", true},
		{CodeBusy, "The agent's phone is busy.", true},
		{CodeNoAnswer, "The agent's phone was not answered in time.", true},
		{CodeRejected, "The agent's phone rejected the call.", true},
		{CodeCongestion, "The PBX had no line or no resources for the call.", true},
		{CodeNoSuchNumber, "The PBX's dial plan doesn't take that number.", false},
		{CodeTimeout, "The PBX did not answer in time. The action may still take place: watch the events before a retry.", true},
		{CodeRefused, "The PBX refused, for the reason in the message.", false},
		{CodeInternal, "The server failed; its log says how.", true},
	}
}

// Retry tells whether the very same message may succeed later. Of an unknown code it says no.
func (c ErrorCode) Retry() bool {
	for _, info := range ErrorCodes() {
		if info.Code == c {
			return info.Retry
		}
	}
	return false
}

// CloseCode says in a WebSocket close frame why the connection ends (RFC 6455, section 7.4). Of the private codes, those
// from 4000 to 4499 invite the client to reconnect, those from 4500 to 4999 don't.
type CloseCode uint16

// The close codes that the server sends; [CloseCodes] says what each means.
const (
	CloseNormal          CloseCode = 1000
	CloseGoingAway       CloseCode = 1001
	CloseProtocolError   CloseCode = 1002
	CloseUnsupportedData CloseCode = 1003
	CloseInvalidPayload  CloseCode = 1007
	ClosePolicyViolation CloseCode = 1008
	CloseMessageTooBig   CloseCode = 1009
	CloseInternalError   CloseCode = 1011
	CloseServiceRestart  CloseCode = 1012
	CloseTryAgainLater   CloseCode = 1013

	CloseSlowConsumer CloseCode = 4000
	CloseRevoked      CloseCode = 4500
)

// CloseInfo describes one close code.
type CloseInfo struct {
	Code      CloseCode
	Meaning   string
	Reconnect bool // whether the client should connect again, after a pause that grows with each try
}

// CloseCodes lists the close codes that the server sends, in ascending order.
func CloseCodes() []CloseInfo {
	return []CloseInfo{
		{CloseNormal, "The client closed the connection; this is the server's answer.", false},
		{CloseGoingAway, "The server stops.", true},
		{CloseProtocolError, "The client broke the WebSocket protocol.", false},
		{CloseUnsupportedData, "The client sent a binary message; all messages are text.", false},
		{CloseInvalidPayload, "The client sent text that is not UTF-8.", false},
		{ClosePolicyViolation, "Too many wrong credentials, none in time, too many messages, or one that took too long to come.", false},
		{CloseMessageTooBig, "The client sent a message far over the size limit.", false},
		{CloseInternalError, "The server failed; its log says how.", true},
		{CloseServiceRestart, "The server's configuration has changed in a way that concerns this connection.", true},
		{CloseTryAgainLater, "Too many clients log in at once: the server found no time for this one, again and again.", true},
		{CloseSlowConsumer, "The client doesn't read as fast as events happen.", true},
		{CloseRevoked, "The credentials of this session were changed or removed.", false},
	}
}

// Reconnect tells whether a client should connect again after a close with this code. Of a code that the server doesn't
// send it says no from 4500 to 4999 and yes otherwise: a connection that just broke (1006) is worth another try.
func (c CloseCode) Reconnect() bool {
	for _, info := range CloseCodes() {
		if info.Code == c {
			return info.Reconnect
		}
	}
	return c < 4500 || c > 4999
}
