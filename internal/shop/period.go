package shop

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// What a period may be.
const (
	DefaultDays = 30    // of a period where nothing says when it begins
	MaxDays     = 3_660 // of a period: ten years

	firstDay Day = "1990-01-01"
	lastDay  Day = "2199-12-31"
)

// Period is days that follow one another.
type Period struct {
	From Day `json:"from" format:"date"`
	To   Day `json:"to" format:"date" doc:"The last day."`
}

// Complete fills in what a request leaves out: without a last day it is today,
// or the first day where that is to come, and without a first day it is the
// last 30. refuse is told what can't be meant, of "from" or "to", for people; a
// period that something is refused of is none.
func (p Period) Complete(today Day, refuse func(end, why string)) Period {
	wrong := false
	for _, end := range []struct {
		name string
		day  Day
	}{{"from", p.From}, {"to", p.To}} {
		if end.day == "" {
			continue
		}
		if _, err := ParseDay(string(end.day)); err != nil {
			refuse(end.name, "is no day such as 2026-11-01")
		} else if end.day < firstDay || end.day > lastDay {
			refuse(end.name, fmt.Sprintf("is not between %s and %s", firstDay, lastDay))
		} else {
			continue
		}
		wrong = true
	}
	if wrong {
		return p
	}
	p.To = cmp.Or(p.To, max(today, p.From))
	p.From = cmp.Or(p.From, p.To.Plus(1-DefaultDays))
	switch n := p.Days(); {
	case n < 1:
		refuse("to", "is before from")
	case n > MaxDays:
		refuse("from", fmt.Sprintf("is more than %d days before to: ask for a shorter period", MaxDays))
	}
	return p
}

// Days returns how many days a period has; fewer than 1 where it ends before it
// begins.
func (p Period) Days() int { return int(p.To.Date().Sub(p.From.Date())/(24*time.Hour)) + 1 }

// Before returns the period of as many days that ends where p begins.
func (p Period) Before() Period {
	return Period{p.From.Plus(-p.Days()), p.From.Plus(-1)}
}

// Bounds returns the half-open range of instants in which a period lies in a
// zone; see [Day.Bounds].
func (p Period) Bounds(zone *time.Location) (since, until time.Time, err error) {
	if since, _, err = p.From.Bounds(zone); err != nil {
		return since, until, err
	}
	_, until, err = p.To.Bounds(zone)
	return since, until, err
}

// Growth is by which part of what it was something has grown: 0.25 is a quarter
// more. It is nil where there is nothing to compare with.
func Growth(now, before float64) *float64 {
	if before <= 0 {
		return nil
	}
	return Rounded((now - before) / before)
}

// Rounded rounds a part of something to what a table shows, a hundredth of a
// percent.
func Rounded(x float64) *float64 {
	x = math.Round(x*10_000) / 10_000
	return &x
}
