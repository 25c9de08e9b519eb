package websocket

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOriginPolicy(t *testing.T) {
	t.Parallel()
	allowed := []string{"https://crm.example.com", "http://localhost:8080", "HTTPS://Upper.example.com", "https://[2001:db8::1]:8443"}
	tests := []struct {
		name    string
		host    string
		origins []string // header lines
		allowed []string
		want    bool
	}{
		{"no browser", "cti.example.com", nil, nil, true},
		{"same host", "cti.example.com", []string{"https://cti.example.com"}, nil, true},
		{"same host in another case", "CTI.example.com", []string{"https://cti.Example.com"}, nil, true},
		{"same host and port", "cti.example.com:8080", []string{"http://cti.example.com:8080"}, nil, true},
		{"same address", "[::1]:8080", []string{"http://[::1]:8080"}, nil, true},
		{"other port", "cti.example.com:8080", []string{"http://cti.example.com:8081"}, nil, false},
		{"port and none", "cti.example.com", []string{"http://cti.example.com:8080"}, nil, false},
		{"other host", "cti.example.com", []string{"https://evil.example"}, nil, false},
		{"host as prefix", "cti.example.com", []string{"https://cti.example.com.evil.example"}, nil, false},
		{"host as suffix", "example.com", []string{"https://evil-example.com"}, nil, false},
		{"host as user", "cti.example.com", []string{"https://cti.example.com@evil.example"}, nil, false},
		{"opaque", "cti.example.com", []string{"null"}, allowed, false},
		{"opaque to no host", "", []string{"null"}, nil, false},
		{"local file", "", []string{"file://"}, nil, false},
		{"empty", "cti.example.com", []string{""}, nil, false},
		{"two lines", "cti.example.com", []string{"https://cti.example.com", "https://evil.example"}, nil, false},
		{"two in a line", "cti.example.com", []string{"https://cti.example.com https://evil.example"}, nil, false},
		{"same host with others allowed", "cti.example.com", []string{"https://cti.example.com"}, allowed, true},
		{"allowed", "cti.example.com", []string{"https://crm.example.com"}, allowed, true},
		{"allowed with port", "cti.example.com", []string{"http://localhost:8080"}, allowed, true},
		{"allowed address", "cti.example.com", []string{"https://[2001:db8::1]:8443"}, allowed, true},
		{"allowed in another case", "cti.example.com", []string{"https://upper.example.com"}, allowed, true},
		{"other scheme than allowed", "cti.example.com", []string{"http://crm.example.com"}, allowed, false},
		{"other port than allowed", "cti.example.com", []string{"https://crm.example.com:444"}, allowed, false},
		{"all allowed", "cti.example.com", []string{"https://evil.example"}, []string{"*"}, true},
		{"all allowed, opaque", "cti.example.com", []string{"null"}, []string{"*"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			check, err := OriginPolicy(test.allowed...)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Host = test.host
			r.Header["Origin"] = test.origins
			if got := check(r); got != test.want {
				t.Errorf("%q to %s accepted: %v", test.origins, test.host, got)
			}
		})
	}
}

func TestOriginPolicyRejects(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"", "null", "crm.example.com", "crm.example.com:443", "//crm.example.com", "https://", "https://:443",
		"https://crm.example.com/", "https://crm.example.com/path", "https://*.example.com", "https://crm.example.com:", "https://user@crm.example.com", "https://a b",
	} {
		if _, err := OriginPolicy("https://crm.example.com", origin); err == nil {
			t.Errorf("%q taken for an origin", origin)
		}
	}
}
