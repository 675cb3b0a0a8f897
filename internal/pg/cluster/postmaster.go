package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// postmaster is what a server says of itself in postmaster.pid: its process,
// its port, and its status, "ready" once it accepts connections.
type postmaster struct {
	pid    int
	port   int
	status string
}

// parsePostmaster reads a postmaster.pid, which a server that starts writes
// line by line: pid, folder, time, port, socket, address, memory key, status.
func parsePostmaster(text string) (postmaster, bool) {
	lines := strings.Split(text, "\n")
	var p postmaster
	var err error
	// A standalone backend writes its pid negated; it is no server.
	if p.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || p.pid <= 1 {
		return postmaster{}, false
	}
	if len(lines) > 3 {
		p.port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	}
	if len(lines) > 7 {
		p.status = strings.TrimSpace(lines[7])
	}
	return p, true
}

// postmaster returns the server of the cluster, if one lives.
func (f files) postmaster() (*postmaster, error) {
	text, err := os.ReadFile(filepath.Join(f.data(), "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, denied(err)
	}
	p, ok := parsePostmaster(string(text))
	if !ok || !f.alive(p.pid) {
		return nil, nil
	}
	return &p, nil
}

// awaitRunning returns the server that accepts connections, after waiting for
// one that is starting, or nil, after waiting for one that is stopping.
func (f files) awaitRunning(ctx context.Context) (*postmaster, error) {
	for {
		p, err := f.postmaster()
		if err != nil || p == nil || p.status == "ready" {
			return p, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("wait for the server with process id %d in %s: %w", p.pid, f.data(), err)
		}
	}
}

// shutDown stops the server, if it runs, and waits for its end.
func (f files) shutDown(ctx context.Context) error {
	p, err := f.postmaster()
	if err != nil || p == nil {
		return err
	}
	// SIGINT is PostgreSQL's fast shutdown: transactions are rolled back, a
	// checkpoint is written.
	if err := unix.Kill(p.pid, unix.SIGINT); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("stop process %d: %w", p.pid, err)
	}
	for f.alive(p.pid) {
		if err := pause(ctx); err != nil {
			return errs.WithRemedy(fmt.Errorf("wait for the end of process %d: %w", p.pid, err),
				"it ends when its last checkpoint is on disk; read "+f.path("postgres.log"))
		}
	}
	return nil
}

// alive reports whether the process is a server on this cluster. Process ids
// come around again: after a restart of a container an old postmaster.pid
// often names another process of it.
func (f files) alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false // gone, or another user's
	}
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return true // without /proc, the signal is all we know
	}
	return f.worksHere(procDir(pid))
}

func procDir(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// worksHere reports whether a process of /proc has the cluster's folder as
// its own, as all of PostgreSQL's have and a zombie has not. In many containers root has no right
// to look at other users' processes; then the account looks at its own.
func (f files) worksHere(proc string) bool {
	data, err := os.Stat(f.data())
	if err != nil {
		return false
	}
	cwd, err := os.Stat(proc + "/cwd")
	if err == nil {
		return os.SameFile(data, cwd)
	}
	if !f.switched || !errors.Is(err, fs.ErrPermission) {
		return false
	}
	return f.command(context.Background(), "/bin/sh", "-c", `[ "$1" -ef "$2" ]`, "sh", proc+"/cwd", f.data()).Run() == nil
}

// clearStale removes a postmaster.pid whose process lives but is another
// program's. PostgreSQL ignores it only where that program is another user's.
// It stays where a process might still work on the cluster: its line on
// shared memory is PostgreSQL's guard against that.
func (f files) clearStale() {
	path := filepath.Join(f.data(), "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	p, ok := parsePostmaster(string(text))
	if !ok || unix.Kill(p.pid, 0) != nil {
		return
	}
	if _, err := os.Stat(procDir(p.pid)); err != nil {
		return // there is no /proc, or it hides processes
	}
	processes, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, proc := range processes {
		if f.worksHere(proc) {
			return
		}
	}
	os.Remove(path)
}
