package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Cancel stops a run: the context of its steps ends within about a poll,
// wherever they run, and nothing they do is recorded any more. A run that is
// canceled already stays so; one that has ended otherwise is a conflict.
func (e *Engine) Cancel(ctx context.Context, runID string) (err error) {
	defer errs.Wrap(&err, "cancel run %s", runID)
	st, err := e.Status(ctx, runID)
	if err != nil {
		return err
	}
	if st.State == Succeeded || st.State == Failed {
		return fmt.Errorf("it has %s already: %w", st.State, errs.Conflict)
	}
	call, done := e.call(ctx)
	defer done()
	if err := dbos.CancelWorkflow(call, runID); err != nil {
		return classify(err)
	}
	// The ones here needn't wait for the next look.
	return classify(e.watch(ctx))
}

// Resume queues a failed or canceled run again. It goes on with the step that
// failed or was interrupted, its attempts counted anew; the steps before are
// not run again. A run that is under way or has succeeded is a conflict, and so
// is another run of a workflow that runs one at a time.
func (e *Engine) Resume(ctx context.Context, runID string) (err error) {
	defer errs.Wrap(&err, "resume run %s", runID)
	st, err := e.Status(ctx, runID)
	if err != nil {
		return err
	}
	return e.exclusive(ctx, st.Workflow, func(ctx context.Context, tx pg.Tx) error {
		st, err := e.Status(ctx, runID)
		if err != nil {
			return err
		}
		if st.State != Failed && st.State != Canceled {
			return fmt.Errorf("it is %s: %w", st.State, errs.Conflict)
		}
		if e.oneAtATime[st.Workflow] {
			if err := noOther(ctx, tx, st.Workflow, runID); err != nil {
				return err
			}
		}
		// On the engine's pool, so that it is visible before the run goes on.
		if _, err := e.pool.Exec(ctx, forgetFailed, runID, st.failedStep, st.State == Failed); err != nil {
			return classify(err)
		}
		return e.requeue(ctx, st)
	})
}

// forgetFailed deletes the steps to run again: those between two attempts, and,
// of a failed run, the failed step and what came after it. Where the run's error
// doesn't name its step, the last one that failed is meant.
const forgetFailed = `
DELETE FROM step_done
WHERE run_id = $1 AND (finished_at IS NULL OR $3 AND seq >= coalesce(
    (SELECT seq FROM step_done WHERE run_id = $1 AND step = $2),
    (SELECT max(seq) FROM step_done WHERE run_id = $1 AND failure IS NOT NULL)))`

func (e *Engine) requeue(ctx context.Context, st Status) (err error) {
	call, cancel := e.call(ctx)
	defer cancel()
	if st.ended == dbos.WorkflowStatusError {
		// DBOS resumes what was cut off; what failed it rewinds.
		_, err = dbos.RewindWorkflow[any](call, st.RunID, dbos.WithRewindQueue(queue))
	} else {
		_, err = dbos.ResumeWorkflow[any](call, st.RunID, dbos.WithResumeQueue(queue))
	}
	return classify(err)
}

// Prune forgets the runs that ended before the given time, with their steps,
// and returns how many. The id of a forgotten run may be used again.
func (e *Engine) Prune(ctx context.Context, before time.Time) (n int, err error) {
	defer errs.Wrap(&err, "prune runs")
	for {
		call, cancel := e.call(ctx)
		list, err := dbos.ListWorkflows(call,
			dbos.WithFilterStatus(dbos.WorkflowStatusSuccess, dbos.WorkflowStatusError,
				dbos.WorkflowStatusCancelled, dbos.WorkflowStatusMaxRecoveryAttemptsExceeded),
			dbos.WithFilterCompletedBefore(before), dbos.WithFilterLimit(500),
			dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
		cancel()
		if err != nil || len(list) == 0 {
			return n, classify(err)
		}
		for _, w := range list {
			// A run at a time keeps transactions small: it may have thousands of steps.
			if _, err := e.db.Exec(ctx, `DELETE FROM step_done WHERE run_id = $1`, w.ID); err != nil {
				return n, err
			}
			call, cancel := e.call(ctx)
			err := dbos.DeleteWorkflows(call, []string{w.ID})
			cancel()
			if err != nil {
				return n, classify(err)
			}
			n++
		}
	}
}
