package shops

import (
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// happened reports whether an event of the order lies in the past, and notes
// it as the latest change if so.
func (b *builder) happened(at time.Time) bool {
	if at.After(b.now) {
		return false
	}
	if at.After(b.order.UpdatedAt) {
		b.order.UpdatedAt = at
	}
	return true
}

// after is so many hours after an instant, give or take minutes.
func (b *builder) after(t time.Time, lo, hi int) time.Time {
	return t.Add(time.Duration(b.dice.between(lo*3600, hi*3600)) * time.Second)
}

// happen draws what becomes of the order and applies what is past. All draws
// are made whatever the time, so that later ones come out the same.
func (b *builder) happen(i int64, m market) {
	b.dice = diceFor(b.g.options.Seed, 'e', i) // independent of how many lines there are
	o, d := &b.order, &b.dice
	fate := d.n(1000)
	switch {
	case fate < 20:
		b.cancel(i)
		return
	case fate < 40:
		b.edit(i, m)
	case fate < 70: // paid later
		o.FinancialStatus = "PENDING"
		if b.happened(b.after(o.CreatedAt, 1, 72)) {
			o.FinancialStatus = "PAID"
		}
	}
	delivered := b.fulfill(i)
	if fate >= 900 && fate < 960 {
		b.refund(i, b.after(o.CreatedAt, 7*24, 25*24))
	}
	if d.chance(600) {
		if at := b.after(delivered, 24, 240); b.happened(at) {
			o.ClosedAt = at
		}
	}
}

// cancel cancels before fulfillment and gives everything back; of every tenth
// order nothing had been paid.
func (b *builder) cancel(i int64) {
	o := &b.order
	at, unpaid, reason := b.after(o.CreatedAt, 1, 30), b.dice.chance(100), b.dice.n(4)
	if unpaid {
		o.FinancialStatus = "PENDING"
	}
	if !b.happened(at) {
		return
	}
	o.CancelledAt, o.ClosedAt = at, at
	o.CancelReason = []string{"CUSTOMER", "FRAUD", "INVENTORY", "OTHER"}[reason]
	if unpaid {
		o.FinancialStatus = "VOIDED"
		return
	}
	b.giveBackAll(i, at)
}

// edit takes one line out, giving its money back, and adds another.
func (b *builder) edit(i int64, m market) {
	o := &b.order
	if !b.happened(b.after(o.CreatedAt, 1, 12)) {
		return
	}
	o.Edited = true
	if last := len(o.Lines) - 1; last > 0 {
		b.startRefund(i, o.UpdatedAt)
		b.giveBack(last, o.Lines[last].CurrentQuantity)
		b.endRefund(0)
	}
	draws := b.dice // the added line takes as many as it likes
	b.addLine(i, m, 0, false)
	b.dice = draws
}

// fulfill ships the order after one to five days, some in two parcels and some
// at the second attempt, and returns when it is delivered.
func (b *builder) fulfill(i int64) time.Time {
	o, d := &b.order, &b.dice
	first := b.after(o.CreatedAt, 24, 120)
	arrival := b.after(first, 48, 168)
	second := b.after(first, 24, 72)
	kind := d.n(100)
	if o.LineQuantity == 0 { // gift cards travel by mail
		first, kind = o.CreatedAt, 50
	}
	switch {
	case kind < 3:
		return o.CreatedAt // never shipped
	case kind < 4:
		if b.happened(first) {
			b.ship(i, "FAILURE", first, time.Time{})
		}
		if b.happened(second) {
			b.ship(i, "SUCCESS", second, second.Add(48*time.Hour))
			o.FulfillmentStatus = "FULFILLED"
		}
		return second.Add(48 * time.Hour)
	case kind < 12 && len(o.Lines) > 1:
		if b.happened(first) {
			b.ship(i, "SUCCESS", first, arrival)
			o.FulfillmentStatus = "PARTIALLY_FULFILLED"
		}
		if b.happened(second) {
			b.ship(i, "SUCCESS", second, second.Add(72*time.Hour))
			o.FulfillmentStatus = "FULFILLED"
		}
		return second.Add(72 * time.Hour)
	}
	if b.happened(first) {
		b.ship(i, "SUCCESS", first, arrival)
		o.FulfillmentStatus = "FULFILLED"
	}
	return arrival
}

// ship adds a fulfillment.
func (b *builder) ship(i int64, status string, at, delivered time.Time) {
	n := int64(len(b.fulfillments))
	f := shop.Fulfillment{
		ID: shop.ID(firstFulfillment + i*orderStride + n), Status: status, Display: "IN_TRANSIT", CreatedAt: at, UpdatedAt: at,
		TrackingCompany: "USPS", TrackingNumber: "94001" + strconv.FormatInt(100_000_000_000+i*8+n, 10),
	}
	if status != "SUCCESS" {
		f.Display = "FAILURE"
	} else if b.happened(delivered) {
		f.Display, f.DeliveredAt, f.UpdatedAt = "DELIVERED", delivered, delivered
	}
	b.fulfillments = append(b.fulfillments, f)
	b.order.Fulfillments = b.fulfillments
}

// refund gives money back: all of it, a line, the rest later, shipping alone,
// or a sum for no line.
func (b *builder) refund(i int64, at time.Time) {
	o, d := &b.order, &b.dice
	kind, line, rest := d.n(100), d.n(len(o.Lines)), b.after(at, 72, 240)
	if !b.happened(at) {
		return
	}
	switch {
	case kind < 30:
		b.giveBackAll(i, at)
	case kind < 75:
		l := o.Lines[line]
		if l.CurrentQuantity > 0 {
			b.startRefund(i, at)
			b.giveBack(line, (l.CurrentQuantity+1)/2)
			b.endRefund(0)
		}
		if kind < 45 && b.happened(rest) {
			b.giveBackAll(i, rest)
		}
	case kind < 85 && o.Shipping > 0:
		b.startRefund(i, at)
		b.endRefund(o.Shipping)
	default:
		b.startRefund(i, at)
		b.endRefund(500 * b.g.unit)
	}
}

// giveBackAll refunds what is left of every line, and the shipping.
func (b *builder) giveBackAll(i int64, at time.Time) {
	b.startRefund(i, at)
	for k := range b.order.Lines {
		if n := b.order.Lines[k].CurrentQuantity; n > 0 {
			b.giveBack(k, n)
		}
	}
	b.endRefund(b.order.Shipping)
}

func (b *builder) startRefund(i int64, at time.Time) {
	n := len(b.refunds)
	b.refunds = append(b.refunds, shop.Refund{ID: shop.ID(firstRefund + i*16 + int64(n)), CreatedAt: at})
	b.refundLines = b.refundLines[:len(b.refundLines):len(b.refundLines)] // others keep theirs
}

// giveBack refunds n pieces of a line. Shares are cut so that all pieces
// together give exactly what was paid.
func (b *builder) giveBack(line, n int) {
	l := &b.order.Lines[line]
	net := l.UnitPrice*shop.Amount(l.Quantity) - l.Discount
	gone := l.Quantity - l.CurrentQuantity
	share := func(a shop.Amount) shop.Amount {
		until := b.round(int64(a)*int64(gone+n), int64(l.Quantity))
		return until - b.round(int64(a)*int64(gone), int64(l.Quantity))
	}
	b.refundLines = append(b.refundLines, shop.RefundLine{LineID: l.ID, Quantity: n, Subtotal: share(net), Tax: share(l.Tax)})
	l.CurrentQuantity -= n
	r := &b.refunds[len(b.refunds)-1]
	r.Lines = b.refundLines[len(b.refundLines)-len(r.Lines)-1 : len(b.refundLines) : len(b.refundLines)]
}

// endRefund adds what is given back for no line and sums up.
func (b *builder) endRefund(adjustment shop.Amount) {
	r := &b.refunds[len(b.refunds)-1]
	r.Total = adjustment
	for _, l := range r.Lines {
		r.Total += l.Subtotal
		if !b.order.TaxesIncluded {
			r.Total += l.Tax
		}
	}
	b.order.Refunded += r.Total
	b.order.Refunds = b.refunds
}
