package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// State is where a run stands.
type State string

// The states of a run. A failed or canceled one can be resumed.
const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// Ended reports whether nothing more happens to the run by itself.
func (s State) Ended() bool { return s == Succeeded || s == Failed || s == Canceled }

// Status is what is known of a run, from any process.
type Status struct {
	RunID      string
	Workflow   string
	State      State
	Executions int             // how often it began, crashes included
	Output     json.RawMessage // of a succeeded run
	Err        error           // of a failed or canceled run, with kind and remedy
	Created    time.Time
	Started    time.Time // of the latest execution; zero while queued
	Finished   time.Time // zero until it has ended

	failedStep string
	ended      dbos.WorkflowStatusType // as DBOS calls it
}

// Status returns a run's status; errs.NotFound where there is no such run.
func (e *Engine) Status(ctx context.Context, runID string) (_ Status, err error) {
	defer errs.Wrap(&err, "status of run %s", runID)
	call, cancel := e.call(ctx)
	defer cancel()
	list, err := dbos.ListWorkflows(call, dbos.WithFilterWorkflowIDs(runID),
		dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(true))
	if err != nil {
		return Status{}, classify(err)
	}
	if len(list) == 0 {
		return Status{}, fmt.Errorf("no such run: %w", errs.NotFound)
	}
	return status(list[0])
}

func status(w dbos.WorkflowStatus) (Status, error) {
	st := Status{
		RunID: w.ID, Workflow: w.Name, Executions: w.Attempts, ended: w.Status,
		Created: w.CreatedAt, Started: w.StartedAt, Finished: w.CompletedAt,
	}
	switch w.Status {
	case dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed:
		st.State = Queued
	case dbos.WorkflowStatusPending:
		st.State = Running
	case dbos.WorkflowStatusSuccess:
		st.State = Succeeded
		text, ok := w.Output.(string)
		if !ok || !json.Valid([]byte(text)) {
			return st, fmt.Errorf("its output is no JSON: %w", errs.Corrupt)
		}
		st.Output = json.RawMessage(text)
	case dbos.WorkflowStatusCancelled:
		st.State, st.Err = Canceled, errCanceled
	case dbos.WorkflowStatusError:
		f := storedFailure(w.Error)
		st.State, st.Err, st.failedStep = Failed, f.err(), f.Step
	default: // MAX_RECOVERY_ATTEMPTS_EXCEEDED
		st.State = Failed
		st.Err = errs.WithRemedy(fmt.Errorf("the process died in each of %d executions", w.Attempts),
			"read the logs of the process at the time, mend the cause, resume the run")
	}
	return st, nil
}

// Wait returns a run's status once it has ended.
func (e *Engine) Wait(ctx context.Context, runID string) (Status, error) {
	for {
		st, err := e.Status(ctx, runID)
		if err != nil && !pg.Retryable(err) || st.State.Ended() {
			return st, err
		}
		if err := pause(ctx, e.cfg.Poll); err != nil {
			return st, fmt.Errorf("wait for run %s: %w", runID, err)
		}
	}
}

// StepInfo is a step that a run has come to: finished, or between two attempts.
// One in its first attempt is not there yet.
type StepInfo struct {
	Step     string
	Attempts int
	Err      error         // of the last attempt, if it failed
	Wait     time.Duration // left of its sleep, or until the next attempt; 0 where over
	Started  time.Time
	Finished time.Time // zero between attempts
}

// Steps lists a run's steps in the order that it came to them.
func (e *Engine) Steps(ctx context.Context, runID string) (steps []StepInfo, err error) {
	defer errs.Wrap(&err, "steps of run %s", runID)
	rows, err := e.db.Query(ctx, loadSteps, runID)
	if err != nil {
		return nil, err
	}
	err = forEachStep(rows, func(step string, rec record) {
		info := StepInfo{
			Step: step, Attempts: rec.attempts, Wait: max(rec.wait, 0),
			Started: rec.started, Finished: rec.finished,
		}
		if rec.failure != nil {
			info.Err = rec.failure.err()
		}
		steps = append(steps, info)
	})
	return steps, err
}
