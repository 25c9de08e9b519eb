package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// verified remembers which password was right for which user, so that the next login of that user costs microseconds
// instead of an argon2: ten thousand agents who come back at once after a network failure would else take minutes of the
// processor.
//
// The price: for each user who has logged in there is a fast hash in memory, and its key beside it. Who can read the
// process's memory can guess those passwords at the speed of SHA-256; but who can do that sees passwords as they come in,
// too. Nothing of it is ever written, and a new process has a new key and an empty table.
type verified struct {
	key [sha256.Size]byte

	mu   sync.Mutex
	macs map[int64]verifiedPassword // by user, guarded by mu
}

type verifiedPassword struct {
	version int64 // of the user
	mac     [sha256.Size]byte
}

func newVerified() (*verified, error) {
	v := &verified{macs: map[int64]verifiedPassword{}}
	_, err := rand.Read(v.key[:])
	return v, err
}

func (v *verified) mac(user User, password string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, v.key[:])
	var head [16]byte
	binary.BigEndian.PutUint64(head[:8], uint64(user.ID))      //nolint:gosec // any distinct bits do
	binary.BigEndian.PutUint64(head[8:], uint64(user.Version)) //nolint:gosec // any distinct bits do
	m.Write(head[:])
	m.Write([]byte(password))
	m.Sum(sum[:0])
	return sum
}

// has reports whether password is known to be the user's.
func (v *verified) has(user User, password string) bool {
	mac := v.mac(user, password)
	v.mu.Lock()
	known, ok := v.macs[user.ID]
	v.mu.Unlock()
	return ok && known.version == user.Version && hmac.Equal(known.mac[:], mac[:])
}

func (v *verified) add(user User, password string) {
	mac := v.mac(user, password)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.macs[user.ID] = verifiedPassword{user.Version, mac}
}

// prune forgets what is no longer right.
func (v *verified) prune(users map[int64]Identity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, known := range v.macs {
		if users[id].Version != known.version {
			delete(v.macs, id)
		}
	}
}
