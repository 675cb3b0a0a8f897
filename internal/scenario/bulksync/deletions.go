package bulksync

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// markDeletions marks what Shopify says was deleted since the window began; it
// remembers a year.
func (j *job) markDeletions() error {
	for _, stream := range j.plan.Streams {
		since := later(stream.Window.Since, j.plan.Started.AddDate(-1, 0, 1))
		n, err := workflow.Tx(j.run, step("deletions", stream.Stream), func(ctx context.Context) (applied[int64], error) {
			j.progress.Set(ctx, "deletions", 0, 0, "")
			ids, err := j.deleted(ctx, stream.Stream, since)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, tx pg.Tx) (int64, error) { return j.markDeleted(ctx, tx, stream.Stream, ids) }, nil
		})
		if err != nil {
			return err
		}
		j.counts.stream(stream.Stream).Deleted += n
	}
	return nil
}

// maxDeletions are taken from Shopify's events in one run, so that memory and
// transaction stay bounded. What is beyond them the sweep of all ids finds.
const maxDeletions = 50_000

func (j *job) deleted(ctx context.Context, stream string, since time.Time) (ids []int64, err error) {
	subject := map[string]string{Orders: "ORDER", Products: "PRODUCT"}[stream]
	for d, err := range j.shopify.Deletions(ctx, since, subject) {
		if err != nil {
			return nil, err
		}
		if len(ids) == maxDeletions {
			j.log.Warn("more deletions than one run takes; the sweep of all ids finds the rest",
				"run", j.id, "stream", stream, "taken", maxDeletions)
			break
		}
		ids = append(ids, int64(d.ID))
	}
	return ids, nil
}

func (j *job) markDeleted(ctx context.Context, tx pg.Tx, stream string, ids []int64) (int64, error) {
	if stream == Products {
		return catalog.Archive(ctx, tx, j.id, ids)
	}
	return j.orders.Delete(ctx, tx, ids, nil)
}
