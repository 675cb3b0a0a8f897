package performance

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// tables keeps a few tables that were asked for last.
type tables struct {
	mu   sync.Mutex
	list []kept // the newest last
}

// kept is a table, with what the database was when it was read, or was found to
// hold still.
type kept struct {
	*table
	moment   string // a snapshot of the database
	since    int64  // what wrote products after it is this transaction or a later one
	revision int64  // of the metrics by hand
	measured measuring
}

// measuring is the measuring of all products that a table tells of.
type measuring struct {
	run   uuid.UUID
	at    time.Time
	since int64 // what wrote metrics after they were read is this transaction or a later one
}

// keptTables are those of as many days: each takes some 40 MB for 100,000
// products.
const keptTables = 3

// tableOf returns the table as of a day, which is today where it is "": as the
// database is now. Those who ask at once wait for one reading.
func (s *Service) tableOf(ctx context.Context, asked shop.Day) (_ *table, err error) {
	defer errs.Wrap(&err, "read metrics")
	c, err := catalog.ReadCalendar(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if asked == "" {
		asked = c.Today()
	}
	on, err := parseDay(asked)
	if err != nil {
		return nil, err
	}
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	var now kept
	err = s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		r := reader{Queries: pgdb.New(tx), zone: c.Zone.String(), asked: on}
		now, err = r.read(ctx, c.Currency, s.tables.before(on, c.Zone.String()))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.tables.keep(now)
	return now.table, nil
}

// before returns the table that is nearest to that of a day: its own, or of a day
// before it. It has none where there is none.
func (t *tables) before(asked day, zone string) (near kept) {
	for _, k := range t.list {
		if k.zone == zone && k.asked <= asked && (near.table == nil || k.asked > near.asked) {
			near = k
		}
	}
	return near
}

func (t *tables) keep(k kept) {
	t.list = append(slices.DeleteFunc(t.list, func(old kept) bool { return old.asked == k.asked || old.zone != k.zone }), k)
	if len(t.list) > keptTables {
		t.list = slices.Delete(t.list, 0, 1)
	}
}

// reader reads as of one moment.
type reader struct {
	*pgdb.Queries
	zone  string
	asked day
	asOf  *time.Time // the day as of which all products were measured; nil before the first
}

// read returns the table as it is now: the old one, where nothing has changed,
// or what has changed read anew, or all of it.
func (r *reader) read(ctx context.Context, currency string, old kept) (now kept, err error) {
	if err := r.AtOneMoment(ctx); err != nil {
		return now, err
	}
	state, err := r.ReadPerformanceState(ctx)
	if err != nil {
		return now, err
	}
	if old.table != nil && old.asked == r.asked && old.moment == state.Moment {
		return old, nil // nobody has written anything
	}
	now = kept{moment: state.Moment, since: state.Oldest, revision: state.Revision}
	t := &table{asked: r.asked, zone: r.zone, asOf: r.asked, currency: currency, beneath: map[shop.ID]overridden{}, orders: map[string][]int32{}}
	d, err := r.PerformanceDayBefore(ctx, r.asked.time())
	if err == nil {
		now.measured = measuring{d.RunID, d.ComputedAt, state.Oldest}
		t.asOf, t.history, t.currency, r.asOf = dayOf(d.AsOf), d.HistorySince, d.Currency, &d.AsOf
	} else if !pg.NoRows(err) {
		return now, err
	}
	if !old.reaches(t, now) {
		now.table = t
		return now, r.readAll(ctx, t)
	}
	if now.measured.run == old.measured.run && now.measured.at.Equal(old.measured.at) {
		now.measured = old.measured
	}
	changed, err := r.changed(ctx, old, now)
	if err != nil {
		return now, err
	}
	now.table = t
	if len(changed) == 0 && old.asked == r.asked && now.measured == old.measured {
		now.table = old.table
		return now, nil
	}
	return now, r.revise(ctx, t, old.table, changed)
}

// farBack is how many transactions a table may be behind: half of what numbers of
// transactions can be compared over.
const farBack = 1 << 30

// reaches says whether a table can be brought up to date by what was written
// since.
func (k kept) reaches(t *table, now kept) bool {
	return k.table != nil && k.measured.run != uuid.Nil && k.asOf <= t.asOf && now.since-min(k.since, k.measured.since) < farBack
}

// changed returns the ids of the products of which a table would tell otherwise,
// in order: perhaps some more, but none less.
func (r *reader) changed(ctx context.Context, old, now kept) ([]int64, error) {
	ids, err := r.ProductsWrittenSince(ctx, old.since)
	if err != nil {
		return nil, err
	}
	if now.measured != old.measured {
		measured, err := r.ProductsMeasuredSince(ctx, pgdb.ProductsMeasuredSinceParams{
			AfterDay: old.asOf.time(), Upto: *r.asOf, Since: old.measured.since,
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, measured...)
	}
	if now.revision != old.revision || r.asked != old.asked {
		for id := range old.beneath {
			ids = append(ids, int64(id))
		}
		manual, err := r.manual(ctx)
		if err != nil {
			return nil, err
		}
		ids = slices.AppendSeq(ids, maps.Keys(manual))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// readRows is how many rows a statement reads: a quarter of what may be.
const readRows = 25_000

func (r *reader) readAll(ctx context.Context, t *table) error {
	ids, err := r.AllProducts(ctx)
	if err != nil {
		return err
	}
	return r.readSome(ctx, t, ids)
}

// readSome adds some products to a table.
func (r *reader) readSome(ctx context.Context, t *table, ids []int64) error {
	manual, err := r.manual(ctx)
	if err != nil {
		return err
	}
	for page := range slices.Chunk(ids, readRows) {
		rows, err := r.TableOfProducts(ctx, pgdb.TableOfProductsParams{Zone: r.zone, AsOf: r.asOf, ProductIds: page})
		if err != nil {
			return err
		}
		for i := range rows {
			t.add(&rows[i], manual[rows[i].ProductID])
		}
	}
	return nil
}

// revise makes a table of an older one and of what has changed.
func (r *reader) revise(ctx context.Context, t, old *table, changed []int64) error {
	if len(changed) > len(old.products)/2 {
		return r.readAll(ctx, t)
	}
	fresh := &table{asOf: t.asOf, beneath: t.beneath}
	if err := r.readSome(ctx, fresh, changed); err != nil {
		return err
	}
	t.merge(old, fresh, changed)
	return nil
}

// manual returns what was recorded by hand up to the day, by product, the older
// first.
func (r *reader) manual(ctx context.Context) (map[int64][]pgdb.PerformanceMetric, error) {
	all := map[int64][]pgdb.PerformanceMetric{}
	p := pgdb.ManualMetricsParams{Day: r.asked.time(), AfterDay: time.Unix(0, 0).UTC(), PageRows: readRows}
	for {
		list, err := r.ManualMetrics(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			all[m.ProductID] = append(all[m.ProductID], m)
		}
		if len(list) < readRows {
			return all, nil
		}
		p.AfterProduct, p.AfterDay = list[len(list)-1].ProductID, list[len(list)-1].AsOf
	}
}
