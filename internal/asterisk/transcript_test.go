package asterisk

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clavija/clavija/ami"
	"github.com/clavija/clavija/internal/pbx"
	"github.com/clavija/clavija/internal/testkit/watch"
	"github.com/clavija/clavija/protocol"
)

var update = flag.Bool("update", false, "write what clients get to testdata, as what they must get")

func transcripts(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/transcripts/*/*.ami")
	if err != nil || len(files) == 0 {
		tb.Fatal("no transcripts", err)
	}
	return files
}

// TestTranscripts: what real Asterisks said in each scenario (recorded by the end-to-end tests), and what clients must get of it.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, file := range transcripts(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/transcripts/"), ".ami"), func(t *testing.T) {
			t.Parallel()
			messages := readMessages(t, readFile(t, file))
			got := testify(t, func(publish func([]pbx.Event), join func()) {
				p := newPlayer()
				for _, msg := range messages {
					synced := p.synced
					publish(p.play(msg))
					if p.synced && !synced {
						join()
					}
				}
			})
			checkLegal(t, got)
			checkGolden(t, strings.TrimSuffix(file, ".ami")+".jsonl", got)
		})
	}
}

// checkGolden compares what a client got with what it must get.
func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(string(readFile(t, file)), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("-update writes what clients get: %s", diff)
	}
}

// checkLegal checks the order of all messages that a client got, and that no call is left.
func checkLegal(t fataler, lines string) {
	t.Helper()
	legal := watch.Legal{}
	replica := watch.NewReplica()
	check := func(m protocol.Message) {
		if err := legal.Check(m); err != nil {
			t.Fatal(err)
		}
		if err := replica.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	check(protocol.Welcome{Server: "pbx1"})
	check(protocol.AuthOK{Server: "pbx1", Agent: "eva", Token: "t"})
	for line := range strings.Lines(lines) {
		m, err := protocol.Decode([]byte(strings.TrimSpace(line)))
		if err != nil {
			t.Fatal(err)
		}
		check(m)
	}
	if n := replica.Calls(); n != 0 {
		t.Fatal("calls are left: ", n)
	}
}

// TestWhateverAsteriskSays: events get lost, come twice, come in another order, the link breaks; what clients get stays legal, and
// when Asterisk says at last that there is no channel any more, each call that was announced has ended once.
func TestWhateverAsteriskSays(t *testing.T) {
	t.Parallel()
	var all [][]ami.Message
	for _, file := range transcripts(t) {
		all = append(all, readMessages(t, readFile(t, file)))
	}
	rapid.Check(t, func(t *rapid.T) {
		messages := slices.Clone(rapid.SampledFrom(all).Draw(t, "transcript"))
		got := testify(t, func(publish func([]pbx.Event), join func()) {
			p := newPlayer()
			p.beginRefresh()
			for _, number := range []string{"101", "102", "103", "107", "108"} {
				p.setHint(pbx.ExtensionID{Context: "from-internal", Number: number}, "PJSIP/"+number, 0)
			}
			p.finishRefresh()
			publish(p.out)
			join()
			for i := range messages {
				switch rapid.IntRange(0, 19).Draw(t, "fate") {
				case 0: // lost
					continue
				case 1: // twice
					publish(p.play(messages[i]))
				case 2: // late
					if i+1 < len(messages) {
						messages[i], messages[i+1] = messages[i+1], messages[i]
					}
				case 3:
					if rapid.IntRange(0, 9).Draw(t, "break") == 0 {
						p.desynchronize()
						publish([]pbx.Event{{Kind: pbx.Offline}})
						publish(relink(p, messages[:i]))
					}
				case 4:
					p.out = nil
					p.now = p.now.Add(announceSettle)
					p.expire()
					publish(p.out)
				}
				publish(p.play(messages[i]))
			}
			publish(relink(p, nil))
		})
		checkLegal(t, got)
	})
}

// relink lets a model see its PBX again, which lists what it had listed in the given messages.
func relink(p *player, messages []ami.Message) []pbx.Event {
	p.desynchronize()
	p.out = nil
	p.beginRefresh()
	for id := range p.extensions {
		p.setHint(id, "", 0)
	}
	for _, msg := range messages {
		if msg.Event() == "Status" {
			p.listChannel(msg)
		}
	}
	p.finishRefresh()
	return p.out
}

func FuzzModel(f *testing.F) {
	for _, name := range []string{"hold_local_n", "pickup_group", "attended_ringing"} {
		f.Add(excerpt(readFile(f, "testdata/transcripts/22/"+name+".ami")))
	}
	f.Fuzz(func(_ *testing.T, stream []byte) {
		p := newPlayer()
		p.beginRefresh()
		p.setHint(pbx.ExtensionID{Context: "from-internal", Number: "101"}, "PJSIP/101", 0)
		p.finishRefresh()
		state := pbx.NewState()
		r := ami.NewReader(bytes.NewReader(stream))
		for {
			msg, err := r.Read()
			if err != nil {
				return
			}
			for _, ev := range p.play(msg.Clone()) {
				state.Apply(&ev, func(pbx.Change) {})
			}
		}
	})
}

// excerpt returns the packets of a stream that concern channels, with the headers that the driver reads.
func excerpt(stream []byte) []byte {
	var b bytes.Buffer
	for packet := range bytes.SplitSeq(stream, []byte("\r\n\r\n")) {
		if !bytes.Contains(packet, []byte("Uniqueid:")) || bytes.Contains(packet, []byte("ActionID:")) {
			continue
		}
		for line := range bytes.SplitSeq(packet, []byte("\r\n")) {
			name, _, _ := strings.Cut(string(line), ":")
			switch name {
			case "Event", "Uniqueid", "Channel", "ChannelState", "CallerIDNum", "Exten", "BridgeUniqueid",
				"DestUniqueid", "TargetUniqueid", "Cause":
				b.Write(append(line, "\r\n"...))
			}
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}
