package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Do runs fn as a durable step and returns what it returned, now or when an
// earlier execution of the run came here. fn runs at least once: a process that
// dies between fn's end and its record leaves the next one to run it again, so
// its effects must bear repetition. It must heed its context, which ends with
// the attempt's time or the run.
//
// The result travels as JSON of at most [MaxPayload]. The error keeps its kind,
// message and remedy, nothing else; it has been retried already as [Retry]
// says, unless it is [Permanent] or of a kind that others must mend: invalid,
// not found, conflict, denied, too large, canceled. An error with a method
// RetryAfter() time.Duration asks for a longer wait than ours.
func Do[R any](run *Run, step string, fn func(ctx context.Context) (R, error), opts ...StepOption) (R, error) {
	return decoded[R](run.step(step, opts, func(ctx context.Context, a *attempt) error {
		out, err := fn(ctx)
		if err != nil {
			return err
		}
		a.record.output, err = encode(out)
		return err
	}))
}

// Tx runs a durable step that writes to the database exactly once: what apply
// writes and the step's record are one transaction. prepare runs before it, as
// often as there are attempts, for the network and for parsing, and returns
// what to apply; each apply sees a new transaction of at most 20 s. A commit
// whose answer is lost is looked up, not repeated. Results and errors are as
// with [Do].
func Tx[R any](run *Run, step string, prepare func(ctx context.Context) (apply func(ctx context.Context, tx pg.Tx) (R, error), err error), opts ...StepOption) (R, error) {
	return decoded[R](run.step(step, opts, func(ctx context.Context, a *attempt) error {
		apply, err := prepare(ctx)
		if err != nil {
			return err
		}
		return run.commit(ctx, a, func(ctx context.Context, tx pg.Tx) (json.RawMessage, error) {
			out, err := apply(ctx, tx)
			if err != nil {
				return nil, err
			}
			return encode(out)
		})
	}))
}

// commit writes what apply writes together with the step's record.
func (r *Run) commit(ctx context.Context, a *attempt, apply func(context.Context, pg.Tx) (json.RawMessage, error)) error {
	unclear := false
	err := r.engine.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		out, err := apply(ctx, tx)
		if err != nil {
			return err
		}
		unclear = true
		a.record.output, a.record.finished = out, now()
		// Last, for it locks the run's row.
		return r.keep(ctx, tx, a.step, a.record)
	})
	if err == nil {
		a.kept = true
		return nil
	}
	if unclear {
		stands, lookupErr := r.standing(a.step)
		if lookupErr != nil {
			return lookupErr
		}
		if !stands.finished.IsZero() {
			a.record, a.kept = stands, true
			return nil
		}
	}
	a.record.output, a.record.finished = nil, time.Time{}
	return err
}

// Sleep waits for d, counted from when the run first came here.
func (r *Run) Sleep(step string, d time.Duration) error {
	rec, known, err := r.claim(step)
	if err != nil {
		return err
	}
	if !known || rec.finished.IsZero() {
		rec.attempts, rec.wait, rec.started, rec.finished = 1, d, now(), now()
		if rec, err = r.save(step, rec); err != nil {
			return err
		}
		r.emit(Event{Name: StepSleeping, Step: step, Attempt: 1, At: rec.started, Duration: d})
	}
	if pause(r.ctx, rec.wait) != nil {
		return r.ended()
	}
	return nil
}

// claim gives the step its place in this execution, and what is known of it
// from earlier ones.
func (r *Run) claim(step string) (rec record, known bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if step == "" || r.used[step] {
		return rec, false, fmt.Errorf("step name %q is empty or used twice in a run: %w", step, errs.Invalid)
	}
	r.used[step] = true
	if rec, known = r.known[step]; !known {
		r.seq++
		rec = record{seq: r.seq}
	}
	if rec.finished.IsZero() && r.ctx.Err() != nil {
		return rec, known, r.ended()
	}
	return rec, known, nil
}

// attempt is a step that is under way.
type attempt struct {
	step   string
	record record
	kept   bool // the record is in the database, finished
}

// step runs body until it succeeds, may not be tried again, or the run ends.
func (r *Run) step(name string, opts []StepOption, body func(context.Context, *attempt) error) (json.RawMessage, error) {
	rec, _, err := r.claim(name)
	if err != nil {
		return nil, err
	}
	if rec.finished.IsZero() {
		if rec, err = r.perform(name, rec, opts, body); err != nil {
			return nil, err
		}
	}
	if rec.failure != nil {
		return nil, rec.failure.err()
	}
	return rec.output, nil
}

func (r *Run) perform(name string, rec record, opts []StepOption, body func(context.Context, *attempt) error) (record, error) {
	retry := r.engine.cfg.Retry
	for _, opt := range opts {
		opt(&retry)
	}
	if rec.attempts == 0 {
		rec.started = now()
	}
	r.emit(Event{Name: StepStarted, Step: name, Attempt: 1, At: rec.started})
	for {
		if pause(r.ctx, rec.wait) != nil {
			return rec, r.ended()
		}
		again, err := r.attempt(name, &rec, retry, body)
		if err != nil {
			return rec, err
		}
		if !again {
			break
		}
		r.emit(Event{Name: StepSleeping, Step: name, Attempt: rec.attempts, At: time.Now(), Duration: rec.wait})
	}
	r.emit(stepEnd(name, rec))
	r.engine.cfg.Fault(name, "after")
	return rec, nil
}

// attempt runs body once and records what came of it: a result, a failure, or
// that it is to be tried again after rec.wait. Its error means that the run
// can't go on here.
func (r *Run) attempt(name string, rec *record, retry Retry, body func(context.Context, *attempt) error) (again bool, err error) {
	if err := r.engine.enter(r); err != nil {
		return false, err
	}
	defer r.engine.leave()
	if rec.attempts == 0 {
		r.engine.cfg.Fault(name, "before")
	}
	began := now()
	if rec.attempts == 0 {
		began = rec.started // which is what later executions know of it
	}
	a := &attempt{step: name, record: *rec}
	a.record.attempts++
	a.record.wait, a.record.failure = 0, nil
	r.emit(Event{Name: AttemptStarted, Step: name, Attempt: a.record.attempts, At: began})
	err = r.try(a, retry.Timeout, body)
	*rec = a.record
	switch {
	case err == nil:
		if !a.kept {
			rec.finished = now()
		}
		r.emit(attemptEnd(name, *rec, began, rec.finished))
		if a.kept {
			return false, nil
		}
	case r.ctx.Err() != nil:
		return false, r.ended()
	default:
		ended := now()
		rec.failure = stepFailure(name, err)
		r.emit(attemptEnd(name, *rec, began, ended))
		if again = rec.attempts <= retry.Limit && worthRetrying(err); again {
			rec.wait = retry.delay(rec.attempts, err)
		} else {
			rec.finished = ended
		}
	}
	*rec, err = r.save(name, *rec)
	return again && rec.finished.IsZero(), err
}

// try calls body within the attempt's time. A panic is an error.
func (r *Run) try(a *attempt, limit time.Duration, body func(context.Context, *attempt) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(r.ctx, limit, errTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			r.engine.log.Error("step panicked", "workflow", r.workflow, "run", r.id, "step", a.step,
				"panic", v, "stack", string(debug.Stack()))
			err = Permanent(fmt.Errorf("panicked: %v", v))
		}
		if errs.Kind(err) == "internal" && worthRetrying(err) && errors.Is(context.Cause(ctx), errTimeout) {
			err = fmt.Errorf("%w after %s: %w: %w", errTimeout, limit, err, errs.Unavailable)
		}
	}()
	return body(ctx, a)
}

var errTimeout = errors.New("attempt timed out")

// now is the time with the precision that the database keeps.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

func encode(v any) (json.RawMessage, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode as JSON: %w: %w", err, errs.Invalid)
	}
	if len(out) > MaxPayload {
		return nil, errs.WithRemedy(fmt.Errorf("payload of %d bytes exceeds %d: %w", len(out), MaxPayload, errs.TooLarge),
			"store the data in a table or in object storage and pass its key")
	}
	return out, nil
}

func decoded[R any](raw json.RawMessage, err error) (R, error) {
	var out R
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("decode a recorded result: %w: %w", err, errs.Corrupt)
	}
	return out, nil
}
