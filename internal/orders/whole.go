package orders

import (
	"context"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// ApplyWhole merges orders that were read with all their lines, refunds and
// fulfillments: what they lack is gone. It returns how many orders, fulfillments
// and lines that wrote. A line whose money can't be counted is left out; its
// order then doesn't add up to what Shopify counts.
func (w *Writer) ApplyWhole(ctx context.Context, tx pg.Tx, list []shop.Order) (written int64, err error) {
	defer errs.Wrap(&err, "apply whole orders")
	if len(list) == 0 {
		return 0, nil
	}
	batch, lines, refunds := NewBatch(w.zone), NewLines(), NewRefunds()
	for i := range list {
		o := &list[i]
		batch.Add(o, 0)
		for n := range o.Lines {
			lines.Add(&o.Lines[n], int64(n+1))
		}
		refunds.Add(o.ID, o.UpdatedAt, o.Refunds)
	}
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return 0, err
	}
	m, err := w.merge(ctx, tx, batch, fromID)
	if err != nil {
		return 0, err
	}
	n, err := w.mergeLines(ctx, tx, lines, fromID)
	if err != nil {
		return 0, err
	}
	q := pgdb.New(tx)
	if _, err := q.DropLinesNotStaged(ctx); err != nil {
		return 0, err
	}
	if _, err := q.DropFulfillmentsNotStaged(ctx); err != nil {
		return 0, err
	}
	if err := w.mergeRefunds(ctx, tx, refunds); err != nil {
		return 0, err
	}
	return m.written + n.Written, w.tell(ctx, tx, batch.ids, true)
}
