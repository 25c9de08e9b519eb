package protocol

import (
	"slices"
	"testing"
)

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	seen := map[ErrorCode]bool{}
	for _, info := range ErrorCodes() {
		if info.Code == "" || info.Meaning == "" || seen[info.Code] {
			t.Errorf("bad or repeated entry: %+v", info)
		}
		seen[info.Code] = true
		if info.Code.Retry() != info.Retry {
			t.Errorf("%s: Retry() is %t", info.Code, !info.Retry)
		}
	}
	if ErrorCode("x").Retry() {
		t.Error("an unknown code may be retried")
	}
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	codes := CloseCodes()
	if !slices.IsSortedFunc(codes, func(a, b CloseInfo) int { return int(a.Code) - int(b.Code) }) {
		t.Error("not in ascending order")
	}
	for _, info := range codes {
		if info.Code.Reconnect() != info.Reconnect {
			t.Errorf("%d: Reconnect() is %t", info.Code, !info.Reconnect)
		}
		if info.Code >= 4000 && info.Reconnect != (info.Code < 4500) {
			t.Errorf("%d: its range says otherwise", info.Code)
		}
	}
	for code, want := range map[CloseCode]bool{1006: true, 1014: true, 4002: true, 4499: true, 4501: false, 4999: false} {
		if code.Reconnect() != want {
			t.Errorf("%d: Reconnect() is %t", code, !want)
		}
	}
}
