// Package orders keeps orders with their lines, refunds and fulfillments, and
// the summaries of their days, for every scenario that learns of orders. It is
// the one place that writes these tables. What it writes of sales it tells the
// lakehouse in the same transaction, so that no caller can forget.
//
// A run learns of orders from a file, first of the orders and then of their lines
// ([Writer.Apply], [Writer.ApplyLines]), or of their refunds alone
// ([Writer.ApplyRefunds]), or it reads them whole ([Writer.ApplyWhole]). What
// became of each, what the file held of each day and which days the lakehouse was
// told of stands in the working tables ingest_root, ingest_day and ingest_told,
// for the run to prove itself by. They belong to the one run that is under way.
//
// Orders have one writer at a time. Who lets in a second has to lock the orders
// that it writes: the sales of new lines are told from what was read before the
// transaction.
package orders

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// What an order was delivered by, as ingest_root and its readers spell it.
const (
	fromFile = "orders"
	fromID   = "by_id"
)

// Writer writes the orders that one run learns of. It is for one goroutine.
type Writer struct {
	run    uuid.UUID
	zone   *time.Location
	teller *sales.Teller
	replay bool
}

// NewWriter returns the writer of a run. The zone is the shop's.
func NewWriter(run uuid.UUID, zone *time.Location) *Writer {
	return &Writer{run: run, zone: zone, teller: sales.NewTeller(run, zone)}
}

// NewReplayer returns the writer of a run whose files an earlier run has read
// already: what is stored was read later, and stays, unless the file is newer or
// the store has lost it.
func NewReplayer(run uuid.UUID, zone *time.Location) *Writer {
	w := NewWriter(run, zone)
	w.replay = true
	return w
}

// Delete marks orders as deleted, of those made since the horizon, and returns
// how many it were. Their rows stay and don't count.
func (w *Writer) Delete(ctx context.Context, tx pg.Tx, ids []int64, horizon *time.Time) (n int64, err error) {
	defer errs.Wrap(&err, "delete orders")
	n, err = pgdb.New(tx).DeleteOrders(ctx, pgdb.DeleteOrdersParams{RunID: w.run, OrderIds: ids, Horizon: horizon})
	if err != nil || n == 0 {
		return n, err
	}
	return n, w.tell(ctx, tx, ids, true)
}

// Forget empties the working tables. A run does so when it opens and closes.
func Forget(ctx context.Context, tx pg.Tx) error { return pgdb.New(tx).ForgetOrders(ctx) }

// tell tells the lakehouse what the transaction has written of these orders,
// and notes which days that concerns. With headers, the lines of an order that
// was written count as written.
func (w *Writer) tell(ctx context.Context, tx pg.Tx, ids []int64, headers bool) error {
	told, err := w.teller.Tell(ctx, tx, ids, headers)
	if err != nil {
		return err
	}
	return noteTold(ctx, tx, told)
}

// send tells of a draft instead.
func send(ctx context.Context, tx pg.Tx, d *sales.Draft) error {
	told, err := d.Send(ctx, tx)
	if err != nil {
		return err
	}
	return noteTold(ctx, tx, told)
}

func noteTold(ctx context.Context, tx pg.Tx, told []shop.Day) error {
	if len(told) == 0 {
		return nil
	}
	days := make([]time.Time, len(told))
	for i, d := range told {
		var err error
		if days[i], err = time.Parse(time.DateOnly, string(d)); err != nil {
			return err
		}
	}
	return pgdb.New(tx).NoteTold(ctx, days)
}
