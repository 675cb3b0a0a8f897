package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Run is one execution of a workflow, as its function sees it. It is safe for
// several goroutines.
type Run struct {
	engine   *Engine
	id       string
	workflow string
	ctx      context.Context
	cancel   context.CancelCauseFunc

	execution int    // number of executions of the run so far, this one included
	owner     string // token of this execution; another one's differs

	mu    sync.Mutex
	known map[string]record // what earlier executions left
	used  map[string]bool   // steps that this execution came to
	seq   int               // the last number given
}

// ID is what the run was started with.
func (r *Run) ID() string { return r.id }

// Context ends when the run is canceled, taken over by another process, or the
// engine closes. Steps get one of their own.
func (r *Run) Context() context.Context { return r.ctx }

var (
	errCanceled = fmt.Errorf("run was canceled: %w", errs.Canceled)
	errLost     = fmt.Errorf("run was taken over by another process: %w", errs.Unavailable)
	errClosing  = fmt.Errorf("the workflow engine is closing: %w", errs.Unavailable)
)

// ended says why the run's context is done.
func (r *Run) ended() error {
	if cause := context.Cause(r.ctx); errors.Is(cause, errCanceled) || errors.Is(cause, errLost) {
		return cause
	}
	return errClosing
}

// execute is the function that DBOS calls for each execution of a run.
func (e *Engine) execute(ctx dbos.Context, name string, call func(*Run) (json.RawMessage, error)) (json.RawMessage, error) {
	id, err := dbos.GetWorkflowID(ctx)
	if err != nil {
		return nil, err
	}
	r, err := e.begin(ctx, name, id)
	if err != nil {
		return nil, err
	}
	defer e.end(r)
	r.retell()
	started := time.Now()
	r.emitOwn(WorkflowStarted, 0, nil)
	out, err := r.guard(call)
	switch {
	case err == nil:
		r.emitOwn(WorkflowCompleted, time.Since(started), nil)
		r.flush()
		return out, nil
	case r.ctx.Err() != nil:
		r.emitOwn(WorkflowInterrupted, time.Since(started), r.ended())
		if errors.Is(r.ended(), errClosing) {
			return nil, context.Canceled // DBOS leaves the run to others
		}
		if errors.Is(r.ended(), errLost) {
			e.log.Warn("a run was taken over by another process and has ended here", "workflow", name, "run", id)
		}
		return nil, dbos.ErrConflictingWorkflowID // this execution has no say any more
	default:
		r.emitOwn(WorkflowErrored, time.Since(started), err)
		r.flush()
		return nil, runFailure(err)
	}
}

// flush has the run's events written down. A run doesn't fail for them.
func (r *Run) flush() {
	if r.engine.cfg.Flush == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.ctx, 5*time.Second)
	defer cancel()
	if err := r.engine.cfg.Flush(ctx); err != nil {
		r.engine.log.Warn("the events of a run that ended are not written down yet", "run", r.id, "error", err)
	}
}

// guard turns a panic of the workflow into an error.
func (r *Run) guard(call func(*Run) (json.RawMessage, error)) (out json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			r.engine.log.Error("workflow panicked", "workflow", r.workflow, "run", r.id,
				"panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("workflow panicked: %v", v)
		}
	}()
	return call(r)
}

// begin learns this execution's token and what earlier executions have done.
func (e *Engine) begin(ctx context.Context, name, id string) (*Run, error) {
	for {
		was, err := e.load(ctx, id)
		switch {
		case err == nil:
			r := &Run{
				engine: e, id: id, workflow: name, execution: was.execution, owner: was.owner,
				known: was.steps, used: map[string]bool{}, seq: was.lastSeq,
			}
			r.ctx, r.cancel = context.WithCancelCause(ctx)
			e.mu.Lock()
			e.running[r] = true
			e.mu.Unlock()
			return r, nil
		case errors.Is(err, pgx.ErrNoRows):
			return nil, dbos.ErrConflictingWorkflowID // canceled or taken over already
		case !pg.Retryable(err):
			return nil, fmt.Errorf("load run %s: %w", id, err)
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func (e *Engine) end(r *Run) {
	e.mu.Lock()
	delete(e.running, r)
	e.mu.Unlock()
	r.cancel(nil)
}

// watchLoop cancels the executions here whose run was canceled or lost.
func (e *Engine) watchLoop(ctx context.Context) {
	for pause(ctx, e.cfg.Poll) == nil {
		if err := e.watch(ctx); err != nil {
			e.log.Debug("can't look for canceled runs", "error", err)
		}
	}
}

func (e *Engine) watch(ctx context.Context) error {
	e.mu.Lock()
	runs := make([]*Run, 0, len(e.running))
	ids := make([]string, 0, len(e.running))
	for r := range e.running {
		runs, ids = append(runs, r), append(ids, r.id)
	}
	e.mu.Unlock()
	if len(runs) == 0 {
		return nil
	}
	rows, err := e.pool.Query(ctx, `
		SELECT workflow_uuid, status, coalesce(owner_xid, '')
		FROM dbos.workflow_status WHERE workflow_uuid = ANY($1)`, ids)
	if err != nil {
		return err
	}
	type row struct{ ID, Status, Owner string }
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return err
	}
	now := make(map[string]row, len(found))
	for _, f := range found {
		now[f.ID] = f
	}
	for _, r := range runs {
		switch state := now[r.id]; {
		case state.Status == string(dbos.WorkflowStatusCancelled):
			r.cancel(errCanceled)
		case state.Owner != r.owner:
			r.cancel(errLost)
		}
	}
	return nil
}
