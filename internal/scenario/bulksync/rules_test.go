package bulksync

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

const day = 24 * time.Hour

func TestPlanOfAStream(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 6, 1, 12, 0, 0, 700_000_000, time.UTC)
	until := time.Date(2025, 6, 1, 11, 55, 0, 0, time.UTC)
	at := func(before time.Duration) mark { return mark{until.Add(-before), 3} }
	from := func(before time.Duration) Params {
		since := until.Add(-before)
		return Params{Mode: Incremental, Since: &since}
	}
	swept := until.Add(-day)
	for _, c := range []struct {
		name     string
		stream   string
		params   Params
		mark     mark
		swept    time.Time
		limited  bool // without read_all_orders
		since    time.Time
		gapSince time.Time // zero: no gap
		advance  bool
		sweepAll bool
	}{
		{name: "an incremental run begins an overlap before the watermark",
			mark: at(day), since: until.Add(-3 * day), advance: true},
		{name: "one that begins exactly at the floor has no gap",
			mark: at(126 * day), since: until.Add(-128 * day), advance: true},
		{name: "one that would begin a second before the floor has a gap and doesn't advance",
			mark: at(126*day + time.Second), since: until.Add(-128 * day), gapSince: until.Add(-128*day - time.Second)},
		{name: "one without a watermark reads down to the floor and has a gap from the beginning",
			since: until.Add(-128 * day), gapSince: bulk.Beginning},
		{name: "a since at watermark less overlap advances",
			params: from(3 * day), mark: at(day), since: until.Add(-3 * day), advance: true},
		{name: "a since a second above watermark less overlap loads and doesn't advance",
			params: from(3*day - time.Second), mark: at(day), since: until.Add(-3*day + time.Second)},
		{name: "a since below watermark less overlap advances",
			params: from(9 * day), mark: at(day), since: until.Add(-9 * day), advance: true},
		{name: "a since has no floor",
			params: from(400 * day), mark: at(300 * day), since: until.Add(-400 * day), advance: true},
		{name: "a since without a watermark loads and doesn't advance",
			params: from(400 * day), since: until.Add(-400 * day)},
		{name: "a full run has neither floor nor beginning",
			params: Params{Mode: Full}, mark: at(500 * day), advance: true, sweepAll: true},
		{name: "a first full run advances",
			params: Params{Mode: Full}, advance: true, sweepAll: true},
		{name: "without read_all_orders a full run reads 60 days and has a gap",
			params: Params{Mode: Full}, limited: true, since: until.Add(-60 * day), gapSince: bulk.Beginning, advance: true},
		{name: "without read_all_orders a run that begins exactly at the horizon has no gap",
			mark: at(58 * day), limited: true, since: until.Add(-60 * day), advance: true},
		{name: "without read_all_orders a run that would begin a second before the horizon has a gap",
			mark: at(58*day + time.Second), limited: true, since: until.Add(-60 * day), gapSince: until.Add(-60*day - time.Second)},
		{name: "without read_all_orders a since is cut at the horizon too",
			params: from(90 * day), mark: at(80 * day), limited: true, since: until.Add(-60 * day), gapSince: until.Add(-90 * day)},
		{name: "products have no horizon",
			stream: Products, mark: at(100 * day), limited: true, since: until.Add(-102 * day), advance: true},
		{name: "all ids are compared seven days after the last time",
			mark: at(day), swept: until.Add(-7 * day), since: until.Add(-3 * day), advance: true, sweepAll: true},
		{name: "a second earlier only the window's ids are compared",
			mark: at(day), swept: until.Add(-7*day + time.Second), since: until.Add(-3 * day), advance: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.stream == "" {
				c.stream = Orders
			}
			if c.params.Mode == "" {
				c.params.Mode = Incremental
			}
			if c.swept.IsZero() {
				c.swept = swept
			}
			p := planStream(c.stream, c.params, c.mark, c.swept, now, !c.limited, Settings{}.withDefaults())
			if !p.Window.Since.Equal(c.since) || !p.Window.Until.Equal(until) {
				t.Errorf("window is %v, want [%s, %s)", p.Window, c.since, until)
			}
			if p.Advance != c.advance || p.SweepAll != c.sweepAll || p.Mark != c.mark {
				t.Errorf("advance %v, sweepAll %v, mark %v", p.Advance, p.SweepAll, p.Mark)
			}
			if want := (time.Time{}); c.sweepAll && p.sweepSince() != want || !c.sweepAll && !p.sweepSince().Equal(c.since) {
				t.Errorf("ids are compared since %s", p.sweepSince())
			}
			switch {
			case (p.Gap == nil) != c.gapSince.IsZero():
				t.Errorf("gap is %+v", p.Gap)
			case p.Gap != nil && (!p.Gap.Since.Equal(c.gapSince) || !p.Gap.Until.Equal(p.Window.Since) || p.Gap.Reason == ""):
				t.Errorf("gap is %+v, want it since %s", p.Gap, c.gapSince)
			}
		})
	}
}

func TestParametersThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Second)
	for _, c := range []struct {
		name   string
		params Params
		field  string // "" where they are fine
	}{
		{"incremental is a mode", Params{Mode: Incremental}, ""},
		{"full is a mode", Params{Mode: Full, Resources: []string{Orders}}, ""},
		{"a since of now is fine", Params{Mode: Incremental, Since: &now}, ""},
		{"another mode", Params{Mode: "fast"}, "mode"},
		{"no mode", Params{}, "mode"},
		{"another resource", Params{Mode: Full, Resources: []string{Orders, "customers"}}, "resources"},
		{"a since for a full sync", Params{Mode: Full, Since: &now}, "since"},
		{"a since in the future", Params{Mode: Incremental, Since: &later}, "since"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.params.check(now)
			switch {
			case c.field == "" && err != nil:
				t.Error(err)
			case c.field != "" && (!errors.Is(err, errs.Invalid) || !strings.HasPrefix(err.Error(), c.field) || errs.Remedy(err) == ""):
				t.Errorf("got %v (%q), want the field %s and a way out", err, errs.Remedy(err), c.field)
			}
		})
	}
}

func TestResourcesAreLoadedProductsFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ask, want []string }{
		{nil, []string{Products, Orders}},
		{[]string{Orders, Products}, []string{Products, Orders}},
		{[]string{Orders}, []string{Orders}},
		{[]string{Products}, []string{Products}},
	} {
		if got := (Params{Resources: c.ask}).streams(); !slices.Equal(got, c.want) {
			t.Errorf("%v gives %v, want %v", c.ask, got, c.want)
		}
	}
}

func TestEndingOfARun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		holds   bool
		rejects int64
		gap     bool
		want    string
	}{
		{true, 0, false, runs.Completed},
		{true, 1, false, runs.CompletedWithRejects},
		{true, 0, true, runs.CompletedWithGap},
		{true, 1, true, runs.CompletedWithGap},
		{false, 0, false, runs.Incomplete},
		{false, 1, true, runs.Incomplete},
	} {
		if got := closing(Proof{Holds: c.holds}, c.rejects, c.gap); got != c.want {
			t.Errorf("proof %v, %d rejects, gap %v: %s, want %s", c.holds, c.rejects, c.gap, got, c.want)
		}
	}
}

func TestTooManyRejects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rejected, lines int64
		want            bool
	}{
		{0, 0, false},
		{10, 10, false}, // few lines of a short file are no sign
		{11, 1100, false},
		{11, 1099, true},
		{11, 11, true},
	} {
		if got := tooManyRejects(c.rejected, c.lines, 0.01); got != c.want {
			t.Errorf("%d of %d: %v", c.rejected, c.lines, got)
		}
	}
}

func TestCountOfRoots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		want, distinct, refused int64
		ok                      bool
	}{
		{"as many as Shopify counts", 5, 5, 0, true},
		{"one less than Shopify counts", 5, 4, 0, false},
		{"one less, and a line that can't be read", 5, 4, 1, true},
		{"two less, and a line that can't be read", 5, 3, 1, false},
		{"one more than Shopify counts", 5, 6, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rootCheck(Orders, c.want, c.distinct, c.refused); got.OK != c.ok {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestDaysOfFileAndStore(t *testing.T) {
	t.Parallel()
	key := func(n int, currency string) dayKey { return dayKey{fmt.Sprintf("2025-06-%02d", n), currency} }
	one := daySum{orders: 1, lines: 2, units: 3, total: 40_000, gross: 50_000, discount: 10_000}
	both := daySum{orders: 2, lines: 4, units: 6, total: 80_000, gross: 100_000, discount: 20_000}
	other := one
	other.discount++
	many := map[dayKey]daySum{}
	for n := range 25 {
		many[key(n+1, "EUR")] = one
	}
	type days = map[dayKey]daySum
	for _, c := range []struct {
		name         string
		file, stored days
		broken       []string
		excused      []dayKey
	}{
		{"nothing on either side holds", days{}, days{}, nil, nil},
		{"equal days hold", days{key(1, "EUR"): one, key(2, "EUR"): both}, days{key(1, "EUR"): one, key(2, "EUR"): both}, nil, nil},
		{"currencies are never added", days{key(1, "EUR"): one, key(1, "USD"): one}, days{key(1, "EUR"): both},
			[]string{"store EUR", "store USD", "store day 2025-06-01 EUR", "store day 2025-06-01 USD", "store days"}, nil},
		{"a ten-thousandth is a difference", days{key(1, "EUR"): one}, days{key(1, "EUR"): other},
			[]string{"store EUR", "store day 2025-06-01 EUR", "store days"}, nil},
		{"sums that agree don't hide days that differ", days{key(1, "EUR"): one, key(2, "EUR"): both}, days{key(1, "EUR"): both, key(2, "EUR"): one},
			[]string{"store day 2025-06-01 EUR", "store day 2025-06-02 EUR", "store days"}, nil},
		{"a day that only the store has is a difference", days{}, days{key(1, "EUR"): one}, []string{"store EUR", "store day 2025-06-01 EUR", "store days"}, nil},
		{"a day of an order whose line is listed as rejected is left out",
			days{key(1, "EUR"): one, key(2, "EUR"): one}, days{key(1, "EUR"): both, key(2, "EUR"): one}, nil, []dayKey{key(1, "EUR")}},
		{"other days are not excused by it",
			days{key(1, "EUR"): one, key(2, "EUR"): one}, days{key(1, "EUR"): both, key(2, "EUR"): both},
			[]string{"store EUR", "store day 2025-06-02 EUR", "store days"}, []dayKey{key(1, "EUR")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			excused := map[dayKey]bool{}
			for _, k := range c.excused {
				excused[k] = true
			}
			if got := brokenNames(storeChecks(c.file, c.stored, excused)); !slices.Equal(got, c.broken) {
				t.Errorf("broken: %q, want %q", got, c.broken)
			}
		})
	}
	t.Run("no more than twenty days are shown", func(t *testing.T) {
		if got := brokenNames(storeChecks(many, days{}, nil)); len(got) != 2+shownDays {
			t.Errorf("%d are shown", len(got))
		}
	})
}

func brokenNames(checks []Check) (names []string) {
	for _, c := range checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}
