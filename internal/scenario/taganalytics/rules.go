package taganalytics

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const maxPoints = 50_000 // of all series of an answer

// Period is days of the shop that follow one another.
type Period shop.Period

// periodOf fills in what a request leaves out and finds what can't be meant.
// where is "body" or "query".
func periodOf(p Period, today shop.Day, where string) (Period, error) {
	var faults api.Faults
	full := shop.Period(p).Complete(today, func(end, why string) { faults.Add(where+"."+end, "%s", why) })
	return Period(full), faults.Err()
}

// before returns the period of as many days that ends where p begins.
func (p Period) before() Period { return Period(shop.Period(p).Before()) }

// split returns the parts of a period: its days, calendar weeks from Monday on,
// or calendar months. The first and the last may be cut by the period's ends.
// Without a granularity, be it none or left out, there are none.
func (p Period) split(granularity string) (parts []Period) {
	if granularity == "" || granularity == none {
		return nil
	}
	for day := p.From; day <= p.To; day = parts[len(parts)-1].To.Plus(1) {
		parts = append(parts, Period{day, min(p.To, endOf(day, granularity))})
	}
	return parts
}

// endOf returns the last day of the day, week or month that a day is in.
func endOf(d shop.Day, granularity string) shop.Day {
	t := d.Date()
	switch granularity {
	case "week":
		t = t.AddDate(0, 0, (7-int(t.Weekday()))%7)
	case "month":
		t = time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	}
	return shop.DayOf(t, time.UTC)
}

// instants returns where parts that follow one another begin in a zone, and
// where the last one ends.
func instants(parts []Period, zone *time.Location) (starts []time.Time, until time.Time, err error) {
	for _, p := range parts {
		start, _, err := p.From.Bounds(zone)
		if err != nil {
			return nil, until, err
		}
		starts = append(starts, start)
	}
	_, until, err = parts[len(parts)-1].To.Bounds(zone)
	return starts, until, err
}

// compare makes figures of what was sold in a period and in the one before it.
// Its share is of a whole, where that is more than nothing.
func compare(now, before, whole Sales) Figures {
	f := Figures{Sales: now, Previous: before}
	f.Change.Units = shop.Growth(float64(now.Units), float64(before.Units))
	f.Change.Orders = shop.Growth(float64(now.Orders), float64(before.Orders))
	f.Change.NetSales = shop.Growth(float64(now.NetSales.Amount), float64(before.NetSales.Amount))
	if whole.NetSales.Amount > 0 {
		f.Share = shop.Rounded(float64(now.NetSales.Amount) / float64(whole.NetSales.Amount))
	}
	return f
}

// rank puts tags in order: those in the shop's currency first, the others by
// currency, and within one by a measure, the greatest first. Names decide
// between equals.
func rank(tags []TagFigures, by, currency string) {
	measure := func(t TagFigures) int64 {
		switch by {
		case "units":
			return t.Units
		case "orders":
			return t.Orders
		case "products":
			return t.Products
		case "change":
			if t.Change.NetSales == nil {
				return math.MinInt64
			}
			return int64(math.Round(*t.Change.NetSales * 10_000))
		case "name":
			return 0
		}
		return int64(t.NetSales.Amount)
	}
	slices.SortStableFunc(tags, func(a, b TagFigures) int {
		return cmp.Or(
			compareCurrencies(a.NetSales.Currency, b.NetSales.Currency, currency),
			cmp.Compare(measure(b), measure(a)),
			strings.Compare(strings.ToLower(a.Tag), strings.ToLower(b.Tag)),
		)
	})
}

// compareCurrencies puts the shop's own first.
func compareCurrencies(a, b, own string) int {
	if a == b {
		return 0
	}
	if a == own {
		return -1
	}
	if b == own {
		return 1
	}
	return strings.Compare(a, b)
}
