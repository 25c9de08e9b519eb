package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsExamples reads every example of docs/protocol.md as the one who receives it does, and expects its sender to
// write it like that.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(docs(t), -1)
	if len(blocks) == 0 {
		t.Fatal("no examples")
	}
	for _, block := range blocks {
		examples := json.NewDecoder(strings.NewReader(block[1]))
		for {
			var example json.RawMessage
			err := examples.Decode(&example)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in:\n%s", err, block[1])
			}
			checkExample(t, example)
		}
	}
}

func checkExample(t *testing.T, example json.RawMessage) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, example); err != nil {
		t.Fatal(err)
	}
	var got []byte
	m, err := Decode(example)
	switch m := m.(type) {
	case nil:
		t.Fatalf("%s: %v", example, err)
	case Unknown: // not a server's
		req, failure := ParseRequest(example)
		if failure != nil {
			t.Errorf("%s\nis refused: %+v", example, *failure)
			return
		}
		got = req.AppendJSON(nil)
	default:
		got = m.AppendJSON(nil)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("example -, written +:\n%s", diff)
	}
}

func TestDocsTables(t *testing.T) {
	t.Parallel()
	yesNo := map[bool]string{true: "yes", false: "no"}
	var errorRows, closeRows strings.Builder
	for _, info := range ErrorCodes() {
		fmt.Fprintf(&errorRows, "| `%s` | %s | %s |\n", info.Code, info.Meaning, yesNo[info.Retry])
	}
	for _, info := range CloseCodes() {
		fmt.Fprintf(&closeRows, "| %d | %s | %s |\n", info.Code, info.Meaning, yesNo[info.Reconnect])
	}
	limits := fmt.Sprintf("| `user` | %d |\n| `passwd` | %d |\n| `features` | %d names |\n| `phone` | 1 to %d |\n"+
		"| each custom field | %d |\n| a call id | 1 to %d |\n| call ids in one `hangup` | 1 to %d |\n",
		MaxUser, MaxPasswd, MaxFeatures, MaxPhone, MaxCustomField, MaxCallID, MaxHangupCalls)
	page := docs(t)
	for _, want := range []string{
		"| code | meaning | retry |\n|---|---|---|\n" + errorRows.String() + "\n",
		"| code | meaning | reconnect |\n|---|---|---|\n" + closeRows.String() + "\n",
		"| what | limit |\n|---|---|\n" + limits + "\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/protocol.md lacks this table:\n%s", want)
		}
	}
}

func docs(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
