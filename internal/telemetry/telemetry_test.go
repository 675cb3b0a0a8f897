package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/telemetry"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// never is an interval that no test lasts.
const never = time.Hour

// row is a row of sync.telemetry as it is read back, by column.
type row map[string]string

// written reads what is in the outbox, by batch.
func written(t testing.TB, db *pg.DB) (batches [][]row) {
	t.Helper()
	found, err := outbox.Read(t.Context(), db, rows.TableTelemetry, 0, 32<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var table rows.Table
	for _, table = range rows.Tables() {
		if table.Name == rows.TableTelemetry {
			break
		}
	}
	for _, b := range found {
		record, err := rows.NewReader().Read(table.Schema, b.Body)
		if err != nil {
			t.Fatal(err)
		}
		batch := make([]row, record.NumRows())
		for i := range batch {
			batch[i] = row{}
			for c, name := range record.Schema().Fields() {
				if !record.Column(c).IsNull(i) {
					batch[i][name.Name] = record.Column(c).ValueStr(i)
				}
			}
		}
		record.Release()
		batches = append(batches, batch)
	}
	return batches
}

func count(batches [][]row) (n int) {
	for _, b := range batches {
		n += len(b)
	}
	return n
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 15 s it was not so that %s", what)
		}
	}
}

// said is a log that tests read.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

func (s *said) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s, nil)) }

func closed(t testing.TB, r *telemetry.Recorder) {
	t.Helper()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

var when = time.Date(2026, 11, 21, 6, 0, 0, 123456789, time.UTC)

// event is the n-th of a run.
func event(n int) workflow.Event {
	return workflow.Event{
		Name: workflow.StepCompleted, Workflow: "bulksync.sync", RunID: "run", Step: "step-" + strconv.Itoa(n),
		Attempt: 1, At: when, Duration: 1500 * time.Millisecond,
	}
}

func TestEventsBecomeRows(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	r := telemetry.New(db, slog.New(slog.DiscardHandler), telemetry.Options{Every: never, Secrets: []string{"", "shpat_123"}})
	r.Note(event(1))
	failed := event(2)
	failed.Name = workflow.StepErrored
	failed.Err = fmt.Errorf("token shpat_123 is refused: %w", errs.Denied)
	r.Note(failed)
	own := workflow.Event{
		Name: workflow.WorkflowInterrupted, Workflow: "lakehouse.maintain", RunID: "run", Attempt: 2, At: when,
		Err: errors.New(strings.Repeat("ü", 2000) + "\xff"), Rebuilt: true,
	}
	r.Note(own)
	closed(t, r)
	batches := written(t, db)
	if len(batches) != 1 || len(batches[0]) != 3 {
		t.Fatalf("batches %v", batches)
	}
	message := batches[0][2]["message"]
	if n := len(message); n > 2048 || n < 2040 || !utf8.ValidString(message) || !strings.HasSuffix(message, "ü…") {
		t.Errorf("a long message has %d bytes and ends with %q", n, message[n-10:])
	}
	delete(batches[0][2], "message")
	for i, want := range []row{
		{"scenario": "bulksync", "run_id": "run", "step": "step-1", "attempt": "1", "event": "step_completed", "level": "info", "duration_ms": "1500"},
		{"scenario": "bulksync", "run_id": "run", "step": "step-2", "attempt": "1", "event": "step_errored", "level": "error", "duration_ms": "1500",
			"error_code": "denied", "message": "token [redacted] is refused: denied"},
		{"scenario": "lakehouse", "run_id": "run", "attempt": "2", "event": "workflow_interrupted", "level": "warn", "duration_ms": "0",
			"error_code": "internal", "attributes": `{"rebuilt":true}`},
	} {
		want["event_id"], want["occurred_at"] = batches[0][i]["event_id"], "2026-11-21T06:00:00.123456Z"
		want["rows"], want["bytes"] = "0", "0"
		if got := batches[0][i]; len(got["event_id"]) != 36 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("row %d is\n%v, want\n%v", i, got, want)
		}
	}
}

func TestAnEventKeepsItsID(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	r := telemetry.New(db, slog.New(slog.DiscardHandler), telemetry.Options{Every: never})
	same := event(1)
	same.At, same.Rebuilt = same.At.Truncate(time.Microsecond).Local(), true
	others := []workflow.Event{event(1), event(1), event(1), event(1), event(1)}
	others[0].RunID = "other"
	others[1].Step = "step-"
	others[2].Name = workflow.StepStarted
	others[3].Attempt = 11
	others[4].At = when.Add(time.Microsecond)
	for _, e := range append([]workflow.Event{event(1), same}, others...) {
		r.Note(e)
	}
	closed(t, r)
	ids := map[string]bool{}
	for i, row := range written(t, db)[0] {
		if ids[row["event_id"]] != (i == 1) {
			t.Errorf("event %d: whether it is the first one again is not %v", i, i == 1)
		}
		ids[row["event_id"]] = true
	}
	if !ids["a477dd64-16ab-55e8-8482-eab84b71ff50"] {
		t.Errorf("ids %v: they must not change from one version of the program to the next", ids)
	}
}

func TestBatchesAreWrittenInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   telemetry.Options
		events []workflow.Event
		flush  bool
	}{
		"after the interval":          {telemetry.Options{Every: 5 * time.Millisecond}, []workflow.Event{event(1)}, false},
		"when enough wait":            {telemetry.Options{Every: never, Batch: 2}, []workflow.Event{event(1), event(2)}, false},
		"when the engine asks for it": {telemetry.Options{Every: never}, []workflow.Event{event(1)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.DB(t)
			r := telemetry.New(db, slog.New(slog.DiscardHandler), c.opts)
			defer closed(t, r)
			for _, e := range c.events {
				r.Note(e)
			}
			if c.flush {
				if err := r.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "all are written", func() bool { return count(written(t, db)) == len(c.events) })
		})
	}
}

func TestNoteNeverWaitsAndSaysWhatItDropped(t *testing.T) {
	t.Parallel()
	var log said
	db := pgtest.Open(t, pg.Config{URL: pgtest.URL(t), MaxConns: 1})
	r := telemetry.New(db, log.logger(), telemetry.Options{Every: never, Batch: 10, Buffer: 25})
	// Nobody can write while the only connection is taken.
	err := db.InTx(t.Context(), func(context.Context, pg.Tx) error {
		for i := range 100 {
			r.Note(event(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, r)
	r.Note(event(101))
	batches := written(t, db)
	if n := count(batches); n != 25 || !log.has("events=75") {
		t.Errorf("%d events are written, want 25; the log says %s", n, log.text.String())
	}
	for i, b := range batches {
		if b[0]["step"] != fmt.Sprintf("step-%d", 10*i) || len(b) > 10 {
			t.Errorf("batch %d has %d rows from %s on", i, len(b), b[0]["step"])
		}
	}
}

func TestEventsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	var log said
	db := pgtest.DB(t)
	away(t, db, true)
	r := telemetry.New(db, log.logger(), telemetry.Options{Every: 2 * time.Millisecond})
	r.Note(event(1))
	eventually(t, "the log says so", func() bool { return log.has("waits") })
	away(t, db, false)
	eventually(t, "the event is written", func() bool { return count(written(t, db)) == 1 })
	away(t, db, true)
	r.Note(event(2))
	if err := r.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "1 events are lost") {
		t.Errorf("closed with %v", err)
	}
}

// away makes the outbox refuse batches.
func away(t *testing.T, db *pg.DB, is bool) {
	t.Helper()
	sql := `ALTER TABLE outbox RENAME TO gone`
	if !is {
		sql = `ALTER TABLE gone RENAME TO outbox`
	}
	if _, err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
