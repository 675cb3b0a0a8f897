package cli

import (
	"errors"
	"time"

	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// sourceFigures counts what the shop itself has.
func sourceFigures(s shopify.Shop, now time.Time) figures {
	f := figures{Money: map[string]money{}, Sales: salesFigures{}}
	for o := range s.Orders(now) {
		f.Orders++
		m := f.Money[o.Currency]
		m.Total += o.Total
		m.Refunded += o.Refunded
		for i := range o.Lines {
			l := &o.Lines[i]
			f.Lines++
			f.Units += int64(l.Quantity)
			m.Gross += l.UnitPrice * shop.Amount(l.Quantity)
			if !l.IsGiftCard {
				f.Sales[o.Currency] = f.Sales[o.Currency].Plus(saleOf(o, l))
			}
		}
		f.Money[o.Currency] = m
		f.Fulfillments += int64(len(o.Fulfillments))
		for _, r := range o.Refunds {
			f.RefundLines += int64(len(r.Lines))
		}
	}
	for range s.Products(now) {
		f.Products++
	}
	return f
}

// saleOf works out the sales of a line from the shop's own order: gross less
// discount and refunds, less tax where prices contain it.
func saleOf(o *shopify.Order, l *shopify.Line) sales.Sum {
	s := sales.Sum{Lines: 1, Units: int64(l.Quantity), Gross: l.UnitPrice * shop.Amount(l.Quantity), Discount: l.Discount}
	s.Net = s.Gross - s.Discount
	if o.TaxesIncluded {
		s.Net -= l.Tax
	}
	for _, r := range o.Refunds {
		for _, back := range r.Lines {
			if back.LineID != l.ID {
				continue
			}
			s.RefundedUnits += int64(back.Quantity)
			if s.Net -= back.Subtotal; o.TaxesIncluded {
				s.Net += back.Tax
			}
		}
	}
	if o.CancelledAt.IsZero() && !o.Test {
		s.CountedLines, s.CountedNet = 1, s.Net
	}
	return s
}

// happenings are done to orders of the demonstration's shop between its full
// and its incremental sync, so that each kind of change is there for sure.
type happenings struct {
	Cancelled int `json:"cancelled"`
	Refunded  int `json:"refunded"`
	Edited    int `json:"edited"`
	Moved     int `json:"moved"` // processed at another time than before
	Deleted   int `json:"deleted"`
}

// happen changes a few orders of the shop as of now.
func happen(s *shops.Edited, now time.Time) (h happenings, err error) {
	var plain []shop.ID // an order is valid only until the next one comes
	for o := range s.Orders(now) {
		if len(o.Lines) > 1 && o.Lines[0].Quantity > 0 && len(o.Refunds) == 0 && o.CancelledAt.IsZero() && !o.Test && !o.Edited {
			plain = append(plain, o.ID)
		}
	}
	const each, kinds = 3, 5
	if len(plain) < each*kinds {
		return h, errors.New("the shop has too few orders to which something could happen")
	}
	spread := len(plain) / (each * kinds)
	for i := range each * kinds {
		id := plain[i*spread]
		switch i % kinds {
		case 0:
			h.Cancelled++
			s.Change(id, func(o *shopify.Order) { o.CancelledAt, o.CancelReason = now, "CUSTOMER" })
		case 1:
			h.Refunded++
			s.Change(id, func(o *shopify.Order) { refundOne(o, now) })
		case 2:
			h.Edited++
			s.Change(id, func(o *shopify.Order) {
				l := o.Lines[0]
				l.ID, l.Quantity, l.CurrentQuantity, l.Title = l.ID+500, 2, 2, "Added"
				o.Lines, o.LineQuantity, o.Edited = append(o.Lines, l), o.LineQuantity+2, true
			})
		case 3:
			h.Moved++
			s.Change(id, func(o *shopify.Order) { o.ProcessedAt = o.ProcessedAt.AddDate(0, -1, 0) })
		case 4:
			h.Deleted++
			s.Delete(id, now)
		}
	}
	return h, nil
}

// refundOne gives back one piece of an order's first line.
func refundOne(o *shopify.Order, at time.Time) {
	l := &o.Lines[0]
	n := shop.Amount(l.Quantity)
	back := shop.RefundLine{LineID: l.ID, Quantity: 1, Subtotal: (l.UnitPrice*n - l.Discount) / n, Tax: l.Tax / n}
	l.CurrentQuantity--
	total := back.Subtotal
	if !o.TaxesIncluded {
		total += back.Tax
	}
	o.Refunds = append(o.Refunds, shop.Refund{ID: o.ID + 1, CreatedAt: at, Total: total, Lines: []shop.RefundLine{back}})
	o.RefundCount, o.Refunded, o.FinancialStatus = len(o.Refunds), o.Refunded+total, "PARTIALLY_REFUNDED"
}
