package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Options of a workflow.
type Options struct {
	// OneAtATime refuses to start or resume a run while another one of the
	// workflow is queued or running, in any process.
	OneAtATime bool
}

// Workflow is a registered workflow with parameters P and result R, which
// travel as JSON of at most [MaxPayload].
type Workflow[P, R any] struct {
	engine *Engine
	name   string
}

// maxExecutions is how often a run may be started again after a crash before it
// counts as failed: it seems to be what kills the process.
const maxExecutions = 1000

// Register names run a workflow of e. It comes before [Engine.Launch], in every
// process, for a process that finds a run of a workflow that it doesn't know
// leaves it lying. A name registered twice panics.
func Register[P, R any](e *Engine, name string, run func(*Run, P) (R, error), opts Options) *Workflow[P, R] {
	call := func(ctx dbos.Context, params json.RawMessage) (json.RawMessage, error) {
		return e.execute(ctx, name, func(r *Run) (json.RawMessage, error) {
			p, err := decoded[P](params, nil)
			if err != nil {
				return nil, err
			}
			out, err := run(r, p)
			if err != nil {
				return nil, err
			}
			return encode(out)
		})
	}
	// DBOS tells functions apart by their symbol, which all of these share, and
	// by the instance that they belong to.
	dbos.RegisterWorkflow(e.dbos, call, dbos.WithWorkflowName(name),
		dbos.WithInstance(instance(name)), dbos.WithMaxRecoveryAttempts(maxExecutions))
	e.oneAtATime[name] = opts.OneAtATime
	return &Workflow[P, R]{e, name}
}

type instance string

// ConfigName is the part of DBOS's key that differs between workflows.
func (i instance) ConfigName() string { return string(i) }

// Name is what the workflow was registered as.
func (w *Workflow[P, R]) Name() string { return w.name }

// Start queues a run, durably: once it returns, some process will run it. The
// same id again means the same run, in whatever state. Where the workflow runs
// one at a time and another run is under way, the error is a conflict that
// names it.
func (w *Workflow[P, R]) Start(ctx context.Context, runID string, params P) (err error) {
	defer errs.Wrap(&err, "start %s", w.name)
	if runID == "" {
		return fmt.Errorf("run id is empty: %w", errs.Invalid)
	}
	raw, err := encode(params)
	if err != nil {
		return err
	}
	if !w.engine.oneAtATime[w.name] {
		return w.enqueue(ctx, runID, raw)
	}
	return w.engine.exclusive(ctx, w.name, func(ctx context.Context, tx pg.Tx) error {
		exists := false
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM dbos.workflow_status WHERE workflow_uuid = $1)`,
			runID).Scan(&exists)
		if err != nil {
			return err
		}
		if !exists {
			if err := noOther(ctx, tx, w.name, runID); err != nil {
				return err
			}
		}
		return w.enqueue(ctx, runID, raw)
	})
}

func (w *Workflow[P, R]) enqueue(ctx context.Context, runID string, params json.RawMessage) error {
	call, cancel := w.engine.call(ctx)
	defer cancel()
	_, err := dbos.Enqueue[json.RawMessage](call, queue, w.name, params,
		dbos.WithEnqueueWorkflowID(runID), dbos.WithEnqueueConfigName(w.name))
	if errors.Is(err, dbos.ErrUnexpectedWorkflow) {
		return fmt.Errorf("run %s is of another workflow: %w", runID, errs.Conflict)
	}
	return classify(err)
}

// Result waits for a run to end, in whatever process, and returns its result
// or its error.
func (w *Workflow[P, R]) Result(ctx context.Context, runID string) (R, error) {
	st, err := w.engine.Wait(ctx, runID)
	if err == nil {
		err = st.Err
	}
	return decoded[R](st.Output, err)
}

// exclusive runs fn while no other process starts or resumes a run of the
// workflow. fn may use the engine's own pool: the lock is on one of the domain's.
func (e *Engine) exclusive(ctx context.Context, name string, fn func(context.Context, pg.Tx) error) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('workflow:' || $1, 0))`, name)
		if err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

// noOther refuses while a run of the workflow other than runID is under way.
func noOther(ctx context.Context, tx pg.Tx, name, runID string) error {
	var other string
	err := tx.QueryRow(ctx, `
		SELECT workflow_uuid FROM dbos.workflow_status
		WHERE name = $1 AND workflow_uuid <> $2 AND status IN ('ENQUEUED', 'DELAYED', 'PENDING')
		LIMIT 1`, name, runID).Scan(&other)
	switch {
	case pg.NoRows(err):
		return nil
	case err != nil:
		return err
	}
	return errs.WithRemedy(&Busy{Workflow: name, RunID: other},
		"wait for run "+other+" to end, or cancel it")
}

// Busy is the conflict of starting a workflow that runs one at a time while
// RunID is under way.
type Busy struct{ Workflow, RunID string }

func (b *Busy) Error() string { return fmt.Sprintf("%s is running as run %s", b.Workflow, b.RunID) }

// Unwrap returns the kind.
func (b *Busy) Unwrap() error { return errs.Conflict }
