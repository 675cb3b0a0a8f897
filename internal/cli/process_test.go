package cli

import (
	"bytes"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// log is a buffer that is read while it is written.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// ownGroup puts a process and its children where Ctrl-C reaches them alone.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt does what Ctrl-C on a terminal does: it signals the whole group. It
// returns the exit code.
func (p *program) interrupt(t *testing.T) int {
	t.Helper()
	begun := time.Now()
	if err := syscall.Kill(-p.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.Wait() //nolint:errcheck // the exit code is returned
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the program took %s to end", took)
	}
	return p.ProcessState.ExitCode()
}
