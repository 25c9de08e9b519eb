package asterisk

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A stream is an AMI connection that keeps all it is sent. It is the lab's own, which
// is there to test the product's. Its waits are for one goroutine at a time.
type stream struct {
	conn    net.Conn
	changed chan struct{} // holds a token when something has come
	done    chan struct{} // closed when the connection has ended

	mu       sync.Mutex
	raw      bytes.Buffer // as received; guarded by mu
	messages []string     // their lines, each with its CRLF; guarded by mu
	actions  int          // that were sent; guarded by mu
}

// dialStream connects and logs in.
func dialStream(ctx context.Context, address string, who account) (*stream, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn, changed: make(chan struct{}, 1), done: make(chan struct{})}
	go s.read()
	reply, err := s.action(ctx, fmt.Sprintf("Action: Login\r\nUsername: %s\r\nSecret: %s\r\n", who.User, who.Secret))
	if err == nil && !strings.HasPrefix(reply, "Response: Success") {
		err = fmt.Errorf("%q", reply)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("ami login: %w", err)
	}
	return s, nil
}

// read takes in whatever Asterisk sends, so that it never waits for us.
func (s *stream) read() {
	defer close(s.done)
	r := bufio.NewReader(io.TeeReader(s.conn, s))
	if _, err := r.ReadString('\n'); err != nil { // the greeting
		return
	}
	var message strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" {
			message.WriteString(line)
			continue
		}
		s.note(message.String())
		message.Reset()
	}
}

// Write keeps what has been received. It is for read.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.Write(b)
}

func (s *stream) note(message string) {
	s.mu.Lock()
	s.messages = append(s.messages, message)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// received returns all bytes that have come.
func (s *stream) received() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// mark is the number of messages that have come.
func (s *stream) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}

// find returns the first message after a mark that holds all these texts.
func (s *stream) find(mark int, texts ...string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, message := range s.messages[min(mark, len(s.messages)):] {
		if containsAll(message, texts) {
			return message, true
		}
	}
	return "", false
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// await waits for such a message.
func (s *stream) await(ctx context.Context, mark int, texts ...string) (string, error) {
	for {
		if message, ok := s.find(mark, texts...); ok {
			return message, nil
		}
		select {
		case <-s.changed:
		case <-s.done:
			return "", net.ErrClosed
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// action sends an action, as its header lines, and returns its response.
func (s *stream) action(ctx context.Context, headers string) (string, error) {
	s.mu.Lock()
	s.actions++
	id := fmt.Sprintf("ActionID: lab-%d\r\n", s.actions)
	s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	mark := s.mark()
	if _, err := io.WriteString(s.conn, headers+id+"\r\n"); err != nil {
		return "", err
	}
	return s.await(ctx, mark, "Response: ", id)
}

// command runs a console command and returns its output.
func (s *stream) command(ctx context.Context, command string) (string, error) {
	reply, err := s.action(ctx, "Action: Command\r\nCommand: "+command+"\r\n")
	if err != nil {
		return "", err
	}
	var output strings.Builder
	for line := range strings.Lines(reply) {
		if line, ok := strings.CutPrefix(line, "Output: "); ok {
			output.WriteString(line)
		}
	}
	return output.String(), nil
}

func (s *stream) close() {
	_ = s.conn.Close() // Asterisk may have closed it before
	<-s.done
}
