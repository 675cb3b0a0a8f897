package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// errLeaseLost ends the work of who couldn't renew a lease in time.
var errLeaseLost = fmt.Errorf("the lease was lost: %w", errs.Unavailable)

// WithLease runs fn while holding a lease, and reports false without running
// it where another process holds the lease. The lease is renewed while fn
// works; where that fails for as long as ttl, fn's context is canceled. What fn
// does must be safe even so: a process may be stopped past its lease and wake
// up in the middle of a write.
func WithLease(ctx context.Context, db *pg.DB, name string, ttl time.Duration, fn func(context.Context) error) (held bool, err error) {
	defer errs.Wrap(&err, "lease %s", name)
	owner := uuid.New()
	q := pgdb.New(db)
	n, err := q.AcquireLease(ctx, pgdb.AcquireLeaseParams{Name: name, Owner: owner, TtlSeconds: ttl.Seconds()})
	if err != nil || n == 0 {
		return false, err
	}
	work, cancel := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		renew(work, q, name, owner, ttl, cancel)
	}()
	err = fn(work)
	if err != nil && errors.Is(context.Cause(work), errLeaseLost) {
		err = errLeaseLost
	}
	cancel(nil)
	<-renewed
	release, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	// Where this fails the lease runs out by itself.
	if e := q.ReleaseLease(release, pgdb.ReleaseLeaseParams{Name: name, Owner: owner}); err == nil && ctx.Err() == nil {
		err = e
	}
	return true, err
}

// renew keeps a lease until its work is done, and cancels the work where the
// lease is gone.
func renew(ctx context.Context, q *pgdb.Queries, name string, owner uuid.UUID, ttl time.Duration, cancel context.CancelCauseFunc) {
	last := time.Now()
	tick := time.NewTicker(ttl / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		call, stop := context.WithTimeout(ctx, ttl/4)
		n, err := q.RenewLease(call, pgdb.RenewLeaseParams{Name: name, Owner: owner, TtlSeconds: ttl.Seconds()})
		stop()
		switch {
		case err == nil && n == 1:
			last = asked
		case err == nil || time.Since(last) > ttl:
			cancel(errLeaseLost)
			return
		}
	}
}
