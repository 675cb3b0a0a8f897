package fulfillment

import (
	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// maxTotalDays is how many days are summed up at most: the hours of each of
// their fulfillments are read, and those of as many days before.
const maxTotalDays = 366

// periodOf fills in what a request leaves out and finds what can't be meant.
func periodOf(p shop.Period, today shop.Day) (shop.Period, error) {
	var faults api.Faults
	p = p.Complete(today, func(end, why string) { faults.Add("query."+end, "%s", why) })
	return p, faults.Err()
}

// summable refuses a period of more days than are summed up.
func summable(p shop.Period) error {
	var faults api.Faults
	if p.Days() > maxTotalDays {
		faults.Add("query.from", "is more than %d days before to, and totals read the hours of each fulfillment: "+
			"ask for a shorter period, or for the list of days, which may be longer", maxTotalDays)
	}
	return faults.Err()
}

// page returns the last day, and how many, of the days of a page that ends the
// day before another, or with the period where that is nil.
func page(p shop.Period, after *shop.Day, limit int) (last shop.Day, days int) {
	last = p.To
	if after != nil {
		last = min(last, after.Plus(-1))
	}
	return last, min(limit, shop.Period{From: p.From, To: last}.Days())
}

// rate is the part of what ended well or badly that ended well; nil where
// nothing has.
func rate(succeeded, failed int64) *float64 {
	if succeeded+failed == 0 {
		return nil
	}
	return shop.Rounded(float64(succeeded) / float64(succeeded+failed))
}

// changeOf compares a period with the one before.
func changeOf(now, before Figures) Change {
	return Change{
		Orders: growth(now.Orders, before.Orders), Fulfillments: growth(now.Fulfillments, before.Fulfillments),
		Succeeded: growth(now.Succeeded, before.Succeeded), Failed: growth(now.Failed, before.Failed),
		Cancelled: growth(now.Cancelled, before.Cancelled), Open: growth(now.Open, before.Open),
		SuccessRate: difference(now.SuccessRate, before.SuccessRate),
		P50:         difference(now.Hours.P50, before.Hours.P50), P90: difference(now.Hours.P90, before.Hours.P90),
	}
}

func growth(now, before int64) *float64 { return shop.Growth(float64(now), float64(before)) }

// difference is nil where one of the two is unknown.
func difference(now, before *float64) *float64 {
	if now == nil || before == nil {
		return nil
	}
	return shop.Rounded(*now - *before)
}
