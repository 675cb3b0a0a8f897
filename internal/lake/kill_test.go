package lake_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/test/proof"
)

var (
	kills   = flag.Int("lake.kills", 30, "how often the committer is killed; a quarter with -short")
	commits = flag.Int("lake.commits", 60, "how many commits two committers and a compaction race for, half with -short; 500 at length")
	seed    = flag.Uint64("lake.seed", 0, "of the random moments; 0 for one that is printed")
)

// The variables that turn this test's program into a committer.
const (
	databaseVariable  = "LAKE_TEST_COMMITTER_DATABASE"
	warehouseVariable = "LAKE_TEST_COMMITTER_WAREHOUSE"
)

// committer is a process that commits batch by batch until it is killed.
func committer() {
	database := os.Getenv(databaseVariable)
	if database == "" {
		return
	}
	ctx := context.Background()
	db, err := pg.Open(ctx, pg.Config{URL: database, MaxConns: 4})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := lake.Open(ctx, lake.Config{
		DB: db, Warehouse: os.Getenv(warehouseVariable), Log: slog.New(slog.DiscardHandler),
		FlushRows: 1, Poll: 5 * time.Millisecond,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	l.Run(ctx)
}

// moments returns random numbers that can be had again.
func moments(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-lake.seed %d", s)
	return rand.New(rand.NewPCG(s, 0)) //nolint:gosec // not a secret
}

// TestKilledCommitters kills a committer at random moments, in which it may be
// reading, writing files, committing or dropping what it committed.
func TestKilledCommitters(t *testing.T) {
	t.Parallel()
	random := moments(t)
	l := newLab(t)
	lives := *kills
	if testing.Short() {
		lives /= 4
	}
	batches := 5 * lives
	for b := range batches {
		l.append(t, sales(20*b+1, 20*b+20, 0)...)
	}
	// The first lives until it has committed once, and says how long that takes
	// on this machine.
	var once time.Duration
	l.runAndKill(t, func() {
		begun := time.Now()
		l.wait(t, func() bool {
			at, err := l.Committed(t.Context(), rows.TableSales)
			return err == nil && at > 0
		})
		once = time.Since(begun)
	})
	for range lives {
		l.runAndKill(t, func() { time.Sleep(time.Duration(random.Int64N(int64(2 * once)))) })
	}
	at, err := l.Committed(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d batches were committed between the kills", at, batches)
	l.drain(t, int64(batches))
	l.checkLines(t, 20*batches)

	l.age(t)
	swept, err := l.Sweep(t.Context(), rows.TableSales, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files of the dead were swept", len(swept.Files))
	lost, doubled := l.checkLines(t, 20*batches)
	proof.Note(t, proof.Story{Family: 11, Name: "committers killed at random moments", Faults: lives + 1, Runs: batches, Lost: lost, Doubled: doubled})
}

// runAndKill starts a committer, kills it when life is over, and takes its
// lease away, which would otherwise run out some time later.
func (l *lab) runAndKill(t *testing.T, life func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(),
		databaseVariable+"="+l.db.Pool().Config().ConnString(), warehouseVariable+"="+l.warehouse)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it was killed
	defer cmd.Process.Kill() //nolint:errcheck // it may have ended by itself, which the check finds
	if s := bufio.NewScanner(out); !s.Scan() || s.Text() != "ready" {
		t.Errorf("the committer didn't start: %q", s.Text())
	}
	life()
	cmd.Process.Kill() //nolint:errcheck // as above
	if _, err := l.db.Exec(t.Context(), `DELETE FROM lease`); err != nil {
		t.Error(err)
	}
}

// checkLines finds each line from 1 on exactly once. It returns how many are lost
// and how many rows too much.
func (l *lab) checkLines(t *testing.T, lines int) (lost, doubled int) {
	t.Helper()
	got := read(t, l.Lake, "")
	n := len(newest(got))
	if len(got) != lines || n != lines {
		t.Errorf("%d rows of %d lines, want each of %d once", len(got), n, lines)
	}
	return lines - n, len(got) - n
}
