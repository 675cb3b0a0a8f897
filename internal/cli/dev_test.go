package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	dataDir(t) // skips where it can't work
	var result demoResult
	got := run(nil, "demo", "--orders", "150", "--json").want(t, done)
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
		t.Fatal(err)
	}
	if !result.OK || result.Full.Source.Orders < 150 || result.Incremental.Counts.Orders.Written == 0 {
		t.Errorf("the demonstration printed %s", got.stdout)
	}
}

// devRun is what dev prints.
type devRun struct {
	Run     runs.Run `json:"run"`
	Figures figures  `json:"stored"`
}

func (d devRun) mode(t *testing.T) string {
	t.Helper()
	var p bulksync.Params
	if err := json.Unmarshal(d.Run.Params, &p); err != nil {
		t.Fatal(err)
	}
	return p.Mode
}

func readDev(t *testing.T, text string) (d devRun) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

func TestDev(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	environ := []string{"MACRODATA_DATA_DIR=" + dir, "MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=127.0.0.1:0"}

	first := readDev(t, run(environ, "dev", "--once", "--orders", "200", "--json").want(t, done).stdout)
	if first.mode(t) != bulksync.Full || first.Run.Status != runs.Completed || first.Figures.Orders == 0 {
		t.Errorf("the first start gave %+v", first)
	}
	noServer(t, dir)

	second := readDev(t, run(environ, "dev", "--once", "--json").want(t, done).stdout)
	if second.mode(t) != bulksync.Incremental || second.Run.Status != runs.Completed || second.Figures.Orders < first.Figures.Orders {
		t.Errorf("the second start gave %+v, after %+v", second, first)
	}
	noServer(t, dir)

	p := start(t, environ, "dev")
	p.says(t, "Ctrl-C stops everything.")
	server := serverOf(t, dir)
	if code := p.interrupt(t); code != done {
		t.Errorf("Ctrl-C gave exit code %d: %s", code, p.stderr.String())
	}
	noServer(t, dir)
	ends(t, server)
}

// ends waits until a process is gone. PostgreSQL takes its files away before its
// process is, and somebody has to reap that.
func ends(t *testing.T, process int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(process, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d outlived the program", process)
		}
	}
}

func TestDevStoppedInItsSyncGoesOn(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	environ := []string{"MACRODATA_DATA_DIR=" + dir, "MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=127.0.0.1:0"}
	p := start(t, environ, "dev", "--orders", "3000")
	p.makes(t, filepath.Join(dir, "objects", "archives", "ingest", "*", "orders-*.jsonl"))
	if code := p.interrupt(t); code != failed || !strings.Contains(p.stderr.String(), "the run goes on where it was") {
		t.Errorf("Ctrl-C gave exit code %d: %s", code, p.stderr.String())
	}
	noServer(t, dir)
	next := readDev(t, run(environ, "dev", "--once", "--json").want(t, done).stdout)
	if next.mode(t) != bulksync.Full || next.Run.Status != runs.Completed || next.Figures.Orders < 2900 {
		t.Errorf("the next start gave %+v", next)
	}
}

// makes waits until the program has made a file.
func (p *program) makes(t *testing.T, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("in a minute the program didn't make %s: %s", pattern, p.stderr.String())
		}
	}
}

// pidFile is PostgreSQL's own note of its process.
func pidFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "postgres", "*", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return filepath.Join(dir, "postgres", "postmaster.pid")
	}
	return found[0]
}

func serverOf(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(pidFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func noServer(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(pidFile(t, dir)); err == nil {
		t.Error("PostgreSQL was left running")
	}
}
