// Package auth tells who a client is: users and their passwords, the slowing of those who guess, and the end of what is
// no longer valid.
package auth

import (
	"errors"
	"strings"
	"time"
	"unicode"
)

// ErrNoUser says that there is no such user.
var ErrNoUser = errors.New("no such user")

// Kind is what a user may log in as.
type Kind string

// The kinds of users. Their values are what is stored.
const (
	Supervisor Kind = "supervisor" // sees all extensions of an account
	Agent      Kind = "agent"      // is one extension
)

// User is a user as stored.
type User struct {
	// ID is never given to another user, not even after this one is removed.
	ID int64
	// Name is unique in the server without regard to the case of its letters.
	Name    string
	Kind    Kind
	Account string
	// PBX and Extension say which extension an agent is; a supervisor has none.
	PBX, Extension string
	// PasswordHash is as [HashPassword] returns it.
	PasswordHash string
	// Version rises each time the password is set.
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// Identity is who a client has proved to be. It holds as long as it equals its user's present [User.Identity].
type Identity struct {
	UserID         int64
	Version        int64
	Name           string
	Kind           Kind
	Account        string
	PBX, Extension string // an agent's
}

// Identity returns what the user proves to be by logging in.
func (u User) Identity() Identity {
	return Identity{
		UserID: u.ID, Version: u.Version,
		Name: u.Name, Kind: u.Kind,
		Account: u.Account, PBX: u.PBX, Extension: u.Extension,
	}
}

// maxName is the length of the longest user name.
const maxName = 64

// ValidName reports whether name can be a user's: of [A-Za-z0-9._@+-]{1,64}.
func ValidName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._@+-", r)
	})
}
