package asterisk

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const executable = "/usr/sbin/asterisk"

// command is an Asterisk of this instance, as a server or as its console.
func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"-C", s.settings.Dir + "/etc/asterisk.conf"}, args...)
	cmd := exec.CommandContext(ctx, executable, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.root, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// A process is a running child that dies with us.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	started := make(chan error)
	go func() {
		// The signal of Pdeathsig comes when the thread ends that started the
		// child: it must not end before the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed on purpose, as a rule
		}
		close(p.done)
	}()
	return p, <-started
}

// stop asks the process to end, and kills it if it takes its time: some versions wait
// for the last of their modules for very long.
func (p *process) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
	}
	return nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

func (p *process) thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// isRefused tells whether nobody listens yet.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
