package bulksync

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Lakehouse is the part of the lakehouse that a sync needs.
type Lakehouse interface {
	// Committed returns the number of the last batch of a stream that its
	// table has.
	Committed(ctx context.Context, stream string) (int64, error)
	// Drain returns when the table has all batches up to and with a number.
	Drain(ctx context.Context, stream string, upto int64) error
	// Tag names the snapshots that the tables have now after a run. It may be
	// called again.
	Tag(ctx context.Context, runID string) error
	// SalesByDay sums the sales of shop days that follow one another, as of a
	// run's tag. Days come as their first instants; the last ends at until.
	SalesByDay(ctx context.Context, runID string, days []time.Time, until time.Time) ([]sales.Day, error)
}

// drainBatches are waited for at a time, so that progress can be seen.
const drainBatches = 100

// waitLake returns when the lakehouse has all that was told of sales. It only
// reads and waits; who commits the batches does so exactly once.
func (j *job) waitLake(ctx context.Context) (upto int64, err error) {
	if upto, err = outbox.Last(ctx, j.db, rows.TableSales); err != nil {
		return 0, err
	}
	at, err := j.lake.Committed(ctx, rows.TableSales)
	if err != nil {
		return 0, err
	}
	for first := at; at < upto; {
		j.progress.Set(ctx, "wait-lake", at-first, upto-first, "batches")
		at = min(at+drainBatches, upto)
		if err := j.lake.Drain(ctx, rows.TableSales, at); err != nil {
			return 0, err
		}
	}
	return upto, nil
}

// compareLake holds PostgreSQL against the lakehouse, on all days that the run
// concerns, a month at a time: that is what the lakehouse keeps apart.
func (j *job) compareLake(ctx context.Context) ([]Check, error) {
	days, err := pgdb.New(j.db).SaleDays(ctx)
	if err != nil {
		return nil, err
	}
	stored, told := map[dayKey]sales.Sum{}, map[dayKey]sales.Sum{}
	for done := 0; done < len(days); {
		month := sameMonth(days[done:])
		done += len(month)
		j.progress.Set(ctx, "prove", int64(done), int64(len(days)), "days")
		starts, until, err := span(month, j.zone)
		if err != nil {
			return nil, err
		}
		var both errgroup.Group
		both.Go(func() error {
			days, err := sales.Stored(ctx, j.db, starts, until)
			keep(stored, month, days, j.zone)
			return err
		})
		both.Go(func() error {
			days, err := j.lake.SalesByDay(ctx, j.run.ID(), starts, until)
			keep(told, month, days, j.zone)
			return err
		})
		if err := both.Wait(); err != nil {
			return nil, err
		}
	}
	return dayChecks("lakehouse", "PostgreSQL and lakehouse", stored, told), nil
}

// sameMonth returns the days at the head of a list that share a month.
func sameMonth(days []time.Time) []time.Time {
	n := 1
	for n < len(days) && days[n].Month() == days[0].Month() && days[n].Year() == days[0].Year() {
		n++
	}
	return days[:n]
}

// span returns the first instants of all days from the first to the last of
// some, and the instant at which the last ends.
func span(days []time.Time, zone *time.Location) (starts []time.Time, until time.Time, err error) {
	last := days[len(days)-1]
	for d := days[0]; !d.After(last); d = d.AddDate(0, 0, 1) {
		from, end, err := shop.Day(d.Format(time.DateOnly)).Bounds(zone)
		if err != nil {
			return nil, until, fmt.Errorf("day of a sale: %w", err)
		}
		starts, until = append(starts, from), end
	}
	return starts, until, nil
}

// keep takes the sums of those days that are asked for.
func keep(sums map[dayKey]sales.Sum, asked []time.Time, found []sales.Day, zone *time.Location) {
	want := map[string]bool{}
	for _, d := range asked {
		want[d.Format(time.DateOnly)] = true
	}
	for _, f := range found {
		if day := string(shop.DayOf(f.Start, zone)); want[day] {
			sums[dayKey{day, f.Currency}] = f.Sum
		}
	}
}

// tag waits for the run's metrics, too, so that the snapshots have them.
func (j *job) tag(ctx context.Context) (struct{}, error) {
	j.progress.Set(ctx, "tag", 0, 0, "")
	upto, err := outbox.Last(ctx, j.db, rows.TablePerformance)
	if err == nil && upto > 0 {
		err = j.lake.Drain(ctx, rows.TablePerformance, upto)
	}
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, j.lake.Tag(ctx, j.run.ID())
}
