package workflow_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// beats hands over what an engine's hook is called with.
func beats(c chan<- []string, passive bool) func(*workflow.Config) {
	return func(cfg *workflow.Config) {
		cfg.Renew, cfg.Passive = 10*time.Millisecond, passive
		cfg.Beat = func(ctx context.Context, ids []string) error {
			select {
			case c <- ids:
			case <-ctx.Done():
			}
			return ctx.Err()
		}
	}
}

func TestEachProcessTellsOfTheRunsThatExecuteThere(t *testing.T) {
	t.Parallel()
	db, does := pgtest.DB(t), &sync.Map{}
	working, watching := make(chan []string), make(chan []string)
	l := newLab(t, db, does, beats(working, false))
	newLab(t, db, does, beats(watching, true))
	if ids := <-working; len(ids) > 0 {
		t.Errorf("before there is a run, %q execute", ids)
	}
	goOn := make(chan struct{})
	id := l.start(t, l.any, func(run *workflow.Run) (string, error) {
		return workflow.Do(run, "wait", func(context.Context) (string, error) { <-goOn; return "", nil })
	})
	tells := func() bool { return slices.Equal(<-working, []string{id}) }
	eventually(t, "the run is told of", tells)
	for range 3 {
		if !tells() {
			t.Error("a run that executes was left out")
		}
		if ids := <-watching; len(ids) > 0 {
			t.Errorf("%q execute where nothing does", ids)
		}
	}
	close(goOn)
	eventually(t, "a run that has ended is not told of", func() bool { return len(<-working) == 0 })
}
