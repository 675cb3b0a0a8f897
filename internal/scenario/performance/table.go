package performance

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// table is what is stored of all products as of a day, in memory. Nothing in it
// changes but what it derives when asked.
type table struct {
	asked    day // as of which it was asked for
	zone     string
	asOf     day        // as of which products were measured
	history  *time.Time // before it orders are missing
	currency string

	products []measured // by id; what holds: by hand, or else measured
	about    []about
	beneath  map[shop.ID]overridden // of products that somebody recorded something of

	mu     sync.Mutex
	spec   artifact.Spec // that flags are by
	flags  []flags       // nil before the first
	orders map[string][]int32
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
		t.beneath[p.id] = o
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
