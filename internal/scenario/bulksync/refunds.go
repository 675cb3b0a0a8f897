package bulksync

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shopify"
)

// refundStage holds the refunds of whole orders on their way in.
type refundStage struct{ orders, lines *pg.Copy }

func newRefundStage() refundStage {
	return refundStage{
		orders: pg.NewCopy("order_id", "updated_at", "refunded_at"),
		lines:  pg.NewCopy("refund_id", "line_item_id", "order_id", "quantity", "subtotal", "tax", "created_at"),
	}
}

func (r refundStage) rows() int64 { return int64(r.lines.Rows()) }

func (r refundStage) add(o shopify.OrderRefunds) {
	var latest time.Time
	for _, refund := range o.Refunds {
		latest = later(latest, refund.CreatedAt)
		for _, line := range refund.Lines {
			r.lines.Row()
			r.lines.ID(refund.ID)
			r.lines.ID(line.LineID)
			r.lines.ID(o.OrderID)
			r.lines.Int4(line.Quantity)
			r.lines.Amount(line.Subtotal)
			r.lines.Amount(line.Tax)
			r.lines.Time(refund.CreatedAt)
		}
	}
	r.orders.Row()
	r.orders.ID(o.OrderID)
	r.orders.Time(o.UpdatedAt)
	r.orders.Time(latest)
}

// apply makes the stored refund lines of these orders what was read, carries
// them to the line items, and leaves the rest of each order's refunded money
// as its adjustment.
func (r refundStage) apply(ctx context.Context, tx pg.Tx, run uuid.UUID) error {
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
	if _, err := q.ApplyRefundLines(ctx, run); err != nil {
		return err
	}
	if _, err := q.SumRefundsOnLines(ctx, run); err != nil {
		return err
	}
	_, err := q.CloseRefunds(ctx)
	return err
}
