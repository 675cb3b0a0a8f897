package performance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// units are units sold, by window. Those of the first days are left out while
// nobody knows them.
type units struct {
	First7Days  *int64 `json:"first7Days,omitempty" minimum:"0" maximum:"1000000000000" doc:"In the 7 shop days from the first sale on."`
	First14Days *int64 `json:"first14Days,omitempty" minimum:"0" maximum:"1000000000000"`
	Last7Days   *int64 `json:"last7Days,omitempty" minimum:"0" maximum:"1000000000000" doc:"In the 7 shop days that end with asOf."`
	Last14Days  *int64 `json:"last14Days,omitempty" minimum:"0" maximum:"1000000000000"`
	Last30Days  *int64 `json:"last30Days,omitempty" minimum:"0" maximum:"1000000000000"`
	Total       *int64 `json:"total,omitempty" minimum:"0" maximum:"1000000000000"`
}

// netSales are the net sales in the shop's currency, by window.
type netSales struct {
	First7Days  *shop.Money `json:"first7Days,omitempty"`
	First14Days *shop.Money `json:"first14Days,omitempty"`
	Last7Days   *shop.Money `json:"last7Days,omitempty"`
	Last14Days  *shop.Money `json:"last14Days,omitempty"`
	Last30Days  *shop.Money `json:"last30Days,omitempty"`
	Total       *shop.Money `json:"total,omitempty"`
}

// Values are the measures of a product as the API tells them.
type Values struct {
	FirstSaleDay *shop.Day `json:"firstSaleDay,omitempty" doc:"Left out without a sale, and while orders from when the product was published may be missing."`
	Units        units     `json:"units" doc:"As ordered."`
	NetSales     netSales  `json:"netSales" doc:"Less discounts, refunds and included tax."`
	IsActive     bool      `json:"isActive" doc:"Status ACTIVE or UNLISTED, and not gone from Shopify."`
}

func (m *measures) values(currency string) Values {
	var u [6]*int64
	var n [6]*shop.Money
	for w := range u {
		if w < len(m.known) && !m.known[w] {
			continue
		}
		u[w], n[w] = &m.units[w], &shop.Money{Amount: m.net[w], Currency: currency}
	}
	v := Values{IsActive: m.active, Units: units{u[0], u[1], u[2], u[3], u[4], u[5]}, NetSales: netSales{n[0], n[1], n[2], n[3], n[4], n[5]}}
	if m.hasFirstSale {
		d := shop.Day(m.firstSale.String())
		v.FirstSaleDay = &d
	}
	return v
}

// Entry is a product in the list.
type Entry struct {
	ProductID   shop.ID  `json:"productId"`
	Title       string   `json:"title"`
	Handle      string   `json:"handle"`
	ProductLine string   `json:"productLine" example:"IPH"`
	Status      string   `json:"status" doc:"Shopify's: ACTIVE, ARCHIVED, DRAFT or UNLISTED."`
	ImageURL    string   `json:"imageUrl,omitempty"`
	AsOf        shop.Day `json:"asOf" doc:"The shop day as of which products were measured."`
	Tier        string   `json:"tier" enum:"top_riser,winner,archive_candidate,banana,none" doc:"The first of the flags."`
	Flags       []string `json:"flags" doc:"All tiers that hold, in order."`
	Trend       string   `json:"trend" enum:"rising,falling,steady" doc:"The last 7 days against the 7 before, by the measure of the tiers."`
	Values
	MetricID   *uuid.UUID  `json:"metricId,omitempty" doc:"Of what was measured; left out where only a person recorded something."`
	Overridden []string    `json:"overridden,omitempty" doc:"The measures that were recorded by hand." example:"[\"units.total\"]"`
	ManualIDs  []uuid.UUID `json:"manualMetricIds,omitempty" doc:"The metrics recorded by hand, the older first."`
	Measured   *Values     `json:"measured,omitempty" csv:"-" doc:"What lies beneath those recorded by hand."`

	key position
}

// position is where an entry stands: by the value sorted by, then the product.
type position struct {
	Number int64   `json:"n,omitempty"`
	Text   string  `json:"t,omitempty"`
	ID     shop.ID `json:"id"`
}

func (e Entry) position() position { return e.key }

// Filters say which products are wanted. They are exported to be found by the API.
type Filters struct {
	Tier        string    `query:"tier" enum:"top_riser,winner,archive_candidate,banana,none" doc:"That hold this tier, be it their first or not; none: that hold none."`
	Tag         string    `query:"tag" maxLength:"255" doc:"That have this tag now, in any case."`
	Group       uuid.UUID `query:"group" doc:"That have a tag of this tag group now."`
	Designer    string    `query:"designer" maxLength:"400" doc:"That have a tag of this designer now, in any case."`
	ProductLine string    `query:"productLine" maxLength:"16" doc:"Of this product line."`
	Status      string    `query:"status" enum:"ACTIVE,ARCHIVED,DRAFT,UNLISTED" doc:"Of this status."`
	Q           string    `query:"q" maxLength:"255" doc:"With this in title or handle, or of this id."`
	AsOf        shop.Day  `query:"asOf" doc:"As of this shop day; today where it is left out. Tags, titles and statuses are those of now."`
}

type listRequest struct {
	api.Page
	Filters
	Sort string `query:"sort" default:"-unitsLast30Days" enum:"title,-title,firstSaleDay,-firstSaleDay,unitsFirst7Days,-unitsFirst7Days,unitsFirst14Days,-unitsFirst14Days,unitsLast7Days,-unitsLast7Days,unitsLast14Days,-unitsLast14Days,unitsLast30Days,-unitsLast30Days,unitsTotal,-unitsTotal,netSalesFirst7Days,-netSalesFirst7Days,netSalesFirst14Days,-netSalesFirst14Days,netSalesLast7Days,-netSalesLast7Days,netSalesLast14Days,-netSalesLast14Days,netSalesLast30Days,-netSalesLast30Days,netSalesTotal,-netSalesTotal" doc:"By this; with a minus, the greatest first. Ties go by product id."`
}

// view is a table by the specification in force.
type view struct {
	*table
	spec  artifact.Spec
	flags []flags
}

func (s *Service) view(ctx context.Context, asOf shop.Day) (view, error) {
	t, err := s.tableOf(ctx, asOf)
	if err != nil {
		return view{}, err
	}
	spec, err := artifact.SpecInForce(ctx, s.db)
	if err != nil {
		return view{}, err
	}
	return view{t, spec.Payload, t.flagsBy(spec.Payload)}, nil
}

// Find returns the first products of the list.
func (s *Service) Find(ctx context.Context, f Filters, sort string, limit int) ([]Entry, error) {
	return s.list(ctx, &listRequest{Filters: f, Sort: sort}, nil, limit)
}

func (s *Service) list(ctx context.Context, req *listRequest, after *position, limit int) (list []Entry, err error) {
	v, err := s.view(ctx, req.AsOf)
	if err != nil {
		return nil, err
	}
	keep, err := s.matcher(ctx, v, &req.Filters)
	if err != nil {
		return nil, err
	}
	order := v.order(req.Sort)
	start := 0
	if after != nil {
		start = sort.Search(len(order), func(n int) bool { return v.compare(req.Sort, v.place(req.Sort, int(order[n])), *after) > 0 })
	}
	for _, i := range order[start:] {
		if len(list) == limit {
			break
		}
		if keep(int(i)) {
			list = append(list, v.entry(int(i), req.Sort))
		}
	}
	return list, nil
}

func (s *Service) count(ctx context.Context, req *listRequest) (n int64, err error) {
	v, err := s.view(ctx, req.AsOf)
	if err != nil {
		return 0, err
	}
	keep, err := s.matcher(ctx, v, &req.Filters)
	if err != nil {
		return 0, err
	}
	for i := range v.products {
		if keep(i) {
			n++
		}
	}
	return n, nil
}

func (v view) entry(i int, by string) Entry {
	p, a := &v.products[i], &v.about[i]
	e := Entry{
		ProductID: p.id, Title: a.title, Handle: a.handle, ProductLine: a.line, Status: a.status, ImageURL: a.image,
		AsOf: shop.Day(a.asOf.String()), Tier: v.flags[i].primary(), Flags: v.flags[i].names(), Trend: trend(v.spec, &p.measures),
		Values: p.values(v.currency), key: v.place(by, i),
	}
	if a.metric != uuid.Nil {
		e.MetricID = &a.metric
	}
	if o, ok := v.beneath[p.id]; ok {
		e.Overridden, e.ManualIDs = o.fields, o.metrics
		if a.metric != uuid.Nil {
			under := o.synced.values(v.currency)
			e.Measured = &under
		}
	}
	return e
}

// matcher returns whether a product passes the filters.
func (s *Service) matcher(ctx context.Context, v view, f *Filters) (func(i int) bool, error) {
	tagged, err := s.tagged(ctx, f)
	if err != nil {
		return nil, err
	}
	q := strings.ToLower(strings.TrimSpace(f.Q))
	var one flags // 0 where none is asked for
	if f.Tier != "" && f.Tier != None {
		one = 1 << slices.Index(Tiers(), f.Tier)
	}
	return func(i int) bool {
		p, a := &v.products[i], &v.about[i]
		return (one == 0 || v.flags[i]&one != 0) &&
			(f.Tier != None || v.flags[i] == 0) &&
			(f.ProductLine == "" || strings.EqualFold(f.ProductLine, a.line)) &&
			(f.Status == "" || f.Status == a.status) &&
			(tagged == nil || tagged.has(p.id)) &&
			(q == "" || strings.Contains(strings.ToLower(a.title), q) || strings.Contains(a.handle, q) || p.id.String() == q)
	}, nil
}

// products are ids in order.
type products []int64

func (p products) has(id shop.ID) bool {
	_, ok := slices.BinarySearch(p, int64(id))
	return ok
}

// tagged returns the products that pass the filters by tags, nil where all do.
func (s *Service) tagged(ctx context.Context, f *Filters) (found *products, err error) {
	q := pgdb.New(s.db)
	keep := func(ids products, err error) error {
		if found != nil {
			ids = slices.DeleteFunc(ids, func(id int64) bool { return !found.has(shop.ID(id)) })
		}
		found = &ids
		return err
	}
	if f.Tag != "" {
		if err := keep(q.ProductsOfTags(ctx, []string{strings.TrimSpace(f.Tag)})); err != nil {
			return nil, err
		}
	}
	if f.Designer != "" {
		d, err := designer.Find(ctx, s.db, f.Designer)
		if errs.Kind(err) == "not_found" {
			return nil, api.Faults{{Location: "query.designer", Message: "is no designer: GET /api/designers/names lists those that there are"}}
		}
		if err != nil {
			return nil, err
		}
		if err := keep(q.ProductsOfTags(ctx, append([]string{}, d.Payload.Tags...))); err != nil {
			return nil, err
		}
	}
	if f.Group == uuid.Nil {
		return found, nil
	}
	err = keep(q.ProductsOfGroup(ctx, f.Group))
	if pg.NoRows(err) {
		err = errs.WithRemedy(fmt.Errorf("there is no such tag group: %w", errs.NotFound), "GET /api/tag-groups lists what there is")
	}
	return found, err
}

// order returns the products sorted, and keeps that for the next who asks.
func (t *table) order(by string) []int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if order, ok := t.orders[by]; ok {
		return order
	}
	keys, order := make([]position, len(t.products)), make([]int32, len(t.products))
	for i := range keys {
		keys[i], order[i] = t.place(by, i), int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return t.compare(by, keys[a], keys[b]) })
	t.orders[by] = order
	return order
}

func (t *table) compare(by string, a, b position) int {
	c := cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Text, b.Text))
	if strings.HasPrefix(by, "-") {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.ID, b.ID))
}

// place is where a product stands in an order.
func (t *table) place(by string, i int) position {
	p, name := &t.products[i], strings.TrimPrefix(by, "-")
	k := position{ID: p.id}
	switch {
	case name == "title":
		k.Text = strings.ToLower(t.about[i].title)
	case name == "firstSaleDay":
		if k.Number = -1; p.hasFirstSale {
			k.Number = int64(p.firstSale)
		}
	case strings.HasPrefix(name, "units"):
		k.Number = p.units[windowOf(name, "units")]
	default:
		k.Number = int64(p.net[windowOf(name, "netSales")])
	}
	return k
}

// Orders are all orders of the list, each also with a minus before it.
func Orders() []string {
	list := []string{"title", "-title", "firstSaleDay", "-firstSaleDay"}
	for _, measure := range []string{"units", "netSales"} {
		for _, w := range windowNames() {
			name := measure + strings.ToUpper(w[:1]) + w[1:]
			list = append(list, name, "-"+name)
		}
	}
	return list
}

// windowOf finds the window that a sort order names, such as unitsLast7Days.
func windowOf(name, measure string) int {
	for w, window := range windowNames() {
		if strings.EqualFold(name, measure+window) {
			return w
		}
	}
	return total
}
