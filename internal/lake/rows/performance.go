package rows

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Metric is a metric as it was recorded: a row of measurement.performance. What
// is nil, the metric doesn't name: a manual one overrides only some measures.
type Metric struct {
	MetricID     string
	ProductID    shop.ID
	AsOf         time.Time  // the shop day, as its midnight in UTC
	FirstSaleDay *time.Time // likewise

	// Of the first 7 and 14 days, the last 7, 14 and 30, and of all time.
	Units    [6]*int64
	NetSales [6]*shop.Amount

	IsActive   *bool
	Source     string // sync or manual
	Note       string
	RecordedBy string
	RecordedAt time.Time
	Version    int64 // of its metric; the greatest counts
	Deleted    bool
}

func performanceSchema() *arrow.Schema {
	fields := []arrow.Field{
		required("metric_id", arrow.BinaryTypes.String),
		required("product_id", arrow.PrimitiveTypes.Int64),
		required("as_of", arrow.FixedWidthTypes.Date32),
		optional("first_sale_day", arrow.FixedWidthTypes.Date32),
	}
	windows := []string{"first_7_days", "first_14_days", "last_7_days", "last_14_days", "last_30_days", "total"}
	for _, w := range windows {
		fields = append(fields, optional("units_"+w, arrow.PrimitiveTypes.Int64))
	}
	for _, w := range windows {
		fields = append(fields, optional("net_sales_"+w, money))
	}
	return arrow.NewSchema(append(fields,
		optional("is_active", arrow.FixedWidthTypes.Boolean),
		required("source", arrow.BinaryTypes.String),
		optional("note", arrow.BinaryTypes.String),
		required("recorded_by", arrow.BinaryTypes.String),
		required("recorded_at", instant),
		required("version", arrow.PrimitiveTypes.Int64),
		required("deleted", arrow.FixedWidthTypes.Boolean),
	), nil)
}

// Performance packs rows of measurement.performance. It is for one goroutine.
type Performance struct{ builder }

// NewPerformance returns an empty builder.
func NewPerformance() *Performance { return &Performance{newBuilder(performanceSchema())} }

// Add appends a row.
func (p *Performance) Add(m Metric) {
	c := columns{b: p.b}
	c.text(m.MetricID)
	c.id(m.ProductID)
	c.optionalDay(&m.AsOf)
	c.optionalDay(m.FirstSaleDay)
	for _, n := range m.Units {
		if b := c.next().(*array.Int64Builder); n == nil {
			b.AppendNull()
		} else {
			b.Append(*n)
		}
	}
	for _, a := range m.NetSales {
		if b := c.next().(*array.Decimal128Builder); a == nil {
			b.AppendNull()
		} else {
			b.Append(decimal128.FromI64(int64(*a)))
		}
	}
	if b := c.next().(*array.BooleanBuilder); m.IsActive == nil {
		b.AppendNull()
	} else {
		b.Append(*m.IsActive)
	}
	c.text(m.Source)
	c.optionalText(m.Note)
	c.text(m.RecordedBy)
	c.instant(m.RecordedAt)
	c.int64(m.Version)
	c.bool(m.Deleted)
	p.rows++
}

func (c *columns) optionalDay(day *time.Time) {
	if b := c.next().(*array.Date32Builder); day == nil {
		b.AppendNull()
	} else {
		b.Append(arrow.Date32FromTime(*day))
	}
}
