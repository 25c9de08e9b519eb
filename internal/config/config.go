// Package config reads the server's configuration file: TOML, strict, with every problem reported by its line.
package config

import (
	"log/slog"
	"time"
)

// DefaultAccount is the account that exists when the file names none, and the one that commands mean when not told.
const DefaultAccount = "default"

// Config is the whole configuration. A value from [Load] or [Default] is valid and complete: defaults are filled in,
// paths are relative to the working directory or absolute. It is not to be changed.
type Config struct {
	// DataDir is where the server keeps what it makes: database, self-signed certificate.
	DataDir   string    `toml:"data_dir"`
	Listen    Listen    `toml:"listen"`
	TLS       TLS       `toml:"tls"`
	WebSocket WebSocket `toml:"websocket"`
	Log       Log       `toml:"log"`
	PBXs      []PBX     `toml:"pbx"`
	Accounts  []Account `toml:"account"`

	// Warnings are sentences about what is allowed but unwise, for the log. They hold no secret.
	Warnings []string `toml:"-"`
}

// Listen holds the addresses, host:port, that the server listens on. An empty one is off.
type Listen struct {
	Plain string `toml:"plain"`
	TLS   string `toml:"tls"`
}

// TLS names the certificate chain and key in PEM. Both are empty when the server is to make its own.
type TLS struct {
	CertFile string `toml:"cert_file"`
	KeyFile  string `toml:"key_file"`
}

// WebSocket holds the limits of client connections.
type WebSocket struct {
	// Origins are the web origins ("https://crm.example.com") whose pages may connect besides the server's own;
	// "*" stands for any.
	Origins []string `toml:"origins"`
	// MaxMessage is the size in bytes of the largest message taken from a client.
	MaxMessage int `toml:"max_message"`
	// PingInterval is how often a silent connection is asked whether it lives.
	PingInterval time.Duration `toml:"ping_interval"`
	// AuthTimeout is how long a connection may stay without having logged in.
	AuthTimeout time.Duration `toml:"auth_timeout"`
	// MaxConnections bounds the open connections.
	MaxConnections int `toml:"max_connections"`
	// MaxConnectionsPerAddress bounds those of one client address; 0: only MaxConnections holds.
	MaxConnectionsPerAddress int `toml:"max_connections_per_address"`
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level `toml:"level"`
	Format string     `toml:"format"` // LogText or LogJSON
}

// The log formats.
const (
	LogText = "text"
	LogJSON = "json"
)

// DriverAsterisk is the driver that follows an Asterisk through its Manager Interface.
const DriverAsterisk = "asterisk"

// PBX is one telephone exchange to follow.
type PBX struct {
	Name     string `toml:"name"`
	Driver   string `toml:"driver"`
	Address  string `toml:"address"` // host:port of its manager interface
	Username string `toml:"username"`
	// Secret is the password of Username, from whichever source the operator chose.
	Secret     Secret `toml:"secret"`
	SecretFile string `toml:"secret_file"`
	// Contexts are the dial-plan contexts whose hints are the extensions. A number that several of them have is the
	// extension of the first.
	Contexts []string `toml:"contexts"`
	// DialContext is the context in which all calls are placed; empty: see [Config.DialContext].
	DialContext string `toml:"dial_context"`
	// TLS says whether the manager interface is reached over TLS, with the certificate of TLSServerName (empty: the
	// host of Address) vouched for by TLSCAFile (empty: the system's authorities).
	TLS           bool   `toml:"tls"`
	TLSCAFile     string `toml:"tls_ca_file"`
	TLSServerName string `toml:"tls_server_name"`
	// Refresh is how often the PBX's lists are asked again, to correct what events didn't tell.
	Refresh time.Duration `toml:"refresh"`
	// RingTimeout is how long a call that an agent starts rings the agent's own phone.
	RingTimeout time.Duration `toml:"ring_timeout"`
}

// Account is one customer: the extensions that its users see.
type Account struct {
	Name       string         `toml:"name"`
	Extensions []ExtensionSet `toml:"extensions"`
}

// ExtensionSet is some of a PBX's extensions.
type ExtensionSet struct {
	PBX string `toml:"pbx"`
	// Context is one of the PBX's contexts; empty: any of them.
	Context string `toml:"context"`
	// Numbers are those of the set; none: all.
	Numbers []Pattern `toml:"numbers"`
}

// Default returns the configuration of a server without a file: no PBX, data in the directory "data".
func Default() *Config {
	c := defaults()
	c.complete()
	return c
}

// defaults returns what a file's values are laid over.
func defaults() *Config {
	return &Config{
		DataDir: "data",
		Listen:  Listen{Plain: "127.0.0.1:9000", TLS: "127.0.0.1:9090"},
		WebSocket: WebSocket{
			MaxMessage:               64 << 10,
			PingInterval:             30 * time.Second,
			AuthTimeout:              30 * time.Second,
			MaxConnections:           20_000,
			MaxConnectionsPerAddress: 1_000,
		},
		Log: Log{Level: slog.LevelInfo, Format: LogText},
	}
}

// defaultPBX returns what each PBX of a file is laid over.
func defaultPBX() PBX {
	return PBX{Refresh: 60 * time.Second, RingTimeout: 30 * time.Second}
}

// complete fills in the defaults that follow from other values.
func (c *Config) complete() {
	if len(c.Accounts) > 0 {
		return
	}
	all := Account{Name: DefaultAccount}
	for _, p := range c.PBXs {
		all.Extensions = append(all.Extensions, ExtensionSet{PBX: p.Name})
	}
	c.Accounts = []Account{all}
}
