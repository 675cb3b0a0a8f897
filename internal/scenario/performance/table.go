package performance

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// table is what is stored of all products as of a day, in memory. Nothing in it
// changes but what it derives when asked.
type table struct {
	key      tableKey
	asOf     day        // as of which products were measured
	history  *time.Time // before it orders are missing
	currency string

	products []measured // by id; what holds: by hand, or else measured
	about    []about
	beneath  map[int]overridden // of products that somebody recorded something of

	mu     sync.Mutex
	spec   artifact.Spec // that flags are by
	flags  []flags       // nil before the first
	orders map[string][]int32
}

// tableKey is what a table hangs on: when it is the same, so is the table.
type tableKey struct {
	asked    day
	revision int64
	runEnded time.Time
	zone     string
}

// about is what is listed beside a product's measures.
type about struct {
	title, handle, line, status, image string
	metric                             uuid.UUID // the measured one; Nil where there is none
	asOf                               day       // of that
}

// overridden is what a product's manual metrics lie upon.
type overridden struct {
	synced  measures
	fields  []string
	metrics []uuid.UUID
}

// tables keeps a few tables that were asked for last.
type tables struct {
	mu   sync.Mutex
	list []*table // the newest last
}

// keptTables are those of as many days: each takes some 40 MB for 100,000
// products.
const keptTables = 3

// tableOf returns the table as of a day, which is today where it is "". Those
// who ask at once wait for one reading.
func (s *Service) tableOf(ctx context.Context, asked shop.Day) (_ *table, err error) {
	defer errs.Wrap(&err, "read metrics")
	c, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	if asked == "" {
		asked = c.today()
	}
	key := tableKey{zone: c.zone.String()}
	if key.asked, err = parseDay(asked); err != nil {
		return nil, err
	}
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	state, err := pgdb.New(s.db).ReadPerformanceState(ctx)
	if err != nil {
		return nil, err
	}
	key.revision, key.runEnded = state.Revision, state.RunEnded.UTC()
	for _, t := range s.tables.list {
		if t.key == key {
			return t, nil
		}
	}
	t, err := s.readTable(ctx, key, c)
	if err != nil {
		return nil, err
	}
	s.tables.list = slices.DeleteFunc(s.tables.list, func(old *table) bool {
		return old.key.asked == key.asked || old.key.revision != key.revision || old.key.runEnded != key.runEnded
	})
	s.tables.list = append(s.tables.list, t)
	if len(s.tables.list) > keptTables {
		s.tables.list = slices.Delete(s.tables.list, 0, 1)
	}
	return t, nil
}

// readRows is how many rows a statement reads: a quarter of what may be.
const readRows = 25_000

func (s *Service) readTable(ctx context.Context, key tableKey, c clock) (*table, error) {
	t := &table{key: key, asOf: key.asked, currency: c.currency, beneath: map[int]overridden{}, orders: map[string][]int32{}}
	q := pgdb.New(s.db)
	p := pgdb.TableOfProductsParams{Zone: key.zone, PageRows: readRows}
	d, err := q.PerformanceDayBefore(ctx, key.asked.time())
	if err == nil {
		t.asOf, t.history, t.currency, p.AsOf = dayOf(d.AsOf), d.HistorySince, d.Currency, &d.AsOf
	} else if !pg.NoRows(err) {
		return nil, err
	}
	manual, err := manualMetrics(ctx, q, key.asked)
	if err != nil {
		return nil, err
	}
	for {
		rows, err := q.TableOfProducts(ctx, p)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			t.add(&rows[i], manual[rows[i].ProductID])
		}
		if len(rows) < readRows {
			return t, nil
		}
		p.After = rows[len(rows)-1].ProductID
	}
}

// manualMetrics returns what was recorded by hand up to a day, by product, the
// older first.
func manualMetrics(ctx context.Context, q *pgdb.Queries, upto day) (map[int64][]pgdb.PerformanceMetric, error) {
	all := map[int64][]pgdb.PerformanceMetric{}
	p := pgdb.ManualMetricsParams{Day: upto.time(), AfterDay: time.Unix(0, 0).UTC(), PageRows: readRows}
	for {
		list, err := q.ManualMetrics(ctx, p)
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

// add takes in a product, with what was recorded of it by hand. One without any
// metric is left out.
func (t *table) add(r *pgdb.TableOfProductsRow, manual []pgdb.PerformanceMetric) {
	if r.MetricID == nil && len(manual) == 0 {
		return
	}
	p := measured{id: shop.ID(r.ProductID), published: dayOf(r.PublishedDay), isPublished: r.IsPublished}
	p.active = r.IsActiveNow
	a := about{title: r.Title, handle: r.Handle, line: r.ProductLine, status: r.Status, asOf: t.asOf}
	if r.ImageUrl != nil {
		a.image = *r.ImageUrl
	}
	if r.MetricID != nil {
		a.metric = *r.MetricID
		p.override(&pgdb.PerformanceMetric{
			FirstSaleDay: r.FirstSaleDay, UnitsFirst7Days: r.UnitsFirst7Days, UnitsFirst14Days: r.UnitsFirst14Days,
			UnitsLast7Days: r.UnitsLast7Days, UnitsLast14Days: r.UnitsLast14Days, UnitsLast30Days: r.UnitsLast30Days,
			UnitsTotal: r.UnitsTotal, NetSalesFirst7Days: r.NetSalesFirst7Days, NetSalesFirst14Days: r.NetSalesFirst14Days,
			NetSalesLast7Days: r.NetSalesLast7Days, NetSalesLast14Days: r.NetSalesLast14Days,
			NetSalesLast30Days: r.NetSalesLast30Days, NetSalesTotal: r.NetSalesTotal, IsActive: r.IsActive,
		})
	}
	if len(manual) > 0 {
		o := overridden{synced: p.measures}
		for i := range manual {
			o.fields = append(o.fields, p.override(&manual[i])...)
			o.metrics = append(o.metrics, manual[i].MetricID)
		}
		slices.Sort(o.fields)
		o.fields = slices.Compact(o.fields)
		t.beneath[len(t.products)] = o
	}
	t.products, t.about = append(t.products, p), append(t.about, a)
}

// override takes over the measures that a metric names, and returns their names.
func (m *measures) override(by *pgdb.PerformanceMetric) (fields []string) {
	if by.FirstSaleDay != nil {
		m.firstSale, m.hasFirstSale = dayOf(*by.FirstSaleDay), true
		fields = append(fields, "firstSaleDay")
	}
	for w, n := range unitsOf(by) {
		if n != nil {
			m.units[w] = *n
			fields = append(fields, "units."+windowNames()[w])
		}
	}
	for w, a := range netOf(by) {
		if a != nil {
			m.net[w] = *a
			fields = append(fields, "netSales."+windowNames()[w])
		}
	}
	// What is known of one measure alone is known: the other is nothing then.
	for w := range m.known {
		m.known[w] = m.known[w] || unitsOf(by)[w] != nil || netOf(by)[w] != nil
	}
	if by.IsActive != nil {
		m.active = *by.IsActive
		fields = append(fields, "isActive")
	}
	return fields
}

// windowNames are the windows as JSON spells them.
func windowNames() [6]string {
	return [6]string{"first7Days", "first14Days", "last7Days", "last14Days", "last30Days", "total"}
}

// flagsBy returns the tiers of all products by a specification. Those of the one
// that was asked for last are kept.
func (t *table) flagsBy(s artifact.Spec) []flags {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flags == nil || t.spec != s {
		t.spec, t.flags = s, classify(s, t.asOf, t.products)
	}
	return t.flags
}
