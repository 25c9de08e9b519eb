package phone

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

// A Trunk is the public network as a PBX sees it: it calls DIDs from any number, and
// takes calls to any number.
type Trunk struct{ *Phone }

// NewTrunk plugs a trunk in.
func NewTrunk(tb testing.TB, config Config) *Trunk {
	tb.Helper()
	return &Trunk{New(tb, config)}
}

// Call calls a DID, presenting caller as its number.
func (t *Trunk) Call(caller, did string) *Call {
	t.tb.Helper()
	return t.dial(did, sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: caller, Host: t.config.IP}})
}
