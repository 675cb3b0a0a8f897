package workflow

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Retry says how a step is tried again. Attempts are counted across crashes.
type Retry struct {
	// Limit is the number of attempts after the first: 5 where 0, none where
	// negative.
	Limit int
	// Delay is the wait before the second attempt, 10 s where 0. It doubles with
	// each attempt, give or take a quarter.
	Delay time.Duration
	// Max is the longest wait of our own choice, 5 min where 0. What the other
	// side asks for by RetryAfter is obeyed beyond it.
	Max time.Duration
	// Timeout ends one attempt, after 10 min where 0.
	Timeout time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.Limit == 0 {
		r.Limit = 5
	}
	if r.Delay == 0 {
		r.Delay = 10 * time.Second
	}
	if r.Max == 0 {
		r.Max = 5 * time.Minute
	}
	if r.Timeout == 0 {
		r.Timeout = 10 * time.Minute
	}
	return r
}

// StepOption changes the engine's [Retry] for one step.
type StepOption func(*Retry)

// Limit allows n attempts after the first.
func Limit(n int) StepOption { return func(r *Retry) { r.Limit = n } }

// Timeout ends an attempt after d.
func Timeout(d time.Duration) StepOption { return func(r *Retry) { r.Timeout = d } }

// Delay waits d before the second attempt, doubling up to limit.
func Delay(d, limit time.Duration) StepOption {
	return func(r *Retry) { r.Delay, r.Max = d, limit }
}

// delay returns the wait after the given attempt failed with err.
func (r Retry) delay(attempt int, err error) time.Duration {
	d := r.Max
	if shift := attempt - 1; shift < 32 && r.Delay<<shift > 0 {
		d = min(r.Delay<<shift, r.Max)
	}
	d = time.Duration(float64(d) * (0.75 + rand.Float64()/2))
	var asked interface{ RetryAfter() time.Duration }
	if errors.As(err, &asked) {
		d = max(d, asked.RetryAfter())
	}
	return d
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that another attempt won't mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// worthRetrying reports whether another attempt may go better. Errors that a
// person or other parameters must mend are not. Stale and corrupt data are
// read again, and what has no kind may be anything.
func worthRetrying(err error) bool {
	var p permanent
	if errors.As(err, &p) {
		return false
	}
	for _, kind := range []error{
		errs.Invalid, errs.NotFound, errs.Conflict, errs.Denied, errs.TooLarge, errs.Canceled,
	} {
		if errors.Is(err, kind) {
			return false
		}
	}
	return true
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
