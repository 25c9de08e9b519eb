package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write puts a configuration into a directory of its own and returns its path.
func write(t *testing.T, doc string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clavija.toml")
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environ returns an environment of name, value pairs.
func environ(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func mustPatterns(t *testing.T, texts ...string) []Pattern {
	t.Helper()
	var patterns []Pattern
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	return patterns
}

func TestLoadAll(t *testing.T) {
	t.Parallel()
	path := write(t, `
		data_dir = "state"
		[listen]
		plain = ""
		tls   = "0.0.0.0:443"
		[tls]
		cert_file = "/etc/ssl/cert.pem"
		key_file  = "key.pem"
		[websocket]
		origins = ["https://crm.example.com", "http://localhost:3000"]
		max_message = 4096
		ping_interval = "1m"
		auth_timeout = "5s"
		max_connections = 100
		max_connections_per_address = 0
		[log]
		level = "debug"
		format = "json"
		[[pbx]]
		name = "pbx1"
		driver = "asterisk"
		address = "pbx.example.com:5039"
		username = "clavija"
		secret = "hunter2"
		contexts = ["ext-local", "more"]
		dial_context = "from-internal"
		tls = true
		tls_ca_file = "ca.pem"
		tls_server_name = "pbx"
		refresh = "10s"
		ring_timeout = "20s"
		[[pbx]]
		name = "pbx2"
		driver = "asterisk"
		address = "[::1]:5038"
		username = "clavija"
		secret = "hunter3"
		contexts = ["from-internal"]
		[[account]]
		name = "acme"
		extensions = [{pbx = "pbx1", context = "more", numbers = ["1XX", "205"]}, {pbx = "pbx2"}]
	`)
	dir := filepath.Dir(path)
	want := &Config{
		DataDir: filepath.Join(dir, "state"),
		Listen:  Listen{TLS: "0.0.0.0:443"},
		TLS:     TLS{CertFile: "/etc/ssl/cert.pem", KeyFile: filepath.Join(dir, "key.pem")},
		WebSocket: WebSocket{
			Origins:        []string{"https://crm.example.com", "http://localhost:3000"},
			MaxMessage:     4096,
			PingInterval:   time.Minute,
			AuthTimeout:    5 * time.Second,
			MaxConnections: 100,
		},
		Log: Log{Level: slog.LevelDebug, Format: LogJSON},
		PBXs: []PBX{{
			Name: "pbx1", Driver: DriverAsterisk, Address: "pbx.example.com:5039",
			Username: "clavija", Secret: NewSecret("hunter2"),
			Contexts: []string{"ext-local", "more"}, DialContext: "from-internal",
			TLS: true, TLSCAFile: filepath.Join(dir, "ca.pem"), TLSServerName: "pbx",
			Refresh: 10 * time.Second, RingTimeout: 20 * time.Second,
		}, {
			Name: "pbx2", Driver: DriverAsterisk, Address: "[::1]:5038",
			Username: "clavija", Secret: NewSecret("hunter3"),
			Contexts: []string{"from-internal"},
			Refresh:  time.Minute, RingTimeout: 30 * time.Second,
		}},
		Accounts: []Account{{Name: "acme", Extensions: []ExtensionSet{
			{PBX: "pbx1", Context: "more", Numbers: mustPatterns(t, "1XX", "205")},
			{PBX: "pbx2"},
		}}},
	}
	got, err := load(path, environ())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	path := write(t, "")
	want := Default()
	want.DataDir = filepath.Join(filepath.Dir(path), "data")
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("empty file (-default +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Account{{Name: DefaultAccount}}, got.Accounts); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestDefaultAccountHasEverything(t *testing.T) {
	t.Parallel()
	c, err := LoadWithoutSecrets(write(t, pbx("one")+pbx("two")))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if got := c.AccountsOf(name, "from-internal", "101"); !cmp.Equal(got, []string{DefaultAccount}) {
			t.Errorf("accounts of 101 of PBX %s: %v", name, got)
		}
	}
	if got := c.AccountsOf("three", "from-internal", "101"); got != nil {
		t.Errorf("accounts of an extension of an unknown PBX: %v", got)
	}
}

// pbx returns a PBX without a secret, with lines of its own.
func pbx(name string, lines ...string) string {
	return `
[[pbx]]
name = "` + name + `"
driver = "asterisk"
address = "127.0.0.1:5038"
username = "clavija"
contexts = ["from-internal"]
` + strings.Join(lines, "\n") + "\n"
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, doc string
		want      []string // the problems, after the file's name
	}{
		{"syntax", "data_dir = \"data\"\n[listen\n", []string{`:2: expected`}},
		{"twice", "data_dir = \"a\"\ndata_dir = \"b\"\n", []string{`:2: Key 'data_dir' has already been defined`}},
		{"unknown keys", "\ndatadir = \"x\"\n[lisen]\nplain = \"\"\n[log]\ncolour = true\n", []string{
			`:2: unknown key datadir; did you mean data_dir?`,
			`:3: unknown key lisen; did you mean listen?`,
			`:6: unknown key log.colour; known here: format, level`,
		}},
		{"case", "Data_Dir = \"x\"", []string{`:1: unknown key Data_Dir; did you mean data_dir?`}},
		{"unknown key of the second PBX", pbx("a") + pbx("b", `secert = "x"`), []string{`:16: unknown key pbx[1].secert; did you mean secret?`}},
		{
			"wrong types", "data_dir = 1\nlisten = \"x\"\n[websocket]\nmax_message = \"64k\"\nping_interval = 30\norigins = \"*\"\n",
			[]string{
				`:1: data_dir must be a string, not the number 1`,
				`:2: listen must be a table, not the string "x"`,
				`:4: websocket.max_message must be a whole number, not the string "64k"`,
				`:5: websocket.ping_interval must be a duration such as "30s", not the number 30`,
				`:6: websocket.origins must be an array, not the string "*"`,
			},
		},
		{
			"more wrong types", "pbx = 1.5\naccount = [{extensions = [\n{numbers = [1]}]}]\n[log]\nlevel = \"loud\"\n[websocket]\norigins = [\n true]\n",
			[]string{
				`:1: pbx must be an array, not the number 1.5`,
				`:3: account[0].extensions[0].numbers[0] must be a string, not the number 1`,
				`:5: log.level is wrong: slog: level string "loud": unknown name`,
				`:8: websocket.origins[0] must be a string, not true`,
			},
		},
		{"flag", pbx("a", `tls = 2000-01-01`), []string{`:8: pbx[0].tls must be true or false, not a date`}},
		{
			"limits", "[websocket]\nmax_message = 10\nauth_timeout = \"1h\"\nmax_connections = 0\n" + pbx("a", `refresh = "0s"`, `ring_timeout = "6m"`),
			[]string{
				`:2: websocket.max_message must be between 1024 and 1048576, not 10`,
				`:3: websocket.auth_timeout must be between 1s and 10m0s, not 1h0m0s`,
				`:4: websocket.max_connections must be between 1 and 1000000, not 0`,
				`:12: pbx[0].refresh must be between 5s and 1h0m0s, not 0s`,
				`:13: pbx[0].ring_timeout must be between 5s and 5m0s, not 6m0s`,
			},
		},
		{"listen off", "[listen]\nplain = \"\"\ntls = \"\"", []string{`:1: listen.plain and listen.tls are both off: nothing could connect`}},
		{"listen same", "[listen]\nplain = \":9090\"\ntls = \":9090\"", []string{`:3: listen.plain and listen.tls are the same address`}},
		{"listen address", "[listen]\nplain = \"9000\"\ntls = \"a b:70000\"", []string{
			`:2: listen.plain must be host:port such as "127.0.0.1:9000", not "9000"`,
			`:3: listen.tls must be host:port such as "127.0.0.1:9000", not "a b:70000"`,
		}},
		{"half a certificate", "[tls]\nkey_file = \"k\"", []string{`:1: tls.cert_file and tls.key_file belong together: give both, or none for a self-signed certificate`}},
		{"empty data_dir", `data_dir = ""`, []string{`:1: data_dir is empty`}},
		{"origins", "[websocket]\norigins = [\"*\",\n\"crm.example.com\",\n\"https://a/b\"]", []string{
			`:3: origin "crm.example.com" must be like "https://crm.example.com", or "*" for any`,
			`:4: origin "https://a/b" must be like "https://crm.example.com", or "*" for any`,
		}},
		{"log format", "[log]\nformat = \"xml\"", []string{`:2: log.format must be "text" or "json", not "xml"`}},
		{"empty PBX", "[[pbx]]\n", []string{
			`:1: PBX without a name`,
			`:1: PBX "" needs a driver: "asterisk"`,
			`:1: PBX "" needs an address such as "127.0.0.1:5038"`,
			`:1: PBX "" needs the username of its manager interface`,
			`:1: PBX "" needs contexts: those whose hints are the extensions`,
		}},
		{"names", pbx("a b") + pbx("pbx") + pbx("PBX"), []string{
			`:3: PBX name "a b" may have letters, digits, _ . - and at most 64 of them`,
			`:19: there is already the PBX "pbx"`,
		}},
		{"driver", strings.Replace(pbx("a"), "asterisk", "freeswitch", 1), []string{`:4: PBX "a": there is no driver "freeswitch"; there is "asterisk"`}},
		{"contexts", strings.Replace(pbx("a", `dial_context = "a,b"`), `["from-internal"]`, "[\"x\",\n\"x\",\n\"y z\"]", 1), []string{
			`:8: PBX "a" has context "x" twice`,
			`:9: PBX "a": "y z" can't be a dial-plan context`,
			`:10: PBX "a": "a,b" can't be a dial-plan context`,
		}},
		{"two secrets", pbx("a", `secret = "x"`, `secret_file = "y"`), []string{`:9: PBX "a" has both secret and secret_file: give one`}},
		{
			"accounts", pbx("a") + `
[[account]]
name = "acme"
extensions = [{pbx = "b"},
  {context = "x"},
  {pbx = "a", context = "x"}]
[[account]]
name = "Acme"
`,
			[]string{
				`:12: account "acme": there is no PBX "b"; there is "a"`,
				`:13: account "acme": the extensions need a pbx`,
				`:14: account "acme": PBX "a" has no context "x"; it has "from-internal"`,
				`:15: account "Acme" needs extensions, such as [{pbx = "NAME"}] for all of a PBX`,
				`:16: there is already the account "acme"`,
			},
		},
		{"patterns", pbx("a") + "[[account]]\nname = \"b\"\nextensions = [{pbx = \"a\", numbers = [\"1.2\", \"é\"]}]", []string{
			`:11: account[0].extensions[0].numbers[0] is wrong: number pattern "1.2": '.' may only be the last character`,
			`:11: account[0].extensions[0].numbers[1] is wrong: number pattern "é": 'é' can't be in an extension's number`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, tt.doc)
			_, err := LoadWithoutSecrets(path)
			if err == nil {
				t.Fatal("was accepted")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), path, ""), "\n")
			if len(got) == 1 && len(tt.want) == 1 && strings.HasPrefix(got[0], tt.want[0]) {
				return // the decoder's own words may go on
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("missing file: %v", err)
	}
}
