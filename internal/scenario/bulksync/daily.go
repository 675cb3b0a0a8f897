package bulksync

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// dayCursor says how far the daily summaries have been brought up to date.
type dayCursor struct {
	Done    bool  `json:"done"`
	Counted int64 `json:"counted"` // days that something touched
	Written int64 `json:"written"` // of those, days that came to something else
}

// refreshDays counts the days anew of which orders or fulfillments changed, in
// this run or since another one ended. What changed while it works is left for
// the next run.
func (j *job) refreshDays() (err error) {
	var at dayCursor
	for n := 1; !at.Done && err == nil; n++ {
		at, err = workflow.Tx(j.run, step("summary", n), func(ctx context.Context) (applied[dayCursor], error) {
			j.progress.Set(ctx, "summary", at.Counted, 0, "days counted anew")
			days, err := orders.TouchedDays(ctx, j.db, j.zone)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, tx pg.Tx) (dayCursor, error) {
				written, err := days.Count(ctx, tx, j.id)
				return dayCursor{days.Last(), at.Counted + int64(days.Len()), at.Written + written}, err
			}, nil
		})
	}
	return err
}
