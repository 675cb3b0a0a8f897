package taganalytics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestPeriods(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want, before, wrong string }{
		"nothing given is the last 30 days":         {"..", "2026-02-01..2026-03-02", "2026-01-02..2026-01-31", ""},
		"the last day alone has 30 up to it":        {"..2025-12-31", "2025-12-02..2025-12-31", "2025-11-02..2025-12-01", ""},
		"the first day alone goes until today":      {"2026-03-01..", "2026-03-01..2026-03-02", "2026-02-27..2026-02-28", ""},
		"a first day that is to come is one day":    {"2026-04-01..", "2026-04-01..2026-04-01", "2026-03-31..2026-03-31", ""},
		"a day is compared with the day before":     {"2024-03-01..2024-03-01", "2024-03-01..2024-03-01", "2024-02-29..2024-02-29", ""},
		"days in the wrong order are refused":       {"2026-03-02..2026-03-01", "", "", "body.to"},
		"a day that there isn't is refused":         {"2026-02-30..2026-03-01", "", "", "body.from"},
		"both days are held against the calendar":   {"yesterday..2026-3-1", "", "", "body.from body.to"},
		"days before any shop are refused":          {"0001-01-01..2026-03-01", "", "", "body.from"},
		"more days than ten years of them are many": {"2000-01-01..2026-03-01", "", "", "body.from"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, _ := strings.Cut(c.given, "..")
			p, err := periodOf(Period{shop.Day(from), shop.Day(to)}, "2026-03-02", "body")
			if c.wrong != "" {
				for _, field := range strings.Fields(c.wrong) {
					if err == nil || !strings.Contains(err.Error(), field) {
						t.Errorf("%s gave %v, not a fault of %s", c.given, err, field)
					}
				}
				return
			}
			if got, before := text(p), text(p.before()); err != nil || got != c.want || before != c.before {
				t.Errorf("%s is %s after %s, %v, want %s after %s", c.given, got, before, err, c.want, c.before)
			}
		})
	}
}

func text(p Period) string { return fmt.Sprintf("%s..%s", p.From, p.To) }

func TestPartsOfAPeriod(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to    shop.Day
		granularity string
		want        string
	}{
		"none has no parts":                         {"2026-01-01", "2026-12-31", none, ""},
		"nor has what says nothing":                 {"2026-01-01", "2026-12-31", "", ""},
		"days":                                      {"2026-02-27", "2026-03-01", "day", "2026-02-27..2026-02-27 2026-02-28..2026-02-28 2026-03-01..2026-03-01"},
		"weeks begin on Monday and are cut":         {"2026-01-03", "2026-01-13", "week", "2026-01-03..2026-01-04 2026-01-05..2026-01-11 2026-01-12..2026-01-13"},
		"a week across the year's end":              {"2025-12-29", "2026-01-04", "week", "2025-12-29..2026-01-04"},
		"a Sunday ends its week":                    {"2026-01-04", "2026-01-05", "week", "2026-01-04..2026-01-04 2026-01-05..2026-01-05"},
		"months have their own lengths":             {"2024-02-01", "2024-03-31", "month", "2024-02-01..2024-02-29 2024-03-01..2024-03-31"},
		"months are cut, and December has an end":   {"2025-12-31", "2026-01-01", "month", "2025-12-31..2025-12-31 2026-01-01..2026-01-01"},
		"a period within a month is one part of it": {"2026-01-10", "2026-01-11", "month", "2026-01-10..2026-01-11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range (Period{c.from, c.to}).split(c.granularity) {
				got = append(got, text(p))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("parts are %v, want %s", got, c.want)
			}
		})
	}
}

func TestRank(t *testing.T) {
	t.Parallel()
	list := func() (tags []TagFigures) {
		for i, name := range []string{"b", "A", "c", "euro"} {
			tag := TagFigures{Tag: name, Products: int64(i)}
			tag.Units, tag.Orders = int64(10*i), int64(5-i)
			tag.NetSales = shop.Money{Amount: shop.Amount(100 * (i % 2)), Currency: "USD"}
			tags = append(tags, tag)
		}
		tags[3].NetSales = shop.Money{Amount: 1 << 60, Currency: "EUR"}
		tags[2].Change.NetSales = shop.Rounded(-0.5)
		return tags
	}
	for by, want := range map[string]string{
		"netSales": "A b c euro", "units": "c A b euro", "orders": "b A c euro", "products": "c A b euro", "change": "c A b euro", "name": "A b c euro",
	} {
		t.Run("by "+by, func(t *testing.T) {
			t.Parallel()
			tags := list()
			rank(tags, by, "USD")
			var got []string
			for _, tag := range tags {
				got = append(got, tag.Tag)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("the order is %v, want %s", got, want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	usd := func(units int64, net shop.Amount) Sales {
		return Sales{Units: units, NetSales: shop.Money{Amount: net, Currency: "USD"}}
	}
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	for name, c := range map[string]struct {
		now, before, whole Sales
		want               string // share, change of units, change of net sales
	}{
		"a half more, and a third of the whole":    {usd(3, 30), usd(2, 20), usd(0, 90), "0.3333 0.5 0.5"},
		"nothing before can't be compared with":    {usd(3, 30), usd(0, 0), usd(0, 30), "1 - -"},
		"less than nothing before can't, either":   {usd(3, 30), usd(1, -20), usd(0, 30), "1 2 -"},
		"nothing of nothing":                       {usd(0, 0), usd(4, 40), usd(0, 0), "- -1 -1"},
		"no share is of a whole that was refunded": {usd(1, 10), usd(1, 10), usd(0, -5), "- 0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := compare(c.now, c.before, c.whole)
			if got := strings.Join([]string{show(f.Share), show(f.Change.Units), show(f.Change.NetSales)}, " "); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
		})
	}
}
