package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	ana := User{Name: "Ana.Gomez", Extension: "10123"}
	tests := []struct{ password, reason string }{
		{"correct horse", ""},
		{"ñandú-2024-azul", ""},
		{"Ana.Gomez is here", ""},
		{"x7!kQ9-zW2", ""},
		{strings.Repeat("abcdefgh", 16), ""},
		{"", "it has 0 characters, at least 10 are needed"},
		{"ñañaña123", "it has 9 characters, at least 10 are needed"},
		{strings.Repeat("abcdefgh", 16) + "x", "it has 129 bytes, more than 128"},
		{"correct\xffhorse", "it is not valid UTF-8"},
		{"correct\nhorse", "it has control characters"},
		{"correct\x7fhorse", "it has control characters"},
		{"aaaaaaaaaa", "it has 1 different characters, at least 5 are needed"},
		{"abcdabcdabcd", "it has 4 different characters, at least 5 are needed"},
		{"1234567890", "it is a plain sequence"},
		{"5678901234", "it is a plain sequence"},
		{"5432109876", "it is a plain sequence"},
		{"abcdefghijkl", "it is a plain sequence"},
		{"zyxwvutsrq", "it is a plain sequence"},
		{"ana.gomez1", "it is little more than the user's name or extension"},
		{"ANA.GOMEZana.gomez", "it is little more than the user's name or extension"},
		{"10123-10123", "it is little more than the user's name or extension"},
		{"password123", "it is one of the commonest passwords"},
		{"Password2024!", "it is one of the commonest passwords"},
		{"Contraseña1", "it is one of the commonest passwords"},
		{"bienvenido2025", "it is one of the commonest passwords"},
		{"1q2w3e4r5t", "it is one of the commonest passwords"},
		{"realmadrid", "it is one of the commonest passwords"},
	}
	for _, tt := range tests {
		err := CheckPassword(ana, tt.password)
		switch {
		case tt.reason == "" && err != nil:
			t.Errorf("%q: %v", tt.password, err)
		case tt.reason != "" && (!errors.Is(err, ErrWeakPassword) || err.Error() != "weak password: "+tt.reason):
			t.Errorf("%q: %v; want %s", tt.password, err, tt.reason)
		}
	}
	if err := CheckPassword(User{}, "correct horse"); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(commonPasswords) {
		if seen[word] || word != strings.ToLower(word) {
			t.Errorf("%q is there twice or not in lower case", word)
		}
		seen[word] = true
	}
	if len(seen) < 200 {
		t.Errorf("there are only %d", len(seen))
	}
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "ana.gomez@example.com", "A-b_c+d", "101", strings.Repeat("x", 64)} {
		if !ValidName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", "a b", "ñ", "a\n", "a/b", "a:b", strings.Repeat("x", 65)} {
		if ValidName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}
