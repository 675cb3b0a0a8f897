// Package shops holds the shops that the Shopify simulator serves: a generated
// brand of any size, a real shop's transactions read from CSV, and an overlay
// that edits either.
package shops

import (
	"fmt"
	"iter"
	"math"
	"sort"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// Options say which shop to generate. The same options make the same shop.
type Options struct {
	Seed     uint64
	Orders   int       // made from From to Anchor; default 1,000
	Products int       // made until Anchor; default 200
	Anchor   time.Time // default 2026-11-01 00:00 UTC
	From     time.Time // default one year before Anchor

	Currency      string // of the shop, default USD
	TimeZone      string // default America/New_York
	TaxesIncluded bool   // prices contain tax
	Domain        string // default paper-moth.myshopify.com
}

// Generated is a brand that prints designs on phone cases and the like. It is
// a pure function of its options and the instant asked for: nothing is kept per
// order, so it may be of any size.
//
// Orders keep arriving after Anchor, at the average rate of the time before,
// and what happens to an order (payment, edit, fulfillment, delivery, refund,
// cancellation, closing, deletion) happens at its own time. The content of an
// order or product is a function of its UpdatedAt: a line loses its deleted
// product when the order is next touched.
type Generated struct {
	options  Options
	info     shop.Info
	unit     shop.Amount // smallest coin
	lines    []productLine
	markets  []market
	early    int           // designs made before From
	spacing  time.Duration // between later designs
	days     []float64     // demand until the end of each day since From
	hours    [25]float64   // demand until each hour of a day
	interval time.Duration // between orders after Anchor
	static   []article     // of the products until Anchor
}

var _ shopify.Shop = (*Generated)(nil)

// Generate makes a shop. Options that can't be are [errs.Invalid].
func Generate(options Options) (*Generated, error) {
	o := withDefaults(options)
	if o.Orders < 0 || o.Products < 1 || !o.From.Before(o.Anchor) {
		return nil, fmt.Errorf("shops: Orders must not be negative, Products at least 1, From before Anchor: %w", errs.Invalid)
	}
	zone, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("shops: TimeZone: %w: %w", err, errs.Invalid)
	}
	g := &Generated{options: o, lines: productLines(), markets: markets(), unit: shop.AmountScale}
	g.info = shop.Info{ID: 61_234_567_890, Domain: o.Domain, Name: "Paper Moth", Currency: o.Currency, TimeZone: o.TimeZone}
	for range shopify.Decimals(o.Currency) {
		g.unit /= 10
	}
	span := o.Anchor.Sub(o.From)
	g.interval = max(span/time.Duration(max(o.Orders, 1)), time.Millisecond)
	g.planDesigns(span)
	g.planDemand(zone)
	g.static = make([]article, o.Products)
	for p := range g.static {
		g.static[p] = g.makeArticle(p)
	}
	return g, nil
}

func withDefaults(o Options) Options {
	if o.Orders == 0 {
		o.Orders = 1000
	}
	if o.Products == 0 {
		o.Products = 200
	}
	if o.Anchor.IsZero() {
		o.Anchor = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.From.IsZero() {
		o.From = o.Anchor.AddDate(-1, 0, 0)
	}
	o.Anchor, o.From = o.Anchor.UTC().Truncate(time.Second), o.From.UTC().Truncate(time.Second)
	if o.Currency == "" {
		o.Currency = "USD"
	}
	if o.TimeZone == "" {
		o.TimeZone = "America/New_York"
	}
	if o.Domain == "" {
		o.Domain = "paper-moth.myshopify.com"
	}
	return o
}

// Info says who the shop is.
func (g *Generated) Info() shop.Info { return g.info }

// Anchor is the instant at which the shop has exactly the orders (deleted ones
// included) and products of its options.
func (g *Generated) Anchor() time.Time { return g.options.Anchor }

// planDemand works out how much is sold on each day (growth, season, weekday,
// luck) and in each hour.
func (g *Generated) planDemand(zone *time.Location) {
	total := 0.0
	for at := g.options.From; at.Before(g.options.Anchor); at = at.Add(24 * time.Hour) {
		local := at.In(zone)
		d := diceFor(g.options.Seed, 'd', int64(len(g.days)))
		weight := (1 + float64(len(g.days))/800) * seasonOf(local) * (0.8 + 0.4*d.unit())
		if day := local.Weekday(); day == time.Sunday || day == time.Monday {
			weight *= 1.25
		}
		if rest := g.options.Anchor.Sub(at); rest < 24*time.Hour {
			weight *= rest.Hours() / 24
		}
		total += weight
		g.days = append(g.days, total)
	}
	_, offset := g.options.From.In(zone).Zone()
	for h := range 24 {
		local := float64(g.options.From.Hour()+h) + float64(offset)/3600
		weight := 1.1 + math.Sin((local-9)*math.Pi/12) // least at 3, most at 15
		g.hours[h+1] = g.hours[h] + weight
	}
}

// seasonOf is how much more a brand sells before Christmas and less in summer.
func seasonOf(t time.Time) float64 {
	switch day := t.Day(); t.Month() {
	case time.November:
		if day >= 24 {
			return 4
		}
		return 1.5
	case time.December:
		if day <= 20 {
			return 2.2
		}
		return 1.2
	case time.July, time.August:
		return 0.8
	}
	return 1
}

// timeOf is when the i-th order is made, in whole seconds, ascending with i.
func (g *Generated) timeOf(i int64) time.Time {
	const burst = 8 // some runs of orders fall into one second
	if d := diceFor(g.options.Seed, 'b', i/burst); d.chance(20) {
		i -= i % burst
	}
	n := int64(g.options.Orders)
	if i >= n {
		return g.options.Anchor.Add(time.Duration(i-n+1) * g.interval).Truncate(time.Second)
	}
	demand := (float64(i) + 0.5) / float64(n) * g.days[len(g.days)-1]
	day := sort.SearchFloat64s(g.days, demand)
	before := 0.0
	if day > 0 {
		before = g.days[day-1]
	}
	start := g.options.From.Add(time.Duration(day) * 24 * time.Hour)
	length := min(24*time.Hour, g.options.Anchor.Sub(start))
	share := g.shareOfDay((demand - before) / (g.days[day] - before))
	return start.Add(time.Duration(share * float64(length-time.Second))).Truncate(time.Second)
}

// shareOfDay turns a share of a day's demand into a share of its time.
func (g *Generated) shareOfDay(demand float64) float64 {
	demand *= g.hours[24]
	h := min(max(sort.SearchFloat64s(g.hours[:], demand), 1), 24)
	return (float64(h-1) + (demand-g.hours[h-1])/(g.hours[h]-g.hours[h-1])) / 24
}

// Orders yields the orders of an instant.
func (g *Generated) Orders(now time.Time) iter.Seq[*shopify.Order] {
	return func(yield func(*shopify.Order) bool) {
		b := builder{g: g, now: now}
		for i := int64(0); ; i++ {
			at := g.timeOf(i)
			if at.After(now) {
				return
			}
			if o, ok := b.build(i, at); ok && !yield(o) {
				return
			}
		}
	}
}

// Order returns one order as of an instant.
func (g *Generated) Order(id shop.ID, now time.Time) (*shopify.Order, bool) {
	i, ok := indexOfOrder(id)
	if !ok {
		return nil, false
	}
	at := g.timeOf(i)
	if at.After(now) {
		return nil, false
	}
	b := builder{g: g, now: now}
	return b.build(i, at)
}

// Deletions yields the destroy events of orders and products.
func (g *Generated) Deletions(now time.Time) iter.Seq[shopify.Deletion] {
	return func(yield func(shopify.Deletion) bool) {
		for i := int64(0); ; i++ {
			at := g.timeOf(i)
			if at.After(now) {
				break
			}
			deleted := g.orderDeletedAt(i, at)
			if !deleted.IsZero() && !deleted.After(now) && !yield(shopify.Deletion{SubjectID: orderID(i), SubjectType: "ORDER", At: deleted}) {
				return
			}
		}
		for p := 0; !g.productCreatedAt(p).After(now); p++ {
			deleted := g.productDeletedAt(p)
			if !deleted.IsZero() && !deleted.After(now) && !yield(shopify.Deletion{SubjectID: productID(p), SubjectType: "PRODUCT", At: deleted}) {
				return
			}
		}
	}
}

// orderDeletedAt is when staff delete an order; zero for nearly all.
func (g *Generated) orderDeletedAt(i int64, createdAt time.Time) time.Time {
	d := diceFor(g.options.Seed, 'x', i)
	if !d.chance(1) {
		return time.Time{}
	}
	return createdAt.Add(time.Duration(d.between(48, 960)) * time.Hour)
}

// Identifiers have the length of Shopify's, ascend with creation and lead back
// to what they identify.
const (
	firstOrder       = 5_120_000_000_000
	firstLine        = 6_300_000_000_000
	firstFulfillment = 4_410_000_000_000
	firstRefund      = 8_050_000_000_000
	firstProduct     = 7_700_000_000_000
	firstVariant     = 4_010_000_000_000
	firstCustomer    = 2_900_000_000_000
	orderStride      = 1024
	lineStride       = 256
	productStride    = 32_768
)

func orderID(i int64) shop.ID { return shop.ID(firstOrder + i*orderStride) }

func indexOfOrder(id shop.ID) (int64, bool) {
	i := (int64(id) - firstOrder) / orderStride
	return i, i >= 0 && orderID(i) == id
}

func productID(p int) shop.ID { return shop.ID(firstProduct + p*productStride) }

func indexOfProduct(id shop.ID) (int, bool) {
	p := int((int64(id) - firstProduct) / productStride)
	return p, p >= 0 && productID(p) == id
}
