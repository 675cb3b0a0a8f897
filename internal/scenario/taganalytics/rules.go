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

const (
	defaultDays = 30     // of a period where nothing says when it begins
	maxDays     = 3_660  // of a period: ten years
	maxPoints   = 50_000 // of all series of an answer
	firstDay    = "1990-01-01"
	lastDay     = "2199-12-31"
)

// Period is days of the shop that follow one another.
type Period struct {
	From shop.Day `json:"from" format:"date"`
	To   shop.Day `json:"to" format:"date" doc:"The last day."`
}

// periodOf fills in what a request leaves out and finds what can't be meant.
// where is "body" or "query".
func periodOf(p Period, today shop.Day, where string) (Period, error) {
	var faults api.Faults
	for _, day := range []struct {
		name  string
		value shop.Day
	}{{"from", p.From}, {"to", p.To}} {
		if day.value == "" {
			continue
		}
		if _, err := shop.ParseDay(string(day.value)); err != nil {
			faults.Add(where+"."+day.name, "is no day such as 2026-11-01")
		} else if day.value < firstDay || day.value > lastDay {
			faults.Add(where+"."+day.name, "is not between %s and %s", firstDay, lastDay)
		}
	}
	if len(faults) > 0 {
		return p, faults.Err()
	}
	if p.To == "" {
		p.To = max(today, p.From)
	}
	if p.From == "" {
		p.From = plusDays(p.To, 1-defaultDays)
	}
	switch n := p.days(); {
	case n < 1:
		faults.Add(where+".to", "is before from")
	case n > maxDays:
		faults.Add(where+".from", "is more than %d days before to: ask for a shorter period", maxDays)
	}
	return p, faults.Err()
}

func (p Period) days() int {
	return int(dateOf(p.To).Sub(dateOf(p.From))/(24*time.Hour)) + 1
}

// before returns the period of as many days that ends where p begins.
func (p Period) before() Period {
	return Period{plusDays(p.From, -p.days()), plusDays(p.From, -1)}
}

// split returns the parts of a period: its days, calendar weeks from Monday on,
// or calendar months. The first and the last may be cut by the period's ends.
// Without a granularity, be it none or left out, there are none.
func (p Period) split(granularity string) (parts []Period) {
	if granularity == "" || granularity == none {
		return nil
	}
	for day := p.From; day <= p.To; day = plusDays(parts[len(parts)-1].To, 1) {
		parts = append(parts, Period{day, min(p.To, endOf(day, granularity))})
	}
	return parts
}

// endOf returns the last day of the day, week or month that a day is in.
func endOf(d shop.Day, granularity string) shop.Day {
	t := dateOf(d)
	switch granularity {
	case "week":
		t = t.AddDate(0, 0, (7-int(t.Weekday()))%7)
	case "month":
		t = time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	}
	return shop.DayOf(t, time.UTC)
}

func plusDays(d shop.Day, n int) shop.Day { return shop.DayOf(dateOf(d).AddDate(0, 0, n), time.UTC) }

// dateOf returns a day that is known to be one, for the calendar alone.
func dateOf(d shop.Day) time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
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
	f.Change.Units = growth(float64(now.Units), float64(before.Units))
	f.Change.Orders = growth(float64(now.Orders), float64(before.Orders))
	f.Change.NetSales = growth(float64(now.NetSales.Amount), float64(before.NetSales.Amount))
	if whole.NetSales.Amount > 0 {
		f.Share = rounded(float64(now.NetSales.Amount) / float64(whole.NetSales.Amount))
	}
	return f
}

// growth is nil where there is nothing to compare with.
func growth(now, before float64) *float64 {
	if before <= 0 {
		return nil
	}
	return rounded((now - before) / before)
}

// rounded to what a table shows: a hundredth of a percent.
func rounded(x float64) *float64 {
	x = math.Round(x*10_000) / 10_000
	return &x
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
