package differential

import (
	"math/rand/v2"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// luck decides what happens, the same for a seed.
type luck struct{ *rand.Rand }

func newLuck(seed uint64) luck { return luck{rand.New(rand.NewPCG(seed, 7))} }

// live lets a day and more go by, in which orders are edited, refunded, cancelled
// and deleted, and products change their tags or are deleted.
func (l *lab) live() {
	l.now = l.now.Add(time.Duration(20+l.luck.IntN(20)) * time.Hour)
	var orders []*shopify.Order
	for o := range l.shop.Orders(l.now) {
		orders = append(orders, o)
	}
	for _, o := range orders {
		if l.luck.IntN(8) > 0 || len(o.Refunds) > 0 || !o.CancelledAt.IsZero() {
			continue
		}
		switch what := l.luck.IntN(7); what {
		case 0:
			l.shop.Delete(o.ID, l.now)
			l.gone = append(l.gone, int64(o.ID))
		case 1:
			at := l.now
			l.shop.Change(o.ID, func(o *shopify.Order) { o.CancelledAt, o.FinancialStatus = at, "VOIDED" })
		case 2:
			l.shop.Change(o.ID, func(o *shopify.Order) { o.Test = true })
		case 3:
			l.shop.Change(o.ID, addLine)
		case 4:
			l.shop.Change(o.ID, func(o *shopify.Order) { o.ProcessedAt = o.ProcessedAt.AddDate(0, -1, 0) })
		default:
			at := l.now
			l.shop.Change(o.ID, func(o *shopify.Order) { giveBack(o, at) })
		}
	}
	var products []shop.ID
	for p := range l.shop.Products(l.now) {
		products = append(products, p.ID)
	}
	for _, id := range products {
		switch l.luck.IntN(40) {
		case 0:
			l.shop.DeleteProduct(id, l.now)
		case 1, 2:
			l.shop.ChangeProduct(id, func(p *shopify.Product) {
				p.Tags = append(p.Tags[:len(p.Tags)/2:len(p.Tags)/2], " Late ", "LATE", "éclair")
			})
		}
	}
	l.now = l.now.Add(time.Hour) // for Shopify's index
}

// addLine adds a line as an edit of the order does.
func addLine(o *shopify.Order) {
	added := o.Lines[0]
	added.ID += 250 // beyond the lines of a generated order
	for _, l := range o.Lines {
		if l.ID == added.ID {
			return // once is enough
		}
	}
	added.Quantity, added.CurrentQuantity, added.Discount = 3, 3, 0
	o.Lines, o.Edited = append(o.Lines, added), true
	if !added.IsGiftCard {
		o.LineQuantity += 3
	}
}

// giveBack refunds one piece of the first line, at two thirds of what it cost.
func giveBack(o *shopify.Order, at time.Time) {
	l := &o.Lines[0]
	back := shop.RefundLine{
		LineID: l.ID, Quantity: 1, Subtotal: l.UnitPrice * 2 / 3 / 100 * 100, Tax: l.Tax / shop.Amount(l.Quantity) / 100 * 100,
	}
	refund := shop.Refund{ID: 9_000_000_000_000 + o.ID%1_000_000_000, CreatedAt: at, Lines: []shop.RefundLine{back}, Total: back.Subtotal}
	if !o.TaxesIncluded {
		refund.Total += back.Tax
	}
	l.CurrentQuantity--
	o.Refunds, o.RefundCount = append(o.Refunds, refund), len(o.Refunds)+1
	o.Refunded, o.FinancialStatus = o.Refunded+refund.Total, "PARTIALLY_REFUNDED"
}
