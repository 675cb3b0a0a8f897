package bulksync

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Performance measures what products sold.
type Performance interface {
	// Refresh measures, within the transaction, the products of one page as of a
	// shop day: those that follow an id. It returns the last id of the page, 0
	// when all are done, and how many metrics it wrote. Before history orders may
	// be missing; zero where none is.
	Refresh(ctx context.Context, tx pg.Tx, run uuid.UUID, asOf shop.Day, history time.Time, after shop.ID) (last shop.ID, written int64, err error)
}

// measureCursor says how far products have been measured.
type measureCursor struct {
	Last    shop.ID `json:"last"` // 0 when all are done
	Written int64   `json:"written"`
}

// measure has all products measured as of the shop day in which the window of
// the run ends.
func (j *job) measure() (err error) {
	asOf := shop.DayOf(j.plan.Streams[len(j.plan.Streams)-1].Window.Until, j.zone)
	var at measureCursor
	for n := 1; n == 1 || at.Last != 0 && err == nil; n++ {
		at, err = workflow.Tx(j.run, step("performance", n), func(ctx context.Context) (applied[measureCursor], error) {
			j.progress.Set(ctx, "performance", at.Written, 0, "metrics written")
			history, err := j.history(ctx)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, tx pg.Tx) (measureCursor, error) {
				last, written, err := j.performance.Refresh(ctx, tx, j.id, asOf, history, at.Last)
				return measureCursor{last, at.Written + written}, err
			}, nil
		})
	}
	return err
}

// history returns the time since when no order is missing.
func (j *job) history(ctx context.Context) (time.Time, error) {
	q := pgdb.New(j.db)
	open, err := q.OpenGaps(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var gaps []gap
	for _, g := range open {
		if g.Stream == Orders {
			gaps = append(gaps, gap{Since: g.Since, Until: g.Until})
		}
	}
	stored, err := readMark(ctx, q, Orders)
	if err != nil {
		return time.Time{}, err
	}
	for _, plan := range j.plan.Streams {
		if plan.Stream == Orders {
			return historySince(&plan, j.params.Mode == Full, stored.Version > 0, gaps, j.plan.Started), nil
		}
	}
	return historySince(nil, false, stored.Version > 0, gaps, j.plan.Started), nil
}
