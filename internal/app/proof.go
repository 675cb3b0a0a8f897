package app

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

// salesLake is the lakehouse as a sync sees it.
type salesLake struct{ *Lakehouse }

var _ bulksync.Lakehouse = salesLake{}

func (l salesLake) Committed(ctx context.Context, stream string) (int64, error) {
	return l.Lake.Committed(ctx, stream)
}

func (l salesLake) Drain(ctx context.Context, stream string, upto int64) error {
	return l.Lake.Drain(ctx, stream, upto)
}

func (l salesLake) Tag(ctx context.Context, runID string) error { return l.Lake.Tag(ctx, runID) }

func (l salesLake) SalesByDay(ctx context.Context, runID string, days []time.Time, until time.Time) (list []sales.Day, err error) {
	if at, err := l.Lake.Committed(ctx, rows.TableSales); err != nil || at == 0 {
		return nil, err // a table that never had a commit has no tag either
	}
	args := map[string]any{"days": days, "since": days[0], "until": until}
	err = l.Duck.Query(ctx, sales.Query, lake.TagOf(runID), args, func(scan func(...any) error) error {
		var d sales.Day
		if err := scan(&d.Start, &d.Currency, &d.Lines, &d.Units, &d.RefundedUnits, &d.Gross, &d.Discount, &d.Net,
			&d.CountedLines, &d.CountedNet); err != nil {
			return err
		}
		list = append(list, d)
		return nil
	})
	return list, err
}

// allTime begins before the first order of any shop.
var allTime = []time.Time{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}

// StoredSales sums all sales that PostgreSQL has, by currency.
func (p *Platform) StoredSales(ctx context.Context) (map[string]sales.Sum, error) {
	days, err := sales.Stored(ctx, p.DB, allTime, time.Now().AddDate(100, 0, 0))
	return byCurrency(days), err
}

// Sales sums all sales that the lakehouse has, by currency, as of a run.
func (h *Lakehouse) Sales(ctx context.Context, runID string) (map[string]sales.Sum, error) {
	days, err := salesLake{h}.SalesByDay(ctx, runID, allTime, time.Now().AddDate(100, 0, 0))
	return byCurrency(days), err
}

func byCurrency(days []sales.Day) map[string]sales.Sum {
	sums := map[string]sales.Sum{}
	for _, d := range days {
		sums[d.Currency] = sums[d.Currency].Plus(d.Sum)
	}
	return sums
}
