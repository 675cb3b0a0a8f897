package workflow

import (
	"context"
	"slices"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/dbos-inc/dbos-transact-golang/dbos/internals"
	"github.com/jackc/pgx/v5"
)

// leaseKeeper renews the engine's lease and takes over from executors that are
// dead. All times are the database's.
type leaseKeeper struct {
	engine  *Engine
	renewed time.Time // the last time that it worked, by our own clock
	steady  time.Time // since when it has worked without a gap
}

func (k *leaseKeeper) loop(ctx context.Context) {
	for pause(ctx, k.engine.cfg.Renew) == nil {
		if err := k.tick(ctx); err != nil && ctx.Err() == nil {
			k.engine.log.Warn("can't renew the lease on runs", "error", err)
		}
	}
}

// beatLoop is apart from the renewal of leases: who waits for a row that a long
// transaction holds must not lose its runs by that.
func (e *Engine) beatLoop(ctx context.Context) {
	if e.cfg.Beat == nil {
		return
	}
	for pause(ctx, e.cfg.Renew) == nil {
		if err := e.beat(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("can't say which runs are alive", "error", err)
		}
	}
}

func (e *Engine) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.LeaseTTL)
	defer cancel()
	return e.cfg.Beat(ctx, e.here())
}

// here lists the runs that execute here.
func (e *Engine) here() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := make([]string, 0, len(e.running))
	for r := range e.running {
		ids = append(ids, r.id)
	}
	return ids
}

func (k *leaseKeeper) tick(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.engine.cfg.LeaseTTL)
	defer cancel()
	if err := k.renew(ctx); err != nil {
		return err
	}
	if err := k.reap(ctx); err != nil {
		return err
	}
	return k.engine.pickUpStrays(ctx)
}

func (k *leaseKeeper) renew(ctx context.Context) error {
	e := k.engine
	_, err := e.pool.Exec(ctx, `
		INSERT INTO executor_lease (executor_id, host, pid, pid_started, renewed_at, expires_at)
		VALUES ($1, $2, $3, $4, now(), now() + $5::float8 * interval '1 second')
		ON CONFLICT (executor_id) DO UPDATE
		SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at`,
		e.id, e.self.host, e.self.pid, e.self.started, e.cfg.LeaseTTL.Seconds())
	if err != nil {
		return err
	}
	if time.Since(k.renewed) > e.cfg.LeaseTTL {
		k.steady = time.Now()
	}
	k.renewed = time.Now()
	return nil
}

// owners lists the executors with runs under way, beside our own.
const owners = `
SELECT DISTINCT w.executor_id, l.executor_id IS NULL, coalesce(l.expires_at < now(), true),
       coalesce(l.host, ''), coalesce(l.pid, 0), coalesce(l.pid_started, '')
FROM dbos.workflow_status w LEFT JOIN executor_lease l USING (executor_id)
WHERE w.status = 'PENDING' AND w.executor_id <> $1`

// reap queues the runs of dead executors again. An executor is dead that signed
// off, whose process is gone from this machine, or whose lease ran out while
// ours did not: after an outage of the database all have run out, and each
// gets the time of a lease to come back.
func (k *leaseKeeper) reap(ctx context.Context) error {
	e := k.engine
	steady := time.Since(k.steady) >= e.cfg.LeaseTTL
	return pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		var alone bool // the others find the same; one does it
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(bootLock+1)).Scan(&alone)
		if err != nil || !alone {
			return err
		}
		rows, err := tx.Query(ctx, owners, e.id)
		if err != nil {
			return err
		}
		var dead []string
		var id string
		var signedOff, expired bool
		var p process
		_, err = pgx.ForEachRow(rows, []any{&id, &signedOff, &expired, &p.host, &p.pid, &p.started}, func() error {
			if signedOff || e.self.gone(p) || expired && steady {
				dead = append(dead, id)
			}
			return nil
		})
		if err != nil || len(dead) == 0 {
			return err
		}
		return e.takeOver(ctx, tx, dead)
	})
}

// takeOver queues the runs of the given executors. Their owner tokens go with
// it, so that an executor that is not dead after all can't record a thing.
func (e *Engine) takeOver(ctx context.Context, tx pgx.Tx, dead []string) error {
	runtime, err := internals.RuntimeOf(e.dbos)
	if err != nil {
		return err
	}
	runs, err := runtime.RecoverPendingWorkflows(dead)
	if err != nil {
		return err
	}
	for _, run := range runs {
		e.log.Info("took over a run of a dead process", "run", run.GetWorkflowID())
	}
	_, err = tx.Exec(ctx, `DELETE FROM executor_lease WHERE executor_id = ANY($1)`, dead)
	return err
}

// pickUpStrays queues runs again that are ours by the database but don't run
// here, such as those whose claim was committed while its answer was lost. Only
// those seen twice: DBOS claims a run a moment before it starts it.
func (e *Engine) pickUpStrays(ctx context.Context) error {
	rows, err := e.pool.Query(ctx, `
		SELECT workflow_uuid FROM dbos.workflow_status
		WHERE status = 'PENDING' AND executor_id = $1`, e.id)
	if err != nil {
		return err
	}
	ours, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	here := e.here()
	seen := map[string]bool{}
	for _, id := range ours {
		switch {
		case slices.Contains(here, id):
		case e.strays[id]:
			e.log.Warn("queueing a run again that was claimed but never started", "run", id)
			call, cancel := e.call(ctx)
			_, err := dbos.ResumeWorkflow[any](call, id, dbos.WithResumeQueue(queue))
			cancel()
			if err != nil {
				return err
			}
		default:
			seen[id] = true
		}
	}
	e.strays = seen
	return nil
}
