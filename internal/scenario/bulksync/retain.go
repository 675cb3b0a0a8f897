package bulksync

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// PruneRejects forgets what Shopify sent of records that were rejected by runs
// that ended before a time, and returns of how many: personal data may be in it.
// Settled ones are deleted. Those that no run could fetch yet stay listed.
func PruneRejects(ctx context.Context, db *pg.DB, before time.Time) (forgotten int64, err error) {
	q := pgdb.New(db)
	for _, batch := range []func(context.Context, time.Time) (int64, error){q.DropOldRejects, q.BlankOldRejects} {
		for n := int64(1); n > 0; forgotten += n {
			if n, err = batch(ctx, before); err != nil {
				return forgotten, err
			}
		}
	}
	return forgotten, nil
}
