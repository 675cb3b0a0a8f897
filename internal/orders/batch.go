package orders

import (
	"context"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Batch holds orders with their fulfillments, without lines and refunds, on
// their way into a transaction.
type Batch struct {
	zone                 *time.Location
	orders, fulfillments *pg.Copy
	ids                  []int64
	again                []int64 // delivered once more
}

// NewBatch returns an empty batch. The zone is the shop's.
func NewBatch(zone *time.Location) *Batch {
	return &Batch{
		zone: zone,
		orders: pg.NewCopy("line_no", "order_id", "name", "processed_at", "day", "created_at", "source_updated_at",
			"cancelled_at", "closed_at", "financial_status", "fulfillment_status", "currency", "taxes_included",
			"subtotal", "discount", "shipping", "tax", "total", "refunded", "presentment_currency",
			"presentment_total", "customer_id", "email", "shipping_country", "source_name", "tags", "is_test",
			"is_edited", "line_quantity", "fulfillment_count", "refund_count", "content_hash", "deliveries"),
		fulfillments: pg.NewCopy("fulfillment_id", "order_id", "status", "display_status", "created_at", "updated_at",
			"delivered_at", "tracking_company", "tracking_number"),
	}
}

// Reset empties the batch.
func (b *Batch) Reset() {
	b.orders.Reset()
	b.fulfillments.Reset()
	b.ids, b.again = b.ids[:0], b.again[:0]
}

// Again notes that an order of the batch was delivered again, word for word.
func (b *Batch) Again(id shop.ID) { b.again = append(b.again, int64(id)) }

// Add puts an order in that the batch doesn't hold yet. line is where it stands
// in its file, 0 where it has none.
func (b *Batch) Add(o *shop.Order, line int64) {
	b.ids = append(b.ids, int64(o.ID))
	c := b.orders
	c.Row()
	c.Int8(line)
	c.ID(o.ID)
	c.Text(o.Name)
	c.Time(o.ProcessedAt)
	c.Day(o.ProcessedAt.In(b.zone))
	c.Time(o.CreatedAt)
	c.Time(o.UpdatedAt)
	c.Time(o.CancelledAt)
	c.Time(o.ClosedAt)
	c.TextOrNull(o.FinancialStatus)
	c.TextOrNull(o.FulfillmentStatus)
	c.Text(o.Currency)
	c.Bool(o.TaxesIncluded)
	c.Amount(o.Subtotal)
	c.Amount(o.Discount)
	c.Amount(o.Shipping)
	c.Amount(o.Tax)
	c.Amount(o.Total)
	c.Amount(o.Refunded)
	c.Text(o.PresentmentCurrency)
	c.Amount(o.PresentmentTotal)
	c.ID(o.CustomerID)
	c.TextOrNull(o.Email)
	c.TextOrNull(o.Country)
	c.TextOrNull(o.SourceName)
	c.Texts(o.Tags)
	c.Bool(o.Test)
	c.Bool(o.Edited)
	c.Int4(o.LineQuantity)
	c.Int4(o.FulfillmentCount)
	c.Int4(o.RefundCount)
	c.Int8(int64(o.Hash))
	c.Int4(1)
	for i := range o.Fulfillments {
		b.addFulfillment(o.ID, &o.Fulfillments[i])
	}
}

func (b *Batch) addFulfillment(order shop.ID, f *shop.Fulfillment) {
	c := b.fulfillments
	c.Row()
	c.ID(f.ID)
	c.ID(order)
	c.Text(f.Status)
	c.TextOrNull(f.Display)
	c.Time(f.CreatedAt)
	c.Time(f.UpdatedAt)
	c.Time(f.DeliveredAt)
	c.TextOrNull(f.TrackingCompany)
	c.TextOrNull(f.TrackingNumber)
}

// Apply merges orders of a file with their fulfillments and returns how many
// rows that wrote: those that are new, or newer than what is stored.
func (w *Writer) Apply(ctx context.Context, tx pg.Tx, b *Batch) (written int64, err error) {
	defer errs.Wrap(&err, "apply orders")
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return 0, err
	}
	n, err := w.merge(ctx, tx, b, fromFile)
	if err == nil && n.updated > 0 { // a new order has no lines yet
		err = w.tell(ctx, tx, slices.Sorted(slices.Values(b.ids)), true)
	}
	if err == nil && len(b.again) > 0 {
		err = pgdb.New(tx).CountDuplicates(ctx, b.again)
	}
	return n.written, err
}

// merged counts what became of a batch.
type merged struct {
	written int64 // rows, fulfillments among them
	updated int64 // orders that were stored already, and changed
}

func (w *Writer) merge(ctx context.Context, tx pg.Tx, b *Batch, stream string) (m merged, err error) {
	q := pgdb.New(tx)
	if err := tx.CopyIn(ctx, "stage_order", b.orders); err != nil {
		return m, err
	}
	if err := tx.CopyIn(ctx, "stage_fulfillment", b.fulfillments); err != nil {
		return m, err
	}
	replay := w.replay && stream == fromFile
	n, err := q.MergeOrders(ctx, pgdb.MergeOrdersParams{RunID: w.run, Stream: stream, Replay: replay})
	m = merged{n.Inserted + n.Updated, n.Updated}
	if err != nil || b.fulfillments.Rows() == 0 {
		return m, err
	}
	sent, err := q.MergeFulfillments(ctx, pgdb.MergeFulfillmentsParams{RunID: w.run, Stream: stream, Replay: replay})
	m.written += sent
	return m, err
}
