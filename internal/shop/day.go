package shop

import (
	"fmt"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Day is a calendar day in the shop's time zone, as "2006-01-02".
type Day string

// DayOf returns the day of an instant in the shop's time zone.
func DayOf(t time.Time, zone *time.Location) Day {
	return Day(t.In(zone).Format(time.DateOnly))
}

// ParseDay reads "2006-01-02".
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("day is not YYYY-MM-DD: %w", errs.Invalid)
	}
	return Day(s), nil
}

// Plus returns the day so many days later, or earlier where n is negative.
func (d Day) Plus(n int) Day { return DayOf(d.Date().AddDate(0, 0, n), time.UTC) }

// Date returns the day in UTC, for the calendar alone. What is no day is the
// zero time.
func (d Day) Date() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// Bounds returns the day as a half-open range of instants. Days are 23 to 25
// hours long where the zone keeps daylight saving time.
func (d Day) Bounds(zone *time.Location) (from, until time.Time, err error) {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return from, until, fmt.Errorf("day is not YYYY-MM-DD: %w", errs.Invalid)
	}
	y, m, n := t.Date()
	return dayStart(y, m, n, zone), dayStart(y, m, n+1, zone), nil
}

// dayStart is the first instant of a day. Where midnight is skipped by
// daylight saving, time.Date answers an instant of the day before, and where it
// comes twice, it may answer the second. Zones change by quarters of an hour.
func dayStart(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	want := time.Date(y, m, d, 12, 0, 0, 0, zone).Day()
	for t.Day() != want {
		t = t.Add(15 * time.Minute)
	}
	for earlier := t.Add(-15 * time.Minute); earlier.Day() == want; earlier = t.Add(-15 * time.Minute) {
		t = earlier
	}
	return t.UTC()
}
