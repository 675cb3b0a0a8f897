package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// figures are counts and money of a side: the shop itself, or what is stored.
type figures struct {
	Products     int64            `json:"products"`
	Orders       int64            `json:"orders"`
	Lines        int64            `json:"lines"`
	Units        int64            `json:"units"`
	RefundLines  int64            `json:"refundLines"`
	Fulfillments int64            `json:"fulfillments"`
	Money        map[string]money `json:"money"` // by currency
	Sales        salesFigures     `json:"sales"`
}

type money struct {
	Total    shop.Amount `json:"total"`
	Refunded shop.Amount `json:"refunded"`
	Gross    shop.Amount `json:"gross"` // of lines, before discounts
}

// salesFigures are sums of sales by currency. The lakehouse has these alone.
type salesFigures map[string]sales.Sum

// readFigures counts what is stored of orders and products that are not deleted.
func readFigures(ctx context.Context, a *app.App) (f figures, err error) {
	q := pgdb.New(a.DB)
	totals, err := q.StoreTotals(ctx)
	if err != nil {
		return f, err
	}
	f = figures{
		Products: totals.Products, Orders: totals.Orders, Lines: totals.Lines, Units: totals.Units,
		RefundLines: totals.RefundLines, Fulfillments: totals.Fulfillments, Money: map[string]money{},
	}
	sums, err := q.MoneyTotals(ctx)
	if err != nil {
		return f, err
	}
	for _, s := range sums {
		f.Money[s.Currency] = money{s.Total, s.Refunded, s.Gross}
	}
	f.Sales, err = a.StoredSales(ctx)
	return f, err
}

func (f figures) print(w io.Writer) {
	fmt.Fprintf(w, "%s orders with %s lines and %s units, %s refund lines, %s fulfillments, %s products\n",
		thousands(f.Orders), thousands(f.Lines), thousands(f.Units), thousands(f.RefundLines),
		thousands(f.Fulfillments), thousands(f.Products))
	for _, currency := range slices.Sorted(maps.Keys(f.Money)) {
		m := f.Money[currency]
		fmt.Fprintf(w, "  %s: gross %s, orders %s, refunded %s\n", currency, m.Gross, m.Total, m.Refunded)
	}
	f.Sales.print(w)
}

func (s salesFigures) print(w io.Writer) {
	for _, currency := range slices.Sorted(maps.Keys(s)) {
		sum := s[currency]
		fmt.Fprintf(w, "  %s: sales of %s lines and %s units, net %s; counted %s lines, net %s\n", currency,
			thousands(sum.Lines), thousands(sum.Units), sum.Net, thousands(sum.CountedLines), sum.CountedNet)
	}
}
