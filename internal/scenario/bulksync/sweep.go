package bulksync

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// sweepResult is what the comparison of a stream's ids came to.
type sweepResult struct {
	file    bulk.File
	read    cursor
	missing idCursor
	gone    idCursor
}

// sweepIndex asks for the ids once more, after everything was read, and
// settles each difference by reading the object itself: what the index has and
// the store lacks is stored; what the store has and the index lacks was
// changed since, or deleted, or the index can't be trusted.
func (j *job) sweepIndex() error {
	for _, stream := range j.plan.Streams {
		files, err := j.bulk.Fetch(stream.sweep())
		if err != nil {
			return err
		}
		for _, f := range files {
			s := sweepResult{file: f}
			s.read, err = j.read(f, pass{"sweep", (*chunk).takeID, j.mergeSweep(stream.Stream)})
			if err != nil {
				return err
			}
			j.sweeps = append(j.sweeps, s)
		}
		s := &j.sweeps[len(j.sweeps)-1]
		if s.missing, err = j.work(step("missing", stream.Stream), 0, j.missing(stream), j.reader(stream.Stream, bulk.Beginning)); err != nil {
			return err
		}
		if s.gone, err = j.work(step("gone", stream.Stream), 0, j.gone(stream), j.reader(stream.Stream, stream.Window.Until)); err != nil {
			return err
		}
		c := j.counts.stream(stream.Stream)
		c.Missing, c.Gone, c.Deleted = s.missing.Asked, s.gone.Asked, c.Deleted+s.missing.Deleted+s.gone.Deleted
	}
	return nil
}

// missing lists what the index has and the store lacks. The planner has to
// know first how large the sweep is.
func (j *job) missing(stream streamPlan) lister {
	return page(byIDPage, func(ctx context.Context, after int64) ([]int64, error) {
		q := pgdb.New(j.db)
		if after == 0 {
			if err := q.AnalyzeSweep(ctx); err != nil {
				return nil, err
			}
		}
		if stream.Stream == Orders {
			return q.SweepOrders(ctx, pgdb.SweepOrdersParams{After: after, RowLimit: byIDPage})
		}
		return q.SweepProducts(ctx, pgdb.SweepProductsParams{After: after, RowLimit: byIDPage})
	})
}

// gone lists what the store has and the index lacks.
func (j *job) gone(stream streamPlan) lister {
	until := stream.Window.Until
	since := later(stream.sweepSince(), bulk.Beginning)
	return page(byIDPage, func(ctx context.Context, after int64) ([]int64, error) {
		q := pgdb.New(j.db)
		if stream.Stream == Orders {
			return q.GoneOrders(ctx, pgdb.GoneOrdersParams{
				After: after, Since: &since, Until: until, Horizon: j.plan.Horizon, RowLimit: byIDPage,
			})
		}
		return q.GoneProducts(ctx, pgdb.GoneProductsParams{After: after, Since: &since, Until: until, RowLimit: byIDPage})
	})
}

func (s sweepResult) checks() []Check {
	checks := []Check{
		compare(s.file.Name, "bytes", s.file.Size, s.file.Bytes, "of the id sweep, as Shopify says"),
		compare(s.file.Name, "lines", s.file.Objects, s.read.Line-s.read.Rejected, "of the id sweep, as Shopify says"),
		compare(s.file.Name, "unexplained", 0, s.gone.Unexplained, "stored, unchanged, and not in the index"),
	}
	if s.file.Partial {
		checks = append(checks, Check{
			Name: "whole", Stream: s.file.Name, Want: "a complete export", Got: "a partial one", Detail: s.file.Failure,
		})
	}
	return checks
}
