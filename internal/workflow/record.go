package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// record is a row of step_done.
type record struct {
	seq      int
	attempts int
	output   json.RawMessage
	failure  *failure
	wait     time.Duration // from now to wake_at; at most 0 where that is past or unset
	asleep   time.Duration // from started to wake_at; 0 where unset, or not loaded
	started  time.Time
	finished time.Time // zero between two attempts
}

// keepStep writes a record only while the run belongs to this execution, and
// holds that fact until the transaction ends: whoever takes the run over waits
// for it, and then finds the record. A finished record stays, save for the same
// write again, whose answer was lost.
const keepStep = `
WITH mine AS (
    SELECT FROM dbos.workflow_status
    WHERE workflow_uuid = $1 AND owner_xid = $2 AND status = 'PENDING'
    FOR SHARE)
INSERT INTO step_done AS old
    (run_id, step, seq, attempts, output, failure, wake_at, started_at, finished_at)
SELECT $1, $3::text, $4::integer, $5::integer, $6::json, $7::json,
       now() + $8::float8 * interval '1 second', $9::timestamptz, $10::timestamptz
FROM mine
ON CONFLICT (run_id, step) DO UPDATE
SET attempts = excluded.attempts, output = excluded.output, failure = excluded.failure,
    wake_at = excluded.wake_at, finished_at = excluded.finished_at
WHERE old.finished_at IS NULL OR old.finished_at = excluded.finished_at`

// loadOwner finds no row where the run isn't this executor's.
const loadOwner = `
SELECT owner_xid, recovery_attempts FROM dbos.workflow_status
WHERE workflow_uuid = $1 AND executor_id = $2 AND status = 'PENDING'`

const loadSteps = `
SELECT step, seq, attempts, output, failure,
       coalesce(extract(epoch FROM wake_at - now()), 0)::float8,
       coalesce(extract(epoch FROM wake_at - started_at), 0)::float8, started_at, finished_at
FROM step_done WHERE run_id = $1 ORDER BY seq`

// errNotKept says that keepStep wrote nothing.
var errNotKept = errors.New("step was not recorded")

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// keep writes rec by db, which is the transaction of the step's own writes or
// the engine's pool.
func (r *Run) keep(ctx context.Context, db execer, step string, rec record) error {
	var failed json.RawMessage
	if rec.failure != nil {
		var err error
		if failed, err = json.Marshal(rec.failure); err != nil {
			return err
		}
	}
	var wait *float64
	if seconds := rec.wait.Seconds(); seconds > 0 {
		wait = &seconds
	}
	var finished *time.Time
	if !rec.finished.IsZero() {
		finished = &rec.finished
	}
	tag, err := db.Exec(ctx, keepStep, r.id, r.owner, step, rec.seq, rec.attempts,
		nullable(rec.output), nullable(failed), wait, rec.started, finished)
	if err == nil && tag.RowsAffected() == 0 {
		return errNotKept
	}
	return err
}

func nullable(text json.RawMessage) any {
	if text == nil {
		return nil
	}
	return string(text)
}

// save keeps rec however long the database is away: the step's work is done
// and would be done again. It returns the record that stands, which is another
// one where a commit turned out to have gone through.
func (r *Run) save(step string, rec record) (record, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		// Not the run's own context: what is finished is worth recording also
		// when the engine closes.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 10*time.Second)
		err := r.keep(ctx, r.engine.pool, step, rec)
		cancel()
		switch {
		case err == nil:
			return rec, nil
		case errors.Is(err, errNotKept):
			return r.standing(step)
		case !pg.Retryable(err) && !errors.Is(err, context.DeadlineExceeded):
			return rec, fmt.Errorf("record step %s: %w", step, err)
		}
		if pause(r.ctx, wait) != nil {
			return rec, r.ended()
		}
	}
}

// standing looks up how a step stands after a write of unknown or no effect. It
// waits for the database. Where the run has another owner, that is the error.
func (r *Run) standing(step string) (record, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		now, err := r.engine.load(r.ctx, r.id)
		switch {
		case err == nil && now.owner == r.owner:
			return now.steps[step], nil
		case err == nil || errors.Is(err, pgx.ErrNoRows):
			// Canceled or lost: watch knows which.
			if err := r.engine.watch(r.ctx); err != nil {
				r.engine.log.Debug("can't look for canceled runs", "error", err)
			}
			r.cancel(errLost)
			return record{}, r.ended()
		case r.ctx.Err() != nil:
			return record{}, r.ended() // the look-up was cut off, which says nothing of why
		case !pg.Retryable(err):
			return record{}, err
		}
		if pause(r.ctx, wait) != nil {
			return record{}, r.ended()
		}
	}
}

// snapshot is what the database knows of a run that this executor owns.
type snapshot struct {
	owner     string // token of the execution
	execution int
	steps     map[string]record
	lastSeq   int
}

// load reads a run's snapshot; pgx.ErrNoRows where this executor doesn't own
// it. Read at the start of an execution it is complete: keepStep shuts earlier
// executions out from the moment that the owner changed.
func (e *Engine) load(ctx context.Context, id string) (snapshot, error) {
	batch := &pgx.Batch{}
	batch.Queue(loadOwner, id, e.id)
	batch.Queue(loadSteps, id)
	results := e.pool.SendBatch(ctx, batch)
	defer results.Close() //nolint:errcheck // reading told
	s := snapshot{steps: map[string]record{}}
	if err := results.QueryRow().Scan(&s.owner, &s.execution); err != nil {
		return s, err
	}
	rows, err := results.Query()
	if err != nil {
		return s, err
	}
	err = forEachStep(rows, func(step string, rec record) {
		s.steps[step] = rec
		s.lastSeq = max(s.lastSeq, rec.seq)
	})
	return s, err
}

func forEachStep(rows pgx.Rows, each func(step string, rec record)) error {
	defer rows.Close()
	for rows.Next() {
		var (
			step           string
			rec            record
			output, failed *string
			wait, asleep   float64
			finished       *time.Time
		)
		err := rows.Scan(&step, &rec.seq, &rec.attempts, &output, &failed, &wait, &asleep, &rec.started, &finished)
		if err != nil {
			return err
		}
		rec.wait = time.Duration(wait * float64(time.Second))
		rec.asleep = time.Duration(asleep * float64(time.Second))
		if output != nil {
			rec.output = json.RawMessage(*output)
		}
		if finished != nil {
			rec.finished = *finished
		}
		if failed != nil {
			if err := json.Unmarshal([]byte(*failed), &rec.failure); err != nil {
				return fmt.Errorf("failure of step %s: %w: %w", step, err, errs.Corrupt)
			}
		}
		each(step, rec)
	}
	return rows.Err()
}
