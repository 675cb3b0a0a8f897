package outage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
	"github.com/macrodata-dev/macrodata/test/lab"
)

// server is a PostgreSQL of the test's own, which keeps what it has committed.
type server struct {
	dir string
	*cluster.Cluster
}

// folder is one that PostgreSQL's user can enter too.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "macrodata-outage-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // it is in the folder for such
	return dir
}

// newServer makes one in a folder.
func newServer(t *testing.T, dir string) *server {
	t.Helper()
	s := &server{dir: dir}
	s.start(t)
	t.Cleanup(func() { s.Stop(context.Background()) }) //nolint:errcheck // it may be stopped
	return s
}

// start starts it, on the port that it had.
func (s *server) start(t *testing.T) {
	t.Helper()
	c, err := cluster.Start(context.WithoutCancel(t.Context()), cluster.Config{
		Dir: s.dir, Settings: map[string]string{"shared_buffers": "64MB", "min_wal_size": "32MB", "max_wal_size": "64MB"},
	})
	if errors.Is(err, errs.NotFound) {
		t.Skipf("no PostgreSQL programs: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	before := s.Cluster
	if s.Cluster = c; before != nil {
		before.Stop(t.Context()) //nolint:errcheck // another user is left, so it only lets go
	}
}

// stopNow stops it as `pg_ctl stop -m immediate` does: without a word to anybody,
// and without writing down what is in memory.
func (s *server) stopNow(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "the server is away", func() bool {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			conn.Close() //nolint:errcheck // it only looked
		}
		_, stat := os.Stat(filepath.Join(s.dir, "postgres", "postmaster.pid"))
		return err != nil && stat != nil
	})
}
