package edge_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestHardLimitCountsWhateverIsOpen(t *testing.T) {
	t.Parallel()
	settings := usual()
	settings.MaxPerAddress = 2
	s, _, log := guard(t, settings, nil)
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := s.Limit(inner)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	var open []net.Conn
	for range settings.MaxPerAddress + 16 {
		dial()
		open = append(open, <-accepted)
	}
	closed := func() {
		t.Helper()
		if _, err := dial().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("one too many: %v", err)
		}
	}
	closed()
	closed()
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "limit=max_connections_per_address") {
		t.Errorf("logged: %s", got)
	}
	if err := open[0].Close(); err != nil {
		t.Fatal(err)
	}
	_ = open[0].Close() // makes no more room
	dial()
	open[0] = <-accepted
	closed()
	for _, conn := range open {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
}
