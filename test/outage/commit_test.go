package outage

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/test/lab"
	"github.com/macrodata-dev/macrodata/test/proof"
)

var cuts = flag.Int("outage.cuts", 20, "how many commits are cut within a sync")

// TestConnectionsAreCutInCommits cuts the commits of a sync, and whatever else
// the process commits meanwhile.
func TestConnectionsAreCutInCommits(t *testing.T) {
	t.Parallel()
	w := lab.New(t, *orders)
	url := pgtest.URL(t)
	between, through := newProxy(t, url)
	between.limit = int64(*cuts)
	// Reading commits too: a step of many reads meets several cuts in a row.
	l := w.Lab(t, url, "MACRODATA_DATABASE_URL="+through, "MACRODATA_RETRY_LIMIT=10")
	p := l.Serve(t)
	between.every.Store(7)
	run := startThroughCuts(t, p)
	watched := watch(t, p, run)
	lab.Eventually(t, "the sync has ended", func() bool {
		return l.Number(t, `SELECT count(*) FROM ingest_run WHERE finished_at IS NOT NULL`) > 0
	})
	between.every.Store(0)
	p.Completes(t, run)
	watched.stop(t)
	if n := between.cuts.Load(); n < int64(*cuts) {
		t.Errorf("%d of %d commits were cut", n, between.commits.Load())
	}
	checkOnce(t, l)
	lost, doubled := l.Check(t)
	proof.Note(t, proof.Story{
		Family: 2, Name: fmt.Sprintf("connections cut in COMMIT within a sync of %d orders", *orders),
		Faults: int(between.cuts.Load()), Runs: 1, Lost: lost, Doubled: doubled,
	})
}

// startThroughCuts starts a sync by one idempotency key, again where it isn't
// known whether it was started, and returns its run.
func startThroughCuts(t *testing.T, p *lab.Process) (run string) {
	t.Helper()
	key := uuid.NewString()
	lab.Eventually(t, "the sync is started", func() bool {
		answer := p.SendKey(t, http.MethodPost, "/api/performance-metrics/sync", `{"mode":"full"}`, key)
		defer answer.Body.Close() //nolint:errcheck // only read
		body, err := io.ReadAll(answer.Body)
		switch {
		case err != nil:
			t.Fatal(err)
		case answer.StatusCode == http.StatusAccepted:
			run = lab.RunOf(t, body)
			return true
		case answer.StatusCode != http.StatusServiceUnavailable && answer.StatusCode != http.StatusConflict || answer.Header.Get("Retry-After") == "":
			t.Fatalf("a start whose commit was cut is answered %d %s", answer.StatusCode, body)
		}
		time.Sleep(100 * time.Millisecond)
		return false
	})
	return run
}
