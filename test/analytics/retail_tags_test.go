package analytics_test

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// asked says of which stages of the file something is asked, and as of which run
// the program is.
type asked struct {
	sales, tags int
	asOf        uuid.UUID
	wanted      []string // tags; all of them where there are none
}

// sold asks the file what the products of tags sold: by tag, "" being all of
// them together, and by the first day of each part.
func (f *file) sold(a asked, from, to, unit string) map[string]sold {
	f.Helper()
	return f.sums(`SELECT tag || ' ' || part, units, orders, lines, products, (net * 10000)::bigint FROM raw.sold($1, $2, $3, $4, $5, $6)`,
		a.sales, a.tags, a.wanted, from, to, unit)
}

// sums remembers what was asked, for nothing of a stage changes.
func (f *file) sums(sql string, args ...any) map[string]sold {
	f.Helper()
	key := fmt.Sprint(sql, args)
	if known, ok := f.asked[key]; ok {
		return known
	}
	rows, err := f.look.Query(f.Context(), sql, args...)
	must(f.T, err)
	defer rows.Close()
	all := map[string]sold{}
	for rows.Next() {
		var key string
		s := nothing()
		var net int64 // in ten-thousandths
		must(f.T, rows.Scan(&key, &s.Units, &s.Orders, &s.Lines, &s.ProductsSold, &net))
		s.NetSales.Amount = shop.Amount(net)
		all[key] = s
	}
	must(f.T, rows.Err())
	f.asked[key] = all
	return all
}

func nothing() sold { return sold{NetSales: shop.Money{Currency: "GBP"}} }

// in returns what a map has for a key, nothing where it has none.
func in(all map[string]sold, key string) sold {
	if s, ok := all[key]; ok {
		return s
	}
	return nothing()
}

// known lists all tags that there ever were, and how many articles have each.
func (f *file) known(stage int) (names []string, articles map[string]int64) {
	f.Helper()
	rows, err := f.look.Query(f.Context(), `SELECT tag, count(*) FILTER (WHERE stage = $1) FROM raw.there WHERE stage <= $1 AND tag <> '' GROUP BY tag`, stage)
	must(f.T, err)
	defer rows.Close()
	articles = map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		must(f.T, rows.Scan(&name, &n))
		names, articles[name] = append(names, name), n
	}
	must(f.T, rows.Err())
	return names, articles
}

// checkTags holds answers of a period against the file: all tags, those that sold
// most with their parts, and the list of them.
func (f *file) checkTags(a asked, from, to, unit string) {
	f.Helper()
	a.wanted, _ = f.known(a.tags)
	question := object{"all": true, "from": from, "to": to, "granularity": unit, "limit": 500}
	query := "from=" + from + "&to=" + to
	if a.asOf != uuid.Nil {
		question["asOf"] = a.asOf
		query += "&asOf=" + a.asOf.String()
	}
	r := f.performance(question)
	f.check(a, unit, r)
	if r.TagCount != len(a.wanted) || len(r.Tags) != 500 {
		f.Errorf("%d of %d tags are shown, the file has %d", len(r.Tags), r.TagCount, len(a.wanted))
	}
	listed := report{From: r.From, To: r.To, Previous: r.Previous, Tags: f.listed("/api/tag-analytics/tags?limit=500&" + query)}
	f.check(a, "none", listed)
	if len(listed.Tags) != len(a.wanted) {
		f.Errorf("%d tags are listed, the file has %d", len(listed.Tags), len(a.wanted))
	}
}

// listed reads all pages of the list of tags.
func (w *world) listed(path string) (all []tagFigures) {
	w.Helper()
	for cursor := ""; ; {
		var page struct {
			Data       []tagFigures
			Pagination struct{ NextCursor *string }
		}
		w.send("GET", path+cursor, nil, &page, http.StatusOK)
		all = append(all, page.Data...)
		if page.Pagination.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.Pagination.NextCursor
	}
}

// check holds every number of an answer against the file.
func (f *file) check(a asked, unit string, r report) {
	f.Helper()
	what := fmt.Sprintf("stage %d, tags of %d, %s to %s by %s", a.sales, a.tags, r.From, r.To, unit)
	now, before := f.sold(a, r.From, r.To, "none"), f.sold(a, r.Previous.From, r.Previous.To, "none")
	var parts map[string]sold
	if unit != "none" {
		parts = f.sold(a, r.From, r.To, unit)
	}
	_, articles := f.known(a.tags)
	whole := in(now, " "+r.From)
	one := func(name string, g figures, share bool) {
		f.Helper()
		want, was := in(now, name+" "+r.From), in(before, name+" "+r.Previous.From)
		if g.now() != want || g.Previous != was {
			f.Errorf("%s: %q sold %+v, before %+v; the file has %+v, %+v", what, name, g.now(), g.Previous, want, was)
		}
		if share && !near(g.Share, int64(want.NetSales.Amount), int64(whole.NetSales.Amount)) ||
			!near(g.Change.Units, want.Units-was.Units, was.Units) || !near(g.Change.Orders, want.Orders-was.Orders, was.Orders) ||
			!near(g.Change.NetSales, int64(want.NetSales.Amount-was.NetSales.Amount), int64(was.NetSales.Amount)) {
			f.Errorf("%s: shares and changes of %q are %+v; the file has %+v after %+v", what, name, g, want, was)
		}
		told := map[string]sold{}
		for _, p := range g.Series {
			if p.Lines > 0 {
				told[name+" "+p.From] = sold{p.Units, p.Orders, p.Lines, p.ProductsSold, p.NetSales}
			}
		}
		for key, s := range told {
			if parts[key] != s {
				f.Errorf("%s: in the part of %q was sold %+v; the file has %+v", what, key, s, parts[key])
			}
		}
		n := 0
		for key := range parts {
			if strings.HasPrefix(key, name+" 20") {
				n++
			}
		}
		if n != len(told) {
			f.Errorf("%s: %q sold in %d parts; the file has %d", what, name, len(told), n)
		}
	}
	for _, t := range r.Tags {
		one(t.Tag, t.figures, true)
		if t.Products != articles[t.Tag] {
			f.Errorf("%s: %q has %d products; the file has %d", what, t.Tag, t.Products, articles[t.Tag])
		}
	}
	for _, t := range r.Totals {
		one("", t, false)
	}
	if whole.Lines == 0 {
		f.Errorf("%s: nothing was sold, so nothing is shown", what)
	}
}

// near says whether a number is a ratio to four digits, and left out where that
// is of nothing.
func near(got *float64, part, whole int64) bool {
	if whole <= 0 || got == nil {
		return whole <= 0 && got == nil
	}
	return math.Abs(*got-float64(part)/float64(whole)) < 0.000_050_001
}

// checkOrder holds the rows that are shown, in order, against the file.
func (f *file) checkOrder(a asked, order string, r report) {
	f.Helper()
	now, before := f.sold(a, r.From, r.To, "none"), f.sold(a, r.Previous.From, r.Previous.To, "none")
	names, articles := f.known(a.tags)
	measure := func(name string) float64 {
		s, was := in(now, name+" "+r.From), in(before, name+" "+r.Previous.From)
		switch order {
		case "units":
			return float64(s.Units)
		case "orders":
			return float64(s.Orders)
		case "products":
			return float64(articles[name])
		case "name":
			return 0
		case "change":
			if was.NetSales.Amount <= 0 {
				return math.Inf(-1)
			}
			return math.Round(float64(s.NetSales.Amount-was.NetSales.Amount) / float64(was.NetSales.Amount) * 10_000)
		}
		return float64(s.NetSales.Amount)
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(measure(y), measure(x)), strings.Compare(strings.ToLower(x), strings.ToLower(y)))
	})
	for i, t := range r.Tags {
		if t.Tag != names[i] {
			f.Errorf("by %s place %d of %s to %s is %q, the file's %q", order, i, r.From, r.To, t.Tag, names[i])
			return
		}
	}
}

// checkSelections holds some tags, a category with its coverage and a group
// against the file, what is told of tags without a category, and every order.
func (f *file) checkSelections(a asked, group uuid.UUID) {
	f.Helper()
	const from, to = "2011-09-05", "2011-12-04"
	some := asked{sales: a.sales, tags: a.tags, wanted: []string{"Late", "HEART", "T-LIGHT", "VINTAGE", "CHRISTMAS"}}
	f.check(some, "week", f.performance(object{"tags": []string{"late", " Heart", "t-light", "VINTAGE", "christmas"}, "from": from, "to": to, "granularity": "week"}))
	design := asked{sales: a.sales, tags: a.tags, wanted: []string{"HEART", "RETROSPOT", "T-LIGHT", "VINTAGE"}}
	f.check(design, "month", f.performance(object{"category": "design", "from": from, "to": to, "granularity": "month"}))
	winter := asked{sales: a.sales, tags: a.tags, wanted: []string{"CHRISTMAS", "REINDEER", "BAUBLE", "SNOWFLAKE"}}
	f.check(winter, "day", f.performance(object{"groupId": group, "from": from, "to": to, "granularity": "day"}))
	f.check(winter, "day", f.group("/api/tag-analytics/group-performance/"+group.String()+"?granularity=day&from="+from+"&to="+to))

	var d struct {
		Data struct {
			report
			Coverage struct{ None, One, Several covered }
		}
	}
	f.send("GET", "/api/tag-analytics/distribution/design?from="+from+"&to="+to, nil, &d, http.StatusOK)
	f.check(design, "none", d.Data.report)
	spread := func(from, to, last string) map[string]sold {
		return f.sums(`SELECT tag, units, orders, `+last+`, products, (net * 10000)::bigint FROM raw.spread($1, $2, $3, $4, $5)`, a.sales, a.tags, design.wanted, from, to)
	}
	now, before, articles := spread(from, to, "lines"), spread(d.Data.Previous.From, d.Data.Previous.To, "lines"), spread(from, to, "articles")
	for key, c := range map[string]covered{"0": d.Data.Coverage.None, "1": d.Data.Coverage.One, "2": d.Data.Coverage.Several} {
		if len(c.Sales) != 1 || c.Sales[0].now() != now[key] || c.Sales[0].Previous != before[key] || c.Products != articles[key].Lines {
			f.Errorf("articles with %s tags: %+v; the file has %d, %+v after %+v", key, c, articles[key].Lines, now[key], before[key])
		}
	}
	f.checkUnclassified(a)
	every := a
	every.wanted, _ = f.known(a.tags)
	for _, order := range []string{"netSales", "units", "orders", "products", "change", "name"} {
		f.checkOrder(every, order, f.performance(object{"all": true, "from": from, "to": to, "limit": 500, "orderBy": order}))
	}
}

type covered struct {
	Products int64
	Sales    []figures
}

// checkUnclassified holds what tags without a category ever sold against the file.
func (f *file) checkUnclassified(a asked) {
	f.Helper()
	f.exec(`ANALYZE`) // as any server does by itself; those of tests are told not to
	names, articles := f.known(a.tags)
	a.wanted = names
	all, n := f.sold(a, "2010-01-01", "2012-01-01", "none"), 0
	for _, t := range f.listed("/api/tag-classifications/unclassified?limit=500") {
		n++
		want := in(all, t.Tag+" 2010-01-01")
		if t.Units != want.Units || t.NetSales != want.NetSales || t.Products != articles[t.Tag] {
			f.Errorf("%q without a category: %d products, %d units, %v; the file has %d, %+v", t.Tag, t.Products, t.Units, t.NetSales, articles[t.Tag], want)
		}
	}
	if n != len(names)-4 {
		f.Errorf("%d tags have no category, want all but 4 of %d", n, len(names))
	}
}
