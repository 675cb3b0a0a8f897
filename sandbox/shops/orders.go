package shops

import (
	"math"
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// builder builds orders one after the other into the same memory.
type builder struct {
	g     *Generated
	now   time.Time
	order shopify.Order
	dice  dice

	lines        []shopify.Line
	discounts    []shop.Amount
	taxes        []shopify.TaxLine
	fulfillments []shop.Fulfillment
	refunds      []shop.Refund
	refundLines  []shop.RefundLine
	tags         []string
	deletions    []time.Time // of the products of the lines
}

// market is where an order goes.
type market struct {
	country, currency string
	weight            int
	rate              int64 // millionths of the currency for one of the shop's
	taxes             []tax
}

type tax struct {
	title string
	rate  int64 // hundredths of a percent
}

func markets() []market {
	return []market{
		{"US", "USD", 700, 1_000_000, []tax{{"State Tax", 600}, {"County Tax", 288}}},
		{"CA", "CAD", 80, 1_362_500, []tax{{"GST", 500}, {"PST", 700}}},
		{"GB", "GBP", 70, 789_100, []tax{{"VAT", 2000}}},
		{"DE", "EUR", 40, 921_300, []tax{{"MwSt", 1900}}},
		{"FR", "EUR", 30, 921_300, []tax{{"TVA", 2000}}},
		{"AU", "AUD", 30, 1_523_000, nil},
		{"ES", "EUR", 15, 921_300, []tax{{"IVA", 2100}}},
		{"JP", "JPY", 20, 149_520_000, nil},
		{"KW", "KWD", 8, 307_150, nil},
		{"MX", "MXN", 7, 18_420_000, nil},
	}
}

// build makes the i-th order as of b.now; false where it was deleted.
func (b *builder) build(i int64, createdAt time.Time) (*shopify.Order, bool) {
	if at := b.g.orderDeletedAt(i, createdAt); !at.IsZero() && !at.After(b.now) {
		return nil, false
	}
	b.reset(i)
	o := &b.order
	*o = shopify.Order{Order: shop.Order{
		ID: orderID(i), Name: orderName(i), CreatedAt: createdAt, ProcessedAt: createdAt, UpdatedAt: createdAt,
		FinancialStatus: "PAID", FulfillmentStatus: "UNFULFILLED", SourceName: "web",
		Currency: b.g.info.Currency, PresentmentCurrency: b.g.info.Currency, TaxesIncluded: b.g.options.TaxesIncluded,
	}}
	m := b.market()
	b.head(i, m)
	b.addLines(i, m)
	b.sum()
	o.Shipping = b.shipping(m)
	b.happen(i, m)
	b.total()
	for k := range o.Lines {
		if at := b.deletions[k]; !at.IsZero() && !at.After(o.UpdatedAt) {
			o.Lines[k].ProductID, o.Lines[k].VariantID = 0, 0
		}
	}
	return o, true
}

func (b *builder) reset(i int64) {
	b.dice = diceFor(b.g.options.Seed, 'o', i)
	b.lines, b.discounts, b.taxes = b.lines[:0], b.discounts[:0], b.taxes[:0]
	b.fulfillments, b.refunds, b.refundLines = b.fulfillments[:0], b.refunds[:0], b.refundLines[:0]
	b.tags, b.deletions = b.tags[:0], b.deletions[:0]
}

// orderName is no identity: now and then two orders have the same.
func orderName(i int64) string {
	if i%997 == 996 {
		i--
	}
	return "#" + strconv.FormatInt(1001+i, 10)
}

func (b *builder) market() market {
	all := b.g.markets
	k := b.dice.n(1000)
	for _, m := range all {
		if k -= m.weight; k < 0 {
			return m
		}
	}
	return all[0]
}

// head draws what an order has besides lines.
func (b *builder) head(i int64, m market) {
	o, d := &b.order, &b.dice
	o.Country = m.country
	if m.currency != b.g.info.Currency && (m.currency == "JPY" || m.currency == "KWD" || d.chance(120)) {
		o.PresentmentCurrency, o.PresentmentRate = m.currency, m.rate
	}
	if !d.chance(10) {
		n := int64(math.Sqrt(d.unit()) * float64(i*6/10+1)) // two in five buy again
		o.CustomerID = shop.ID(firstCustomer + n*orderStride)
		o.Email = "customer" + strconv.FormatInt(n, 10) + "@example.com"
	}
	o.Test = d.chance(10)
	switch d.n(40) {
	case 0: // a till that was offline
		o.SourceName = "pos"
		o.ProcessedAt = o.CreatedAt.Add(-time.Duration(d.between(60, 21600)) * time.Second)
	case 1:
		o.SourceName = "shopify_draft_order"
	case 2, 3:
		o.SourceName = "580111"
	}
	switch d.n(30) {
	case 0:
		b.tags = append(b.tags, "wholesale")
	case 1:
		b.tags = append(b.tags, "🎁 gift", "Café")
	case 2:
		b.tags = append(b.tags, `quoted "vip"`)
	}
	o.Tags = b.tags
}

// addLines draws three lines on average, and a few big orders.
func (b *builder) addLines(i int64, m market) {
	d := &b.dice
	n := 0
	switch k := d.n(100); {
	case i%20011 == 17:
		n = d.between(120, 160) // more than a page of lines
	case i%2003 == 1999:
		n = d.between(13, 60)
	case k < 25:
		n = 1
	case k < 50:
		n = 2
	case k < 70:
		n = 3
	case k < 82:
		n = 4
	case k < 90:
		n = 5
	case k < 94:
		n = 6
	default:
		n = d.between(7, 12)
	}
	percent := 0
	if d.chance(250) {
		percent = []int{10, 15, 20}[d.n(3)]
	}
	extra := d.chance(40) // an automatic discount besides
	for range n {
		b.addLine(i, m, percent, extra)
	}
}

// addLine appends one line with its discounts in percent and its taxes.
func (b *builder) addLine(i int64, m market, percent int, extra bool) {
	d, g := &b.dice, b.g
	p := 0
	if !d.chance(10) {
		p = b.pick()
	}
	a := g.article(p)
	n := len(b.lines)
	l := shopify.Line{Line: shop.Line{
		ID: shop.ID(firstLine + i*lineStride + int64(n)), OrderID: b.order.ID, ProductID: productID(p),
		Title: a.title, Vendor: a.line.vendor, SKU: a.sku, Quantity: 1, IsGiftCard: p == 0,
		UnitPrice: shop.Amount(a.line.price) * g.unit,
	}}
	l.VariantID = shop.ID(firstVariant + int64(p)*16)
	if n := len(a.line.variants); n > 0 {
		v := d.n(n)
		l.VariantTitle = a.line.variants[v]
		l.VariantID += shop.ID(v)
		if p == 0 {
			l.UnitPrice *= 1 << v // 25, 50, 100
		}
	}
	switch k := d.n(100); {
	case p == 0 || k < 80:
	case k < 95:
		l.Quantity = 2
	default:
		l.Quantity = d.between(3, 5)
	}
	l.CurrentQuantity = l.Quantity
	if p > 0 {
		b.discount(&l, percent, extra)
		b.tax(&l, m)
	}
	b.lines = append(b.lines, l)
	b.deletions = append(b.deletions, g.productDeletedAt(p))
	b.order.Lines = b.lines
}

// pick chooses a product on sale: hot designs sell most, and so do new ones.
func (b *builder) pick() int {
	d, g := &b.dice, b.g
	if g.options.Products == 1 {
		return 0
	}
	at := b.order.CreatedAt
	known := g.early
	if later := at.Sub(g.options.From) - 48*time.Hour; later >= g.spacing {
		known += int(later / g.spacing)
	}
	known = min(known, (g.options.Products-2)/len(g.lines)+1+int(max(at.Sub(g.options.Anchor), 0)/g.spacing))
	design := 0
	if d.chance(500) {
		design = known - 1 - zipf(d.unit(), known)
	} else {
		design = zipf(d.unit(), min(g.early, known))
	}
	line := int(d.unit() * d.unit() * float64(len(g.lines)))
	p := 1 + design*len(g.lines) + line
	for range 4 {
		deleted := g.productDeletedAt(p)
		if (deleted.IsZero() || deleted.After(at)) && !g.productCreatedAt(p).After(at) {
			return p
		}
		p = 1 + d.n(min(len(g.lines), g.options.Products-1))
	}
	return 0
}

// zipf turns a number below 1 into a rank below n: each rank about half as
// likely as one of half its size.
func zipf(u float64, n int) int {
	return min(int(math.Exp(u*math.Log(float64(n+1))))-1, n-1)
}
