package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Close takes no more work and waits for the attempts under way, until ctx is
// done; then it cancels them. Runs that have not ended stay as they are, for
// another process to continue at once. The engine is of no use afterwards.
func (e *Engine) Close(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "close workflow engine")
	dbos.ListenQueues(e.dbos, "none")
	e.drain()
	select {
	case <-e.idle:
	case <-ctx.Done():
	}
	if e.stop != nil {
		e.stop()
		e.background.Wait()
	}
	err = dbos.Shutdown(e.dbos, 5*time.Second)
	return errors.Join(err, e.signOff(ctx))
}

// signOff tells the others to take over without waiting for the lease.
func (e *Engine) signOff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for {
		_, err := e.db.Exec(ctx, `DELETE FROM executor_lease WHERE executor_id = $1`, e.id)
		if err == nil || !pg.Retryable(err) || pause(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

func (e *Engine) drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.draining {
		e.draining = true
		e.closeIfIdle()
	}
}

func (e *Engine) closeIfIdle() {
	if e.draining && e.steps == 0 {
		select {
		case <-e.idle:
		default:
			close(e.idle)
		}
	}
}

// enter asks to begin an attempt. A draining engine doesn't let it: the run
// waits here for the end of its context.
func (e *Engine) enter(r *Run) error {
	e.mu.Lock()
	if e.draining {
		e.mu.Unlock()
		<-r.ctx.Done()
		return r.ended()
	}
	defer e.mu.Unlock()
	if r.ctx.Err() != nil {
		return r.ended()
	}
	e.steps++
	return nil
}

func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.steps--
	e.closeIfIdle()
}
