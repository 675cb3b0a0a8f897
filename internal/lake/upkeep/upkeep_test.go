package upkeep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/lake/upkeep"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// lab is a lakehouse with an engine that keeps it.
type lab struct {
	*upkeep.Service
	engine *workflow.Engine
	lake   *lake.Lake
	runs   *runs.Store
	db     *pg.DB
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{db: pgtest.DB(t)}
	l.runs = runs.New(l.db)
	var err error
	l.lake, err = lake.Open(t.Context(), lake.Config{
		DB: l.db, Warehouse: (&url.URL{Scheme: "file", Path: t.TempDir()}).String(), Poll: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.lake.Close() }) //nolint:errcheck // nothing is left to lose
	return l
}

// launch starts an engine on the lakehouse, or on what stands in for it.
func (l *lab) launch(t *testing.T, lakehouse upkeep.Lake) *lab {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var err error
	l.engine, err = workflow.New(t.Context(), workflow.Config{
		DB: l.db, Log: quiet, Retry: workflow.Retry{Delay: time.Millisecond},
		Poll: 10 * time.Millisecond, Renew: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Service = upkeep.New(l.engine, lakehouse, l.runs, quiet)
	t.Cleanup(func() { l.stop(t) })
	if err := l.engine.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) stop(t *testing.T) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.engine.Close(now); err != nil {
		t.Error(err)
	}
}

// fill makes a commit for each of so many lines of one month.
func (l *lab) fill(t *testing.T, lines int) {
	t.Helper()
	b := rows.NewSales()
	for line := 1; line <= lines; line++ {
		b.Add(rows.Sale{
			LineItemID: shop.ID(line), OrderID: shop.ID(line), SKU: "sku", Quantity: 1, Currency: "USD",
			OccurredAt:     time.Date(2025, 1, line, 12, 0, 0, 0, time.UTC),
			OrderUpdatedAt: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC), RunID: "run",
		})
		body, err := b.Body()
		var seq int64
		if err == nil {
			err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
				seq, err = outbox.Append(ctx, tx, rows.TableSales, 1, body)
				return err
			})
		}
		if err == nil {
			err = l.lake.Drain(t.Context(), rows.TableSales, seq)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sales reads all rows of measurement.sales, by line, and counts its files.
func (l *lab) sales(t *testing.T) (lines map[int64]int, files int) {
	t.Helper()
	plan, err := l.lake.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	lines = map[int64]int{}
	for _, f := range plan.Files {
		for _, id := range l.read(t, f.Path) {
			lines[id]++
		}
	}
	return lines, len(plan.Files)
}

func (l *lab) read(t *testing.T, path string) (ids []int64) {
	t.Helper()
	r, err := l.lake.OpenFile(t.Context(), rows.TableSales, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(body), parquet.NewReaderProperties(nil),
		pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	for _, chunk := range table.Column(table.Schema().FieldIndices("line_item_id")[0]).Data().Chunks() {
		for i := range chunk.Len() {
			ids = append(ids, chunk.(*array.Int64).Value(i))
		}
	}
	return ids
}

func TestARunLeavesFewerFilesWithTheSameRows(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.fill(t, 12)
	before, files := l.sales(t)
	if len(before) != 12 || files != 12 {
		t.Fatalf("%d lines in %d files before", len(before), files)
	}
	l.launch(t, l.lake)
	id, err := l.Start(t.Context(), runs.CLI, "cli:test")
	if err != nil {
		t.Fatal(err)
	}
	result, err := l.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	after, files := l.sales(t)
	if files != 1 || !maps.Equal(before, after) {
		t.Errorf("%d files with lines %v, want one with %v", files, after, before)
	}
	for _, table := range result.Tables {
		if c := table.Compacted; table.Table == rows.TableSales && (c.FilesBefore != 12 || c.FilesAfter != 1 || c.RowsAfter != 12) {
			t.Errorf("compacted %+v", c)
		}
	}
	run, err := l.runs.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var counts upkeep.Result
	if err := json.Unmarshal(run.Counts, &counts); err != nil {
		t.Fatal(err)
	}
	if run.Scenario != "lakehouse" || run.Trigger != runs.CLI || run.RequestedBy != "cli:test" ||
		run.Status != runs.Completed || run.Done == 0 || fmt.Sprint(counts) != fmt.Sprint(result) {
		t.Errorf("run %+v, want the counts %+v", run, result)
	}
	steps, err := l.engine.Steps(t.Context(), id.String())
	if err != nil || len(steps) != 2+5*len(l.lake.Tables()) || steps[1].Step != "retain-sync.telemetry" {
		t.Errorf("steps %+v, %v", steps, err)
	}
}

// stubborn is a lakehouse one table of which can't be compacted, or only after
// a while.
type stubborn struct {
	*lake.Lake
	compact func(ctx context.Context) error
}

func (s stubborn) Compact(ctx context.Context, table string) (lake.Compacted, error) {
	if table == rows.TableSales {
		if err := s.compact(ctx); err != nil {
			return lake.Compacted{}, err
		}
	}
	return s.Lake.Compact(ctx, table)
}

func TestATableThatFailsDoesNotKeepTheOthersFromUpkeep(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var mended atomic.Bool
	l.launch(t, stubborn{l.lake, func(context.Context) error {
		if mended.Load() {
			return nil
		}
		return errs.WithRemedy(fmt.Errorf("no room: %w", errs.Denied), "make room")
	}})
	id, err := l.Start(t.Context(), runs.Manual, "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Wait(t.Context(), id); !errors.Is(err, errs.Denied) {
		t.Errorf("the run ended with %v", err)
	}
	run, err := l.runs.Get(t.Context(), id)
	if err != nil || run.Status != runs.Failed || run.ErrorCode != "denied" || run.Remedy != "make room" ||
		!strings.Contains(run.ErrorText, "compact-measurement.sales") {
		t.Errorf("run %+v, %v", run, err)
	}
	steps, err := l.engine.Steps(t.Context(), id.String())
	if err != nil || steps[len(steps)-1].Step != "sweep-measurement.performance" || steps[len(steps)-1].Err != nil {
		t.Errorf("steps %+v, %v", steps, err)
	}
	mended.Store(true)
	if err := l.engine.Resume(t.Context(), id.String()); err != nil {
		t.Fatal(err)
	}
	if result, err := l.Wait(t.Context(), id); err != nil || len(result.Tables) != 3 {
		t.Errorf("resumed: %+v, %v", result, err)
	}
}

func TestOneRunAtATimeAndOnceForASlot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := make(chan struct{}, 1)
	first := &lab{db: l.db, runs: l.runs, lake: l.lake}
	first.launch(t, stubborn{l.lake, func(ctx context.Context) error {
		running <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	slot := time.Date(2026, 11, 21, 3, 30, 0, 0, time.UTC)
	for range 2 {
		if err := first.StartSlot(t.Context(), slot); err != nil {
			t.Fatal(err)
		}
	}
	id := workflow.RunID(upkeep.Name, slot)
	<-running
	other, err := first.Start(t.Context(), runs.CLI, "cli:test")
	if !errors.Is(err, errs.Conflict) || other != id {
		t.Errorf("a second run: %v, %v, want a conflict with %v", other, err, id)
	}
	var busy *workflow.Busy
	if err := first.StartSlot(t.Context(), slot.Add(24*time.Hour)); !errors.As(err, &busy) {
		t.Errorf("the next slot: %v", err)
	}
	first.stop(t)

	// The process is gone; the next one goes on with the same run.
	l.launch(t, l.lake)
	if result, err := l.Wait(t.Context(), id); err != nil || len(result.Tables) != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	list, err := l.runs.List(t.Context(), upkeep.Scenario, 10)
	if err != nil || len(list) != 1 || list[0].Trigger != runs.Cron || list[0].Status != runs.Completed {
		t.Errorf("runs %+v, %v", list, err)
	}
}
