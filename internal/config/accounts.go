package config

import "slices"

// PBX returns the PBX called name.
func (c *Config) PBX(name string) (PBX, bool) {
	i := slices.IndexFunc(c.PBXs, func(p PBX) bool { return p.Name == name })
	if i < 0 {
		return PBX{}, false
	}
	return c.PBXs[i], true
}

// Account returns the account called name.
func (c *Config) Account(name string) (Account, bool) {
	i := slices.IndexFunc(c.Accounts, func(a Account) bool { return a.Name == name })
	if i < 0 {
		return Account{}, false
	}
	return c.Accounts[i], true
}

// AccountsOf returns the names of the accounts that have the extension, in the file's order.
func (c *Config) AccountsOf(pbx, context, number string) []string {
	var names []string
	for _, a := range c.Accounts {
		if a.Has(pbx, context, number) {
			names = append(names, a.Name)
		}
	}
	return names
}

func (c *Config) pbxNames() []string {
	var names []string
	for _, p := range c.PBXs {
		names = append(names, p.Name)
	}
	return names
}

// Has reports whether the account has the extension.
func (a Account) Has(pbx, context, number string) bool {
	return slices.ContainsFunc(a.Extensions, func(s ExtensionSet) bool {
		return s.PBX == pbx && (s.Context == "" || s.Context == context) && s.hasNumber(number)
	})
}

// DialContext returns the context in which an extension of the account places calls: the PBX's dial_context if it has one. Else,
// where several customers share a PBX and the account names its context, the extension's own, for nobody must dial into
// another's dial plan. Else the PBX's first context, for which it returns "".
func (c *Config) DialContext(a Account, pbx, context, number string) string {
	if p, ok := c.PBX(pbx); !ok || p.DialContext != "" {
		return p.DialContext
	}
	if slices.ContainsFunc(a.Extensions, func(s ExtensionSet) bool {
		return s.PBX == pbx && s.Context == context && s.hasNumber(number)
	}) {
		return context
	}
	return ""
}

// HasNumber reports whether the account has an extension of that number in any context of the PBX.
func (a Account) HasNumber(pbx, number string) bool {
	return slices.ContainsFunc(a.Extensions, func(s ExtensionSet) bool { return s.PBX == pbx && s.hasNumber(number) })
}

func (s ExtensionSet) hasNumber(number string) bool {
	return len(s.Numbers) == 0 || slices.ContainsFunc(s.Numbers, func(p Pattern) bool { return p.Match(number) })
}

// PBXs returns the names of the PBXs that the account has extensions of, each once.
func (a Account) PBXs() []string {
	var names []string
	for _, s := range a.Extensions {
		if !slices.Contains(names, s.PBX) {
			names = append(names, s.PBX)
		}
	}
	return names
}

// Numbers returns the patterns of the numbers that the account has on a PBX; none if it has all or the PBX is not its.
func (a Account) Numbers(pbx string) []string {
	var patterns []string
	for _, s := range a.Extensions {
		if s.PBX != pbx {
			continue
		}
		if len(s.Numbers) == 0 {
			return nil
		}
		for _, p := range s.Numbers {
			patterns = append(patterns, p.String())
		}
	}
	return patterns
}
