package shops

import (
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// discount takes percent off a line, and one unit of the currency besides where
// there is an extra one.
func (b *builder) discount(l *shopify.Line, percent int, extra bool) {
	full := l.UnitPrice * shop.Amount(l.Quantity)
	first := len(b.discounts)
	if percent > 0 {
		b.discounts = append(b.discounts, b.round(int64(full)*int64(percent), 100))
	}
	if extra {
		b.discounts = append(b.discounts, b.g.unit*100)
	}
	l.Discounts = b.discounts[first:len(b.discounts):len(b.discounts)]
	for _, a := range l.Discounts {
		l.Discount += a
	}
}

// tax works out each tax of a line: on top of the price, or within it.
func (b *builder) tax(l *shopify.Line, m market) {
	net := int64(l.UnitPrice*shop.Amount(l.Quantity) - l.Discount)
	base := int64(10_000)
	if b.order.TaxesIncluded {
		for _, t := range m.taxes {
			base += t.rate
		}
	}
	first := len(b.taxes)
	for _, t := range m.taxes {
		b.taxes = append(b.taxes, shopify.TaxLine{Title: t.title, Amount: b.round(net*t.rate, base)})
	}
	l.Taxes = b.taxes[first:len(b.taxes):len(b.taxes)]
	for _, t := range l.Taxes {
		l.Tax += t.Amount
	}
}

// round divides and rounds half up to the smallest coin.
func (b *builder) round(n, divisor int64) shop.Amount {
	coin := int64(b.g.unit) * divisor
	return shop.Amount((n+coin/2)/coin) * b.g.unit
}

// sum adds up the lines as ordered, before refunds.
func (b *builder) sum() {
	o := &b.order
	o.Subtotal, o.Discount, o.Tax, o.LineQuantity = 0, 0, 0, 0
	for i := range o.Lines {
		l := &o.Lines[i]
		o.Subtotal += l.UnitPrice*shop.Amount(l.Quantity) - l.Discount
		o.Discount += l.Discount
		o.Tax += l.Tax
		if !l.IsGiftCard {
			o.LineQuantity += l.Quantity
		}
	}
}

// shipping is free from 50 on, and for what is not shipped.
func (b *builder) shipping(m market) shop.Amount {
	switch {
	case b.order.Subtotal >= 5000*b.g.unit || b.order.LineQuantity == 0:
		return 0
	case m.country == "US":
		return 495 * b.g.unit
	}
	return 1290 * b.g.unit
}

// total works out what depends on everything that happened.
func (b *builder) total() {
	b.sum()
	o := &b.order
	o.Total = o.Subtotal + o.Shipping
	if !o.TaxesIncluded {
		o.Total += o.Tax
	}
	o.PresentmentTotal = o.Presentment(o.Total)
	o.RefundCount, o.FulfillmentCount = len(o.Refunds), len(o.Fulfillments)
	switch {
	case o.Refunded == 0:
	case o.Refunded >= o.Total:
		o.FinancialStatus = "REFUNDED"
	default:
		o.FinancialStatus = "PARTIALLY_REFUNDED"
	}
}
