package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// blocking makes a step that tells that it runs, and then waits for its end.
func blocking(running chan<- struct{}) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		running <- struct{}{}
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	l := newLab(t, db, &sync.Map{})

	t.Run("a canceled run ends in mid-step, stays canceled, and goes on there when resumed", func(t *testing.T) {
		t.Parallel()
		var first int
		var resumed atomic.Bool
		running, ended := make(chan struct{}), make(chan error, 1)
		id := l.start(t, l.any, func(run *workflow.Run) (string, error) {
			workflow.Do(run, "first", count(&first))
			out, err := workflow.Do(run, "second", func(ctx context.Context) (string, error) {
				if resumed.Load() {
					return "done", nil
				}
				return blocking(running)(ctx)
			})
			if !resumed.Load() {
				ended <- err
			}
			return out, err
		})
		<-running
		if err := l.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, errs.Canceled) {
			t.Errorf("the workflow saw %v", err)
		}
		if st := l.state(t, id, workflow.Canceled); !errors.Is(st.Err, errs.Canceled) {
			t.Errorf("the run's error is %v", st.Err)
		}
		if err := l.Cancel(t.Context(), id); err != nil {
			t.Errorf("canceling it again: %v", err)
		}
		resumed.Store(true)
		if err := l.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if out, err := l.any.Result(t.Context(), id); err != nil || out != "done" || first != 1 {
			t.Errorf("resumed: %q, %v, first step ran %d times", out, err, first)
		}
	})

	t.Run("a failed run resumes with the step that failed and does later ones again", func(t *testing.T) {
		t.Parallel()
		var first, second, cleanup int
		id := l.start(t, l.any, func(run *workflow.Run) (string, error) {
			workflow.Do(run, "first", count(&first))
			workflow.Do(run, "handled", func(context.Context) (string, error) { return "", errs.NotFound })
			_, failed := workflow.Do(run, "second", func(context.Context) (string, error) {
				if second++; second == 1 {
					return "", errs.Denied
				}
				return "", nil
			})
			workflow.Do(run, "cleanup", count(&cleanup))
			if failed != nil {
				return "", fmt.Errorf("the second: %w", failed)
			}
			return "done", nil
		})
		l.state(t, id, workflow.Failed)
		if err := l.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if out, err := l.any.Result(t.Context(), id); err != nil || out != "done" || first != 1 || second != 2 || cleanup != 2 {
			t.Errorf("%q, %v after %d, %d, %d calls", out, err, first, second, cleanup)
		}
		if err := l.Resume(t.Context(), id); !errors.Is(err, errs.Conflict) {
			t.Errorf("resuming a run that has succeeded: %v", err)
		}
	})

	t.Run("a run that waits for its next attempt shows error and wait, and can be canceled", func(t *testing.T) {
		t.Parallel()
		id := l.start(t, l.any, func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "throttled", func(context.Context) (string, error) { return "", throttled(time.Hour) })
		})
		eventually(t, "the wait is recorded", func() bool {
			steps, err := l.Steps(t.Context(), id)
			return err == nil && len(steps) == 1 && steps[0].Attempts == 1 && steps[0].Finished.IsZero() &&
				steps[0].Wait > 59*time.Minute && strings.Contains(fmt.Sprint(steps[0].Err), "throttled")
		})
		if err := l.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		l.state(t, id, workflow.Canceled)
	})

	t.Run("the same run id is the same run", func(t *testing.T) {
		t.Parallel()
		n := 0
		id := l.start(t, l.any, func(run *workflow.Run) (string, error) { n++; return "once", nil })
		l.state(t, id, workflow.Succeeded)
		if err := l.any.Start(t.Context(), id, ""); err != nil {
			t.Error(err)
		}
		if err := l.single.Start(t.Context(), id, ""); !errors.Is(err, errs.Conflict) {
			t.Errorf("the same id for another workflow: %v", err)
		}
		if out, err := l.any.Result(t.Context(), id); out != "once" || err != nil || n != 1 {
			t.Errorf("%q, %v after %d executions", out, err, n)
		}
	})

	t.Run("what can't be started, found or changed has a clear error", func(t *testing.T) {
		t.Parallel()
		id := l.start(t, l.any, func(run *workflow.Run) (string, error) { return "", nil })
		l.state(t, id, workflow.Succeeded)
		for _, c := range []struct {
			name string
			err  error
			kind error
		}{
			{"no id", l.any.Start(t.Context(), "", ""), errs.Invalid},
			{"too large parameters", l.any.Start(t.Context(), "x", strings.Repeat("x", workflow.MaxPayload)), errs.TooLarge},
			{"cancel an unknown run", l.Cancel(t.Context(), "unknown"), errs.NotFound},
			{"resume an unknown run", l.Resume(t.Context(), "unknown"), errs.NotFound},
			{"cancel an ended run", l.Cancel(t.Context(), id), errs.Conflict},
		} {
			if !errors.Is(c.err, c.kind) {
				t.Errorf("%s: %v", c.name, c.err)
			}
		}
		if _, err := l.Status(t.Context(), "unknown"); !errors.Is(err, errs.NotFound) {
			t.Error(err)
		}
	})

	t.Run("a run that was claimed but never started is queued again", func(t *testing.T) {
		t.Parallel()
		id := t.Name()
		l.does.Store(id, script(func(*workflow.Run) (string, error) { return "done", nil }))
		// Another engine's lost answer: the claim stands, nobody runs it.
		mustExec(t, db, `
			CREATE FUNCTION claim() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				SELECT executor_id INTO NEW.executor_id FROM executor_lease;
				NEW.status = 'PENDING'; NEW.owner_xid = 'lost';
				RETURN NEW;
			END $$`)
		mustExec(t, db, `
			CREATE TRIGGER claim BEFORE INSERT ON dbos.workflow_status
			FOR EACH ROW WHEN (NEW.workflow_uuid = '`+id+`') EXECUTE FUNCTION claim()`)
		if err := l.any.Start(t.Context(), id, ""); err != nil {
			t.Fatal(err)
		}
		if out, err := l.any.Result(t.Context(), id); err != nil || out != "done" {
			t.Errorf("%q, %v", out, err)
		}
	})
}
