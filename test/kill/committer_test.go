package kill

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// whileItCommits kills the program again and again while it brings facts into
// the lakehouse, in one lab whose shop goes on changing. What it left of a commit
// must be no harm to the next one: not now, and in no snapshot before.
func (w world) whileItCommits(t *testing.T) {
	now := &clock{now: w.clock()}
	edited := shops.Edit(w.shop, now.read)
	w.shop, w.clock, w.lines = edited, now.read, 0
	l := w.lab(t, 0)
	l.env = append(l.env, "MACRODATA_LAKE_FLUSH_ROWS=1000", "MACRODATA_LAKE_FLUSH_AGE=1s")
	luck := luck(t)

	begun, starts, killed, life := time.Now(), 0, 0, 200*time.Millisecond
	for ; killed < *commits; starts++ {
		if starts == 20**commits {
			t.Fatalf("in %d starts the program was killed %d times in its commits", starts, killed)
		}
		if starts%3 == 1 { // those between go on with what was killed
			edit(edited, now.read(), starts)
			now.pass()
		}
		if l.killCommitter(t, time.Duration(luck.Int64N(int64(life)))) {
			killed++
			life += life / 4
		} else { // it was done sooner
			life -= life / 4
		}
		l.forgetLeases(t)
		l.args = []string{"sync", "--json"} // which goes on with a full one too
	}
	t.Logf("%d of %d starts were killed in a commit, in %s", killed, starts, time.Since(begun).Round(time.Second))
	l.finish(t) // what was killed last
	now.pass()
	l.finish(t) // and what happened since
	lakehouse := l.checkLakehouse(t, false)
	l.checkSnapshots(t)
	l.checkSweep(t)
	lost, doubled := l.store(lakehouse).Check(t)
	proof.Note(t, proof.Story{
		Family: 11, Name: "killed in commits, every snapshot read", Faults: killed,
		Runs: l.number(t, `SELECT count(*) FROM ingest_run`), Lost: lost, Doubled: doubled,
	})
}

// killCommitter starts the program, waits until it holds a lease to commit, and
// kills it some time later. It reports whether the program held one even then.
func (l *lab) killCommitter(t *testing.T, after time.Duration) bool {
	t.Helper()
	const leased = `SELECT count(*) FROM lease WHERE name LIKE 'lake.commit.%'`
	p := l.start(t)
	for l.number(t, leased) == 0 {
		select {
		case <-p.ended:
			l.succeeded(t, p)
			return false
		case <-time.After(time.Millisecond):
		}
	}
	kill := time.AfterFunc(after, func() { p.Process.Kill() }) //nolint:errcheck // it may have ended
	defer kill.Stop()
	if p.wait() != syscall.SIGKILL {
		l.succeeded(t, p)
	}
	return l.number(t, leased) > 0
}

// checkSnapshots finds in every snapshot of measurement.sales each row of the
// batches up to one, once.
func (l *lab) checkSnapshots(t *testing.T) {
	t.Helper()
	h := l.lakehouse(t)
	snapshots := l.snapshots(t, rows.TableSales)
	var batches int64
	for _, id := range snapshots {
		batches = max(batches, l.checkBatches(t, h, id))
	}
	if newest := snapshots[len(snapshots)-1]; len(l.ask(t, "table_rows", "--table", rows.TableSales, "--as-of", newest)) != 1 {
		t.Error("the program can't read the newest snapshot by its id")
	}
	t.Logf("%d runs, %d snapshots of %d batches", l.number(t, `SELECT count(*) FROM ingest_run`), len(snapshots), batches)
}

// checkSweep removes what the dead left, and finds that nobody misses it. The
// program itself would not yet: somebody may be about to commit these files.
func (l *lab) checkSweep(t *testing.T) {
	t.Helper()
	var young []struct{ Swept lake.Swept }
	l.print(t, &young, "lake", "expire", "--dry-run")
	for _, x := range young {
		if len(x.Swept.Files) > 0 {
			t.Errorf("the program would remove %q", x.Swept.Files)
		}
	}
	h, files := l.lakehouse(t), 0
	for _, name := range []string{rows.TableSales, rows.TableTelemetry} {
		swept, err := h.Sweep(t.Context(), name, false)
		if err != nil {
			t.Fatal(err)
		}
		files += len(swept.Files)
	}
	t.Logf("%d files of the dead were swept", files)
	l.checkLakehouse(t, true)
}

// snapshots lists the ids of all snapshots of a table, oldest first, as the
// table's metadata have them.
func (l *lab) snapshots(t *testing.T, table string) (ids []string) {
	t.Helper()
	path, err := url.Parse(l.texts(t, `SELECT metadata_location FROM lake.iceberg_tables WHERE table_namespace || '.' || table_name = '`+table+`'`)[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path.Path)
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		Snapshots []struct {
			ID int64 `json:"snapshot-id"`
		}
	}
	if err := json.Unmarshal(text, &metadata); err != nil {
		t.Fatal(err)
	}
	for _, s := range metadata.Snapshots {
		ids = append(ids, fmt.Sprint(s.ID))
	}
	return ids
}

// clock is a shop's, and goes on when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Hour)
}

// edit changes what every tenth order sold, or when, or whether it counts.
func edit(s *shops.Edited, now time.Time, round int) {
	var plain []shop.ID
	for o := range s.Orders(now) {
		if len(o.Lines) > 0 && len(o.Refunds) == 0 && o.CancelledAt.IsZero() && !o.Edited {
			plain = append(plain, o.ID)
		}
	}
	for i := round % 10; i < len(plain); i += 10 {
		s.Change(plain[i], func(o *shopify.Order) {
			switch i / 10 % 3 {
			case 0:
				o.CancelledAt, o.CancelReason = now, "CUSTOMER"
			case 1:
				o.ProcessedAt = o.ProcessedAt.AddDate(0, -1, 0)
			case 2:
				o.Lines[0].ProductID++
			}
		})
	}
}
