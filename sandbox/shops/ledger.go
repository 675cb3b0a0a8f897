package shops

import (
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Tally counts rows and adds up their quantities and their quantities times
// unit prices, with the signs of the CSV.
type Tally struct {
	Rows  int         `json:"rows"`
	Units int64       `json:"units"`
	Money shop.Amount `json:"money"`
}

// Ledger tells what became of the rows of a CSV, to reconcile a shop with it:
//
//	Read.Rows  = Lines.Rows + RefundLines.Rows + Unmapped.Rows
//	Read.Units = Lines.Units + RefundLines.Units + Rests.Units + Unmapped.Units
//	Read.Money = the same with Money
//
// Refunds and rests are negative, as in the CSV.
type Ledger struct {
	Read        Tally `json:"read"`        // all rows
	Lines       Tally `json:"lines"`       // rows that are lines of orders
	RefundLines Tally `json:"refundLines"` // rows of cancellations, with what they take off a line
	Rests       Tally `json:"rests"`       // of those rows, with what they take off an order without a line
	Unmapped    Tally `json:"unmapped"`    // rows that have no place in a shop

	UnmappedRows []UnmappedRow `json:"unmappedRows"`
}

// UnmappedRow is a row that has no place in a shop.
type UnmappedRow struct {
	Row      int         `json:"row"` // 1 is the first row after the header
	Invoice  string      `json:"invoice"`
	Code     string      `json:"code"`
	Quantity int         `json:"quantity"`
	Price    shop.Amount `json:"price"`
	Reason   string      `json:"reason"`
}

func (t *Tally) add(r retailRow) { t.addPart(r.quantity, r.price) }

func (t *Tally) addPart(quantity int, price shop.Amount) {
	t.Rows++
	t.Units += int64(quantity)
	t.Money += price * shop.Amount(quantity)
}

func (l *Ledger) unmap(r retailRow, reason string) {
	l.Unmapped.add(r)
	l.UnmappedRows = append(l.UnmappedRows, UnmappedRow{r.number, r.invoice, r.code, r.quantity, r.price, reason})
}

// saleRef is where a line is.
type saleRef struct {
	at          time.Time
	order, line int
}

// refund turns cancellations, in the order of their dates, into refunds of the
// latest earlier line of the same customer and article that has something left.
func (b *retailBuilder) refund() {
	slices.SortStableFunc(b.shop.orders, func(x, y retailOrder) int { return x.at.Compare(y.at) })
	type key struct {
		customer shop.ID
		product  int
	}
	sales := map[key][]saleRef{}
	for i := range b.shop.orders {
		o := &b.shop.orders[i]
		for k := range o.lines {
			at := key{o.customer, o.lines[k].product}
			sales[at] = append(sales[at], saleRef{o.at, i, k})
		}
	}
	slices.SortStableFunc(b.returns, func(x, y retailRow) int { return x.at.Compare(y.at) })
	for _, r := range b.returns {
		customer := customerID(r.customer)
		if customer == 0 {
			b.shop.ledger.unmap(r, "cancellation without a customer")
			continue
		}
		if !b.refundOne(r, sales[key{customer, b.codes[r.code]}]) {
			b.shop.ledger.unmap(r, "cancellation of nothing that the customer had bought before")
		}
	}
}

// refundOne refunds a row from one of the sales, which ascend by date.
func (b *retailBuilder) refundOne(r retailRow, sales []saleRef) bool {
	for _, s := range slices.Backward(sales) {
		l := &b.shop.orders[s.order].lines[s.line]
		if !s.at.Before(r.at) || l.left == 0 {
			continue
		}
		n := min(-r.quantity, l.left)
		rest := -r.quantity - n
		l.left -= n
		o := &b.shop.orders[s.order]
		o.refunds = append(o.refunds, retailRefund{row: r.number, at: r.at, line: s.line, quantity: n, rest: rest, price: r.price})
		b.shop.ledger.RefundLines.addPart(-n, r.price)
		if rest > 0 {
			b.shop.ledger.Rests.addPart(-rest, r.price)
		}
		return true
	}
	return false
}
