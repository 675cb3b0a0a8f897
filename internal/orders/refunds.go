package orders

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Refunds holds the refunds of whole orders on their way into a transaction.
type Refunds struct {
	orders, lines *pg.Copy
	ids           []int64 // of the orders
}

// NewRefunds returns no refunds.
func NewRefunds() *Refunds {
	return &Refunds{
		orders: pg.NewCopy("order_id", "updated_at", "refunded_at"),
		lines:  pg.NewCopy("refund_id", "line_item_id", "order_id", "quantity", "subtotal", "tax", "created_at"),
	}
}

// Lines returns how many lines were refunded.
func (r *Refunds) Lines() int64 { return int64(r.lines.Rows()) }

// Add puts in all refunds of an order, as of its last change when they were
// read.
func (r *Refunds) Add(order shop.ID, updatedAt time.Time, list []shop.Refund) {
	var latest time.Time
	for _, refund := range list {
		if refund.CreatedAt.After(latest) {
			latest = refund.CreatedAt
		}
		for _, line := range refund.Lines {
			r.lines.Row()
			r.lines.ID(refund.ID)
			r.lines.ID(line.LineID)
			r.lines.ID(order)
			r.lines.Int4(line.Quantity)
			r.lines.Amount(line.Subtotal)
			r.lines.Amount(line.Tax)
			r.lines.Time(refund.CreatedAt)
		}
	}
	r.ids = append(r.ids, int64(order))
	r.orders.Row()
	r.orders.ID(order)
	r.orders.Time(updatedAt)
	r.orders.Time(latest)
}

// ApplyRefunds makes the stored refunds of these orders what was read, carries
// them to the line items, and leaves the rest of each order's refunded money as
// its adjustment. An order that changed since it was read stays to be read
// again.
func (w *Writer) ApplyRefunds(ctx context.Context, tx pg.Tx, r *Refunds) (err error) {
	defer errs.Wrap(&err, "apply refunds")
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return err
	}
	if err := w.mergeRefunds(ctx, tx, r); err != nil {
		return err
	}
	return w.tell(ctx, tx, r.ids, false)
}

func (w *Writer) mergeRefunds(ctx context.Context, tx pg.Tx, r *Refunds) error {
	if err := tx.CopyIn(ctx, "stage_refund_order", r.orders); err != nil {
		return err
	}
	if err := tx.CopyIn(ctx, "stage_refund_line", r.lines); err != nil {
		return err
	}
	q := pgdb.New(tx)
	if _, err := q.DropRefundLines(ctx); err != nil {
		return err
	}
	if _, err := q.MergeRefundLines(ctx, w.run); err != nil {
		return err
	}
	if _, err := q.SumRefundsOnLines(ctx, w.run); err != nil {
		return err
	}
	_, err := q.CloseRefunds(ctx)
	return err
}
