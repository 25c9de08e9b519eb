package auth

import (
	"strings"
	"testing"
)

// cheap is a cost for tests of what comes around the hash.
func cheap() Cost { return Cost{Memory: 8, Time: 1, Threads: 1} }

// TestHashOfReference: the reference implementation's hash, from the tests of https://github.com/P-H-C/phc-winner-argon2.
func TestHashOfReference(t *testing.T) {
	t.Parallel()
	h, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("password") || h.matches("passwore") {
		t.Error("the hash doesn't tell its password from another")
	}
}

func TestHashPassword(t *testing.T) {
	t.Parallel()
	const password = "correct horse ñ"
	seen := map[string]bool{}
	for _, cost := range []Cost{cheap(), {Memory: 32, Time: 3, Threads: 2}, DefaultCost()} {
		text, err := HashPassword(password, cost)
		if err != nil {
			t.Fatal(err)
		}
		h, err := parseHash(text)
		if err != nil {
			t.Fatal(err)
		}
		if h.String() != text || h.cost != cost || !h.matches(password) || h.matches(password+" ") {
			t.Errorf("%s of cost %+v is wrong", text, cost)
		}
		if seen[string(h.salt)] {
			t.Error("a salt came twice")
		}
		seen[string(h.salt)] = true
	}
	for _, cost := range []Cost{{}, {Memory: 7, Time: 1, Threads: 1}, {Memory: 8, Time: 1}, {Memory: 8, Threads: 1}, {Memory: 1 << 30, Time: 1, Threads: 1}} {
		if text, err := HashPassword(password, cost); err == nil {
			t.Errorf("cost %+v was taken: %s", cost, text)
		}
	}
}

func TestParseHashRefuses(t *testing.T) {
	t.Parallel()
	const (
		salt = "c29tZXNhbHQ"
		key  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
		good = "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key
	)
	if _, err := parseHash(good); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"empty":          "",
		"cut":            good[:40],
		"plain":          "hunter2",
		"other function": strings.Replace(good, "argon2id", "argon2i", 1),
		"other version":  strings.Replace(good, "v=19", "v=16", 1),
		"memory":         strings.Replace(good, "m=65536", "m=65537", 1),
		"much memory":    strings.Replace(good, "m=65536", "m=4294967295", 1),
		"overflow":       strings.Replace(good, "m=65536", "m=4295032832", 1),
		"passes":         strings.Replace(good, "t=2", "t=11", 1),
		"no passes":      strings.Replace(good, "t=2", "t=0", 1),
		"threads":        strings.Replace(good, "p=1", "p=5", 1),
		"no threads":     strings.Replace(good, "p=1", "p=0", 1),
		"order":          strings.Replace(good, "m=65536,t=2", "t=2,m=65536", 1),
		"leading zero":   strings.Replace(good, "t=2", "t=02", 1),
		"sign":           strings.Replace(good, "t=2", "t=+2", 1),
		"more":           strings.Replace(good, "p=1", "p=1,x=1", 1),
		"space":          " " + good,
		"line end":       good + "\n",
		"short salt":     strings.Replace(good, salt, "c29tZQ", 1),
		"short key":      strings.Replace(good, key, "CTFh", 1),
		"no key":         strings.TrimSuffix(good, key),
		"padding":        good + "=",
		"loose bits":     strings.TrimSuffix(good, "c") + "d",
		"long":           good + strings.Repeat("A", 4*maxText),
	}
	for name, text := range tests {
		if h, err := parseHash(text); err == nil {
			t.Errorf("%s: %q was read as %v", name, text, h)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.String() != text || !h.cost.valid()) {
			t.Errorf("%q was read as %v", text, h)
		}
	})
}
