package phone

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSDP(t *testing.T) {
	t.Parallel()
	for _, d := range []direction{sendRecv, sendOnly, recvOnly, inactive} {
		want := session{
			address:   &net.UDPAddr{IP: net.ParseIP("127.0.0.1"), Port: 4000},
			payloads:  []int{pcma, pcmu},
			direction: d,
		}
		got, err := parseSDP(want.sdp(7))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(session{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d, diff)
		}
	}
}

func TestSDPInvalid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
		"c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 18\r\n",
		"c=IN IP4 127.0.0.1\r\nm=video 4000 RTP/AVP 0\r\n",
		"c=IN IP4 127.0.0.1\r\nm=audio x RTP/AVP 0\r\n",
		"c=IN IP4 127.0.0.1\r\nm=audio\r\n",
	} {
		if s, err := parseSDP([]byte(text)); err == nil {
			t.Errorf("%q gave %+v", text, s)
		}
	}
}

func TestDirectionAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct{ want, offer, answer direction }{
		{sendRecv, sendRecv, sendRecv},
		{sendRecv, sendOnly, recvOnly},
		{sendRecv, recvOnly, sendOnly},
		{sendRecv, inactive, inactive},
		{sendOnly, sendRecv, sendOnly},
		{sendOnly, sendOnly, inactive},
		{recvOnly, sendRecv, recvOnly},
		{inactive, sendRecv, inactive},
	}
	for _, test := range tests {
		if got := test.want.answer(test.offer); got != test.answer {
			t.Errorf("%s answers %s with %s, want %s", test.want, test.offer, got, test.answer)
		}
	}
}
