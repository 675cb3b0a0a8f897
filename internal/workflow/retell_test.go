package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// told collects events.
type told struct {
	mu   sync.Mutex
	list []workflow.Event
}

func (c *told) listen(cfg *workflow.Config) {
	cfg.Events = func(e workflow.Event) { c.mu.Lock(); c.list = append(c.list, e); c.mu.Unlock() }
}

// events returns what was told of steps, by what makes an event the same.
func (c *told) events(rebuilt bool) map[string]workflow.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]workflow.Event{}
	for _, e := range c.list {
		if e.Step != "" && e.Rebuilt == rebuilt {
			found[fmt.Sprint(e.RunID, e.Step, e.Name, e.Attempt, e.At.UnixMicro())] = e
		}
	}
	return found
}

func TestWhoGoesOnWithARunTellsItsFinishedStepsAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	does := &sync.Map{}
	mustExec(t, db, `CREATE TABLE effect (n int)`)
	var one, two told
	first := newLab(t, db, does, one.listen)
	calls := 0
	running := make(chan struct{}, 2)
	id := first.start(t, first.any, func(run *workflow.Run) (string, error) {
		workflow.Do(run, "plain", func(context.Context) (int, error) { return 1, nil })
		workflow.Do(run, "third time lucky", func(context.Context) (int, error) {
			if calls++; calls < 3 {
				return 0, errs.Unavailable
			}
			return 1, nil
		})
		_, err := workflow.Do(run, "hopeless", func(context.Context) (int, error) {
			return 0, fmt.Errorf("scope is missing: %w", errs.Denied)
		})
		if !errors.Is(err, errs.Denied) && run.Context().Err() == nil {
			t.Errorf("the hopeless step: %v", err)
		}
		tx(run, "written", func(ctx context.Context, tx pg.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO effect VALUES (1)`)
			return err
		})
		if err := run.Sleep("asleep", 20*time.Millisecond); err != nil {
			return "", err
		}
		return workflow.Do(run, "last", func(ctx context.Context) (string, error) {
			if running <- struct{}{}; len(running) == 2 {
				return "done", nil
			}
			<-ctx.Done()
			return "", ctx.Err()
		})
	})
	eventually(t, "the last step runs", func() bool { return len(running) == 1 })
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Close(now); err != nil {
		t.Fatal(err)
	}
	second := newLab(t, db, does, two.listen)
	if out, err := second.any.Result(t.Context(), id); err != nil || out != "done" {
		t.Fatalf("%q, %v", out, err)
	}
	second.state(t, id, workflow.Succeeded)

	lived, again := one.events(false), two.events(true)
	if n := len(one.events(true)); n != 0 {
		t.Errorf("the first execution told %d events again", n)
	}
	for key, e := range again {
		was, ok := lived[key]
		if !ok {
			t.Errorf("never happened: %+v", e)
		}
		if text := fmt.Sprint(e.Err); text != fmt.Sprint(was.Err) || errs.Kind(e.Err) != errs.Kind(was.Err) {
			t.Errorf("%s %s: the error was %v and is told as %v", e.Step, e.Name, was.Err, e.Err)
		}
		if e.Duration != was.Duration && e.Attempt == 1 && e.Name != workflow.StepSleeping {
			t.Errorf("%s %s took %v and is told as %v", e.Step, e.Name, was.Duration, e.Duration)
		}
	}
	names := map[string]int{}
	for _, e := range again {
		names[e.Step+" "+e.Name]++
	}
	want := map[string]int{"asleep step_sleeping": 1}
	for step, end := range map[string]string{"plain": "completed", "third time lucky": "completed", "hopeless": "errored", "written": "completed"} {
		for _, name := range []string{"step_started", "attempt_started", "attempt_" + end, "step_" + end} {
			want[step+" "+name] = 1
		}
	}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("told again\n%v, want\n%v", names, want)
	}
}
