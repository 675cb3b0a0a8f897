package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Request is a query with its values.
type Request struct {
	Name  string
	Table string         // for queries that read whichever table they are told
	AsOf  string         // a snapshot by its tag or id; "" is now
	Args  map[string]any // by parameter: string, bool, int64, time.Time, []time.Time, shop.ID …
}

// Query runs a named query as of a snapshot ("" is now) and calls row for each
// row of its result, with a function that copies the row's columns. Money is
// copied into *shop.Amount. An error of row ends the query and is returned.
//
// Beyond a limit of rows or time the error is errs.TooLarge; where the engine is
// busy or short of memory, errs.Unavailable. Cancelling ctx stops the query.
func (d *DB) Query(ctx context.Context, name, asOf string, args map[string]any, row func(scan func(dest ...any) error) error) error {
	return d.run(ctx, Request{Name: name, AsOf: asOf, Args: args}, func(rows *sql.Rows, _ map[string]int64) error {
		for n := 0; rows.Next(); n++ {
			if n == d.cfg.MaxRows {
				return tooManyRows(n)
			}
			if err := row(func(dest ...any) error { return rows.Scan(amounts(dest)...) }); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// run runs a query and has read read its result.
func (d *DB) run(ctx context.Context, r Request, read func(*sql.Rows, map[string]int64) error) (err error) {
	defer errs.Wrap(&err, "query %.80s", r.Name)
	q := d.queries[r.Name]
	if q == nil {
		return errs.WithRemedy(fmt.Errorf("there is no such query: %w", errs.NotFound),
			"the queries are "+strings.Join(d.Names(), ", "))
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, d.cfg.MaxTime)
	defer cancel()
	err = d.turn(ctx, q, r, read)
	switch {
	case err == nil:
		return nil
	case caller.Err() != nil:
		return fmt.Errorf("%w: %w", caller.Err(), errs.Canceled)
	case errs.Kind(err) != "internal":
		return err
	case ctx.Err() != nil:
		return errs.WithRemedy(fmt.Errorf("it took longer than %v: %w", d.cfg.MaxTime, errs.TooLarge),
			"ask for a shorter range")
	}
	return err
}

func (d *DB) turn(ctx context.Context, q *query, r Request, read func(*sql.Rows, map[string]int64) error) error {
	args, err := q.named(r.Args)
	if err != nil {
		return err
	}
	leave, err := d.queue.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	conn, err := d.engine.Conn(ctx)
	if err != nil {
		return kind(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	on := reading{snapshots: map[string]int64{}}
	defer on.release()
	if err := d.prepare(ctx, conn, q, r, &on); err != nil {
		return err
	}
	if err := onlySelect(conn, q.text); err != nil {
		return kind(err)
	}
	rows, err := conn.QueryContext(ctx, q.text, args...) //nolint:rowserrcheck // read checks it
	if err != nil {
		return kind(err)
	}
	defer rows.Close() //nolint:errcheck // read to the end, or given up
	return kind(read(rows, on.snapshots))
}

// named binds values to parameters. All must be there, for the driver would take
// another's value in place of one that is missing.
func (q *query) named(args map[string]any) (list []any, err error) {
	given := slices.Sorted(maps.Keys(args))
	if !slices.Equal(given, q.takes) {
		return nil, fmt.Errorf("the parameters are %s, given are %s: %w",
			strings.Join(q.takes, ", "), strings.Join(given, ", "), errs.Invalid)
	}
	for _, name := range given {
		value := args[name]
		if id, ok := value.(shop.ID); ok {
			value = int64(id)
		}
		list = append(list, sql.Named(name, value))
	}
	return list, nil
}

// kind tells apart what DuckDB complains about.
func kind(err error) error {
	if err == nil {
		return nil
	}
	var of *duckdb.Error
	if !errors.As(err, &of) {
		return err
	}
	if of.Type == duckdb.ErrorTypeOutOfMemory {
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Unavailable),
			"ask for a shorter range, try again when fewer queries run, or give the query engine more memory")
	}
	if of.Type == duckdb.ErrorTypeConversion {
		return fmt.Errorf("%w: %w", err, errs.Invalid)
	}
	return err
}

func tooManyRows(n int) error {
	return errs.WithRemedy(fmt.Errorf("the result has more than %d rows: %w", n, errs.TooLarge), "ask for a shorter range")
}
