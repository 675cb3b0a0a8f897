package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
)

// server is a fresh PostgreSQL with the product's settings and schema. Each
// side of a comparison gets one of its own, so that neither finds what the
// other left: files grown, pages cached, a checkpoint under way.
type server struct {
	dir        string
	db         *pg.DB
	url        string
	postmaster int
	stop       func(context.Context) error
}

func (b *bench) newServer(ctx context.Context) (_ *server, err error) {
	s := &server{}
	if s.dir, err = os.MkdirTemp(b.dir, "server-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, cluster.Config{Dir: s.dir})
	if err != nil {
		return nil, err
	}
	s.url, s.stop = c.URL(), c.Stop
	if err := s.prepare(ctx); err != nil {
		s.close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return s, nil
}

func (s *server) prepare(ctx context.Context) (err error) {
	pid, err := os.ReadFile(filepath.Join(s.dir, "postgres", "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := bytes.Cut(pid, []byte("\n"))
	if s.postmaster, err = strconv.Atoi(string(first)); err != nil {
		return err
	}
	if s.db, err = pg.Open(ctx, pg.Config{URL: s.url}); err != nil {
		return err
	}
	_, err = s.db.Migrate(ctx, db.Migrations())
	return err
}

// close stops the server and removes its files, which may be large.
func (s *server) close() error {
	if s.db != nil {
		s.db.Close()
	}
	err := s.stop(context.Background())
	if removeErr := os.RemoveAll(s.dir); err == nil {
		err = removeErr
	}
	return err
}

// psql runs a script in one session and measures it, the client included.
func (s *server) psql(ctx context.Context, script string) (usage, error) {
	_, u, err := s.psqlRows(ctx, script)
	return u, err
}

// psqlRows is psql and what the script prints, a row a line with | between
// columns.
func (s *server) psqlRows(ctx context.Context, script string) (printed string, u usage, err error) {
	binaries, err := cluster.Find()
	if err != nil {
		return "", u, err
	}
	address, password, err := cutPassword(s.url)
	if err != nil {
		return "", u, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(binaries.Dir, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", address)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "PGTZ=UTC")
	cmd.Stdin = strings.NewReader(script)
	out, faults := &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, faults
	began, cpu := time.Now(), serverCPU(s.postmaster)
	if err := cmd.Run(); err != nil {
		return "", u, fmt.Errorf("psql: %w: %.500s", err, faults)
	}
	u.wall = time.Since(began)
	u.cpu = serverCPU(s.postmaster) - cpu + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return out.String(), u, nil
}
