package orders

import (
	"context"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Lines holds lines of orders on their way into a transaction, with their sums
// by order: what concerns the order is then looked up once for all its lines.
type Lines struct {
	lines, orders *pg.Copy
	plain         []shop.Line  // the same, for the draft
	draft         *sales.Draft // of their sales; nil where there is none
	sums          []lineSum
	at            map[shop.ID]int // place in sums by order
}

// lineSum is what the lines of an order come to.
type lineSum struct {
	order           shop.ID
	lines, units    int64
	gross, discount shop.Amount
}

// NewLines returns no lines.
func NewLines() *Lines {
	return &Lines{
		lines: pg.NewCopy("line_no", "line_item_id", "order_id", "product_id", "variant_id", "sku", "title",
			"variant_title", "vendor", "quantity", "current_quantity", "unit_price", "discount", "tax",
			"is_gift_card", "content_hash", "nth"),
		orders: pg.NewCopy("order_id", "lines", "units", "gross", "discount"),
		at:     map[shop.ID]int{},
	}
}

// Reset drops all lines.
func (l *Lines) Reset() {
	l.lines.Reset()
	l.plain, l.sums, l.draft = l.plain[:0], l.sums[:0], nil
	clear(l.at)
}

// Add puts a line in that isn't there yet and stands in line no of its file. It
// is false where the line's money is beyond what can be counted.
func (l *Lines) Add(line *shop.Line, no int64) bool {
	gross, ok := line.UnitPrice.Times(int64(line.Quantity))
	if !ok {
		return false
	}
	i, known := l.at[line.OrderID]
	if !known {
		i = len(l.sums)
		l.at[line.OrderID] = i
		l.sums = append(l.sums, lineSum{order: line.OrderID})
	}
	sum := &l.sums[i]
	sum.lines++
	sum.units += int64(line.Quantity)
	sum.gross += gross
	sum.discount += line.Discount

	l.plain = append(l.plain, *line)
	c := l.lines
	c.Row()
	c.Int8(no)
	c.ID(line.ID)
	c.ID(line.OrderID)
	c.ID(line.ProductID)
	c.ID(line.VariantID)
	c.TextOrNull(line.SKU)
	c.Text(line.Title)
	c.TextOrNull(line.VariantTitle)
	c.TextOrNull(line.Vendor)
	c.Int4(line.Quantity)
	c.Int4(line.CurrentQuantity)
	c.Amount(line.UnitPrice)
	c.Amount(line.Discount)
	c.Amount(line.Tax)
	c.Bool(line.IsGiftCard)
	c.Int8(int64(line.Hash))
	c.Int4(int(sum.lines))
	return true
}

// ids are the orders whose lines these are.
func (l *Lines) ids() []int64 {
	ids := make([]int64, len(l.sums))
	for i, sum := range l.sums {
		ids[i] = int64(sum.order)
	}
	return ids
}

// Draft packs what there will be to tell of the lines if all of them turn out
// to be new, while the database works on others. It only saves time: without a
// draft the transaction does it. Their orders are stored, and not written until
// the lines are.
func (w *Writer) Draft(ctx context.Context, db *pg.DB, l *Lines) (err error) {
	l.draft, err = w.teller.Draft(ctx, db, l.plain)
	return err
}

// Orphan is a line whose order the file doesn't have.
type Orphan struct {
	Line      int64 // where it stands in the file
	ID, Order shop.ID
}

// ApplyLines merges lines of a file whose orders were applied before. It returns
// how many rows that wrote, and the lines that belong to none of them, in the
// file's order; those are left out.
func (w *Writer) ApplyLines(ctx context.Context, tx pg.Tx, l *Lines) (written int64, orphans []Orphan, err error) {
	defer errs.Wrap(&err, "apply lines of orders")
	if l.lines.Rows() == 0 {
		return 0, nil, nil
	}
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return 0, nil, err
	}
	n, err := w.mergeLines(ctx, tx, l, fromFile)
	switch {
	case err != nil || n.Written == 0:
	case l.draft != nil && n.Added == int64(len(l.plain)):
		err = send(ctx, tx, l.draft)
	default:
		err = w.tell(ctx, tx, l.ids(), false)
	}
	if err != nil || n.Matched == int64(l.lines.Rows()) {
		return n.Written, nil, err
	}
	list, err := pgdb.New(tx).FindOrphans(ctx)
	for _, o := range list {
		orphans = append(orphans, Orphan{*o.LineNo, shop.ID(*o.LineItemID), shop.ID(*o.OrderID)})
	}
	return n.Written, orphans, err
}

func (w *Writer) mergeLines(ctx context.Context, tx pg.Tx, l *Lines, stream string) (n pgdb.MergeLinesRow, err error) {
	l.orders.Reset()
	for _, sum := range l.sums {
		l.orders.Row()
		l.orders.ID(sum.order)
		l.orders.Int8(sum.lines)
		l.orders.Int8(sum.units)
		l.orders.Amount(sum.gross)
		l.orders.Amount(sum.discount)
	}
	if err := tx.CopyIn(ctx, "stage_line", l.lines); err != nil {
		return n, err
	}
	if err := tx.CopyIn(ctx, "stage_line_order", l.orders); err != nil {
		return n, err
	}
	return pgdb.New(tx).MergeLines(ctx, pgdb.MergeLinesParams{RunID: w.run, Stream: stream, Replay: w.replay && stream == fromFile})
}
