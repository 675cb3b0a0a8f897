package lake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// commitAttempts bounds how often a commit is tried. Each lost attempt means
// that somebody else's succeeded, or that the catalog is away.
const commitAttempts = 20

// commit changes a table by the transaction that change makes, as attempt does.
// change returns nil where nothing is left to do.
func (l *Lake) commit(ctx context.Context, name string, change func(*table.Table) (*table.Transaction, error)) error {
	return l.attempt(ctx, name, func(tbl *table.Table) (func(context.Context) error, error) {
		tx, err := change(tbl)
		if tx == nil || err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { _, err := tx.Commit(ctx); return err }, nil
	})
}

// attempt changes a table. It loads the table, lets prepare say how to commit
// what is to be done, and does that. Where somebody else was faster, or where
// nobody can tell what came of the commit, the table is loaded again and prepare
// asked again: it looks at the table, never at what was tried before, and
// returns nil where nothing is left to do. A commit that arrives after all is no
// danger, for each one names what it replaces.
func (l *Lake) attempt(ctx context.Context, name string, prepare func(*table.Table) (func(context.Context) error, error)) (err error) {
	defer errs.Wrap(&err, "commit to %s", name)
	var last error
	for attempt := range commitAttempts {
		if err := pause(ctx, backoff(attempt)); err != nil {
			return err
		}
		tbl, err := l.load(ctx, name)
		if err != nil {
			return err
		}
		commit, err := prepare(tbl)
		if err != nil {
			return kind(err)
		}
		if commit == nil {
			return nil
		}
		if last = commit(ctx); last == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !conflict(last) {
			l.log.Warn("can't tell what came of a commit to the lakehouse: looking again", "table", name, "error", last)
		}
	}
	return fmt.Errorf("%w: %w", last, errs.Unavailable)
}

// conflict reports whether a commit failed because somebody else's came first.
// The SQL catalog of iceberg-go v0.7.0 has no error of its own for a requirement
// that doesn't hold.
func conflict(err error) bool {
	return errors.Is(err, table.ErrCommitFailed) || strings.HasPrefix(err.Error(), "requirement failed:")
}

// backoff is the pause before an attempt: none, then 10 ms doubled up to 1 s,
// less a random half, so that two don't meet again and again.
func backoff(attempt int) time.Duration {
	if attempt == 0 {
		return 0
	}
	most := min(10*time.Millisecond<<min(attempt-1, 10), time.Second)
	return most/2 + rand.N(most/2)
}

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
