package analytics_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

const metrics = "/api/performance-metrics"

// product is what tests read of an entry of the list of metrics.
type product struct {
	ProductID    shop.ID
	Title        string
	AsOf         string
	Tier, Trend  string
	Flags        []string
	FirstSaleDay string
	Units        map[string]int64
	NetSales     map[string]shop.Money
	IsActive     bool
}

// products reads all pages of the list of metrics.
func (w *world) products(query string) (all []product) {
	w.Helper()
	total := 0
	for cursor := ""; ; {
		var page struct {
			Data       []product
			Pagination struct {
				NextCursor *string
				Total      int
			}
		}
		w.send("GET", metrics+"?limit=500&"+query+cursor, nil, &page, http.StatusOK)
		if all = append(all, page.Data...); cursor == "" {
			total = page.Pagination.Total // which the first page says
		}
		if page.Pagination.NextCursor == nil {
			if total != len(all) {
				w.Errorf("%s lists %d products, and says %d", query, len(all), total)
			}
			return all
		}
		cursor = "&cursor=" + *page.Pagination.NextCursor
	}
}

// measured is an article as the file has it.
type measured struct {
	title, first, trend string
	units, net          []int64 // by window
	tiers               []string
	active              bool
}

func windows() [6]string {
	return [6]string{"first7Days", "first14Days", "last7Days", "last14Days", "last30Days", "total"}
}

// measured asks the file for all articles.
func (f *file) measured(stage int, day string) map[shop.ID]measured {
	f.Helper()
	rows, err := f.look.Query(f.Context(), `SELECT m.place, a.title, coalesce(first_day::text, ''), units,
		(SELECT array_agg((x * 10000)::bigint ORDER BY i) FROM unnest(net) WITH ORDINALITY AS n(x, i)), tiers, trend, active
		FROM raw.measured($1, $2) m JOIN raw.tiers($1, $2) t USING (place) JOIN raw.article a USING (place)`, stage, day)
	must(f.T, err)
	defer rows.Close()
	all := map[shop.ID]measured{}
	for rows.Next() {
		var m measured
		var place int
		must(f.T, rows.Scan(&place, &m.title, &m.first, &m.units, &m.net, &m.tiers, &m.trend, &m.active))
		all[f.ids[place-1]] = m
	}
	must(f.T, rows.Err())
	return all
}

// checkMetrics holds the metrics of all products, and their sums, against the file.
func (f *file) checkMetrics(stage int, day string) {
	f.Helper()
	want := f.measured(stage, day)
	list := f.products("asOf=" + day)
	for _, p := range list {
		m, what := want[p.ProductID], fmt.Sprintf("stage %d, %s", stage, p.Title)
		for i, window := range windows() {
			if p.Units[window] != m.units[i] || int64(p.NetSales[window].Amount) != m.net[i] || p.NetSales[window].Currency != "GBP" {
				f.Errorf("%s: %s %d units, %v; the file has %d, %d", what, window, p.Units[window], p.NetSales[window], m.units[i], m.net[i])
			}
		}
		tier := "none"
		if len(m.tiers) > 0 {
			tier = m.tiers[0]
		}
		if p.Title != m.title || p.AsOf != day || p.FirstSaleDay != m.first || p.IsActive != m.active || p.Trend != m.trend ||
			p.Tier != tier || !slices.Equal(p.Flags, m.tiers) {
			f.Errorf("%s is %+v; the file has %+v", what, p, m)
		}
	}
	if len(list) != len(want) {
		f.Errorf("%d products are listed as of %s; the file has %d", len(list), day, len(want))
	}
	f.checkSummary(day, want)
}

// checkSummary holds the sums of all products against those of the articles.
func (f *file) checkSummary(day string, articles map[shop.ID]measured) {
	f.Helper()
	type tier struct {
		Tier               string
		Holds, Primary     int
		UnitsLast30Days    int64
		NetSalesLast30Days shop.Money
	}
	var got struct {
		Data struct {
			AsOf             string
			HistorySince     *string
			Products, Active int
			Tiers            []tier
			Units            map[string]int64
			NetSales         map[string]shop.Money
		}
	}
	f.send("GET", metrics+"/stats/summary?asOf="+day, nil, &got, http.StatusOK)
	s, active := got.Data, 0
	var units, net [6]int64
	tiers := map[string]*tier{}
	for _, name := range []string{"top_riser", "winner", "archive_candidate", "banana", "none"} {
		tiers[name] = &tier{Tier: name, NetSalesLast30Days: shop.Money{Currency: "GBP"}}
	}
	for _, m := range articles {
		for i := range units {
			units[i], net[i] = units[i]+m.units[i], net[i]+m.net[i]
		}
		if m.active {
			active++
		}
		held := m.tiers
		if len(held) == 0 {
			held = []string{"none"}
		}
		for _, name := range held {
			tiers[name].Holds++
		}
		first := tiers[held[0]]
		first.Primary++
		first.UnitsLast30Days += m.units[4]
		first.NetSalesLast30Days.Amount += shop.Amount(m.net[4])
	}
	for i, window := range windows() {
		if i > 1 && (s.Units[window] != units[i] || int64(s.NetSales[window].Amount) != net[i]) {
			f.Errorf("all sold in %s %d, %v; the file has %d, %d", window, s.Units[window], s.NetSales[window], units[i], net[i])
		}
	}
	for _, t := range s.Tiers {
		if t != *tiers[t.Tier] {
			f.Errorf("a tier is %+v; the file has %+v", t, *tiers[t.Tier])
		}
	}
	if s.AsOf != day || s.HistorySince != nil || s.Products != len(articles) || s.Active != active || len(s.Tiers) != 5 {
		f.Errorf("the summary is %+v; the file has %d articles, %d active", s, len(articles), active)
	}
}

// checkFilters holds what the list of metrics finds, and in which order, against
// the file.
func (f *file) checkFilters(stage int, day string, group uuid.UUID) {
	f.Helper()
	f.exec(fmt.Sprintf(`CREATE UNLOGGED TABLE raw.found AS SELECT place, units, net, first_day, tiers, title, code, active
		FROM raw.measured(%[1]d, '%[2]s') JOIN raw.tiers(%[1]d, '%[2]s') USING (place) JOIN raw.article USING (place)`, stage, day))
	const tagged = `WHERE place IN (SELECT place FROM raw.there WHERE stage = %d AND tag = ANY (ARRAY[%s])) `
	byUnits := `ORDER BY units[5] DESC, place`
	for query, rest := range map[string]string{
		"tag=heart":                         fmt.Sprintf(tagged, stage, `'HEART'`) + byUnits,
		"tag=LATE&sort=title":               fmt.Sprintf(tagged, stage, `'Late'`) + `ORDER BY lower(title) COLLATE "C", place`,
		"group=" + group.String():           fmt.Sprintf(tagged, stage, `'CHRISTMAS', 'REINDEER', 'BAUBLE', 'SNOWFLAKE'`) + byUnits,
		"q=" + url.QueryEscape("red reTro"): `WHERE lower(title) LIKE '%red retro%' OR lower(code) LIKE '%red retro%' ` + byUnits,
		"status=ARCHIVED":                   `WHERE NOT active ` + byUnits,
		"tier=winner&sort=-netSalesTotal":   `WHERE 'winner' = ANY (tiers) ORDER BY net[6] DESC, place`,
		"tier=top_riser":                    `WHERE 'top_riser' = ANY (tiers) ` + byUnits,
		"tier=archive_candidate":            `WHERE 'archive_candidate' = ANY (tiers) ` + byUnits,
		"tier=banana":                       `WHERE 'banana' = ANY (tiers) ` + byUnits,
		"tier=none&tag=heart":               fmt.Sprintf(tagged, stage, `'HEART'`) + `AND tiers = '{}' ` + byUnits,
		"sort=firstSaleDay":                 `ORDER BY first_day NULLS FIRST, place`,
		"sort=-netSalesLast7Days":           `ORDER BY net[3] DESC, place`,
		"sort=unitsFirst14Days":             `ORDER BY units[2], place`,
	} {
		var places []int
		rows, err := f.look.Query(f.Context(), `SELECT place FROM raw.found `+rest)
		must(f.T, err)
		for rows.Next() {
			var place int
			must(f.T, rows.Scan(&place))
			places = append(places, place)
		}
		must(f.T, rows.Err())
		var want, got []string
		for _, place := range places {
			want = append(want, f.ids[place-1].String())
		}
		for _, p := range f.products("asOf=" + day + "&" + query) {
			got = append(got, p.ProductID.String())
		}
		if len(want) == 0 || !slices.Equal(got, want) {
			f.Errorf("%s lists %d products; the file has %d, or in another order: %.300s; %.300s", query, len(got), len(want), strings.Join(got, " "), strings.Join(want, " "))
		}
	}
}
