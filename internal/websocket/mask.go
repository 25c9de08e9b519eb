package websocket

import (
	"encoding/binary"
	"math/bits"
)

// unmask takes the masking off p in place (RFC 6455 §5.3) and returns the key
// for the byte after p. The key's first byte is its lowest.
func unmask(p []byte, key uint32) uint32 {
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key & 0xFF)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
