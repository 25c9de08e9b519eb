package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxName is the length of the longest name of a PBX or account.
const maxName = 64

// validate looks for values that are of the right type and wrong all the same.
func (c *Config) validate(found *problems) {
	if c.DataDir == "" {
		found.add("data_dir", "data_dir is empty")
	}
	c.validateListen(found)
	c.validateWebSocket(found)
	if !slices.Contains([]string{LogText, LogJSON}, c.Log.Format) {
		found.add("log.format", "log.format must be %q or %q, not %q", LogText, LogJSON, c.Log.Format)
	}
	names := map[string]string{}
	for i := range c.PBXs {
		at := element("pbx", i)
		found.checkName(at, "PBX", c.PBXs[i].Name, names)
		c.validatePBX(found, at, &c.PBXs[i])
	}
	names = map[string]string{}
	for i, a := range c.Accounts {
		at := element("account", i)
		found.checkName(at, "account", a.Name, names)
		c.validateAccount(found, at, a)
	}
}

func (c *Config) validateListen(found *problems) {
	if c.Listen.Plain != "" {
		found.checkAddress("listen.plain", c.Listen.Plain)
	}
	if c.Listen.TLS != "" {
		found.checkAddress("listen.tls", c.Listen.TLS)
	}
	switch {
	case c.Listen.Plain == "" && c.Listen.TLS == "":
		found.add("listen", "listen.plain and listen.tls are both off: nothing could connect")
	case c.Listen.Plain == c.Listen.TLS && !strings.HasSuffix(c.Listen.TLS, ":0"):
		found.add("listen.tls", "listen.plain and listen.tls are the same address")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		found.add("tls", "tls.cert_file and tls.key_file belong together: give both, or none for a self-signed certificate")
	}
}

func (c *Config) validateWebSocket(found *problems) {
	w := c.WebSocket
	for i, origin := range w.Origins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Host == "" || origin != u.Scheme+"://"+u.Host) {
			found.add(element("websocket.origins", i), `origin %q must be like "https://crm.example.com", or "*" for any`, origin)
		}
	}
	checkRange(found, "websocket.max_message", w.MaxMessage, 1<<10, 1<<20)
	checkRange(found, "websocket.max_connections", w.MaxConnections, 1, 1_000_000)
	checkRange(found, "websocket.max_connections_per_address", w.MaxConnectionsPerAddress, 0, 1_000_000)
	checkRange(found, "websocket.ping_interval", w.PingInterval, 5*time.Second, 10*time.Minute)
	checkRange(found, "websocket.auth_timeout", w.AuthTimeout, time.Second, 10*time.Minute)
}

func (c *Config) validatePBX(found *problems, at string, p *PBX) {
	switch p.Driver {
	case DriverAsterisk:
	case "":
		found.add(at, "PBX %q needs a driver: %q", p.Name, DriverAsterisk)
	default:
		found.add(child(at, "driver"), "PBX %q: there is no driver %q; there is %q", p.Name, p.Driver, DriverAsterisk)
	}
	if p.Address == "" {
		found.add(at, `PBX %q needs an address such as "127.0.0.1:5038"`, p.Name)
	} else {
		found.checkAddress(child(at, "address"), p.Address)
	}
	if p.Username == "" || hasControl(p.Username) {
		found.add(child(at, "username"), "PBX %q needs the username of its manager interface", p.Name)
	}
	if p.Secret.Reveal() != "" && p.SecretFile != "" {
		found.add(child(at, "secret_file"), "PBX %q has both secret and secret_file: give one", p.Name)
	}
	if len(p.Contexts) == 0 {
		found.add(at, "PBX %q needs contexts: those whose hints are the extensions", p.Name)
	}
	for i, context := range p.Contexts {
		if !validContext(context) {
			found.add(element(child(at, "contexts"), i), "PBX %q: %q can't be a dial-plan context", p.Name, context)
		} else if slices.Contains(p.Contexts[:i], context) {
			found.add(element(child(at, "contexts"), i), "PBX %q has context %q twice", p.Name, context)
		}
	}
	if p.DialContext != "" && !validContext(p.DialContext) {
		found.add(child(at, "dial_context"), "PBX %q: %q can't be a dial-plan context", p.Name, p.DialContext)
	}
	if !p.TLS && (p.TLSCAFile != "" || p.TLSServerName != "") {
		c.warn("PBX %q: tls_ca_file and tls_server_name do nothing without tls = true", p.Name)
	}
	checkRange(found, child(at, "refresh"), p.Refresh, 5*time.Second, time.Hour)
	checkRange(found, child(at, "ring_timeout"), p.RingTimeout, 5*time.Second, 5*time.Minute)
}

func (c *Config) validateAccount(found *problems, at string, a Account) {
	if len(a.Extensions) == 0 {
		found.add(at, `account %q needs extensions, such as [{pbx = "NAME"}] for all of a PBX`, a.Name)
	}
	for i, set := range a.Extensions {
		at := element(child(at, "extensions"), i)
		p, ok := c.PBX(set.PBX)
		switch {
		case set.PBX == "":
			found.add(at, "account %q: the extensions need a pbx", a.Name)
		case !ok:
			found.add(at, "account %q: there is no PBX %q; there is %s", a.Name, set.PBX, quoteAll(c.pbxNames()))
		case set.Context != "" && !slices.Contains(p.Contexts, set.Context):
			found.add(at, "account %q: PBX %q has no context %q; it has %s", a.Name, set.PBX, set.Context, quoteAll(p.Contexts))
		}
	}
}

// checkName looks at the name of the PBX or account at path; names holds those before it, by their lower case.
func (p *problems) checkName(path, what, name string, names map[string]string) {
	lower := strings.ToLower(name)
	switch before, taken := names[lower]; {
	case name == "":
		p.add(path, "%s without a name", what)
	case !validName(name):
		p.add(child(path, "name"), "%s name %q may have letters, digits, _ . - and at most %d of them", what, name, maxName)
	case taken:
		p.add(child(path, "name"), "there is already the %s %q", what, before)
	default:
		names[lower] = name
	}
}

func (p *problems) checkAddress(path, address string) {
	host, port, err := net.SplitHostPort(address)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || strconv.FormatUint(n, 10) != port ||
		strings.ContainsFunc(host, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		p.add(path, `%s must be host:port such as "127.0.0.1:9000", not %q`, path, address)
	}
}

// checkRange looks at a value that has bounds, both included.
func checkRange[T int | time.Duration](p *problems, path string, value, least, most T) {
	if value < least || value > most {
		p.add(path, "%s must be between %v and %v, not %v", path, least, most, value)
	}
}

// validName reports whether name is of [A-Za-z0-9_.-]{1,64}.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r)
	})
}

// validContext reports whether name can be a context of Asterisk's dial plan. Its length is AST_MAX_CONTEXT's, without
// the zero that ends it there.
func validContext(name string) bool {
	return name != "" && len(name) < 80 && !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("[](),;&@", r)
	})
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

func quoteAll(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprintf("%q", names), "[]")
}
