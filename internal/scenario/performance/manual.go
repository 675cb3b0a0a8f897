package performance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// The operations that change something.
const (
	createOp     = "createPerformanceMetrics"
	changeManyOp = "changePerformanceMetrics"
	changeOp     = "changePerformanceMetric"
	deleteManyOp = "deletePerformanceMetrics"
	deleteOp     = "deletePerformanceMetric"
	classifyOp   = "setClassification"
)

// The sources of metrics.
const (
	synced = "sync"
	manual = "manual"
)

// Naming are the measures that a metric by hand names. What is left out is as
// the sync measures it.
type Naming struct {
	FirstSaleDay *shop.Day `json:"firstSaleDay,omitempty"`
	Units        *units    `json:"units,omitempty"`
	NetSales     *netSales `json:"netSales,omitempty"`
	IsActive     *bool     `json:"isActive,omitempty"`
	Note         string    `json:"note,omitempty" maxLength:"1000" doc:"Why."`
}

// metric is a metric as it was recorded.
type metric struct {
	api.Versioned
	MetricID  uuid.UUID `json:"metricId"`
	ProductID shop.ID   `json:"productId"`
	AsOf      shop.Day  `json:"asOf" doc:"The shop day from which on it holds."`
	Source    string    `json:"source" enum:"sync,manual"`
	Naming
	RecordedBy string    `json:"recordedBy" doc:"Mail address, name of a service token, or the run that measured."`
	RecordedAt time.Time `json:"recordedAt"`
}

// metricOf is a row as the API tells it.
func metricOf(r *pgdb.PerformanceMetric, currency string) metric {
	m := metric{
		Versioned: api.Versioned{Version: r.Version}, MetricID: r.MetricID, ProductID: shop.ID(r.ProductID),
		AsOf: shop.Day(dayOf(r.AsOf).String()), Source: r.Source, RecordedBy: r.RecordedBy, RecordedAt: r.RecordedAt.UTC(),
	}
	if r.FirstSaleDay != nil {
		d := shop.Day(dayOf(*r.FirstSaleDay).String())
		m.FirstSaleDay = &d
	}
	if u := unitsOf(r); u != [6]*int64{} {
		m.Units = &units{u[0], u[1], u[2], u[3], u[4], u[5]}
	}
	var money [6]*shop.Money
	for w, a := range netOf(r) {
		if a != nil {
			money[w] = &shop.Money{Amount: *a, Currency: currency}
		}
	}
	if money != [6]*shop.Money{} {
		m.NetSales = &netSales{money[0], money[1], money[2], money[3], money[4], money[5]}
	}
	m.IsActive = r.IsActive
	if r.Note != nil {
		m.Note = *r.Note
	}
	return m
}

// fill writes what is named into a row, and notes what is wrong with it.
func (n *Naming) fill(r *pgdb.PerformanceMetric, at, currency string, f *api.Faults) {
	r.FirstSaleDay, r.Note, r.IsActive = nil, nil, n.IsActive
	if n.FirstSaleDay != nil {
		d, err := parseDay(*n.FirstSaleDay)
		if t := d.time(); err == nil && !t.After(r.AsOf) {
			r.FirstSaleDay = &t
		} else {
			f.Add(at+".firstSaleDay", "is after asOf")
		}
	}
	u := units{}
	if n.Units != nil {
		u = *n.Units
	}
	r.UnitsFirst7Days, r.UnitsFirst14Days, r.UnitsLast7Days = u.First7Days, u.First14Days, u.Last7Days
	r.UnitsLast14Days, r.UnitsLast30Days, r.UnitsTotal = u.Last14Days, u.Last30Days, u.Total
	s := netSales{}
	if n.NetSales != nil {
		s = *n.NetSales
	}
	var amounts [6]*shop.Amount
	for w, m := range []*shop.Money{s.First7Days, s.First14Days, s.Last7Days, s.Last14Days, s.Last30Days, s.Total} {
		if m == nil {
			continue
		}
		if m.Currency != currency {
			f.Add(at+".netSales."+windowNames()[w]+".currency", "is not that of the shop, %s", currency)
		}
		amounts[w] = &m.Amount
	}
	r.NetSalesFirst7Days, r.NetSalesFirst14Days, r.NetSalesLast7Days = amounts[0], amounts[1], amounts[2]
	r.NetSalesLast14Days, r.NetSalesLast30Days, r.NetSalesTotal = amounts[3], amounts[4], amounts[5]
	if n.FirstSaleDay == nil && n.IsActive == nil && u == (units{}) && s == (netSales{}) {
		f.Add(at, "names no measure: give one of firstSaleDay, units, netSales and isActive")
	}
	if n.Note != "" {
		r.Note = &n.Note
	}
}

// written is the answer of what wrote metrics.
type written struct {
	Metrics []metric `json:"metrics"`
}

func writtenOf(list []pgdb.PerformanceMetric, currency string) *api.One[written] {
	out := written{Metrics: []metric{}}
	for i := range list {
		out.Metrics = append(out.Metrics, metricOf(&list[i], currency))
	}
	return &api.One[written]{Data: out}
}

// image is a metric in the record of changes: its row.
type image = pgdb.PerformanceMetric

// write stores changed metrics, tells the lakehouse, and records the change.
// Rows without a version are new. The rows come back as they were stored.
func write(ctx context.Context, tx pg.Tx, operation string, before, after []image) ([]image, error) {
	after, err := store(ctx, tx, after)
	if err != nil {
		return nil, err
	}
	c := api.Change{Operation: operation, Subject: "performance_metric"}
	for _, r := range after {
		c.SubjectIDs = append(c.SubjectIDs, r.MetricID.String())
	}
	c.After = living(after)
	if len(before) > 0 {
		c.Before = before
	}
	_, err = api.Record(ctx, tx, c)
	return after, err
}

// living returns the rows that are not deleted, nil where none is.
func living(list []image) any {
	list = slices.DeleteFunc(slices.Clone(list), func(r image) bool { return r.DeletedAt != nil })
	if len(list) == 0 {
		return nil
	}
	return list
}

// store writes rows, in one new version each.
func store(ctx context.Context, tx pg.Tx, list []image) ([]image, error) {
	q := pgdb.New(tx)
	list = slices.Clone(list)
	if err := checkFree(ctx, q, list); err != nil {
		return nil, err
	}
	now, by := time.Now().UTC().Truncate(time.Microsecond), cmp.Or(api.PrincipalOf(ctx).Name, "system")
	for i := range list {
		r := &list[i]
		r.RecordedAt, r.RecordedBy, r.Version = now, by, r.Version+1
		n := netOf(r)
		var err error
		if r.Version == 1 {
			err = q.InsertManualMetric(ctx, pgdb.InsertManualMetricParams{
				MetricID: r.MetricID, ProductID: r.ProductID, AsOf: r.AsOf, FirstSaleDay: r.FirstSaleDay,
				U1: r.UnitsFirst7Days, U2: r.UnitsFirst14Days, U3: r.UnitsLast7Days, U4: r.UnitsLast14Days, U5: r.UnitsLast30Days, U6: r.UnitsTotal,
				N1: n[0], N2: n[1], N3: n[2], N4: n[3], N5: n[4], N6: n[5],
				IsActive: r.IsActive, Note: r.Note, RecordedBy: by, RecordedAt: now,
			})
		} else {
			err = q.WriteManualMetric(ctx, pgdb.WriteManualMetricParams{
				MetricID: r.MetricID, AsOf: r.AsOf, FirstSaleDay: r.FirstSaleDay,
				U1: r.UnitsFirst7Days, U2: r.UnitsFirst14Days, U3: r.UnitsLast7Days, U4: r.UnitsLast14Days, U5: r.UnitsLast30Days, U6: r.UnitsTotal,
				N1: n[0], N2: n[1], N3: n[2], N4: n[3], N5: n[4], N6: n[5],
				IsActive: r.IsActive, Note: r.Note, RecordedBy: by, RecordedAt: now, Version: r.Version, DeletedAt: r.DeletedAt,
			})
		}
		if err != nil {
			return nil, err
		}
	}
	if err := q.BumpPerformance(ctx); err != nil { // from here on other writers wait
		return nil, err
	}
	return list, tell(ctx, tx, list)
}

// checkFree refuses a metric for a product and day that have another one.
func checkFree(ctx context.Context, q *pgdb.Queries, list []image) error {
	var p pgdb.ManualMetricsOfDaysParams
	mine := map[uuid.UUID]bool{}
	for _, r := range list {
		mine[r.MetricID] = true
		if r.DeletedAt == nil {
			p.ProductIds, p.Days = append(p.ProductIds, r.ProductID), append(p.Days, r.AsOf)
		}
	}
	found, err := q.ManualMetricsOfDays(ctx, p)
	if err != nil {
		return err
	}
	for _, m := range found {
		if !mine[m.MetricID] {
			return errs.WithRemedy(
				fmt.Errorf("product %d has a metric by hand of %s already: %w", m.ProductID, dayOf(m.AsOf), errs.Conflict),
				fmt.Sprintf("change that one, metric %s", m.MetricID))
		}
	}
	return nil
}

// undoers undo all operations on metrics alike, and those on the specification.
func (s *Service) undoers() (list []api.Undoer) {
	for _, operation := range []string{createOp, changeManyOp, changeOp, deleteManyOp, deleteOp} {
		list = append(list, api.Undo(operation, undo))
	}
	return append(list, undoClassify())
}

// undo brings metrics from one state to another: those that the first lacks are
// brought back, and those that the second lacks are deleted.
func undo(ctx context.Context, tx pg.Tx, from, to []image) error {
	old, fresh := map[uuid.UUID]*image{}, map[uuid.UUID]*image{}
	var ids []uuid.UUID
	for i := range from {
		old[from[i].MetricID] = &from[i]
		ids = append(ids, from[i].MetricID)
	}
	for i := range to {
		fresh[to[i].MetricID] = &to[i]
		if old[to[i].MetricID] == nil {
			ids = append(ids, to[i].MetricID)
		}
	}
	now, err := pgdb.New(tx).LockMetrics(ctx, ids)
	if err != nil {
		return err
	}
	if len(now) < len(ids) {
		return errs.WithRemedy(fmt.Errorf("a metric is gone: %w", errs.Conflict), "record it anew")
	}
	for i := range now {
		r := &now[i]
		if was := old[r.MetricID]; (was == nil) != (r.DeletedAt != nil) || was != nil && !same(was, r) {
			return errs.WithRemedy(fmt.Errorf("metric %s was changed since: %w", r.MetricID, errs.Conflict), "undo the later change first, or change it by hand")
		}
		version := r.Version
		if target := fresh[r.MetricID]; target != nil {
			*r = *target
			r.DeletedAt = nil
		} else {
			at := time.Now().UTC()
			r.DeletedAt = &at
		}
		r.Version = version
	}
	_, err = store(ctx, tx, now)
	return err
}

// same says whether two rows hold the same, whoever wrote them when.
func same(a, b *image) bool {
	return a.AsOf.Equal(b.AsOf) && alike(unitsOf(a), unitsOf(b)) && alike(netOf(a), netOf(b)) &&
		alike([6]*bool{a.IsActive}, [6]*bool{b.IsActive}) && alike([6]*string{a.Note}, [6]*string{b.Note}) &&
		(a.FirstSaleDay == nil) == (b.FirstSaleDay == nil) && (a.FirstSaleDay == nil || a.FirstSaleDay.Equal(*b.FirstSaleDay))
}

func alike[T comparable](a, b [6]*T) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) || a[i] != nil && *a[i] != *b[i] {
			return false
		}
	}
	return true
}
