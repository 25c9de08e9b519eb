package auth

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrWeakPassword says that a password would be guessed or can't be used; what wraps it gives the reason.
var ErrWeakPassword = errors.New("weak password")

const (
	minPassword  = 10  // characters
	maxPassword  = 128 // bytes
	minDifferent = 5   // characters
	minOwn       = 4   // characters besides the user's name and extension
)

//go:embed common_passwords.txt
var commonPasswords string

// CheckPassword returns nil if password is good enough for the user, else [ErrWeakPassword] with the reason. Of the user
// only the name and the extension matter.
func CheckPassword(user User, password string) error {
	reason := weakness(user, password)
	if reason == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrWeakPassword, reason)
}

func weakness(user User, password string) string {
	characters := []rune(password)
	different := slices.Compact(slices.Sorted(slices.Values(characters)))
	lower := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password):
		return "it is not valid UTF-8"
	case slices.ContainsFunc(characters, unicode.IsControl):
		return "it has control characters"
	case len(password) > maxPassword:
		return fmt.Sprintf("it has %d bytes, more than %d", len(password), maxPassword)
	case len(characters) < minPassword:
		return fmt.Sprintf("it has %d characters, at least %d are needed", len(characters), minPassword)
	case len(different) < minDifferent:
		return fmt.Sprintf("it has %d different characters, at least %d are needed", len(different), minDifferent)
	case isSequence(characters):
		return "it is a plain sequence"
	case isOwn(lower, user.Name) || isOwn(lower, user.Extension):
		return "it is little more than the user's name or extension"
	case isCommon(lower):
		return "it is one of the commonest passwords"
	}
	return ""
}

// isSequence reports whether the characters follow each other up or down, as in 1234567890 or zyxwvutsrq.
func isSequence(characters []rune) bool {
	up, down := true, true
	for i := 1; i < len(characters); i++ {
		a, b := characters[i-1], characters[i]
		up = up && (b == a+1 || a == '9' && b == '0')
		down = down && (b == a-1 || a == '0' && b == '9')
	}
	return up || down
}

// isOwn reports whether there is next to nothing in password besides word.
func isOwn(password, word string) bool {
	if word == "" {
		return false
	}
	rest := strings.ReplaceAll(password, strings.ToLower(word), "")
	return utf8.RuneCountInString(rest) < minOwn && rest != password
}

// isCommon reports whether password, with or without what is not a letter at its end ("password2024!"), is one of those
// that are tried first.
func isCommon(password string) bool {
	stem := strings.TrimRightFunc(password, func(r rune) bool { return !unicode.IsLetter(r) })
	for common := range strings.FieldsSeq(commonPasswords) {
		if common == password || common == stem {
			return true
		}
	}
	return false
}
