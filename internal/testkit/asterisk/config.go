package asterisk

import (
	"crypto/rand"
	"embed"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed conf/*.conf
var conf embed.FS

// password is every phone's; they can be reached from this machine alone.
const password = "lab"

// TrunkIP is where the trunk's calls must come from to be known as such.
const TrunkIP = "127.0.0.2"

// A Phone is a device that the configuration knows.
type Phone struct {
	Device  string // its PJSIP endpoint, and its SIP user
	Number  string // its caller id
	Context string // where its calls go
}

// Password is the phone's SIP password.
func (Phone) Password() string { return password }

// Phones returns the devices that can register.
func Phones() []Phone {
	const internal, tenantB = "from-internal", "tenant-b"
	return []Phone{
		{"101", "101", internal},
		{"102", "102", internal},
		{"103", "103", internal},
		{"104", "104", internal},
		{"105", "105", internal},
		{"106", "106", internal},
		{"107", "107", internal},
		{"1107", "107", internal}, // the second device of extension 107
		{"108", "108", internal},
		{"b101", "101", tenantB},
		{"b102", "102", tenantB},
	}
}

// settings are what the templates in conf/ see.
type settings struct {
	Dir              string // the instance's directory as Asterisk sees it
	ModuleDir        string
	AMIPort, SIPPort int
	RTPStart, RTPEnd int
	AMI, Admin       account
	TrunkIP          string
	Phones           []Phone

	files map[string]string // by name: templates
}

// account is a manager user.
type account struct{ User, Secret, Read, Write string }

// newSettings are those of the instance in a root that has the block of ports at base.
func newSettings(root string, base int, options []Option) (*settings, error) {
	modules, err := findModules(root)
	if err != nil {
		return nil, err
	}
	s := &settings{
		Dir:       fmt.Sprintf("/tmp/lab-%d", base), // short: a socket's path is limited
		ModuleDir: strings.TrimPrefix(modules, root),
		AMIPort:   base,
		SIPPort:   base,
		RTPStart:  base + 10,
		RTPEnd:    base + portsPerBlock - 1,
		AMI: account{
			User: "clavija", Secret: rand.Text(),
			Read: "system,call", Write: "call,originate",
		},
		Admin:   account{User: "lab", Secret: rand.Text()},
		TrunkIP: TrunkIP,
		Phones:  Phones(),
		files:   map[string]string{},
	}
	entries, err := conf.ReadDir("conf")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		text, err := conf.ReadFile("conf/" + entry.Name())
		if err != nil {
			return nil, err
		}
		s.files[entry.Name()] = string(text)
	}
	for _, name := range unusedFiles() {
		s.files[name] = ""
	}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// unusedFiles are configuration that Asterisk complains about if it is not there.
func unusedFiles() []string {
	return []string{
		"acl.conf", "ccss.conf", "cdr.conf", "cel.conf", "pjproject.conf", "queuerules.conf", "udptl.conf",
	}
}

// findModules returns the directory of the loadable modules, which some versions
// keep below the machine's architecture.
func findModules(root string) (string, error) {
	for _, pattern := range []string{"usr/lib/asterisk/modules", "usr/lib/*/asterisk/modules"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("no modules in %s", root)
}

// write makes an instance's directory, in place of what a killed test left there.
func (s *settings) write(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, sub := range []string{"etc", "lib", "log", "moh", "run", "spool/monitor"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o750); err != nil {
			return err
		}
	}
	for name, text := range s.files {
		if err := s.writeFile(dir, name, text); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "moh", "hum.wav"), humWAV(), 0o600)
}

func (s *settings) writeFile(dir, name, text string) error {
	parsed, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := parsed.Execute(&out, s); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "etc", filepath.Base(name)), []byte(out.String()), 0o600)
}

// humWAV is a second of a square wave, mono, 16 bit, 8 kHz: the music on hold.
// Without a file Asterisk plays none, and says nothing of it.
func humWAV() []byte {
	const rate, half, level = 8000, 40, 1000
	data := make([]byte, 0, 2*rate)
	for i := range rate {
		sample := int16(level)
		if i/half%2 == 1 {
			sample = -level
		}
		data = binary.LittleEndian.AppendUint16(data, uint16(sample))
	}
	wav := append([]byte("RIFF"), le32(uint32(36+len(data)))...)
	wav = append(wav, "WAVEfmt "...)
	wav = append(wav, le32(16)...)
	wav = append(wav, 1, 0, 1, 0) // PCM, one channel
	wav = append(wav, le32(rate)...)
	wav = append(wav, le32(2*rate)...)
	wav = append(wav, 2, 0, 16, 0) // bytes a frame, bits a sample
	wav = append(wav, "data"...)
	wav = append(wav, le32(uint32(len(data)))...)
	return append(wav, data...)
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
