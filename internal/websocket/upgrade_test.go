package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// handshake is the request of RFC 6455 §1.2, but for its subprotocols.
const handshake = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://server.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// upgraded is what a call of Upgrade returned.
type upgraded struct {
	conn     net.Conn
	buffered []byte
	err      error
}

// upgradeServer runs a real HTTP server, whose handler upgrades every request.
func upgradeServer(t *testing.T, configure ...func(*httptest.Server)) (addr string, results <-chan upgraded) {
	t.Helper()
	upgrades := make(chan upgraded, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := Upgrade(w, r, nil)
		upgrades <- upgraded{conn, buffered, err}
	}))
	for _, c := range configure {
		c(server)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), upgrades
}

// dial connects to a server and sends the bytes.
func dial(t *testing.T, addr, send string) (net.Conn, *bufio.Reader) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// answer reads the response to a request.
func answer(t *testing.T, read *bufio.Reader) (resp *http.Response, body string) {
	t.Helper()
	resp, err := http.ReadResponse(read, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestUpgradeAccepts(t *testing.T) {
	t.Parallel()
	change := strings.NewReplacer
	tests := []struct {
		clause  string
		request string
	}{
		{"1.3 example", handshake},
		{"4.2.1, 1 higher minor version", change("HTTP/1.1", "HTTP/1.9").Replace(handshake)},
		{"4.2.1, 3 Upgrade in any case", change("Upgrade: websocket", "upgrade: WebSocket").Replace(handshake)},
		{"4.2.1, 3 Upgrade among others", change("Upgrade: websocket", "Upgrade: h2c, websocket").Replace(handshake)},
		{"4.2.1, 4 Connection in any case", change("Connection: Upgrade", "Connection: uPGRADE").Replace(handshake)},
		{"4.2.1, 4 Connection among others", change("Connection: Upgrade", "Connection: keep-alive ,\tUpgrade").Replace(handshake)},
		{"4.2.1, 4 Connection in several lines", change("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade").Replace(handshake)},
		{"4.2.1, 7 no Origin", change("Origin: http://server.example.com\r\n", "").Replace(handshake)},
		{"4.2.1, 8 subprotocols ignored", change("Origin:", "Sec-WebSocket-Protocol: chat, superchat\r\nOrigin:").Replace(handshake)},
		{"4.2.1, 9 extensions ignored", change("Origin:", "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin:").Replace(handshake)},
	}
	for _, test := range tests {
		t.Run(test.clause, func(t *testing.T) {
			t.Parallel()
			addr, upgrades := upgradeServer(t)
			_, read := dial(t, addr, test.request)
			resp, body := answer(t, read)
			result := <-upgrades
			if result.err != nil {
				t.Fatalf("refused: %v; %s", result.err, body)
			}
			defer func() { _ = result.conn.Close() }()
			want := http.Header{ // 4.2.2, 5: these and no others
				"Upgrade":              {"websocket"},
				"Connection":           {"Upgrade"},
				"Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, // of 1.3
			}
			if diff := cmp.Diff(want, resp.Header); resp.StatusCode != http.StatusSwitchingProtocols || diff != "" {
				t.Errorf("status %d, header (-want +got):\n%s", resp.StatusCode, diff)
			}
			if len(result.buffered) > 0 {
				t.Errorf("buffered %q, but nothing was sent", result.buffered)
			}
		})
	}
}

func TestUpgradeRefuses(t *testing.T) {
	t.Parallel()
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	change := strings.NewReplacer
	tests := []struct {
		clause  string
		request string
		status  int
		header  http.Header
	}{
		{"4.2.1, 1 method", change("GET", "POST").Replace(handshake), 405, http.Header{"Allow": {"GET"}}},
		{"4.2.1, 1 HTTP version", change("HTTP/1.1", "HTTP/1.0").Replace(handshake), 400, nil},
		{"4.2.1, 2 Host empty", change("Host: server.example.com", "Host:").Replace(handshake), 400, nil},
		{"4.2.1, 3 no upgrade", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426, http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}},
		{"4.2.1, 3 other upgrade", change("Upgrade: websocket", "Upgrade: h2c").Replace(handshake), 426, http.Header{"Upgrade": {"websocket"}}},
		{"4.2.1, 3 ASCII only", change("Upgrade: websocket", "Upgrade: webſocket").Replace(handshake), 426, nil},
		{"4.2.1, 4 no Connection", change("Connection: Upgrade\r\n", "").Replace(handshake), 400, nil},
		{"4.2.1, 4 other Connection", change("Connection: Upgrade", "Connection: keep-alive, Upgraded").Replace(handshake), 400, nil},
		{"4.2.1, 5 no key", change(key, "").Replace(handshake), 400, nil},
		{"4.2.1, 5 key twice", change(key, key+key).Replace(handshake), 400, nil},
		{"4.2.1, 5 key of 15 bytes", change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j").Replace(handshake), 400, nil},
		{"4.2.1, 5 key of 17 bytes", change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWU=").Replace(handshake), 400, nil},
		{"4.2.1, 5 key not in base64", change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j$$==").Replace(handshake), 400, nil},
		{"4.2.1, 6 no version", change("Sec-WebSocket-Version: 13\r\n", "").Replace(handshake), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
		{"4.4 other version", change("Version: 13", "Version: 25").Replace(handshake), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
		{"11.3.5 version twice", change("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13").Replace(handshake), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
		{"4.2.2, 4 origin", change("Origin: http://server", "Origin: http://evil").Replace(handshake), 403, nil},
		{"body in place of frames", change("Origin:", "Content-Length: 2\r\nOrigin:").Replace(handshake) + "{}", 400, nil},
	}
	for _, test := range tests {
		t.Run(test.clause, func(t *testing.T) {
			t.Parallel()
			addr, upgrades := upgradeServer(t)
			_, read := dial(t, addr, test.request)
			resp, body := answer(t, read)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			for name := range test.header {
				if diff := cmp.Diff(test.header[name], resp.Header[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if kind := resp.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" || len(body) < 10 {
				t.Errorf("body %q of %s", body, kind)
			}
			refusal, ok := errors.AsType[HandshakeError]((<-upgrades).err)
			if !ok || refusal.Status != test.status || refusal.Reason+"\n" != body {
				t.Errorf("error %v, body %q", refusal, body)
			}
		})
	}
}

// TestUpgradeHandsOver: the connection comes with what the client sent along with
// the request, and without the deadlines of the HTTP server.
func TestUpgradeHandsOver(t *testing.T) {
	t.Parallel()
	addr, upgrades := upgradeServer(t, func(s *httptest.Server) {
		s.Config.ReadTimeout, s.Config.WriteTimeout = time.Nanosecond, time.Nanosecond
		s.Config.ReadHeaderTimeout = time.Minute // so that they are for what follows the header
	})
	first, second := string(clientFrame(0x81, "first")), string(clientFrame(0x81, "second"))
	client, _ := dial(t, addr, handshake+first)
	result := <-upgrades
	if result.err != nil {
		t.Fatal(result.err)
	}
	defer func() { _ = result.conn.Close() }()
	if _, err := io.WriteString(client, second); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(first)+len(second))
	n := copy(got, result.buffered)
	if _, err := io.ReadFull(result.conn, got[n:]); err != nil {
		t.Fatal(err)
	}
	var r Reader
	if diff := cmp.Diff([]string{"text first", "text second"}, feed(t, &r, got, whole)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// notHijackable is a response that has no connection of its own, as in HTTP/2.
type notHijackable struct{ http.ResponseWriter }

func TestUpgradeWithoutHijack(t *testing.T) {
	t.Parallel()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(handshake)))
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	if _, _, err := Upgrade(notHijackable{recorder}, r, nil); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("error %v, want %v", err, http.ErrNotSupported)
	}
	if recorder.Code != http.StatusInternalServerError {
		t.Errorf("status %d", recorder.Code)
	}
}

// hijackable is a response whose connection can be taken over.
type hijackable struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// TestUpgradeClientGone: a connection that fails once it is ours is closed.
func TestUpgradeClientGone(t *testing.T) {
	t.Parallel()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(handshake)))
	if err != nil {
		t.Fatal(err)
	}
	conn, client := net.Pipe()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Upgrade(hijackable{httptest.NewRecorder(), conn}, r, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want %v", err, io.ErrClosedPipe)
	}
	if err := conn.SetDeadline(time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error("connection left open")
	}
}

// TestUpgradeHTTP2: what HTTP/2 forbids in a response is not in it.
func TestUpgradeHTTP2(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	recorder := httptest.NewRecorder()
	if _, _, err := Upgrade(recorder, r, nil); err == nil {
		t.Error("upgraded")
	}
	header := recorder.Header()
	if recorder.Code != http.StatusUpgradeRequired || header["Connection"] != nil || header["Upgrade"] != nil {
		t.Errorf("status %d, header %v", recorder.Code, header)
	}
}
