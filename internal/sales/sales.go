// Package sales tells the lakehouse of order lines, and proves that it knows
// them.
//
// Package orders, which writes them, calls [Teller.Tell] at the end of each
// transaction in which it does. So this holds at every commit: of all versions
// that the outbox and measurement.sales have of a line, the newest is the line as
// PostgreSQL has it, or says that it is deleted. Gift cards are no sales and are
// not told.
package sales

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// batchRows bounds a batch, and with it what is in memory at a time.
const batchRows = 20_000

// Teller tells of what one run writes. It is for one goroutine.
type Teller struct {
	run   string
	zone  *time.Location // the shop's
	facts *rows.Sales
	days  map[shop.Day]bool // told of in this transaction
	last  time.Time         // occurred_at of the line added last
}

// NewTeller returns a teller of a run.
func NewTeller(run uuid.UUID, zone *time.Location) *Teller {
	return &Teller{run: run.String(), zone: zone, facts: rows.NewSales(), days: map[shop.Day]bool{}}
}

// Tell appends to the outbox, before the transaction ends, what it has written
// of the given orders: a version of every line that it wrote, and where headers
// is true, also of the lines whose order it wrote. Before them it tells that the
// lines in the temporary table stage_gone are no more. It returns the shop days,
// in order, on which something was told.
//
// A line is known by when its order was processed: readers look for its
// versions within that month. Who changes the time or drops a line puts the
// version so far into stage_gone.
func (t *Teller) Tell(ctx context.Context, tx pg.Tx, orders []int64, headers bool) (days []shop.Day, err error) {
	defer errs.Wrap(&err, "tell the lakehouse of sales")
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return nil, err
	}
	t.reset()
	if err := t.gone(ctx, tx); err != nil {
		return nil, err
	}
	if err := t.changed(ctx, tx, orders, headers); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(t.days)), nil
}

// reset forgets what a transaction that failed has left.
func (t *Teller) reset() {
	t.facts.Reset()
	clear(t.days)
	t.last = time.Time{}
}

func (t *Teller) gone(ctx context.Context, tx pg.Tx) error {
	p := pgdb.GoneSalesParams{RowLimit: batchRows}
	for {
		list, err := pgdb.New(tx).GoneSales(ctx, p)
		if err != nil {
			return err
		}
		for _, l := range list {
			p.AfterOrder, p.AfterLine = l.OrderID, l.LineItemID
			t.add(pgdb.ChangedSalesRow(l))
		}
		if err := t.send(ctx, tx); err != nil || len(list) < batchRows {
			return err
		}
	}
}

func (t *Teller) changed(ctx context.Context, tx pg.Tx, orders []int64, headers bool) error {
	p := pgdb.ChangedSalesParams{OrderIds: orders, Headers: headers, RowLimit: batchRows}
	for len(orders) > 0 {
		list, err := pgdb.New(tx).ChangedSales(ctx, p)
		if err != nil {
			return err
		}
		for _, l := range list {
			p.AfterOrder, p.AfterLine = l.OrderID, l.LineItemID
			t.add(l)
		}
		if err := t.send(ctx, tx); err != nil || len(list) < batchRows {
			return err
		}
	}
	return nil
}

func (t *Teller) add(l pgdb.ChangedSalesRow) {
	t.addSale(rows.Sale{
		LineItemID: shop.ID(l.LineItemID), OrderID: shop.ID(l.OrderID),
		ProductID: idOf(l.ProductID), VariantID: idOf(l.VariantID), SKU: textOf(l.Sku),
		Quantity: int(l.Quantity), RefundedQuantity: int(l.RefundedQuantity),
		GrossSales: shop.Amount(l.GrossSales), Discount: shop.Amount(l.Discount), NetSales: shop.Amount(l.NetSales),
		Currency: l.Currency, Country: textOf(l.Country),
		OccurredAt: l.OccurredAt, OrderUpdatedAt: l.OrderUpdatedAt,
		IsCancelled: l.IsCancelled, IsTest: l.IsTest, Deleted: l.Deleted, RunID: t.run,
	})
}

func (t *Teller) addSale(s rows.Sale) {
	t.facts.Add(s)
	if !s.OccurredAt.Equal(t.last) { // the lines of an order come together
		t.last = s.OccurredAt
		t.days[shop.DayOf(s.OccurredAt, t.zone)] = true
	}
}

// send appends what was added. Others who tell of sales wait from here until
// the transaction ends.
func (t *Teller) send(ctx context.Context, tx pg.Tx) error {
	n := t.facts.Len()
	if n == 0 {
		return nil
	}
	body, err := t.facts.Body()
	if err != nil {
		return fmt.Errorf("%w: %w", err, errs.Corrupt)
	}
	_, err = outbox.Append(ctx, tx, rows.TableSales, n, body)
	return err
}

func idOf(p *int64) shop.ID {
	if p == nil {
		return 0
	}
	return shop.ID(*p)
}

func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
