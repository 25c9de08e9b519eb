package asterisk

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clavija/clavija/internal/pbx"
)

// TestStreams replays what other AMI clients were sent: by other labs with other phones (testdata/streams/asterisk-*), and by a hosted
// provider's Asterisk of 2018 with chan_sip, whose devices are not named as their extensions (testdata/streams/voipgrid, from the
// project VoIPGRID/cacofonisk, MIT licence).
func TestStreams(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/streams/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		extension := filepath.Ext(file)
		if extension != ".ami" && extension != ".json" {
			continue
		}
		t.Run(strings.TrimPrefix(strings.TrimSuffix(file, extension), "testdata/streams/"), func(t *testing.T) {
			t.Parallel()
			stream := readFile(t, file)
			devices := map[string]string{"101": "PJSIP/101", "102": "PJSIP/102", "103": "PJSIP/103", "104": "PJSIP/104"}
			if extension == ".json" {
				stream = fromJSON(t, stream)
				devices = map[string]string{"201": "SIP/150010001", "202": "SIP/150010002", "203": "SIP/150010003"}
			}
			got := testify(t, func(publish func([]pbx.Event), join func()) {
				p := newPlayer()
				p.beginRefresh()
				for number, device := range devices {
					p.setHint(pbx.ExtensionID{Context: "from-internal", Number: number}, device, 0)
				}
				p.finishRefresh()
				publish(p.out)
				join()
				for _, msg := range readMessages(t, stream) {
					publish(p.play(msg))
				}
			})
			checkLegal(t, got)
			checkGolden(t, strings.TrimSuffix(file, extension)+".jsonl", got)
		})
	}
}

// fromJSON turns an array of events as objects into a stream.
func fromJSON(t *testing.T, data []byte) []byte {
	t.Helper()
	var events []map[string]string
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, event := range events {
		fmt.Fprintf(&b, "Event: %s\r\n", event["Event"])
		for key, value := range event {
			if key != "Event" && key != "content" {
				fmt.Fprintf(&b, "%s: %s\r\n", key, value)
			}
		}
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}
