package taganalytics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMonthsAreCutByDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone, month string
		first, last shop.Day
		pieces      int
		hours       map[shop.Day]float64 // that aren't 24
	}{
		"in UTC days and months agree":           {"UTC", "2024-02", "2024-02-01", "2024-02-29", 29, nil},
		"west of it a day goes on from before":   {"America/New_York", "2025-01", "2024-12-31", "2025-01-31", 32, map[shop.Day]float64{"2024-12-31": 5, "2025-01-31": 19}},
		"east of it the last day goes on":        {"Asia/Kathmandu", "2025-04", "2025-04-01", "2025-05-01", 31, map[shop.Day]float64{"2025-04-01": 18.25, "2025-05-01": 5.75}},
		"a day of 23 hours":                      {"Europe/London", "2025-03", "2025-03-01", "2025-04-01", 32, map[shop.Day]float64{"2025-03-30": 23, "2025-04-01": 1}},
		"a day of 25 hours":                      {"Europe/London", "2024-10", "2024-10-01", "2024-10-31", 31, map[shop.Day]float64{"2024-10-01": 23, "2024-10-27": 25}},
		"a day of 24 and a half":                 {"Australia/Lord_Howe", "2025-04", "2025-04-01", "2025-05-01", 31, map[shop.Day]float64{"2025-04-01": 13, "2025-04-06": 24.5, "2025-05-01": 10.5}},
		"a day that a zone has skipped is none":  {"Pacific/Apia", "2011-12", "2011-11-30", "2012-01-01", 32, map[shop.Day]float64{"2011-11-30": 10, "2012-01-01": 14}},
		"as many as there can be, by the Azores": {"Atlantic/Azores", "2025-03", "2025-02-28", "2025-03-31", 32, map[shop.Day]float64{"2025-02-28": 1, "2025-03-30": 23}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			start, _ := time.Parse("2006-01", c.month)
			m := month{start, start.AddDate(0, 1, 0)}
			pieces, err := m.pieces(zone)
			if err != nil || len(pieces) != c.pieces || !pieces[0].start.Equal(m.start) {
				t.Fatalf("%s is cut into %d: %v, %v", c.month, len(pieces), pieces, err)
			}
			if first, last := dayOf(pieces[0].day), dayOf(pieces[len(pieces)-1].day); first != c.first || last != c.last {
				t.Errorf("the days are %s to %s, want %s to %s", first, last, c.first, c.last)
			}
			for i, p := range pieces {
				end := m.end
				if i+1 < len(pieces) {
					end = pieces[i+1].start
				}
				day, want := dayOf(p.day), 24.0
				if h, ok := c.hours[day]; ok {
					want = h
				}
				if got := end.Sub(p.start).Hours(); got != want || shop.DayOf(p.start, zone) != day || shop.DayOf(end.Add(-1), zone) != day {
					t.Errorf("%s has %v hours from %v on, want %v", day, got, p.start, want)
				}
			}
		})
	}
}

func TestTheCacheKeepsWhatWasUsedLast(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	for _, key := range []string{"a", "b", "c"} {
		c.put(key, key, 40)
		c.get("a")
	}
	if c.get("a") != "a" || c.get("b") != nil || c.get("c") != "c" || c.bytes != 80 {
		t.Errorf("a, b and c of 40 bytes each leave %v, %v, %v, %d bytes", c.get("a"), c.get("b"), c.get("c"), c.bytes)
	}
	c.put("a", "larger", 60)
	if c.get("a") != "larger" || c.bytes != 100 {
		t.Errorf("what is put anew is %v, and %d bytes are kept", c.get("a"), c.bytes)
	}
	c.put("huge", "huge", 101)
	if c.get("huge") != nil || c.bytes != 0 {
		t.Errorf("what exceeds all memory leaves %d bytes", c.bytes)
	}
}

func TestOneWorksAndOthersWait(t *testing.T) {
	t.Parallel()
	c, what := newCache(1), fingerprintOf([]string{"tags"})
	done, err := c.alone(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := c.alone(t.Context(), fingerprintOf([]string{"other tags"})); err != nil {
		t.Fatal(err)
	} else {
		other()
	}
	impatient, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.alone(impatient, what); !errors.Is(err, errs.Canceled) {
		t.Errorf("who doesn't wait gets %v", err)
	}
	next := make(chan error)
	go func() {
		done, err := c.alone(t.Context(), what)
		if err == nil {
			done()
		}
		next <- err
	}()
	done()
	if err := <-next; err != nil {
		t.Error(err)
	}
}
