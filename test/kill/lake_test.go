package kill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// allTime are the values of a query for all orders of the shop.
var allTime = []string{"--arg", "since=2015-01-01", "--arg", "until=2030-01-01"}

// questions are of no use but here.
var questions = fstest.MapFS{
	"lines.sql": {Data: []byte(`-- reads: measurement.sales
		SELECT count(*) AS rows, count(DISTINCT line_item_id) AS lines, count(*) FILTER (WHERE NOT deleted) AS stored
		FROM newest_sales('2000-01-01'::TIMESTAMPTZ, '2100-01-01'::TIMESTAMPTZ)`)},
	"batches.sql": {Data: []byte(`-- reads: *
		SELECT sequence >> 20 AS batch, count(*) AS rows, count(DISTINCT sequence) AS sequences,
			max(sequence & 1048575) + 1 AS sent
		FROM planned GROUP BY batch ORDER BY batch`)},
	"completed.sql": {Data: []byte(`-- reads: *
		SELECT run_id || ' ' || step AS step, count(DISTINCT event_id) AS events
		FROM planned WHERE event = 'step_completed' GROUP BY ALL`)},
}

// lakehouse is the lab's, opened by the test.
type lakehouse struct {
	*lake.Lake
	duck *duck.DB
}

// lakehouse opens it. The program must have ended, for files are orphans at
// once.
func (l *lab) lakehouse(t *testing.T) lakehouse {
	t.Helper()
	warehouse := (&url.URL{Scheme: "file", Path: l.data + "/warehouse"}).String()
	h, err := lake.Open(t.Context(), lake.Config{
		DB: l.db, Log: slog.New(slog.DiscardHandler), Warehouse: warehouse,
		FlushAge: time.Millisecond, Poll: 5 * time.Millisecond, OrphanGrace: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() }) //nolint:errcheck // it only read
	d, err := duck.Open(t.Context(), duck.Config{Lake: h, Warehouse: warehouse, Dir: t.TempDir(), Queries: []fs.FS{questions}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() }) //nolint:errcheck // as above
	return lakehouse{h, d}
}

// settle has the lakehouse take over what waits in the outbox, as the next
// program that stays would.
func (l *lab) settle(t *testing.T, h lakehouse) {
	t.Helper()
	l.forgetLeases(t)
	ctx, stop := context.WithCancel(t.Context())
	var sink sync.WaitGroup
	sink.Go(func() { h.Run(ctx) })
	l.until(t, `SELECT (count(*) = 0)::integer FROM outbox`)
	stop()
	sink.Wait()
}

// forgetLeases frees what a killed program held, and nobody else can have for
// another 15 seconds.
func (l *lab) forgetLeases(t *testing.T) {
	t.Helper()
	if _, err := l.db.Exec(t.Context(), `DELETE FROM lease`); err != nil {
		t.Fatal(err)
	}
}

// checkLakehouse holds the lakehouse against PostgreSQL when the program has
// ended: now, and as each run left it. undisturbed says that there are no files
// of somebody who was killed. It returns the lakehouse's sales.
func (l *lab) checkLakehouse(t *testing.T, undisturbed bool) []string {
	t.Helper()
	h := l.lakehouse(t)
	l.settle(t, h)
	stored, sales := proof.Sales(t, l.db), l.ask(t, append([]string{"sales_proof"}, allTime...)...)
	same(t, "the lakehouse", sales, stored)
	l.left[l.lastRun(t)] = stored
	for run, stored := range l.left {
		same(t, "the lakehouse as of run "+run, l.ask(t, append([]string{"sales_proof", "--as-of", run}, allTime...)...), stored)
	}
	l.checkLines(t, h)
	l.checkBatches(t, h, "")
	l.checkEvents(t, h)
	if undisturbed {
		l.checkOrphans(t, h)
	}
	return sales
}

// same compares rows as text.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if i := firstDifference(got, want); i >= 0 {
		t.Errorf("%s has %d rows, want %d; the first that differs:\n got %s\nwant %s", what, len(got), len(want), at(got, i), at(want, i))
	}
}

// lastRun is the id of the latest run, empty where there is none.
func (l *lab) lastRun(t *testing.T) string {
	t.Helper()
	return l.texts(t, `SELECT coalesce(max(run_id::text), '') FROM ingest_run`)[0]
}

// ask has the program answer a query, and returns its rows as text.
func (l *lab) ask(t *testing.T, args ...string) (list []string) {
	t.Helper()
	var answer struct{ Rows [][]any }
	l.print(t, &answer, append([]string{"lake", "query"}, args...)...)
	for _, row := range answer.Rows {
		list = append(list, text(row))
	}
	return list
}

// print runs the program and reads the JSON that it prints.
func (l *lab) print(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), l.binary, append(args, "--json")...)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = l.env, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, stderr.String())
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// text writes a row as PostgreSQL's concat_ws does.
func text(row []any) string { return strings.TrimSuffix(fmt.Sprintln(row...), "\n") }

// table answers one of the questions.
func (h lakehouse) table(t *testing.T, name, table, asOf string) (list [][]any) {
	t.Helper()
	found, err := h.duck.Table(t.Context(), duck.Request{Name: name, Table: table, AsOf: asOf})
	if err != nil {
		t.Fatal(err)
	}
	return found.Rows
}

// checkLines finds each line once among the newest versions, and as many of
// them not deleted as PostgreSQL has.
func (l *lab) checkLines(t *testing.T, h lakehouse) {
	t.Helper()
	stored := l.number(t, `SELECT count(*) FROM order_line_item JOIN order_header USING (order_id) WHERE deleted_at IS NULL AND NOT is_gift_card`)
	counts := h.table(t, "lines", "", "")[0]
	if counts[0] != counts[1] || fmt.Sprint(counts[2]) != fmt.Sprint(stored) {
		t.Errorf("the lakehouse has %v newest versions of %v lines and %v of them are not deleted; PostgreSQL has %d", counts[0], counts[1], counts[2], stored)
	}
}

// checkBatches finds in a snapshot of measurement.sales each batch up to one,
// and each of its rows once.
func (l *lab) checkBatches(t *testing.T, h lakehouse, asOf string) (batches int64) {
	t.Helper()
	plan, err := h.Plan(t.Context(), rows.TableSales, asOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range h.table(t, "batches", rows.TableSales, asOf) {
		batches++
		if b[0] != batches || b[1] != b[2] || b[2] != b[3] {
			t.Fatalf("the snapshot %q has as number %d batch %v with %v rows of %v sequences, and %v were sent", asOf, batches, b[0], b[1], b[2], b[3])
		}
	}
	if batches != plan.Sequence {
		t.Errorf("the snapshot %q has %d batches, and says that it has %d", asOf, batches, plan.Sequence)
	}
	return batches
}

// checkEvents finds for each step that was done one event that says so, however
// often it was told.
func (l *lab) checkEvents(t *testing.T, h lakehouse) {
	t.Helper()
	got := map[string]int64{}
	for _, row := range h.table(t, "completed", rows.TableTelemetry, "") {
		got[row[0].(string)] = row[1].(int64)
	}
	for _, step := range l.texts(t, `SELECT run_id || ' ' || step FROM step_done WHERE output IS NOT NULL ORDER BY run_id, seq`) {
		if got[step] != 1 {
			t.Errorf("%d events say that step %s was completed", got[step], step)
		}
		delete(got, step)
	}
	if len(got) > 0 {
		t.Errorf("events say that steps were completed which were not: %v", got)
	}
}

// checkOrphans finds no file that nothing refers to.
func (l *lab) checkOrphans(t *testing.T, h lakehouse) {
	t.Helper()
	for _, name := range []string{rows.TableSales, rows.TableTelemetry} {
		swept, err := h.Sweep(t.Context(), name, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(swept.Files) > 0 {
			t.Errorf("nothing refers to %q", swept.Files)
		}
	}
}
