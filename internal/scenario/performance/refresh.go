package performance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// pageRows is how many products are measured in a transaction.
const pageRows = 500

// Refresh measures, within the caller's transaction, the products of one page
// as of a shop day: those that follow an id, in the order of ids. It writes the
// metrics that differ from the ones before, tells the lakehouse of them, and
// returns the last id of the page, or 0 when all products are done; only then
// do readers see the day.
//
// Before history orders may be missing; zero where none is. A day that others
// were measured after already is left as it was: the newest metric up to a day
// must be that of the day.
func (s *Service) Refresh(ctx context.Context, tx pg.Tx, run uuid.UUID, asOf shop.Day, history time.Time, after shop.ID) (last shop.ID, written int64, err error) {
	defer errs.Wrap(&err, "measure products after %s as of %s", after, asOf)
	at, err := parseDay(asOf)
	if err != nil {
		return 0, 0, err
	}
	q := pgdb.New(tx)
	if newest, err := q.LastPerformanceDay(ctx); err == nil && dayOf(newest) > at {
		return 0, 0, nil
	} else if err != nil && !pg.NoRows(err) {
		return 0, 0, err
	}
	info, err := catalog.Shop(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	var since *time.Time
	if !history.IsZero() {
		since = &history
	}
	upto, err := q.PageOfProducts(ctx, pgdb.PageOfProductsParams{After: int64(after), PageRows: pageRows})
	if err != nil {
		return 0, 0, err
	}
	if upto == 0 {
		err := q.NotePerformanceDay(ctx, pgdb.NotePerformanceDayParams{AsOf: at.time(), RunID: run, Currency: info.Currency, HistorySince: since})
		if err == nil {
			err = q.BumpPerformance(ctx)
		}
		return 0, 0, err
	}
	ids, err := newIDs(pageRows)
	if err != nil {
		return 0, 0, err
	}
	list, err := q.MeasureProducts(ctx, pgdb.MeasureProductsParams{
		Ids: ids, AsOf: at.time(), RecordedBy: run.String(), HistorySince: since,
		After: int64(after), Upto: upto, Zone: info.TimeZone, Currency: info.Currency,
	})
	if err != nil {
		return 0, 0, err
	}
	return shop.ID(upto), int64(len(list)), tell(ctx, tx, list)
}

func newIDs(n int) (ids []uuid.UUID, err error) {
	ids = make([]uuid.UUID, n)
	for i := range ids {
		if ids[i], err = uuid.NewV7(); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// tell puts metrics as they are now into the outbox.
func tell(ctx context.Context, tx pg.Tx, list []pgdb.PerformanceMetric) error {
	if len(list) == 0 {
		return nil
	}
	facts := rows.NewPerformance()
	for i := range list {
		m := &list[i]
		r := rows.Metric{
			MetricID: m.MetricID.String(), ProductID: shop.ID(m.ProductID), AsOf: m.AsOf, FirstSaleDay: m.FirstSaleDay,
			Units: unitsOf(m), NetSales: netOf(m), IsActive: m.IsActive, Source: m.Source,
			RecordedBy: m.RecordedBy, RecordedAt: m.RecordedAt, Version: m.Version, Deleted: m.DeletedAt != nil,
		}
		if m.Note != nil {
			r.Note = *m.Note
		}
		facts.Add(r)
	}
	body, err := facts.Body()
	if err != nil {
		return err
	}
	_, err = outbox.Append(ctx, tx, rows.TablePerformance, len(list), body)
	return err
}

// unitsOf returns the units of a row by window.
func unitsOf(m *pgdb.PerformanceMetric) [6]*int64 {
	return [6]*int64{m.UnitsFirst7Days, m.UnitsFirst14Days, m.UnitsLast7Days, m.UnitsLast14Days, m.UnitsLast30Days, m.UnitsTotal}
}

// netOf returns the net sales of a row by window.
func netOf(m *pgdb.PerformanceMetric) [6]*shop.Amount {
	return [6]*shop.Amount{
		m.NetSalesFirst7Days, m.NetSalesFirst14Days, m.NetSalesLast7Days, m.NetSalesLast14Days, m.NetSalesLast30Days, m.NetSalesTotal,
	}
}
