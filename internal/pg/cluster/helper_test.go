package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// helperDir in the environment makes the test binary a process that uses the
// cluster in that directory until its standard input ends.
const helperDir = "CLUSTER_TEST_DIR"

// quick gives up durability where a test doesn't look at it.
var quick = map[string]string{"fsync": "off", "shared_buffers": "16MB", "min_wal_size": "32MB"}

// program is a copy of the test binary that every user can run. It is made
// before any test: a process that a test starts meanwhile would hold the file
// open for writing, and such a file can't be run.
var program string

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(help(dir))
	}
	var err error
	if program, err = copySelf(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(filepath.Dir(program))
	os.Exit(code)
}

func copySelf() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "cluster-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "helper")
	return path, errors.Join(os.WriteFile(path, text, 0o755), os.Chmod(dir, 0o755))
}

type report struct {
	URL, Error, Kind string
	Adopted          bool
}

func help(dir string) int {
	ctx := context.Background()
	c, err := Start(ctx, Config{Dir: dir, Settings: quick})
	var r report
	if err != nil {
		r.Error, r.Kind = err.Error(), errs.Kind(err)
	} else {
		r.URL, r.Adopted = c.URL(), c.Adopted()
	}
	json.NewEncoder(os.Stdout).Encode(r)
	if err != nil {
		return 1
	}
	io.Copy(io.Discard, os.Stdin)
	if err := c.Stop(ctx); err != nil {
		return 1
	}
	return 0
}

// process is another process that uses a cluster.
type process struct {
	report
	cmd   *exec.Cmd
	stdin io.Closer
}

// startProcess starts a process as the account, or as this user for nil.
func startProcess(t *testing.T, dir string, as *account) *process {
	t.Helper()
	cmd := exec.Command(program)
	if as != nil {
		cmd = as.command(t.Context(), program)
	}
	cmd.Env = []string{helperDir + "=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin}
	t.Cleanup(func() { p.kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the process ended without a report: %v", err)
	}
	if err := json.Unmarshal(line, &p.report); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// leave lets the process stop its use of the cluster.
func (p *process) leave(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the process failed to leave: %v", err)
	}
}

// dataDir is a directory that the user of PostgreSQL can reach; what t.TempDir
// returns belongs to root alone. Its server, if one is left, is killed.
func dataDir(t *testing.T) string {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skipf("PostgreSQL's programs are missing: %s", errs.Remedy(err))
	}
	parent, err := os.MkdirTemp("", "cluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "it's data")
	t.Cleanup(func() {
		owner, _ := accountFor(dir)
		f := files{dir, owner}
		if p, _ := f.postmaster(); p != nil {
			unix.Kill(p.pid, unix.SIGQUIT)
			awaitGone(t, f, p.pid)
		}
		os.RemoveAll(parent)
	})
	return dir
}

func awaitGone(t *testing.T, f files, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); f.alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}

func mustStart(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	if cfg.Settings == nil {
		cfg.Settings = quick
	}
	c, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.Remedy(err))
	}
	return c
}

func mustStop(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask returns the one value that a query yields.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var answer *string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if answer == nil {
		return "NULL"
	}
	return *answer
}

// keep stores a row that checkKept looks for.
func keep(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 'a row that is kept' AS row`); err != nil {
		t.Fatal(err)
	}
}

func checkKept(t *testing.T, url string) {
	t.Helper()
	if got := ask(t, url, `SELECT row FROM kept`); got != "a row that is kept" {
		t.Errorf("the row is now %q", got)
	}
}

func isRunning(t *testing.T, c *Cluster) bool {
	t.Helper()
	p, err := c.files.postmaster()
	if err != nil {
		t.Fatal(err)
	}
	return p != nil
}

// wantError checks an error's kind, and that its text or remedy has the words.
func wantError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v is not of the kind %v", err, kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error()+"\n"+errs.Remedy(err), word) {
			t.Errorf("error %q with remedy %q doesn't say %q", err, errs.Remedy(err), word)
		}
	}
}
