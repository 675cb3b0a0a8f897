package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/telemetry"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// process is an engine with a recorder, and a workflow of some steps, of which
// the second is tried twice.
type process struct {
	*workflow.Engine
	*telemetry.Recorder
	flow *workflow.Workflow[int, string]
}

const (
	steps  = 5
	silent = -1 // instead of an interval: nobody listens
)

// newProcess makes one that writes down its events after an interval. Where
// halted is not nil, the fourth step says there that it has begun, and goes on
// until it is cut off.
func newProcess(t testing.TB, db *pg.DB, every time.Duration, halted chan<- struct{}) *process {
	t.Helper()
	p := &process{Recorder: telemetry.New(db, slog.New(slog.DiscardHandler), telemetry.Options{Every: max(every, time.Millisecond), Batch: 10_000})}
	cfg := workflow.Config{
		DB: db, Log: slog.New(slog.DiscardHandler), Events: p.Note,
		Retry: workflow.Retry{Delay: time.Millisecond}, Poll: 20 * time.Millisecond, Renew: 50 * time.Millisecond,
	}
	if every == silent {
		cfg.Events = nil
	}
	var err error
	p.Engine, err = workflow.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var failed atomic.Bool
	p.flow = workflow.Register(p.Engine, "test.steps", func(run *workflow.Run, n int) (string, error) {
		for i := range n {
			_, err := workflow.Do(run, fmt.Sprint("step-", i), func(ctx context.Context) (int, error) {
				switch {
				case i == 1 && failed.CompareAndSwap(false, true):
					return 0, errs.Unavailable
				case i == 3 && halted != nil:
					halted <- struct{}{}
					<-ctx.Done()
				}
				return i, ctx.Err()
			})
			if err != nil {
				return "", err
			}
		}
		return "done", nil
	}, workflow.Options{})
	if err := p.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) stop(t testing.TB) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Engine.Close(now); err != nil {
		t.Error(err)
	}
}

// TestEventsOfAKilledProcessAreToldByTheNext has a process that ends without
// writing down what its recorder holds, or after some of it was written.
func TestEventsOfAKilledProcessAreToldByTheNext(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{
		"nothing was written": never,
		"all was written":     time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.DB(t)
			halted := make(chan struct{})
			first := newProcess(t, db, every, halted)
			if err := first.flow.Start(t.Context(), "run", steps); err != nil {
				t.Fatal(err)
			}
			<-halted
			if every != never {
				eventually(t, "the attempt that will be cut off is written", func() bool {
					return distinct(t, db)["step-3 attempt_started"] == 1
				})
			}
			first.stop(t)
			if n := count(written(t, db)); every == never && n > 0 {
				t.Fatalf("%d events are written", n)
			}

			second := newProcess(t, db, never, nil)
			if out, err := second.flow.Result(t.Context(), "run"); err != nil || out != "done" {
				t.Fatalf("%q, %v", out, err)
			}
			second.stop(t)
			if err := second.Recorder.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := distinct(t, db)
			for i := range steps {
				started := 1
				if i == 3 && every != never { // cut off after it was written down
					started = 2 // in both processes, and so it is told
				}
				step := fmt.Sprint("step-", i)
				if got[step+" step_started"] != started || got[step+" step_completed"] != 1 ||
					got[step+" attempt_completed"] != 1 || got[step+" attempt_started"] < 1 {
					t.Errorf("%s: %v", step, got)
				}
			}
			if got[" workflow_completed"] != 1 {
				t.Errorf("the run: %v", got)
			}
			// Only now may the first process's recorder write: it was dead.
			closed(t, first.Recorder)
		})
	}
}

// distinct counts the events in the outbox by step and name, each once.
func distinct(t testing.TB, db *pg.DB) map[string]int {
	t.Helper()
	seen, n := map[string]bool{}, map[string]int{}
	for _, batch := range written(t, db) {
		for _, row := range batch {
			if id := row["event_id"]; !seen[id] {
				seen[id] = true
				n[row["step"]+" "+row["event"]]++
			}
		}
	}
	return n
}

// BenchmarkSteps's operation is one step of a run of b.N steps, with and
// without somebody who writes down its events.
func BenchmarkSteps(b *testing.B) {
	for _, c := range []struct {
		name  string
		every time.Duration
	}{{"silent", silent}, {"recorded", time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			db := pgtest.DB(b)
			p := newProcess(b, db, c.every, nil)
			b.ResetTimer()
			if err := p.flow.Start(b.Context(), "run", b.N); err != nil {
				b.Fatal(err)
			}
			if _, err := p.flow.Result(b.Context(), "run"); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			p.stop(b)
			closed(b, p.Recorder)
		})
	}
}

// BenchmarkNote's operation is one event that is taken in.
func BenchmarkNote(b *testing.B) {
	r := telemetry.New(pgtest.DB(b), slog.New(slog.DiscardHandler), telemetry.Options{})
	b.ResetTimer()
	for i := range b.N {
		r.Note(event(i % 1000))
	}
	b.StopTimer()
	closed(b, r)
}
