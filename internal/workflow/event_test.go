package workflow_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestEventsAndFaultPointsComeInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	note := func(what string) { mu.Lock(); got = append(got, what); mu.Unlock() }
	l := newLab(t, pgtest.DB(t), &sync.Map{}, func(c *workflow.Config) {
		c.Events = func(e workflow.Event) {
			if e.RunID != t.Name() || e.Workflow != "any" || e.At.IsZero() {
				t.Errorf("event %+v", e)
			}
			note(e.Step + " " + e.Name)
		}
		c.Fault = func(step, where string) { note(step + " " + where) }
	})
	calls := 0
	_, err := l.run(t, func(run *workflow.Run) (string, error) {
		_, err := workflow.Do(run, "one", func(context.Context) (string, error) {
			if calls++; calls == 1 {
				return "", errs.Unavailable
			}
			return "", nil
		})
		if err != nil {
			return "", err
		}
		return "", run.Sleep("rest", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	l.state(t, t.Name(), workflow.Succeeded)
	want := []string{
		" workflow_started",
		"one step_started", "one before", "one attempt_started", "one attempt_errored", "one step_sleeping",
		"one attempt_started", "one attempt_completed", "one step_completed", "one after",
		"rest step_sleeping", " workflow_completed",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
