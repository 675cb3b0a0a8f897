package fulfillment

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// period fills in a period by the shop's calendar.
func (s *Service) period(ctx context.Context, p shop.Period) (*time.Location, shop.Period, error) {
	c, err := catalog.ReadCalendar(ctx, s.db)
	if err != nil {
		return nil, p, err
	}
	p, err = periodOf(p, c.Today())
	return c.Zone, p, err
}

// days reads the days of a period that come after one, the last first.
func (s *Service) days(ctx context.Context, p shop.Period, after *shop.Day, limit int) ([]Day, error) {
	last, n := page(p, after, limit)
	if n < 1 {
		return []Day{}, nil
	}
	rows, err := pgdb.New(s.db).ListFulfillmentDays(ctx, pgdb.ListFulfillmentDaysParams{LastDay: last.Date(), Days: int32(n)})
	if err != nil {
		return nil, err
	}
	list := make([]Day, len(rows))
	for i, r := range rows {
		list[i] = Day{shop.DayOf(r.Day, time.UTC), Counts{
			Orders: r.Orders, Fulfillments: r.Fulfillments, Succeeded: r.Succeeded, Failed: r.Failed,
			Cancelled: r.Cancelled, Open: r.Open, SuccessRate: rate(r.Succeeded, r.Failed),
		}}
	}
	return list, nil
}

// Days returns the first days of the list.
func (s *Service) Days(ctx context.Context, p shop.Period, limit int) ([]Day, error) {
	_, p, err := s.period(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.days(ctx, p, nil, limit)
}

// Sum sums a period up and compares it with the one before.
func (s *Service) Sum(ctx context.Context, p shop.Period) (t Totals, err error) {
	zone, p, err := s.period(ctx, p)
	if err != nil {
		return t, err
	}
	if err := summable(p); err != nil {
		return t, err
	}
	t.TimeZone = zone.String()
	if t.Figures, err = s.figures(ctx, p, zone); err != nil {
		return t, err
	}
	if t.Previous, err = s.figures(ctx, p.Before(), zone); err != nil {
		return t, err
	}
	t.Change = changeOf(t.Figures, t.Previous)
	since, _, err := p.Before().Bounds(zone)
	if err != nil {
		return t, err
	}
	_, until, err := p.Bounds(zone)
	if err != nil {
		return t, err
	}
	uncounted, err := pgdb.New(s.db).IsDayUncounted(ctx, pgdb.IsDayUncountedParams{Since: since, Until: until})
	t.UpToDate = !uncounted
	return t, err
}

func (s *Service) figures(ctx context.Context, p shop.Period, zone *time.Location) (f Figures, err error) {
	q := pgdb.New(s.db)
	r, err := q.SumFulfillmentDays(ctx, pgdb.SumFulfillmentDaysParams{FirstDay: p.From.Date(), LastDay: p.To.Date()})
	if err != nil {
		return f, err
	}
	since, until, err := p.Bounds(zone)
	if err != nil {
		return f, err
	}
	h, err := q.HoursToFulfil(ctx, pgdb.HoursToFulfilParams{Since: since, Until: until})
	if err != nil {
		return f, err
	}
	f = Figures{Period: p, Counts: Counts{
		Orders: r.Orders, Fulfillments: r.Fulfillments, Succeeded: r.Succeeded, Failed: r.Failed,
		Cancelled: r.Cancelled, Open: r.Open, SuccessRate: rate(r.Succeeded, r.Failed),
	}, Hours: Hours{Fulfillments: h.Fulfillments}}
	if len(h.Deciles) == 2 {
		f.Hours.P50, f.Hours.P90 = shop.Rounded(h.Deciles[0]), shop.Rounded(h.Deciles[1])
	}
	return f, nil
}
