package sales

import (
	"context"
	"maps"
	"slices"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Draft is what [Teller.Tell] would tell of lines that are stored for the first time,
// packed before their transaction begins, while the database works on another.
type Draft struct {
	rows int
	body []byte
	days []shop.Day
}

// Draft packs the sales of lines whose orders are stored and won't be
// written until the lines are; nil where the lines don't seem to be new, or an
// order is missing. It is wrong for lines that are stored already, for those may
// have been refunded: who sends it makes sure that none was.
func (t *Teller) Draft(ctx context.Context, db *pg.DB, lines []shop.Line) (d *Draft, err error) {
	defer errs.Wrap(&err, "draft sales")
	if len(lines) == 0 || len(lines) > outbox.MaxRows {
		return nil, nil
	}
	var ids []int64
	for i, l := range lines {
		if i == 0 || l.OrderID != lines[i-1].OrderID {
			ids = append(ids, int64(l.OrderID))
		}
	}
	found, err := pgdb.New(db).DraftHeaders(ctx, pgdb.DraftHeadersParams{OrderIds: ids, LastOrder: ids[len(ids)-1]})
	if err != nil || len(found) < len(ids) {
		return nil, err
	}
	orders := make(map[shop.ID]*pgdb.DraftHeadersRow, len(found))
	for i := range found {
		orders[shop.ID(found[i].OrderID)] = &found[i]
	}
	t.reset()
	for i := range lines {
		if l := &lines[i]; !l.IsGiftCard {
			t.addSale(draft(l, orders[l.OrderID], t.run))
		}
	}
	d = &Draft{rows: t.facts.Len(), days: slices.Sorted(maps.Keys(t.days))}
	d.body, err = t.facts.Body()
	return d, err
}

func draft(l *shop.Line, o *pgdb.DraftHeadersRow, run string) rows.Sale {
	gross := l.UnitPrice * shop.Amount(l.Quantity) // checked when the line was staged
	net := gross - l.Discount
	if o.TaxesIncluded {
		net -= l.Tax
	}
	return rows.Sale{
		LineItemID: l.ID, OrderID: l.OrderID, ProductID: l.ProductID, VariantID: l.VariantID, SKU: l.SKU,
		Quantity: l.Quantity, GrossSales: gross, Discount: l.Discount, NetSales: net,
		Currency: o.Currency, Country: textOf(o.ShippingCountry),
		OccurredAt: o.ProcessedAt, OrderUpdatedAt: o.SourceUpdatedAt,
		IsCancelled: o.IsCancelled, IsTest: o.IsTest, Deleted: o.Deleted, RunID: run,
	}
}

// Send appends the draft to the outbox and returns the shop days that it
// concerns, in order.
func (d *Draft) Send(ctx context.Context, tx pg.Tx) ([]shop.Day, error) {
	if d.rows == 0 {
		return nil, nil
	}
	_, err := outbox.Append(ctx, tx, rows.TableSales, d.rows, d.body)
	return d.days, err
}
