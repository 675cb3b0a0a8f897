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
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, `CREATE TABLE effect (run text, n int)`)
	l := newLab(t, db, &sync.Map{})

	t.Run("a step that fails twice runs three times and those around it once", func(t *testing.T) {
		t.Parallel()
		var before, failing, after int
		out, err := l.run(t, func(run *workflow.Run) (string, error) {
			workflow.Do(run, "before", count(&before))
			s, err := workflow.Do(run, "failing", func(context.Context) (string, error) {
				if failing++; failing < 3 {
					return "", errs.Unavailable
				}
				return "ok", nil
			})
			workflow.Do(run, "after", count(&after))
			return s, err
		})
		if err != nil || out != "ok" || before != 1 || failing != 3 || after != 1 {
			t.Errorf("got %q, %v after %d, %d, %d calls", out, err, before, failing, after)
		}
		steps, err := l.Steps(t.Context(), t.Name())
		if err != nil || len(steps) != 3 || steps[1].Step != "failing" || steps[1].Attempts != 3 ||
			steps[1].Err != nil || steps[1].Finished.IsZero() {
			t.Errorf("steps are %+v, %v", steps, err)
		}
	})

	for _, tt := range []struct {
		name  string
		err   error
		calls int
		kind  string
	}{
		{"an error without a kind is retried to the limit", errors.New("boom"), 4, "internal"},
		{"an unavailable service is retried to the limit", errs.Unavailable, 4, "unavailable"},
		{"stale data is read again", errs.Stale, 4, "stale"},
		{"corrupt data is read again", errs.Corrupt, 4, "corrupt"},
		{"invalid input is not retried", errs.Invalid, 1, "invalid"},
		{"a missing thing is not retried", errs.NotFound, 1, "not_found"},
		{"a conflict is not retried", errs.Conflict, 1, "conflict"},
		{"a denial is not retried", errs.Denied, 1, "denied"},
		{"too large a request is not retried", errs.TooLarge, 1, "too_large"},
		{"a permanent error is not retried", workflow.Permanent(errs.Unavailable), 1, "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			_, err := l.run(t, func(run *workflow.Run) (string, error) {
				return workflow.Do(run, "failing", func(context.Context) (string, error) {
					calls++
					return "", errs.WithRemedy(fmt.Errorf("asking: %w", tt.err), "ask somebody else")
				})
			})
			if calls != tt.calls || errs.Kind(err) != tt.kind || errs.Remedy(err) != "ask somebody else" ||
				err == nil || !strings.HasPrefix(err.Error(), "step failing: asking: ") {
				t.Errorf("after %d calls: kind %s, remedy %q, %v", calls, errs.Kind(err), errs.Remedy(err), err)
			}
		})
	}

	t.Run("workflow code sees the same error the first time and after a replay", func(t *testing.T) {
		t.Parallel()
		own := fmt.Errorf("own: %w", errs.Denied)
		var seen, fresh bool
		l.run(t, func(run *workflow.Run) (string, error) {
			_, err := workflow.Do(run, "failing", func(context.Context) (string, error) { return "", own })
			seen, fresh = errors.Is(err, own), errors.Is(err, errs.Denied)
			return "", nil
		})
		if seen || !fresh {
			t.Errorf("found the error's own value: %v (a replay can't), its kind: %v", seen, fresh)
		}
	})

	t.Run("an attempt over its time is cut off and tried again", func(t *testing.T) {
		t.Parallel()
		calls := 0
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "slow", func(ctx context.Context) (string, error) {
				calls++
				<-ctx.Done()
				return "", ctx.Err()
			}, workflow.Timeout(20*time.Millisecond), workflow.Limit(1))
		})
		if calls != 2 || !errors.Is(err, errs.Unavailable) || !strings.Contains(fmt.Sprint(err), "timed out after 20ms") {
			t.Errorf("after %d calls: %v", calls, err)
		}
	})

	t.Run("a panic in a step is its error", func(t *testing.T) {
		t.Parallel()
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "bad", func(context.Context) (string, error) { panic("index out of range") })
		})
		if err == nil || err.Error() != "step bad: panicked: index out of range" {
			t.Error(err)
		}
	})

	t.Run("a panic in a transaction rolls it back and is the step's error", func(t *testing.T) {
		t.Parallel()
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return tx(run, "bad", func(ctx context.Context, tx pg.Tx) error {
				if _, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1)`, t.Name()); err != nil {
					return err
				}
				panic("no")
			})
		})
		if n := number(t, db, `SELECT count(*) FROM effect WHERE run = $1`, t.Name()); err == nil || n != 0 {
			t.Errorf("%d rows stayed, %v", n, err)
		}
	})

	t.Run("a panic in the workflow is the run's error", func(t *testing.T) {
		t.Parallel()
		_, err := l.run(t, func(*workflow.Run) (string, error) { panic("no") })
		if err == nil || err.Error() != "workflow panicked: no" {
			t.Error(err)
		}
	})

	t.Run("RetryAfter beyond our own longest wait is obeyed", func(t *testing.T) {
		t.Parallel()
		var calls []time.Time
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "throttled", func(context.Context) (string, error) {
				if calls = append(calls, time.Now()); len(calls) == 1 {
					return "", throttled(300 * time.Millisecond)
				}
				return "", nil
			})
		})
		if err != nil || len(calls) != 2 || calls[1].Sub(calls[0]) < 300*time.Millisecond {
			t.Errorf("called at %v, %v", calls, err)
		}
	})

	t.Run("a step name used twice is refused", func(t *testing.T) {
		t.Parallel()
		n := 0
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			workflow.Do(run, "one", count(&n))
			_, err := workflow.Do(run, "one", count(&n))
			return "", err
		})
		if n != 1 || !errors.Is(err, errs.Invalid) {
			t.Errorf("called %d times, %v", n, err)
		}
	})

	t.Run("an output over the limit fails the step with a remedy", func(t *testing.T) {
		t.Parallel()
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return workflow.Do(run, "big", func(context.Context) (string, error) {
				return strings.Repeat("x", workflow.MaxPayload), nil
			})
		})
		if !errors.Is(err, errs.TooLarge) || errs.Remedy(err) == "" {
			t.Error(err)
		}
	})

	t.Run("NUL and broken UTF-8 in results and errors are kept", func(t *testing.T) {
		t.Parallel()
		out, err := l.run(t, func(run *workflow.Run) (string, error) {
			s, err := workflow.Do(run, "odd", func(context.Context) (string, error) { return "a\x00b", nil })
			if err != nil {
				return "", err
			}
			_, err = workflow.Do(run, "odd error", func(context.Context) (string, error) {
				return "", fmt.Errorf("c\x00d\xff: %w", errs.Invalid)
			})
			return s + fmt.Sprint(err), nil
		})
		if err != nil || out != "a\x00bstep odd error: c\x00d\ufffd: invalid" {
			t.Errorf("%q, %v", out, err)
		}
	})

	t.Run("steps of one run may go side by side", func(t *testing.T) {
		t.Parallel()
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			var all sync.WaitGroup
			failed := make([]error, 8)
			for i := range failed {
				all.Go(func() {
					_, failed[i] = tx(run, fmt.Sprint("part-", i), func(ctx context.Context, tx pg.Tx) error {
						_, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1, $2)`, t.Name(), i)
						return err
					})
				})
			}
			all.Wait()
			return "", errors.Join(failed...)
		})
		if n := number(t, db, `SELECT count(*) FROM effect WHERE run = $1`, t.Name()); err != nil || n != 8 {
			t.Errorf("%d rows, %v", n, err)
		}
	})

	t.Run("a transaction that fails leaves nothing and its retry is a new one", func(t *testing.T) {
		t.Parallel()
		prepared, applied := 0, 0
		_, err := l.run(t, func(run *workflow.Run) (string, error) {
			return workflow.Tx(run, "write", func(context.Context) (func(context.Context, pg.Tx) (string, error), error) {
				prepared++
				return func(ctx context.Context, tx pg.Tx) (string, error) {
					applied++
					if _, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1, $2)`, t.Name(), applied); err != nil {
						return "", err
					}
					if applied < 3 {
						_, err := tx.Exec(ctx, `SELECT 1/0`)
						return "", err
					}
					return "", nil
				}, nil
			})
		})
		n := number(t, db, `SELECT sum(n) FROM effect WHERE run = $1`, t.Name())
		if err != nil || prepared != 3 || n != 3 {
			t.Errorf("prepared %d times, rows sum to %d, %v", prepared, n, err)
		}
	})
}

type throttled time.Duration

func (throttled) Error() string               { return "throttled" }
func (t throttled) RetryAfter() time.Duration { return time.Duration(t) }

// tx is workflow.Tx without preparation or result.
func tx(run *workflow.Run, step string, apply func(context.Context, pg.Tx) error, opts ...workflow.StepOption) (string, error) {
	return workflow.Tx(run, step, func(context.Context) (func(context.Context, pg.Tx) (string, error), error) {
		return func(ctx context.Context, tx pg.Tx) (string, error) { return "", apply(ctx, tx) }, nil
	}, opts...)
}
