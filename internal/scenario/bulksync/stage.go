package bulksync

import (
	"context"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// byID is the stream under which orders are noted that were read by id.
const byID = "by_id"

func (j *job) mergeProducts(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
	n, err := j.applyProducts(ctx, tx, Products, c.products)
	return merged{written: n}, err
}

// applyProducts merges products and notes what became of each.
func (j *job) applyProducts(ctx context.Context, tx pg.Tx, stream string, batch *catalog.Batch) (int64, error) {
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return 0, err
	}
	if err := batch.Stage(ctx, tx); err != nil {
		return 0, err
	}
	if stream == Products {
		err := pgdb.New(tx).RecordProductRoots(ctx, stream)
		if err != nil {
			return 0, err
		}
	}
	changes, err := catalog.Apply(ctx, tx, j.id)
	return changes.Products, err
}

func (j *job) mergeRoots(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return merged{}, err
	}
	n, err := j.applyOrders(ctx, tx, Orders, c)
	if err == nil && len(c.again) > 0 {
		err = pgdb.New(tx).CountDuplicates(ctx, pgdb.CountDuplicatesParams{
			Stream: Orders, SubjectIds: c.again,
		})
	}
	return merged{written: n}, err
}

// applyOrders merges the chunk's orders and their fulfillments.
func (j *job) applyOrders(ctx context.Context, tx pg.Tx, stream string, c *chunk) (int64, error) {
	q := pgdb.New(tx)
	if err := tx.CopyIn(ctx, "stage_order", c.orders); err != nil {
		return 0, err
	}
	if err := tx.CopyIn(ctx, "stage_fulfillment", c.fulfillments); err != nil {
		return 0, err
	}
	n, err := q.ApplyOrders(ctx, pgdb.ApplyOrdersParams{RunID: j.id, Stream: stream})
	if err != nil || c.fulfillments.Rows() == 0 {
		return n, err
	}
	m, err := q.ApplyFulfillments(ctx, pgdb.ApplyFulfillmentsParams{RunID: j.id, Stream: stream})
	return n + m, err
}

func (j *job) mergeSweep(stream string) func(context.Context, pg.Tx, *chunk) (merged, error) {
	return func(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
		if err := tx.Stage(ctx, db.Stage); err != nil {
			return merged{}, err
		}
		if err := tx.CopyIn(ctx, "stage_sweep", c.ids); err != nil {
			return merged{}, err
		}
		return merged{}, pgdb.New(tx).RecordSweep(ctx, stream)
	}
}

// reject writes down what can't be stored. Text that PostgreSQL can't hold is
// replaced; the archive has the bytes.
func (j *job) reject(ctx context.Context, tx pg.Tx, source string, list []reject) error {
	q := pgdb.New(tx)
	for _, r := range list {
		p := pgdb.RejectRecordParams{
			RunID: j.id, Source: source, LineNo: r.line, SubjectType: r.kind,
			Reason: storable(r.reason), Record: storable(string(r.record)),
		}
		if r.subject != 0 {
			id := int64(r.subject)
			p.SubjectID = &id
		}
		if err := q.RejectRecord(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\\u0000"), "\uFFFD")
}

func newOrderCopy() *pg.Copy {
	return pg.NewCopy("line_no", "order_id", "name", "processed_at", "day", "created_at", "source_updated_at",
		"cancelled_at", "closed_at", "financial_status", "fulfillment_status", "currency", "taxes_included",
		"subtotal", "discount", "shipping", "tax", "total", "refunded", "presentment_currency",
		"presentment_total", "customer_id", "email", "shipping_country", "source_name", "tags", "is_test",
		"is_edited", "line_quantity", "fulfillment_count", "refund_count", "content_hash", "deliveries")
}

func newFulfillmentCopy() *pg.Copy {
	return pg.NewCopy("fulfillment_id", "order_id", "status", "display_status", "created_at", "updated_at",
		"delivered_at", "tracking_company", "tracking_number")
}

func newIDCopy() *pg.Copy { return pg.NewCopy("subject_id", "updated_at") }

func stageOrder(c, f *pg.Copy, o *shop.Order, line int64, zone *time.Location) {
	c.Row()
	c.Int8(line)
	c.ID(o.ID)
	c.Text(o.Name)
	c.Time(o.ProcessedAt)
	c.Day(o.ProcessedAt.In(zone))
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
		stageFulfillment(f, o.ID, &o.Fulfillments[i])
	}
}

func stageFulfillment(c *pg.Copy, order shop.ID, f *shop.Fulfillment) {
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

func stageID(c *pg.Copy, id shop.ID, updated time.Time) {
	c.Row()
	c.ID(id)
	c.Time(updated)
}
