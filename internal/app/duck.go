package app

import (
	"context"
	"errors"
	"sync"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
)

// Question is what [Duck.Table] answers.
type Question = duck.Request

// Duck is the query engine of the lakehouse, as package duck describes it. It
// starts when it is first asked: it holds 20 MiB from then on, and many
// processes never ask.
type Duck struct {
	cfg     duck.Config
	scratch string // the folder of the folders that engines have to themselves

	mu     sync.Mutex
	closed bool
	db     *duck.DB // nil until it is asked
	dir    *scratch
}

// Query runs a named query as of a snapshot; see the method of [duck.DB].
func (d *Duck) Query(ctx context.Context, name, asOf string, args map[string]any, row func(scan func(dest ...any) error) error) error {
	db, err := d.engine(ctx)
	if err != nil {
		return err
	}
	return db.Query(ctx, name, asOf, args, row)
}

// Table runs a query and returns its whole result; see the method of [duck.DB].
func (d *Duck) Table(ctx context.Context, q Question) (duck.Table, error) {
	db, err := d.engine(ctx)
	if err != nil {
		return duck.Table{}, err
	}
	return db.Table(ctx, q)
}

// engine starts DuckDB unless it runs.
func (d *Duck) engine(ctx context.Context) (_ *duck.DB, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errs.Canceled
	}
	if d.dir == nil {
		if d.dir, err = newScratch(d.scratch); err != nil {
			return nil, err
		}
	}
	if d.db == nil {
		c := d.cfg
		c.Dir = d.dir.path
		db, err := duck.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		d.db = db
	}
	return d.db, nil
}

// Close ends the queries that run, and removes what they put aside.
func (d *Duck) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	var all []error
	if d.db != nil {
		all = append(all, d.db.Close())
	}
	if d.dir != nil {
		all = append(all, d.dir.remove())
	}
	d.db, d.dir = nil, nil
	return errors.Join(all...)
}
