package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	saltSize = 16 // bytes, RFC 9106 section 3.1
	keySize  = 32 // bytes
)

// Upper bounds of what a stored hash may ask for, so that a crafted one can't take the machine. They admit the second
// recommended option of RFC 9106 section 4.
const (
	maxMemory  = 64 << 10 // KiB
	maxTime    = 10
	maxThreads = 4
	maxText    = 256 // bytes
)

// errBadHash says that a stored hash can't be read.
var errBadHash = errors.New("not an argon2id hash within bounds")

// Cost is the work that one guess takes: Argon2's parameters.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8
}

// DefaultCost returns the cost of new hashes: 19 MiB, 2 passes, 1 thread, as the OWASP Password Storage Cheat Sheet
// recommends for logins.
func DefaultCost() Cost { return Cost{Memory: 19 << 10, Time: 2, Threads: 1} }

func (c Cost) valid() bool {
	return c.Threads >= 1 && c.Threads <= maxThreads && c.Time >= 1 && c.Time <= maxTime &&
		c.Memory >= 8*uint32(c.Threads) && c.Memory <= maxMemory
}

// HashPassword returns a new argon2id hash of password in PHC string format. It does not look whether the password is any
// good: see [CheckPassword].
func HashPassword(password string, cost Cost) (string, error) {
	if !cost.valid() {
		return "", fmt.Errorf("hash password: cost %+v is out of bounds", cost)
	}
	h := hash{cost: cost, salt: make([]byte, saltSize)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	h.key = h.derive(password, keySize)
	return h.String(), nil
}

// hash is a read PHC string.
type hash struct {
	cost Cost
	salt []byte
	key  []byte
}

func (h hash) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.cost.Time, h.cost.Memory, h.cost.Threads, size)
}

// matches does the work of one guess.
func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, uint32(len(h.key))), h.key) == 1 //nolint:gosec // at most maxText
}

// String returns the hash in PHC string format.
func (h hash) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads, enc.EncodeToString(h.salt), enc.EncodeToString(h.key))
}

// parseHash reads a PHC string that is written exactly as [hash.String] writes it.
func parseHash(text string) (hash, error) {
	if len(text) > maxText {
		return hash{}, errBadHash
	}
	head, keyText := cutLast(text)
	head, saltText := cutLast(head)
	var (
		h       hash
		version int
	)
	_, scanErr := fmt.Sscanf(head, "$argon2id$v=%d$m=%d,t=%d,p=%d", &version, &h.cost.Memory, &h.cost.Time, &h.cost.Threads)
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(saltText)
	key, keyErr := base64.RawStdEncoding.Strict().DecodeString(keyText)
	if errors.Join(scanErr, saltErr, keyErr) != nil {
		return hash{}, errBadHash
	}
	h.salt, h.key = salt, key
	if h.String() != text || !h.cost.valid() || len(salt) < 8 || len(key) < 16 {
		return hash{}, errBadHash
	}
	return h, nil
}

// cutLast splits text at its last dollar sign.
func cutLast(text string) (before, after string) {
	i := max(strings.LastIndexByte(text, '$'), 0)
	return text[:i], strings.TrimPrefix(text[i:], "$")
}
