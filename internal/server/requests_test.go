package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections within the process, in whose time nothing real passes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestRequestsHaveTheirTime(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(net.Conn) error{
		"half a header": func(conn net.Conn) error {
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
			return errors.Join(err, drain(conn))
		},
		"no body": func(conn net.Conn) error {
			_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
			return errors.Join(err, drain(conn))
		},
		"answers that nobody reads": func(conn net.Conn) error {
			_, err := io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000))
			if errors.Is(err, io.ErrClosedPipe) {
				return nil
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				listener := make(pipes)
				srv := newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
				served := make(chan error, 1)
				go func() { served <- srv.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener <- ours
				begun := time.Now()
				if err := client(theirs); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took > 2*requestTimeout {
					t.Errorf("open for %v", took)
				}
				close(listener)
				if err := errors.Join(srv.Close(), theirs.Close()); err != nil {
					t.Error(err)
				}
				if err := <-served; !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			})
		})
	}
}

// drain reads until the connection is closed.
func drain(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	return err
}
