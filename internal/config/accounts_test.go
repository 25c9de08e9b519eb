package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	c, err := LoadWithoutSecrets(write(t, `
		[[pbx]]
		name = "one"
		driver = "asterisk"
		address = "127.0.0.1:5038"
		username = "clavija"
		contexts = ["a", "b"]
		[[pbx]]
		name = "two"
		driver = "asterisk"
		address = "127.0.0.1:5038"
		username = "clavija"
		contexts = ["a"]
		[[account]]
		name = "acme"
		extensions = [{pbx = "one", context = "a", numbers = ["1XX", "205"]}, {pbx = "one", context = "b", numbers = ["3."]}]
		[[account]]
		name = "globex"
		extensions = [{pbx = "two"}, {pbx = "one", numbers = ["205"]}]
	`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pbx, context, number string
		want                 []string
	}{
		{"one", "a", "101", []string{"acme"}},
		{"one", "a", "205", []string{"acme", "globex"}},
		{"one", "b", "205", []string{"globex"}},
		{"one", "b", "101", nil},
		{"one", "b", "31", []string{"acme"}},
		{"two", "a", "101", []string{"globex"}},
		{"three", "a", "101", nil},
	} {
		if diff := cmp.Diff(tt.want, c.AccountsOf(tt.pbx, tt.context, tt.number)); diff != "" {
			t.Errorf("accounts of %s in %s of PBX %s (-want +got):\n%s", tt.number, tt.context, tt.pbx, diff)
		}
	}
	acme, _ := c.Account("acme")
	globex, _ := c.Account("globex")
	if !acme.HasNumber("one", "31") || acme.HasNumber("one", "4") || acme.HasNumber("two", "31") || !globex.HasNumber("two", "4") {
		t.Error("the numbers of an account's PBX are wrong")
	}
	if diff := cmp.Diff([]string{"1XX", "205", "3."}, acme.Numbers("one")); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
	if got := globex.Numbers("two"); got != nil {
		t.Errorf("patterns of all numbers: %v", got)
	}
	if diff := cmp.Diff([]string{"two", "one"}, globex.PBXs()); diff != "" {
		t.Errorf("PBXs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one"}, acme.PBXs()); diff != "" {
		t.Errorf("PBXs (-want +got):\n%s", diff)
	}
	if p, ok := c.PBX("two"); !ok || p.Name != "two" {
		t.Errorf("PBX two: %+v, %v", p, ok)
	}
	if _, ok := c.Account("initech"); ok {
		t.Error("there is an account that isn't")
	}
}

// TestDialContext: customers who share a PBX dial in contexts of their own.
func TestDialContext(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, `
		[[pbx]]
		name = "shared"
		driver = "asterisk"
		address = "127.0.0.1:5038"
		username = "clavija"
		secret = "x"
		contexts = ["a", "b"]
		[[pbx]]
		name = "freepbx"
		driver = "asterisk"
		address = "127.0.0.1:5038"
		username = "clavija"
		secret = "x"
		contexts = ["ext-local"]
		dial_context = "from-internal"
		[[account]]
		name = "acme"
		extensions = [{pbx = "shared", context = "b"}, {pbx = "freepbx", context = "ext-local"}]
		[[account]]
		name = "all"
		extensions = [{pbx = "shared"}, {pbx = "freepbx"}]
	`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ account, pbx, context, want string }{
		{"acme", "shared", "b", "b"},
		{"acme", "freepbx", "ext-local", "from-internal"},
		{"all", "shared", "b", ""}, // the PBX's first
		{"all", "freepbx", "ext-local", "from-internal"},
	} {
		a, _ := c.Account(tt.account)
		if got := c.DialContext(a, tt.pbx, tt.context, "101"); got != tt.want {
			t.Errorf("%s on %s: %q instead of %q", tt.account, tt.pbx, got, tt.want)
		}
	}
}
