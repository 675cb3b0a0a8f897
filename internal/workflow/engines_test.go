package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestOneAtATimeAcrossEngines(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	does := &sync.Map{}
	labs := []*lab{newLab(t, db, does), newLab(t, db, does)}
	running := make(chan struct{}, 100)
	started := make([]error, 16)
	id := func(i int) string { return fmt.Sprint("run-", i) }
	var all sync.WaitGroup
	for i := range started {
		does.Store(id(i), script(func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "block", blocking(running))
		}))
		all.Go(func() { started[i] = labs[i%2].single.Start(t.Context(), id(i), "") })
	}
	all.Wait()
	winner := -1
	for i, err := range started {
		if err == nil {
			if winner >= 0 {
				t.Fatalf("%s and %s both started", id(winner), id(i))
			}
			winner = i
		}
	}
	if winner < 0 {
		t.Fatalf("none started: %v", started)
	}
	for i, err := range started {
		var busy *workflow.Busy
		if i != winner && (!errors.As(err, &busy) || busy.RunID != id(winner) || !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "") {
			t.Errorf("%s: %v", id(i), err)
		}
	}

	<-running
	l := labs[0]
	if err := labs[1].Cancel(t.Context(), id(winner)); err != nil {
		t.Fatal(err)
	}
	l.state(t, id(winner), workflow.Canceled)
	other := l.start(t, l.single, func(run *workflow.Run) (string, error) {
		return workflow.Do(run, "block", blocking(running))
	})
	<-running
	if err := l.Resume(t.Context(), id(winner)); !errors.Is(err, errs.Conflict) || !strings.Contains(err.Error(), other) {
		t.Errorf("resuming beside %s: %v", other, err)
	}
	if err := l.single.Start(t.Context(), other, ""); err != nil {
		t.Errorf("starting the running run again: %v", err)
	}
}

func TestCloseLetsTheStepFinishAndAnotherEngineGoesOn(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	does := &sync.Map{}
	first := newLab(t, db, does)
	var one, two int
	running, goOn := make(chan struct{}), make(chan struct{})
	id := first.start(t, first.any, func(run *workflow.Run) (string, error) {
		workflow.Do(run, "one", func(ctx context.Context) (int, error) {
			close(running)
			<-goOn
			return count(&one)(ctx)
		})
		workflow.Do(run, "two", count(&two))
		return "done", run.Sleep("rest", 3*time.Second)
	})
	<-running
	closed := make(chan struct{})
	go func() { first.close(t); close(closed) }()
	close(goOn)
	<-closed
	if st, err := first.db.Query(t.Context(), `SELECT`); err != nil {
		t.Errorf("the database is closed too: %v", err)
	} else {
		st.Close()
	}

	second := newLab(t, db, does)
	// The first may have come as far as the sleep before it began to close.
	eventually(t, "the second sleeps", func() bool {
		steps, err := second.Steps(t.Context(), id)
		st, lost := second.Status(t.Context(), id)
		return err == nil && lost == nil && len(steps) == 3 && st.Executions == 2
	})
	second.close(t)

	third := newLab(t, db, does)
	out, err := third.any.Result(t.Context(), id)
	if err != nil || out != "done" || one != 1 || two != 1 {
		t.Errorf("%q, %v after %d, %d calls", out, err, one, two)
	}
	steps, err := third.Steps(t.Context(), id)
	if err != nil || len(steps) != 3 || steps[2].Attempts != 1 {
		t.Fatalf("steps %+v, %v", steps, err)
	}
	st, _ := third.Status(t.Context(), id)
	if slept := st.Finished.Sub(steps[2].Started); slept < 2999*time.Millisecond || st.Executions != 3 {
		t.Errorf("slept %v over %d executions", slept, st.Executions)
	}
}

func TestFiveEnginesStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	does := &sync.Map{}
	labs := make(chan *lab, 5)
	var all sync.WaitGroup
	for range cap(labs) {
		all.Go(func() { labs <- newLab(t, db, does) })
	}
	all.Wait()
	for range cap(labs) {
		if out, err := (<-labs).run(t, func(*workflow.Run) (string, error) { return "here", nil }); err != nil || out != "here" {
			t.Errorf("%q, %v", out, err)
		}
	}
}

func TestPruneForgetsEndedRunsOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	l := newLab(t, db, &sync.Map{})
	n := 0
	if _, err := l.run(t, func(run *workflow.Run) (string, error) {
		_, err := workflow.Do(run, "one", count(&n))
		return "", err
	}); err != nil {
		t.Fatal(err)
	}
	running := make(chan struct{})
	l.does.Store("busy", script(func(run *workflow.Run) (string, error) {
		workflow.Do(run, "one", count(&n))
		return workflow.Do(run, "two", blocking(running))
	}))
	if err := l.any.Start(t.Context(), "busy", ""); err != nil {
		t.Fatal(err)
	}
	<-running
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Hour), 1}} {
		if got, err := l.Prune(t.Context(), c.before); got != c.want || err != nil {
			t.Errorf("pruned %d, want %d, %v", got, c.want, err)
		}
	}
	if _, err := l.Status(t.Context(), t.Name()); !errors.Is(err, errs.NotFound) {
		t.Errorf("the ended run: %v", err)
	}
	if left := number(t, db, `SELECT count(*) FROM step_done`); left != 1 {
		t.Errorf("%d steps left, want that of the running run", left)
	}
}
