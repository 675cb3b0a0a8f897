package taganalytics

import (
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// month is a month of UTC, by which the lakehouse keeps its files.
type month struct{ start, end time.Time }

func (m month) name() string { return m.start.Format("2006-01") }

// monthsOf returns the months that have a part in [since, until).
func monthsOf(since, until time.Time) (list []month) {
	since = since.UTC()
	for start := time.Date(since.Year(), since.Month(), 1, 0, 0, 0, 0, time.UTC); start.Before(until); {
		end := start.AddDate(0, 1, 0)
		list = append(list, month{start, end})
		start = end
	}
	return list
}

// piece is the part of a shop day that is in a month. Two pieces make a day that
// begins in one month and ends in the next.
type piece struct {
	start time.Time
	day   int // its number
}

// pieces cuts a month by the days of a zone. The first begins where the month
// does. There are 33 at most.
func (m month) pieces(zone *time.Location) (list []piece, err error) {
	// Around a change of clocks an instant may have the date of a day that is
	// over, so the first look is at the day before.
	for n := numberOf(shop.DayOf(m.start, zone)) - 1; ; n++ {
		start, _, err := dayOf(n).Bounds(zone)
		if err != nil || !start.Before(m.end) {
			return list, err
		}
		if !start.After(m.start) {
			start, list = m.start, nil // or it was over before the month began
		}
		// A day that a zone has skipped begins with the next, and has nothing.
		list = slices.DeleteFunc(list, func(p piece) bool { return !p.start.Before(start) })
		list = append(list, piece{start, n})
	}
}

// numberOf counts days, so that the next one's number is one more.
func numberOf(d shop.Day) int { return int(d.Date().Unix() / 86_400) }

func dayOf(number int) shop.Day { return shop.DayOf(time.Unix(int64(number)*86_400, 0), time.UTC) }
