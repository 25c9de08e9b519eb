package asterisk

import (
	"os"
	"testing"
)

func TestEyeball(t *testing.T) {
	f, err := os.Open(os.Getenv("STREAM"))
	if err != nil {
		t.Skip(err)
	}
	t.Log("\n" + replayEvents(t, f, "101", "102", "103", "104"))
}
