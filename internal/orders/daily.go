package orders

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// daysAtOnce are counted in a transaction: at 2,700 orders a day they take half
// a second.
const daysAtOnce = 50

// Days are shop days that changed since they were counted for
// fulfillment_daily_summary, as many as one transaction should count.
type Days struct {
	zone  *time.Location
	hours []time.Time // the notes that say so
	list  []shop.Day
	last  bool
}

// TouchedDays returns the first days on which orders or fulfillments came, went
// or changed, whoever wrote them. The zone is the shop's.
func TouchedDays(ctx context.Context, db *pg.DB, zone *time.Location) (d Days, err error) {
	defer errs.Wrap(&err, "find days to count")
	const most = 24 * daysAtOnce
	hours, err := pgdb.New(db).TouchedHours(ctx, most)
	if err != nil {
		return d, err
	}
	list, taken := overlapped(hours, zone, daysAtOnce)
	return Days{zone, hours[:taken], list, taken == len(hours) && taken < most}, nil
}

// Len returns how many days there are to count.
func (d Days) Len() int { return len(d.list) }

// Last says that there were no more.
func (d Days) Last() bool { return d.last }

// Count counts the days anew and returns how many of them came to something
// else. What changes meanwhile is left for the next time.
func (d Days) Count(ctx context.Context, tx pg.Tx, run uuid.UUID) (written int64, err error) {
	defer errs.Wrap(&err, "count days")
	if len(d.hours) == 0 {
		return 0, nil
	}
	count := pgdb.SummarizeDaysParams{RunID: run}
	for _, day := range d.list {
		date, err := time.Parse(time.DateOnly, string(day))
		if err != nil {
			return 0, err
		}
		since, until, err := day.Bounds(d.zone)
		if err != nil {
			return 0, err
		}
		count.Days = append(count.Days, date)
		count.Since, count.Until = append(count.Since, since), append(count.Until, until)
	}
	q := pgdb.New(tx)
	if err := q.TakeHours(ctx, d.hours); err != nil {
		return 0, err
	}
	return q.SummarizeDays(ctx, count)
}

// overlapped returns the shop days, at most limit, that the first n of the
// hours overlap. The hours ascend. An hour overlaps two days where the zone's
// offset is not whole hours, or changes within the hour.
func overlapped(hours []time.Time, zone *time.Location, limit int) (days []shop.Day, n int) {
	for n, hour := range hours {
		before := len(days)
		for _, t := range []time.Time{hour, hour.Add(time.Hour - 1)} {
			// Clocks that are set back around midnight come to a day twice.
			if d := shop.DayOf(t, zone); !slices.Contains(days[max(0, len(days)-2):], d) {
				days = append(days, d)
			}
		}
		if len(days) > limit {
			return days[:before], n
		}
	}
	return days, len(hours)
}

// Rezone empties the daily summaries where the shop has moved to another time
// zone than the one that is stored, and has all days counted anew: none is the
// same hours any more. It comes before the new zone is stored.
func Rezone(ctx context.Context, tx pg.Tx, zone string) (err error) {
	defer errs.Wrap(&err, "move days to %s", zone)
	stored, err := catalog.Shop(ctx, tx)
	switch {
	case errors.Is(err, errs.NotFound):
		return nil
	case err != nil || stored.TimeZone == zone:
		return err
	}
	q := pgdb.New(tx)
	if err := q.TouchAllDays(ctx); err != nil {
		return err
	}
	return q.EmptySummaries(ctx)
}
