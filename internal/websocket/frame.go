package websocket

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Opcode says what a frame is (RFC 6455 §5.2).
type Opcode byte

// The opcodes of RFC 6455 §11.8.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// defined reports whether RFC 6455 gives the opcode a meaning.
func (op Opcode) defined() bool { return op <= OpBinary || op >= OpClose && op <= OpPong }

// control reports whether the opcode is that of a control frame (RFC 6455 §5.5).
func (op Opcode) control() bool { return op >= OpClose }

// The layout of a frame's header (RFC 6455 §5.2).
const (
	finBit     = 0x80 // first byte
	rsvBits    = 0x70
	opcodeBits = 0x0F

	maskBit    = 0x80 // second byte
	lengthBits = 0x7F
	length16   = 126 // the length is in the next 2 bytes
	length64   = 127 // the length is in the next 8 bytes

	maxServerHeader = 2 + 8
	maxClientHeader = 2 + 8 + 4

	maxControl = 125            // bytes of payload (§5.5)
	maxReason  = maxControl - 2 // bytes of reason in a Close frame (§5.5.1)
)

// AppendFrame appends one whole frame as a server sends it, final and unmasked,
// and returns the extended slice. The payload of a control frame is cut at its
// 125 bytes (RFC 6455 §5.5).
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	if op.control() && len(payload) > maxControl {
		payload = payload[:maxControl]
	}
	dst = slices.Grow(dst, maxServerHeader+len(payload))
	return append(appendHeader(dst, op, uint64(len(payload))), payload...)
}

// appendHeader appends the header of a final, unmasked frame, with the length in
// the fewest bytes possible (RFC 6455 §5.2).
func appendHeader(dst []byte, op Opcode, length uint64) []byte {
	dst = append(dst, finBit|byte(op))
	switch {
	case length < length16:
		return append(dst, byte(length))
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, length16), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, length64), length)
	}
}

// AppendText appends a text message in one frame. The payload must be UTF-8.
func AppendText(dst, payload []byte) []byte { return AppendFrame(dst, OpText, payload) }

// AppendPing appends a Ping frame; the payload, of at most 125 bytes, comes back
// in the client's Pong.
func AppendPing(dst, payload []byte) []byte { return AppendFrame(dst, OpPing, payload) }

// AppendPong appends the answer to a Ping with that payload (RFC 6455 §5.5.3).
func AppendPong(dst, payload []byte) []byte { return AppendFrame(dst, OpPong, payload) }

// AppendClose appends a Close frame. The reason is made valid UTF-8 and cut to
// the 123 bytes there is room for, never within a character. With a code that
// must not be sent, such as [CloseNoStatus], the frame is empty, so that the code
// of a Close [Event] is always the right answer to it (RFC 6455 §5.5.1).
func AppendClose(dst []byte, code CloseCode, reason string) []byte {
	if !code.sendable() {
		return AppendFrame(dst, OpClose, nil)
	}
	reason = truncate(strings.ToValidUTF8(reason, "\uFFFD"), maxReason)
	dst = appendHeader(dst, OpClose, 2+uint64(len(reason)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}

// truncate cuts valid UTF-8 to at most size bytes, between two characters.
func truncate(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// PreparedText returns a text message ready to be written to any number of
// clients, which share it: nobody may change it.
func PreparedText(payload []byte) []byte {
	var header [maxServerHeader]byte
	return bytes.Join([][]byte{appendHeader(header[:0], OpText, uint64(len(payload))), payload}, nil)
}
