package protocol

import "unicode/utf8"

// AppendJSON implements [Message].
func (m Welcome) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeWelcome)
	dst = appendField(dst, "servername", ServerName)
	dst = appendField(dst, "version", Version)
	dst = appendField(dst, "auth", "required")
	dst = appendField(dst, "server", m.Server)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m AuthOK) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeAuthResp)
	dst = appendField(dst, "auth", authOK)
	dst = appendField(dst, "server", m.Server)
	dst = appendField(dst, "extension", m.Extension)
	dst = appendField(dst, "agent", m.Agent)
	dst = appendField(dst, "token", m.Token)
	if m.Features != nil {
		dst = appendStrings(appendKey(dst, "features"), m.Features)
	}
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m AuthForbidden) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeAuthResp)
	dst = appendField(dst, "auth", authForbidden)
	dst = appendField(dst, "server", m.Server)
	dst = appendField(dst, "error", m.Error)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m Init) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeInit)
	dst = appendField(dst, "server", m.Server)
	dst = append(appendKey(dst, "data"), '[')
	for i := range m.Data {
		dst = appendComma(dst, i)
		dst = m.Data[i].appendJSON(dst)
	}
	return append(dst, "]}"...)
}

func (e *Extension) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"Extension":`...), e.Extension)
	dst = appendField(dst, "Hint", e.Hint)
	dst = appendField(dst, "Status", e.Status)
	dst = append(appendKey(dst, "Calls"), '[')
	for i := range e.Calls {
		dst = appendComma(dst, i)
		dst = e.Calls[i].appendJSON(dst)
	}
	return append(dst, "]}"...)
}

func (c *Call) appendJSON(dst []byte) []byte {
	dst = appendBool(append(dst, `{"Monitored":`...), c.Monitored)
	dst = appendField(dst, "CallID", c.CallID)
	dst = appendField(dst, "CallDirection", c.CallDirection)
	dst = appendField(dst, "PhoneA", c.PhoneA)
	dst = appendField(dst, "PhoneB", c.PhoneB)
	dst = appendField(dst, "DIDA", c.DIDA)
	dst = appendField(dst, "DIDB", c.DIDB)
	dst = appendField(dst, "Status", c.Status)
	dst = appendField(dst, "StatusDesc", c.StatusDesc)
	dst = appendField(dst, "Bridge", c.Bridge)
	dst = appendBool(appendKey(dst, "Hold"), c.Hold)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m ExtensionStatus) AppendJSON(dst []byte) []byte {
	dst = appendUpdate(dst, updateExtensionStatus, m.Server, m.Extension)
	dst = appendField(dst, "status", m.Status)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m NewCall) AppendJSON(dst []byte) []byte {
	dst = appendUpdate(dst, updateNewCall, m.Server, m.Extension)
	dst = appendField(dst, "callid", m.CallID)
	dst = appendField(dst, "direction", m.Direction)
	dst = appendField(dst, "phonea", m.PhoneA)
	dst = appendField(dst, "phoneb", m.PhoneB)
	dst = appendField(dst, "dida", m.DIDA)
	dst = appendField(dst, "didb", m.DIDB)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m CallState) AppendJSON(dst []byte) []byte {
	dst = appendUpdate(dst, updateCallState, m.Server, m.Extension)
	dst = appendField(dst, "callid", m.CallID)
	dst = appendField(dst, "state", m.State)
	dst = appendField(dst, "statedesc", m.StateDesc)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m CallMark) AppendJSON(dst []byte) []byte {
	dst = appendUpdate(dst, string(m.Mark), m.Server, m.Extension)
	dst = appendField(dst, "callid", m.CallID)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m Hangup) AppendJSON(dst []byte) []byte {
	dst = appendUpdate(dst, updateHangup, m.Server, m.Extension)
	dst = appendField(dst, "callid", m.CallID)
	dst = appendField(dst, "cause", m.Cause)
	return append(dst, '}')
}

// AppendJSON implements [Message].
func (m Error) AppendJSON(dst []byte) []byte {
	dst = appendType(dst, typeError)
	dst = appendField(dst, "code", string(m.Code))
	dst = appendField(dst, "message", m.Message)
	if m.Action != "" {
		dst = appendField(dst, "action", m.Action)
	}
	return append(dst, '}')
}

// AppendJSON implements [Message]: it appends what was received.
func (m Unknown) AppendJSON(dst []byte) []byte { return append(dst, m.Raw...) }

// appendType opens a message; the caller closes it.
func appendType(dst []byte, typ string) []byte {
	return appendString(append(dst, `{"type":`...), typ)
}

// appendUpdate opens an update; the caller closes it.
func appendUpdate(dst []byte, action, server, extension string) []byte {
	dst = appendType(dst, typeUpdate)
	dst = appendField(dst, "action", action)
	dst = appendField(dst, "server", server)
	return appendField(dst, "extension", extension)
}

// appendKey appends a key that is not the first of its object. The key needs no escaping.
func appendKey(dst []byte, key string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, key...)
	return append(dst, `":`...)
}

func appendField(dst []byte, key, value string) []byte {
	return appendString(appendKey(dst, key), value)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		dst = appendString(appendComma(dst, i), s)
	}
	return append(dst, ']')
}

// appendComma separates element i of a list from the one before it.
func appendComma(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return dst
}

// appendString appends s as a JSON string (RFC 8259, section 7), byte for byte as encoding/json does without HTML
// escaping.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0 // s[:done] is appended
	for i := 0; i < len(s); {
		if c := s[i]; ' ' <= c && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r < utf8.RuneSelf || r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[done:i]...)
			dst = appendEscape(dst, r)
			done = i + size
		}
		i += size
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

// appendEscape appends what stands for r, of the basic multilingual plane, within a JSON string. Besides the characters
// that JSON wants escaped that is U+FFFD for what is not UTF-8, and the two separators that ended a line in JavaScript
// before ES2019 even within a string.
func appendEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	return append(dst, '\\', 'u', hex[r>>12&0xf], hex[r>>8&0xf], hex[r>>4&0xf], hex[r&0xf])
}
