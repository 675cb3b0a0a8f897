package bulksync

import (
	"context"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// lineStage holds lines on their way in, with their sums by order: what
// concerns the order is then looked up once for all its lines.
type lineStage struct {
	lines, orders *pg.Copy
	sums          []lineSum
	at            map[shop.ID]int // place in sums by order
}

// lineSum is what the staged lines of an order come to.
type lineSum struct {
	order           shop.ID
	lines, units    int64
	gross, discount shop.Amount
}

func newLineStage() *lineStage {
	return &lineStage{
		lines: pg.NewCopy("line_no", "line_item_id", "order_id", "product_id", "variant_id", "sku", "title",
			"variant_title", "vendor", "quantity", "current_quantity", "unit_price", "discount", "tax",
			"is_gift_card", "content_hash", "nth"),
		orders: pg.NewCopy("order_id", "lines", "units", "gross", "discount"),
		at:     map[shop.ID]int{},
	}
}

func (s *lineStage) reset() {
	s.lines.Reset()
	s.sums = s.sums[:0]
	clear(s.at)
}

// add takes a line that stands in line no of its file. It is false where the
// line's money is beyond what can be counted.
func (s *lineStage) add(l *shop.Line, no int64) bool {
	gross, ok := l.UnitPrice.Times(int64(l.Quantity))
	if !ok {
		return false
	}
	i, known := s.at[l.OrderID]
	if !known {
		i = len(s.sums)
		s.at[l.OrderID] = i
		s.sums = append(s.sums, lineSum{order: l.OrderID})
	}
	sum := &s.sums[i]
	sum.lines++
	sum.units += int64(l.Quantity)
	sum.gross += gross
	sum.discount += l.Discount

	c := s.lines
	c.Row()
	c.Int8(no)
	c.ID(l.ID)
	c.ID(l.OrderID)
	c.ID(l.ProductID)
	c.ID(l.VariantID)
	c.TextOrNull(l.SKU)
	c.Text(l.Title)
	c.TextOrNull(l.VariantTitle)
	c.TextOrNull(l.Vendor)
	c.Int4(l.Quantity)
	c.Int4(l.CurrentQuantity)
	c.Amount(l.UnitPrice)
	c.Amount(l.Discount)
	c.Amount(l.Tax)
	c.Bool(l.IsGiftCard)
	c.Int8(int64(l.Hash))
	c.Int4(int(sum.lines))
	return true
}

// apply merges the staged lines into the orders of a stream.
func (s *lineStage) apply(ctx context.Context, tx pg.Tx, j *job, stream string) (pgdb.ApplyLinesRow, error) {
	s.orders.Reset()
	for _, sum := range s.sums {
		s.orders.Row()
		s.orders.ID(sum.order)
		s.orders.Int8(sum.lines)
		s.orders.Int8(sum.units)
		s.orders.Amount(sum.gross)
		s.orders.Amount(sum.discount)
	}
	if err := tx.CopyIn(ctx, "stage_line", s.lines); err != nil {
		return pgdb.ApplyLinesRow{}, err
	}
	if err := tx.CopyIn(ctx, "stage_line_order", s.orders); err != nil {
		return pgdb.ApplyLinesRow{}, err
	}
	return pgdb.New(tx).ApplyLines(ctx, pgdb.ApplyLinesParams{RunID: j.id, Stream: stream})
}

func (j *job) mergeChildren(ctx context.Context, tx pg.Tx, c *chunk) (m merged, err error) {
	if c.lines.lines.Rows() == 0 {
		return m, nil
	}
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return m, err
	}
	applied, err := c.lines.apply(ctx, tx, j, Orders)
	m.written = applied.Written
	if err != nil || applied.Matched == int64(c.lines.lines.Rows()) {
		return m, err
	}
	orphans, err := pgdb.New(tx).FindOrphans(ctx)
	for _, o := range orphans {
		m.orphans = append(m.orphans, reject{
			line: *o.LineNo, kind: "LineItem", subject: shop.ID(*o.OrderID),
			reason: "its order is not in this file",
			record: []byte(shop.ID(*o.LineItemID).GID("LineItem")),
		})
	}
	return m, err
}
