package lake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// happen puts an event into the lakehouse for each of some ages.
func (l *lab) happen(t testing.TB, ages ...time.Duration) {
	t.Helper()
	b := rows.NewTelemetry()
	for i, age := range ages {
		b.Add(rows.Event{EventID: fmt.Sprint(i), OccurredAt: time.Now().Add(-age), Scenario: "bulksync", RunID: "r", Event: "step_completed", Level: "info"})
	}
	body, err := b.Body()
	if err != nil {
		t.Fatal(err)
	}
	var seq int64
	err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableTelemetry, len(ages), body)
		return err
	})
	if err == nil {
		err = l.Drain(t.Context(), rows.TableTelemetry, seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOldEventsLeave(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	l := newLab(t)
	l.happen(t, 0, day, 365*day, 730*day, 732*day, 733*day, 733*day, 2000*day)
	l.happen(t, 900*day, 10*day)
	if err := l.Tag(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	count := func(asOf string) (n int64) {
		t.Helper()
		plan, err := l.Plan(t.Context(), rows.TableTelemetry, asOf)
		if err != nil || plan.HasDeletes {
			t.Fatalf("plan with deletes: %v, %v", plan.HasDeletes, err)
		}
		for _, f := range plan.Files {
			n += f.Rows
		}
		return n
	}
	before := count("")
	r, err := l.Retain(t.Context(), rows.TableTelemetry)
	if err != nil || r != (lake.Retained{Files: 4, Rows: 5}) {
		t.Errorf("removed %+v, %v: want 5 events of 4 days", r, err)
	}
	if n := count(""); n != before-5 {
		t.Errorf("%d events remain of %d", n, before)
	}
	if n := count(lake.TagOf("before")); n != before {
		t.Errorf("as of the run before there are %d events, want %d", n, before)
	}
	if r, err := l.Retain(t.Context(), rows.TableTelemetry); err != nil || r != (lake.Retained{}) {
		t.Errorf("removed again: %+v, %v", r, err)
	}
	l.happen(t, 3*day) // the stream goes on
	if at, err := l.Committed(t.Context(), rows.TableTelemetry); err != nil || at != 3 {
		t.Errorf("the table is at batch %d, %v", at, err)
	}
	short := l.open(t, l.db, func(c *lake.Config) { c.KeepTelemetry = time.Nanosecond })
	if _, err := short.Retain(t.Context(), rows.TableTelemetry); err != nil {
		t.Fatal(err)
	}
	if n := count(""); n > 1 { // none, where midnight has passed
		t.Errorf("%d events remain, want today's alone", n)
	}
}

func TestATableOfOldEventsIsEmptied(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.happen(t, 800*24*time.Hour)
	if r, err := l.Retain(t.Context(), rows.TableTelemetry); err != nil || r != (lake.Retained{Files: 1, Rows: 1}) {
		t.Errorf("removed %+v, %v", r, err)
	}
	l.happen(t, 0)
	if plan, err := l.Plan(t.Context(), rows.TableTelemetry, ""); err != nil || len(plan.Files) != 1 {
		t.Errorf("%v, %v: want the file of today", plan.Files, err)
	}
}

func TestOtherTablesKeepAll(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *lake.Config) { c.KeepTelemetry = time.Nanosecond })
	old := sale(1, 0)
	old.OccurredAt = start.AddDate(-10, 0, 0)
	l.drain(t, l.append(t, old))
	if removed, err := l.Retain(t.Context(), rows.TableSales); err != nil || removed != (lake.Retained{}) {
		t.Errorf("removed %+v, %v", removed, err)
	}
	l.checkLines(t, 1)
}
