package rows

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Sale is a line of an order as known after a run: a row of measurement.sales.
// Amounts are in shop money.
type Sale struct {
	LineItemID shop.ID
	OrderID    shop.ID
	ProductID  shop.ID // 0 where the product was deleted
	VariantID  shop.ID // 0 where there is none
	SKU        string

	Quantity         int
	RefundedQuantity int
	GrossSales       shop.Amount // unit price × quantity
	Discount         shop.Amount
	NetSales         shop.Amount // gross less discount, refunds and included tax
	Currency         string
	Country          string // of the shipping address; "" where unknown

	OccurredAt     time.Time // when the order was processed; it never changes
	OrderUpdatedAt time.Time // the greatest of a line's versions counts

	IsCancelled bool
	IsTest      bool
	Deleted     bool   // a tombstone: the line is gone
	RunID       string // of the run that told
}

func salesSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		required("line_item_id", arrow.PrimitiveTypes.Int64),
		required("order_id", arrow.PrimitiveTypes.Int64),
		optional("product_id", arrow.PrimitiveTypes.Int64),
		optional("variant_id", arrow.PrimitiveTypes.Int64),
		optional("sku", arrow.BinaryTypes.String),
		required("quantity", arrow.PrimitiveTypes.Int32),
		required("refunded_quantity", arrow.PrimitiveTypes.Int32),
		required("gross_sales", money),
		required("discount", money),
		required("net_sales", money),
		required("currency", arrow.BinaryTypes.String),
		optional("country", arrow.BinaryTypes.String),
		required("occurred_at", instant),
		required("order_updated_at", instant),
		required("is_cancelled", arrow.FixedWidthTypes.Boolean),
		required("is_test", arrow.FixedWidthTypes.Boolean),
		required("deleted", arrow.FixedWidthTypes.Boolean),
		required("run_id", arrow.BinaryTypes.String),
		required(Sequence, arrow.PrimitiveTypes.Int64),
	}, nil)
}

// Sales packs rows of measurement.sales. It is for one goroutine.
type Sales struct{ builder }

// NewSales returns an empty builder.
func NewSales() *Sales { return &Sales{newBuilder(salesSchema())} }

// Add appends a row. Of two versions of a line that are equally new, the one
// that is added later counts.
func (s *Sales) Add(r Sale) {
	c := columns{b: s.b}
	c.id(r.LineItemID)
	c.id(r.OrderID)
	c.optionalID(r.ProductID)
	c.optionalID(r.VariantID)
	c.optionalText(r.SKU)
	c.int32(r.Quantity)
	c.int32(r.RefundedQuantity)
	c.amount(r.GrossSales)
	c.amount(r.Discount)
	c.amount(r.NetSales)
	c.text(r.Currency)
	c.optionalText(r.Country)
	c.instant(r.OccurredAt)
	c.instant(r.OrderUpdatedAt)
	c.bool(r.IsCancelled)
	c.bool(r.IsTest)
	c.bool(r.Deleted)
	c.text(r.RunID)
	s.rows++
}

// columns appends one row's values from left to right.
type columns struct {
	b *array.RecordBuilder
	i int
}

func (c *columns) next() array.Builder {
	c.i++
	return c.b.Field(c.i - 1)
}

func (c *columns) id(v shop.ID)  { c.int64(int64(v)) }
func (c *columns) int64(v int64) { c.next().(*array.Int64Builder).Append(v) }
func (c *columns) int32(v int)   { c.next().(*array.Int32Builder).Append(int32(v)) }
func (c *columns) text(v string) { c.next().(*array.StringBuilder).Append(v) }
func (c *columns) bool(v bool)   { c.next().(*array.BooleanBuilder).Append(v) }
func (c *columns) null()         { c.next().AppendNull() }
func (c *columns) instant(v time.Time) {
	c.next().(*array.TimestampBuilder).Append(arrow.Timestamp(v.UnixMicro()))
}

// amount relies on shop.Amount having the scale of the column.
func (c *columns) amount(v shop.Amount) {
	c.next().(*array.Decimal128Builder).Append(decimal128.FromI64(int64(v)))
}

func (c *columns) optionalID(v shop.ID) {
	if v == 0 {
		c.null()
		return
	}
	c.id(v)
}

func (c *columns) optionalText(v string) {
	if v == "" {
		c.null()
		return
	}
	c.text(v)
}
