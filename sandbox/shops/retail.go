package shops

import (
	"iter"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// RetailOptions say how the CSV of a shop is read; the zero value fits the UCI
// data set "Online Retail".
type RetailOptions struct {
	Currency string // default GBP
	TimeZone string // of the CSV's times, and of the shop; default Europe/London
	Domain   string // default online-retail.myshopify.com
}

// Retail is a real shop's transactions as a Shopify shop: an invoice is an
// order, a row of it a line, a row of a cancellation the refund of the latest
// earlier line of the same customer and article. What has no place in Shopify
// is kept in the [Ledger].
type Retail struct {
	info     shop.Info
	orders   []retailOrder // ascending by date
	products []retailProduct
	ledger   Ledger
}

var _ shopify.Shop = (*Retail)(nil)

type retailOrder struct {
	invoice  string
	at       time.Time // earliest row of the invoice
	customer shop.ID
	country  string
	lines    []retailLine
	refunds  []retailRefund // ascending by date
}

type retailLine struct {
	product  int
	title    string
	quantity int
	price    shop.Amount
	left     int // neither refunded nor cancelled in the end
}

type retailRefund struct {
	row            int
	at             time.Time
	line           int // of the order
	quantity, rest int // of the line, and of the order as a whole
	price          shop.Amount
}

type retailProduct struct {
	code, title string
	titleAt     time.Time
	titleRank   int // 2 from a line with a price, 1 from another line, 0 none
	first       time.Time
	tags        []string
}

// Info says who the shop is.
func (r *Retail) Info() shop.Info { return r.info }

// Ledger tells what became of each row of the CSV.
func (r *Retail) Ledger() Ledger { return r.ledger }

// Until is the instant of the last order or refund: from then on nothing
// changes any more.
func (r *Retail) Until() time.Time {
	var last time.Time
	for i := range r.orders {
		o := &r.orders[i]
		if o.at.After(last) {
			last = o.at
		}
		if n := len(o.refunds); n > 0 && o.refunds[n-1].at.After(last) {
			last = o.refunds[n-1].at
		}
	}
	return last
}

// Orders yields the orders of an instant.
func (r *Retail) Orders(now time.Time) iter.Seq[*shopify.Order] {
	return func(yield func(*shopify.Order) bool) {
		var o shopify.Order
		for i := range r.orders {
			if r.orders[i].at.After(now) {
				return
			}
			if r.fill(&o, i, now); !yield(&o) {
				return
			}
		}
	}
}

// Order returns one order as of an instant.
func (r *Retail) Order(id shop.ID, now time.Time) (*shopify.Order, bool) {
	i, ok := indexOfOrder(id)
	if !ok || i >= int64(len(r.orders)) || r.orders[i].at.After(now) {
		return nil, false
	}
	var o shopify.Order
	r.fill(&o, int(i), now)
	return &o, true
}

// Deletions yields nothing: the CSV knows of none.
func (r *Retail) Deletions(time.Time) iter.Seq[shopify.Deletion] {
	return func(func(shopify.Deletion) bool) {}
}

// fill makes an order as of now in the memory of an earlier one.
func (r *Retail) fill(o *shopify.Order, i int, now time.Time) {
	src := &r.orders[i]
	lines, refunds := o.Lines[:0], o.Refunds[:0]
	*o = shopify.Order{Lines: lines, Order: shop.Order{
		ID: orderID(int64(i)), Name: "#" + src.invoice, ProcessedAt: src.at, CreatedAt: src.at, UpdatedAt: src.at,
		FinancialStatus: "PAID", FulfillmentStatus: "UNFULFILLED", Currency: r.info.Currency, PresentmentCurrency: r.info.Currency,
		CustomerID: src.customer, Country: src.country, SourceName: "web",
	}}
	for k, l := range src.lines {
		p := &r.products[l.product]
		o.Lines = append(o.Lines, shopify.Line{Line: shop.Line{
			ID: lineID(i, k), OrderID: o.ID, ProductID: productID(l.product), VariantID: shop.ID(firstVariant + l.product*16),
			SKU: p.code, Title: l.title, Quantity: l.quantity, CurrentQuantity: l.quantity, UnitPrice: l.price,
		}})
		o.Subtotal += l.price * shop.Amount(l.quantity)
		o.LineQuantity += l.quantity
	}
	o.Total, o.PresentmentTotal = o.Subtotal, o.Subtotal
	for _, f := range src.refunds {
		if f.at.After(now) {
			break
		}
		refunds = appendRefund(refunds, o, i, f)
	}
	o.Refunds, o.RefundCount = refunds, len(refunds)
	switch {
	case o.Refunded >= o.Total && o.Refunded > 0:
		o.FinancialStatus = "REFUNDED"
	case o.Refunded > 0:
		o.FinancialStatus = "PARTIALLY_REFUNDED"
	}
}

// appendRefund makes one or two refunds of a row: for the pieces of the line
// and, without lines, for those that the line did not have.
func appendRefund(refunds []shop.Refund, o *shopify.Order, i int, f retailRefund) []shop.Refund {
	amount := f.price * shop.Amount(f.quantity)
	refunds = append(refunds, shop.Refund{ID: refundID(f.row, 0), CreatedAt: f.at, Total: amount, Lines: []shop.RefundLine{
		{LineID: lineID(i, f.line), Quantity: f.quantity, Subtotal: amount},
	}})
	if f.rest > 0 {
		rest := f.price * shop.Amount(f.rest)
		refunds = append(refunds, shop.Refund{ID: refundID(f.row, 1), CreatedAt: f.at, Total: rest})
		amount += rest
	}
	o.Refunded += amount
	o.Lines[f.line].CurrentQuantity -= f.quantity
	o.UpdatedAt = f.at
	return refunds
}

// lineID leaves room for the 1,114 lines of the longest invoice.
func lineID(order, line int) shop.ID { return shop.ID(firstLine + order*8*lineStride + line) }

func refundID(row, part int) shop.ID { return shop.ID(firstRefund + row*2 + part) }

// Products yields the articles sold until now, each from its first row on.
func (r *Retail) Products(now time.Time) iter.Seq[*shopify.Product] {
	return func(yield func(*shopify.Product) bool) {
		for i := range r.products {
			if p, ok := r.Product(productID(i), now); ok && !yield(p) {
				return
			}
		}
	}
}

// Product returns one article. It never changes: its title is the one that it
// had in the end.
func (r *Retail) Product(id shop.ID, now time.Time) (*shopify.Product, bool) {
	i, ok := indexOfProduct(id)
	if !ok || i >= len(r.products) || r.products[i].first.After(now) {
		return nil, false
	}
	p := &r.products[i]
	return &shopify.Product{Product: shop.Product{
		ID: id, Title: p.title, Handle: strings.ToLower(p.code), Vendor: "Online Retail", Status: "ACTIVE", Tags: p.tags,
		CreatedAt: p.first, UpdatedAt: p.first, PublishedAt: p.first,
	}}, true
}
