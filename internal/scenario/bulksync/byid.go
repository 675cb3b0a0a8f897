package bulksync

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// How many objects a step asks for by id: whole ones, and refunds alone, which
// cost Shopify and us a fraction of that.
const (
	byIDPage   = 50
	refundPage = 250
)

// idCursor says how far a list of ids has been worked off.
type idCursor struct {
	After int64 `json:"after"` // ids up to this one are done
	Done  bool  `json:"done"`

	Asked    int64 `json:"asked"`
	Written  int64 `json:"written"`
	Deleted  int64 `json:"deleted"`  // Shopify has them no longer
	Rejected int64 `json:"rejected"` // delivered, and can't be stored
	// Unexplained were last changed before the window's end: the index should
	// have had them.
	Unexplained int64 `json:"unexplained"`
}

// lister returns the next ids after one, in order, and where the list goes on;
// no ids and done at its end.
type lister func(ctx context.Context, after int64) (ids []int64, next int64, done bool, err error)

// page is the usual lister: a query that returns at most limit ids.
func page(limit int, query func(ctx context.Context, after int64) ([]int64, error)) lister {
	return func(ctx context.Context, after int64) ([]int64, int64, bool, error) {
		ids, err := query(ctx, after)
		if err != nil || len(ids) == 0 {
			return nil, after, true, err
		}
		return ids, ids[len(ids)-1], len(ids) < limit, nil
	}
}

// work works off a list of ids, a page a step: apply fetches them and returns
// what to write. total is how long the list is, 0 where nobody knows.
func (j *job) work(name string, total int64, list lister, apply func(ctx context.Context, ids []shop.ID) (applied[idCursor], error)) (at idCursor, err error) {
	ahead := &pages{run: j.run.Context(), list: list, fetch: apply}
	defer ahead.close()
	for n := 1; !at.Done && err == nil; n++ {
		at, err = workflow.Tx(j.run, step(name, n), func(ctx context.Context) (applied[idCursor], error) {
			p, err := ahead.next(ctx, at.After)
			if err != nil {
				return nil, err
			}
			sum := at
			sum.After, sum.Done, sum.Asked = p.next, p.done, at.Asked+int64(p.ids)
			if p.ids == 0 {
				return func(context.Context, pg.Tx) (idCursor, error) { return sum, nil }, nil
			}
			j.progress.Set(ctx, name, sum.Asked, total, "read by id")
			return func(ctx context.Context, tx pg.Tx) (idCursor, error) {
				got, err := p.write(ctx, tx)
				out := sum
				out.Written += got.Written
				out.Deleted += got.Deleted
				out.Rejected += got.Rejected
				out.Unexplained += got.Unexplained
				return out, err
			}, nil
		})
	}
	return at, err
}

// readOrders fetches whole orders and returns what to write of them. An order
// that Shopify has no longer is marked deleted. until is the end of the
// window that should have held them, or zero.
func (j *job) readOrders(until time.Time) func(context.Context, []shop.ID) (applied[idCursor], error) {
	return func(ctx context.Context, ids []shop.ID) (applied[idCursor], error) {
		found, err := j.shopify.Orders(ctx, ids)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, tx pg.Tx) (sum idCursor, err error) {
			for _, o := range found.Items {
				if o.UpdatedAt.Before(until) {
					sum.Unexplained++
				}
			}
			if sum.Written, err = j.orders.ApplyWhole(ctx, tx, found.Items); err != nil {
				return sum, err
			}
			done := int64s(found.Missing)
			for i := range found.Items {
				done = append(done, int64(found.Items[i].ID))
			}
			sum.Rejected = int64(len(found.Rejected))
			if err := j.settle(ctx, tx, Orders, done, found.Rejected); err != nil {
				return sum, err
			}
			sum.Deleted, err = j.orders.Delete(ctx, tx, int64s(found.Missing), j.plan.Horizon)
			return sum, err
		}, nil
	}
}

// readProducts is readOrders for products.
func (j *job) readProducts(until time.Time) func(context.Context, []shop.ID) (applied[idCursor], error) {
	return func(ctx context.Context, ids []shop.ID) (applied[idCursor], error) {
		found, err := j.shopify.Products(ctx, ids)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, tx pg.Tx) (sum idCursor, err error) {
			batch := catalog.NewBatch()
			done := int64s(found.Missing)
			for _, p := range found.Items {
				batch.Add(p, 0)
				done = append(done, int64(p.ID))
				if p.UpdatedAt.Before(until) {
					sum.Unexplained++
				}
			}
			if sum.Written, err = j.applyProducts(ctx, tx, batch, false); err != nil {
				return sum, err
			}
			sum.Rejected = int64(len(found.Rejected))
			if err := j.settle(ctx, tx, Products, done, found.Rejected); err != nil {
				return sum, err
			}
			sum.Deleted, err = catalog.Archive(ctx, tx, j.id, int64s(found.Missing))
			return sum, err
		}, nil
	}
}

// settle closes the rejected records of subjects that are done, and notes what
// is rejected now.
func (j *job) settle(ctx context.Context, tx pg.Tx, stream string, done []int64, rejected []shopify.Rejected) error {
	_, err := pgdb.New(tx).ResolveRejects(ctx, pgdb.ResolveRejectsParams{RunID: &j.id, SubjectIds: done, Stream: stream})
	if err != nil {
		return err
	}
	kind := "Order"
	if stream == Products {
		kind = "Product"
	}
	return j.rejectByID(ctx, tx, kind, rejected)
}

// rejectByID notes objects that were delivered by id and can't be stored.
func (j *job) rejectByID(ctx context.Context, tx pg.Tx, kind string, list []shopify.Rejected) error {
	rejects := make([]reject, len(list))
	for i, r := range list {
		// There is no line; the id serves to tell them apart.
		rejects[i] = reject{line: int64(r.ID), kind: kind, subject: r.ID, reason: r.Reason}
	}
	return j.reject(ctx, tx, byID, rejects)
}

// readRefunds reads the refund lines of orders whose refunds changed, in this
// run or in one that didn't get to it.
func (j *job) readRefunds() error {
	counts, planned := j.counts.planned(j.plan, Orders)
	if !planned {
		return nil
	}
	list := page(refundPage, func(ctx context.Context, after int64) ([]int64, error) {
		return pgdb.New(j.db).NextUnreadRefunds(ctx, pgdb.NextUnreadRefundsParams{After: after, RowLimit: refundPage})
	})
	// Only for the eye: it may differ when the run is executed again.
	total, err := pgdb.New(j.db).CountUnreadRefunds(j.run.Context())
	if err != nil {
		return err
	}
	sum, err := j.work("refunds", total, list, func(ctx context.Context, ids []shop.ID) (applied[idCursor], error) {
		found, err := j.shopify.Refunds(ctx, ids)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, tx pg.Tx) (idCursor, error) {
			refunds := orders.NewRefunds()
			for _, o := range found.Items {
				refunds.Add(o.OrderID, o.UpdatedAt, o.Refunds)
			}
			if err := j.orders.ApplyRefunds(ctx, tx, refunds); err != nil {
				return idCursor{}, err
			}
			if err := j.rejectByID(ctx, tx, "Order", found.Rejected); err != nil {
				return idCursor{}, err
			}
			deleted, err := j.orders.Delete(ctx, tx, int64s(found.Missing), j.plan.Horizon)
			return idCursor{Written: refunds.Lines(), Deleted: deleted, Rejected: int64(len(found.Rejected))}, err
		}, nil
	})
	counts.RefundsRead, counts.RefundLines, counts.Deleted = sum.Asked, sum.Written, counts.Deleted+sum.Deleted
	return err
}

// settleUneven reads whole the orders of the file whose stored lines or
// fulfillments differ from Shopify's own count, and those that the file held
// in two versions.
func (j *job) settleUneven() error {
	counts, planned := j.counts.planned(j.plan, Orders)
	if !planned {
		return nil
	}
	const pageRows = 5000
	list := func(ctx context.Context, after int64) ([]int64, int64, bool, error) {
		q := pgdb.New(j.db)
		for {
			end, err := q.PageEnd(ctx, pgdb.PageEndParams{Stream: Orders, After: after, RowLimit: pageRows})
			if err != nil || end == 0 {
				return nil, after, true, err
			}
			ids, err := q.UnevenOrders(ctx, pgdb.UnevenOrdersParams{After: after, Upto: end})
			if err != nil {
				return nil, after, false, err
			}
			switch {
			case len(ids) > byIDPage:
				return ids[:byIDPage], ids[byIDPage-1], false, nil
			case len(ids) > 0:
				return ids, end, false, nil
			}
			after = end
			j.progress.Set(ctx, "uneven", 0, 0, "orders compared")
		}
	}
	sum, err := j.work("uneven", 0, list, j.readOrders(time.Time{}))
	counts.Uneven, counts.Deleted = sum.Asked, counts.Deleted+sum.Deleted
	return err
}

// retryRejects reads by id what earlier runs could not load.
func (j *job) retryRejects() error {
	for _, stream := range j.plan.Streams {
		list := page(byIDPage, func(ctx context.Context, after int64) ([]int64, error) {
			return pgdb.New(j.db).OpenRejects(ctx, pgdb.OpenRejectsParams{
				RunID: j.id, Stream: stream.Stream, After: &after, RowLimit: byIDPage,
			})
		})
		sum, err := j.work(step("rejects", stream.Stream), 0, list, j.reader(stream.Stream, time.Time{}))
		if err != nil {
			return err
		}
		j.counts.stream(stream.Stream).Retried = sum.Asked
	}
	return nil
}

// reader is what reads a stream's objects by id.
func (j *job) reader(stream string, until time.Time) func(context.Context, []shop.ID) (applied[idCursor], error) {
	if stream == Orders {
		return j.readOrders(until)
	}
	return j.readProducts(until)
}

func shopIDs(ids []int64) []shop.ID {
	out := make([]shop.ID, len(ids))
	for i, id := range ids {
		out[i] = shop.ID(id)
	}
	return out
}

func int64s(ids []shop.ID) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}
