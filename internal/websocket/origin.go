package websocket

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// originPolicy says from which origins a browser may connect (RFC 6455 §10.2).
type originPolicy struct {
	allowed map[string]bool // in lower case
	all     bool
}

// OriginPolicy returns a check for [Upgrade] that accepts
//
//   - requests without an Origin header: they are not from a browser, and no page
//     can abuse its user's credentials in them;
//   - pages of the very host and port that the request is to;
//   - pages of the allowed origins, each written as browsers do (RFC 6454 §6.2),
//     scheme://host[:port] without the scheme's default port, or "*" for all.
//
// It is an error if one of allowed is no origin.
func OriginPolicy(allowed ...string) (func(*http.Request) bool, error) {
	policy := originPolicy{allowed: make(map[string]bool, len(allowed))}
	for _, origin := range allowed {
		switch {
		case origin == "*":
			policy.all = true
		case isOrigin(origin):
			policy.allowed[strings.ToLower(origin)] = true
		default:
			return nil, fmt.Errorf("websocket: origin %q is not scheme://host[:port]", origin)
		}
	}
	return policy.allows, nil
}

// allows reports whether the request may be upgraded.
func (p originPolicy) allows(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 || p.all {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	origin := strings.ToLower(origins[0])
	_, host, _ := strings.Cut(origin, "://")
	return p.allowed[origin] || host != "" && host == strings.ToLower(r.Host)
}

// isOrigin reports whether s is a scheme, a host and perhaps a port, no more. A
// host with a wildcard would be taken for a pattern, which it is not.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Hostname() != "" &&
		strings.EqualFold(u.Scheme+"://"+u.Host, s) &&
		!strings.HasSuffix(s, ":") && !strings.Contains(s, "*")
}
