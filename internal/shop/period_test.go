package shop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestAPeriodIsCompletedAndComparedWithTheOneBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want, before, wrong string }{
		"nothing given is the last 30 days":         {"..", "2026-02-01..2026-03-02", "2026-01-02..2026-01-31", ""},
		"the last day alone has 30 up to it":        {"..2025-12-31", "2025-12-02..2025-12-31", "2025-11-02..2025-12-01", ""},
		"the first day alone goes until today":      {"2026-03-01..", "2026-03-01..2026-03-02", "2026-02-27..2026-02-28", ""},
		"a first day that is to come is one day":    {"2026-04-01..", "2026-04-01..2026-04-01", "2026-03-31..2026-03-31", ""},
		"a day is compared with the day before":     {"2024-03-01..2024-03-01", "2024-03-01..2024-03-01", "2024-02-29..2024-02-29", ""},
		"the clocks' change makes no difference":    {"2026-03-28..2026-03-30", "2026-03-28..2026-03-30", "2026-03-25..2026-03-27", ""},
		"ten years are a period":                    {"2016-02-24..2026-03-02", "2016-02-24..2026-03-02", "2006-02-16..2016-02-23", ""},
		"a day more is too long":                    {"2016-02-23..2026-03-02", "", "", "from: is more than 3660 days"},
		"days in the wrong order are refused":       {"2026-03-02..2026-03-01", "", "", "to: is before from"},
		"a day that there isn't is refused":         {"2026-02-30..2026-03-01", "", "", "from: is no day"},
		"both days are held against the calendar":   {"yesterday..2026-3-1", "", "", "from: is no day such as 2026-11-01; to: is no day"},
		"days before any shop are refused":          {"0001-01-01..2026-03-01", "", "", "from: is not between"},
		"days that nobody will see are refused":     {"..9999-12-31", "", "", "to: is not between"},
		"one end that is wrong hides nothing of it": {"2026-05-01..x", "", "", "to: is no day"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, _ := strings.Cut(c.given, "..")
			var wrong []string
			p := shop.Period{From: shop.Day(from), To: shop.Day(to)}.Complete("2026-03-02", func(end, why string) { wrong = append(wrong, end+": "+why) })
			if got := strings.Join(wrong, "; "); !strings.HasPrefix(got, c.wrong) || c.wrong == "" && got != "" {
				t.Errorf("refused is %q, want %q", got, c.wrong)
			}
			if c.wrong != "" {
				return
			}
			b := p.Before()
			if got, before := text(p), text(b); got != c.want || before != c.before || b.Days() != p.Days() {
				t.Errorf("it is %s after %s, want %s after %s", got, before, c.want, c.before)
			}
		})
	}
}

func text(p shop.Period) string { return fmt.Sprintf("%s..%s", p.From, p.To) }

func TestAPeriodLiesBetweenTheMidnightsOfAZone(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	since, until, err := shop.Period{From: "2026-03-28", To: "2026-03-29"}.Bounds(zone)
	if err != nil || since.Format(time.RFC3339) != "2026-03-27T23:00:00Z" || until.Sub(since) != 47*time.Hour {
		t.Errorf("it lies between %s and %s, %v", since, until, err)
	}
	for _, wrong := range []shop.Period{{From: "x", To: "2026-03-29"}, {From: "2026-03-29", To: "x"}} {
		if _, _, err := wrong.Bounds(zone); err == nil {
			t.Errorf("%s lies somewhere", text(wrong))
		}
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now, before float64
		want        string
	}{
		"a quarter more":                {5, 4, "0.25"},
		"all of it gone":                {0, 4, "-1"},
		"rounded to a hundredth of a %": {4, 3, "0.3333"},
		"nothing before":                {3, 0, "unknown"},
		"less than nothing before":      {3, -1, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := "unknown"
			if g := shop.Growth(c.now, c.before); g != nil {
				got = fmt.Sprint(*g)
			}
			if got != c.want {
				t.Errorf("from %v to %v it is %s, want %s", c.before, c.now, got, c.want)
			}
		})
	}
}
