package websocket

import (
	"encoding/binary"
	"math"
)

// frame is a frame that is being read.
type frame struct {
	remaining int64  // bytes of payload to come
	key       uint32 // that unmasks the next of them
	op        Opcode
	fin       bool
}

// parseHeader reads a frame's header from the front of b and returns its size,
// 0 when there is too little of it yet. What is wrong whatever may follow is
// reported as soon as it shows.
func parseHeader(b []byte) (f frame, size int, err error) {
	if len(b) < 2 {
		return frame{}, 0, nil
	}
	f = frame{op: Opcode(b[0] & opcodeBits), fin: b[0]&finBit != 0, remaining: int64(b[1] & lengthBits)}
	switch {
	case b[0]&rsvBits != 0: // §5.2
		return frame{}, 0, violation("reserved bit set")
	case !f.op.defined(): // §5.2
		return frame{}, 0, violation("reserved opcode")
	case b[1]&maskBit == 0: // §5.1
		return frame{}, 0, violation("frame not masked")
	case f.op.control() && !f.fin: // §5.5
		return frame{}, 0, violation("control frame fragmented")
	case f.op.control() && f.remaining > maxControl: // §5.5
		return frame{}, 0, violation("control frame too long")
	}

	size = 2
	shortest := int64(0) // the least that needs a length field this long (§5.2)
	switch f.remaining {
	case length16:
		if size += 2; len(b) < size {
			return frame{}, 0, nil
		}
		f.remaining, shortest = int64(binary.BigEndian.Uint16(b[2:])), length16
	case length64:
		if size += 8; len(b) < size {
			return frame{}, 0, nil
		}
		length := binary.BigEndian.Uint64(b[2:])
		if length > math.MaxInt64 { // §5.2
			return frame{}, 0, violation("length has its highest bit set")
		}
		f.remaining, shortest = int64(length), math.MaxUint16+1
	}
	if f.remaining < shortest {
		return frame{}, 0, violation("length not in the fewest bytes")
	}

	if len(b) < size+4 {
		return frame{}, 0, nil
	}
	f.key = binary.LittleEndian.Uint32(b[size:])
	return f, size + 4, nil
}

// violation is an error of the client's against the protocol.
func violation(reason string) error { return Error{CloseProtocolError, reason} }
