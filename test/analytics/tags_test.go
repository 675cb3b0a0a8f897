package analytics_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

type object = map[string]any

// sold is what some lines came to.
type sold struct {
	Units, Orders, Lines, ProductsSold int64
	NetSales                           shop.Money
}

// figures as the API tells them.
type figures struct {
	Units, Orders, Lines, ProductsSold int64
	NetSales                           shop.Money
	Share                              *float64
	Previous                           sold
	Change                             struct{ Units, Orders, NetSales *float64 }
	Series                             []struct {
		From, To                           string
		Units, Orders, Lines, ProductsSold int64
		NetSales                           shop.Money
	}
}

func (f figures) now() sold { return sold{f.Units, f.Orders, f.Lines, f.ProductsSold, f.NetSales} }

type tagFigures struct {
	TagID, Tag, Category string
	Products             int64
	figures
}

type report struct {
	From, To, TimeZone, Basis string
	Previous                  struct{ From, To string }
	Totals                    []figures
	Tags                      []tagFigures
	TagCount                  int
}

const counted = `
	FROM order_line_item l
	JOIN order_header h ON h.order_id = l.order_id
	CROSS JOIN shop s
	WHERE NOT l.is_gift_card AND h.deleted_at IS NULL AND h.cancelled_at IS NULL AND NOT h.is_test
	  AND (h.processed_at AT TIME ZONE s.time_zone)::date BETWEEN $1::date AND $2::date`

const sums = `sum(l.quantity)::bigint, count(DISTINCT l.order_id), count(*), count(DISTINCT l.product_id), sum(l.net_sales), h.currency`

// stored asks PostgreSQL what products with each tag sold, by tag, currency and,
// where unit is day, week or month, the first day of it.
func (w *world) stored(from, to, unit string) map[string]sold {
	w.Helper()
	return w.ask(`SELECT t.name || ' ' || h.currency || CASE WHEN $3 = '' THEN '' ELSE
			' ' || greatest($1::date, date_trunc($3, h.processed_at AT TIME ZONE s.time_zone)::date) END AS key, `+sums+
		strings.Replace(counted, "CROSS JOIN shop s", `CROSS JOIN shop s
		JOIN link_product_product_tag k ON k.product_id = l.product_id JOIN product_tag t ON t.tag_id = k.tag_id`, 1)+`
		GROUP BY key, h.currency`, from, to, unit)
}

// whole asks PostgreSQL for the lines of products that have any tag of a category,
// or with "" any.
func (w *world) whole(from, to, category string) map[string]sold {
	w.Helper()
	return w.ask(`SELECT h.currency, `+sums+counted+`
		AND l.product_id IN (SELECT k.product_id FROM link_product_product_tag k JOIN product_tag t ON t.tag_id = k.tag_id
			WHERE $3 = '' OR t.category = $3) GROUP BY h.currency`, from, to, category)
}

func (w *world) ask(sql string, args ...any) map[string]sold {
	w.Helper()
	rows, err := w.look.Query(w.Context(), sql, args...)
	must(w.T, err)
	defer rows.Close()
	all := map[string]sold{}
	for rows.Next() {
		var key, net string
		var s sold
		must(w.T, rows.Scan(&key, &s.Units, &s.Orders, &s.Lines, &s.ProductsSold, &net, &s.NetSales.Currency))
		s.NetSales.Amount, err = shop.ParseAmount(net)
		must(w.T, err)
		all[key] = s
	}
	must(w.T, rows.Err())
	return all
}

// performance asks for tags.
func (w *world) performance(question object) (r report) {
	w.Helper()
	var answer struct{ Data report }
	w.send("POST", "/api/tag-analytics/performance", question, &answer, http.StatusOK)
	return answer.Data
}

// group asks for a tag group.
func (w *world) group(path string) report {
	w.Helper()
	var answer struct{ Data report }
	w.send("GET", path, nil, &answer, http.StatusOK)
	return answer.Data
}

// byTag returns the figures that aren't nothing, as stored has them.
func (r report) byTag(of func(tagFigures) sold) map[string]sold {
	all := map[string]sold{}
	for _, t := range r.Tags {
		if s := of(t); s.Lines > 0 {
			all[t.Tag+" "+s.NetSales.Currency] = s
		}
	}
	return all
}

func (r report) series() map[string]sold {
	all := map[string]sold{}
	for _, t := range r.Tags {
		for _, p := range t.Series {
			if p.Lines > 0 {
				all[t.Tag+" "+p.NetSales.Currency+" "+p.From] = sold{p.Units, p.Orders, p.Lines, p.ProductsSold, p.NetSales}
			}
		}
	}
	return all
}

func same(t *testing.T, what string, got, want map[string]sold) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s: %s is %+v, stored is %+v", what, key, got[key], want[key])
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %s is %+v, and nothing of it is stored", what, key, got[key])
		}
	}
}

// anchor is when the generated shop's clock begins.
var anchor = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func generated(t *testing.T) simulator.Shop {
	t.Helper()
	g, err := shops.Generate(shops.Options{Orders: 1500, Products: 60, Anchor: anchor})
	must(t, err)
	return g
}

// check holds all that is told of a period against the stored orders.
func (w *world) check(from, to string) {
	w.Helper()
	var whole map[string]sold
	for _, granularity := range []string{"none", "day", "week", "month"} {
		what := fmt.Sprintf("%s to %s by %s", from, to, granularity)
		r := w.performance(object{"all": true, "from": from, "to": to, "granularity": granularity, "limit": 500})
		same(w.T, what, r.byTag(tagFigures.now), w.stored(from, to, ""))
		same(w.T, what+", the period before", r.byTag(func(t tagFigures) sold { return t.Previous }), w.stored(r.Previous.From, r.Previous.To, ""))
		if granularity != "none" {
			same(w.T, what+", series", r.series(), w.stored(from, to, granularity))
		}
		whole = map[string]sold{}
		for _, t := range r.Totals {
			if t.Lines > 0 {
				whole[t.NetSales.Currency] = t.now()
			}
		}
		same(w.T, what+", total", whole, w.whole(from, to, ""))
	}
	if len(whole) == 0 {
		w.Errorf("nothing was sold from %s to %s, so nothing is shown", from, to)
	}
}

// TestTagsSoldWhatTheOrdersSay: each number of each answer is that of the order
// tables, also after orders were edited, refunded, cancelled and deleted and
// delivered again, and as of a run before.
func TestTagsSoldWhatTheOrdersSay(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	first := w.sync(bulksync.Full)
	periods := [][2]string{
		{"2025-03-01", "2025-05-31"},
		{"2025-03-09", "2025-03-09"}, // of 23 hours, in New York
		{"2024-11-03", "2024-11-03"}, // of 25
		{"2024-10-28", "2025-03-12"}, // with both
		{"2025-01-01", "2025-01-31"},
	}
	for _, p := range periods {
		w.check(p[0], p[1])
	}
	question := object{"all": true, "from": "2025-03-01", "to": "2025-06-30", "granularity": "week", "limit": 500}
	before := w.performance(question)
	w.exec(`CREATE TABLE tags_then AS SELECT * FROM link_product_product_tag`)

	w.now.Add(int64(14 * 24 * time.Hour / time.Second)) // orders arrive, and things happen to older ones
	w.sync(bulksync.Incremental)
	w.sync(bulksync.Full) // delivers all of them again
	for _, p := range periods {
		w.check(p[0], p[1])
	}
	w.check("2025-06-01", "2025-06-15")
	if maps.Equal(w.performance(question).series(), before.series()) {
		t.Error("two weeks later nothing has changed")
	}
	question["asOf"] = first
	w.exec(`DELETE FROM link_product_product_tag`) // an answer goes by the tags of today, which have changed
	w.exec(`INSERT INTO link_product_product_tag SELECT * FROM tags_then`)
	again := w.performance(question)
	same(t, "as of the first run", again.byTag(tagFigures.now), before.byTag(tagFigures.now))
	same(t, "as of the first run, by week", again.series(), before.series())
	if again.Totals[0].now() != before.Totals[0].now() {
		t.Errorf("as of the first run the total is %+v, and was %+v", again.Totals[0].now(), before.Totals[0].now())
	}
	question["asOf"] = uuid.New()
	var problem string
	w.send("POST", "/api/tag-analytics/performance", question, &problem, http.StatusUnprocessableEntity)
	if !strings.Contains(problem, "body.asOf") || !strings.Contains(problem, "macrodata replay") {
		t.Errorf("a run without a state is answered %s", problem)
	}
}

// TestTagsAreSelectedRankedAndListed: what each selection comes to, and where it
// is shown.
func TestTagsAreSelectedRankedAndListed(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	w.sync(bulksync.Full)
	const from, to = "2025-03-01", "2025-05-31"
	w.exec(`UPDATE product_tag SET category = 'season' WHERE tag_id % 3 = 0`)
	all := w.performance(object{"all": true, "from": from, "to": to, "limit": 500})
	if len(all.Tags) != all.TagCount || len(all.Tags) < 5 {
		t.Fatalf("of %d tags %d are shown", all.TagCount, len(all.Tags))
	}
	if !slices.IsSortedFunc(all.Tags, func(a, b tagFigures) int { return int(b.NetSales.Amount - a.NetSales.Amount) }) {
		t.Error("tags are not in the order of net sales")
	}
	t.Run("two tags of a product count once in the total", func(t *testing.T) {
		var a, b string
		must(t, w.look.QueryRow(t.Context(), `SELECT min(t.name), max(t.name) FROM link_product_product_tag k JOIN product_tag t USING (tag_id)
			WHERE k.product_id = (SELECT product_id FROM order_line_item GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)`).Scan(&a, &b))
		r := w.performance(object{"tags": []string{" " + strings.ToUpper(a), b}, "from": from, "to": to})
		want := w.ask(`SELECT 'all', `+sums+counted+` AND l.product_id IN (SELECT k.product_id FROM link_product_product_tag k
			JOIN product_tag t USING (tag_id) WHERE t.name IN ($3, $4)) GROUP BY h.currency`, from, to, a, b)
		if len(r.Tags) != 2 || r.Totals[0].now() != want["all"] || r.Tags[0].Lines+r.Tags[1].Lines <= want["all"].Lines {
			t.Errorf("tags %s and %s came to %+v, and stored are %+v", a, b, r, want)
		}
	})
	t.Run("a category", func(t *testing.T) {
		r := w.performance(object{"category": "season", "from": from, "to": to})
		same(t, "total", map[string]sold{"USD": r.Totals[0].now()}, w.whole(from, to, "season"))
		for _, tag := range r.Tags {
			if tag.Category != "season" {
				t.Errorf("tag %s is of category %q", tag.Tag, tag.Category)
			}
		}
	})
	t.Run("a group", func(t *testing.T) {
		id := uuid.Must(uuid.NewV7())
		w.exec(`INSERT INTO product_category (category_id, name, description, version, created_by, updated_by) VALUES ($1, 'moths', '', 1, 'x', 'x')`, id)
		w.exec(`INSERT INTO link_product_category_product_tag SELECT $1, tag_id FROM product_tag WHERE category = 'season'`, id)
		want := w.performance(object{"category": "season", "from": from, "to": to, "granularity": "month"})
		for way, got := range map[string]report{
			"in a body": w.performance(object{"groupId": id, "from": from, "to": to, "granularity": "month"}),
			"by path":   w.group("/api/tag-analytics/group-performance/" + id.String() + "?granularity=month&from=" + from + "&to=" + to),
		} {
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s the group's tags sold %+v, and its category's %+v", way, got, want)
			}
		}
	})
	t.Run("a distribution", func(t *testing.T) {
		var d struct {
			Data struct {
				report
				Coverage struct {
					None, One, Several struct {
						Products int64
						Sales    []figures
					}
				}
			}
		}
		w.send("GET", "/api/tag-analytics/distribution/season?from="+from+"&to="+to, nil, &d, http.StatusOK)
		rows := map[string]int64{}
		found, err := w.look.Query(t.Context(), `SELECT least(n, 2)::text, count(*) FROM (SELECT (SELECT count(*) FROM link_product_product_tag k
			JOIN product_tag t USING (tag_id) WHERE k.product_id = p.product_id AND category = 'season') AS n FROM product p WHERE archived_at IS NULL) x GROUP BY 1`)
		must(t, err)
		for found.Next() {
			var key string
			var n int64
			must(t, found.Scan(&key, &n))
			rows[key] = n
		}
		c := d.Data.Coverage
		if c.None.Products != rows["0"] || c.One.Products != rows["1"] || c.Several.Products != rows["2"] {
			t.Errorf("coverage is %+v, stored are %v", c, rows)
		}
		some := c.One.Sales[0].Lines + c.Several.Sales[0].Lines
		if total := w.whole(from, to, "season")["USD"]; some != total.Lines || d.Data.Totals[0].now() != total {
			t.Errorf("of %+v, %d lines are of products with one or several", total, some)
		}
	})
	t.Run("the list as CSV has all of them", func(t *testing.T) {
		var text string
		w.send("GET", "/api/tag-analytics/tags.csv?from="+from+"&to="+to, nil, &text, http.StatusOK)
		table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
		must(t, err)
		tag, net := slices.Index(table[0], "tag"), slices.Index(table[0], "netSales.amount")
		listed := map[string]string{}
		for _, row := range table[1:] {
			listed[row[tag]] = row[net]
		}
		for _, f := range all.Tags {
			if listed[f.Tag] != f.NetSales.Amount.String() {
				t.Errorf("tag %s sold %s, and %q is listed", f.Tag, f.NetSales.Amount, listed[f.Tag])
			}
		}
	})
	t.Run("the list comes page by page", func(t *testing.T) {
		var names []string
		for cursor := ""; ; {
			var page struct {
				Data       []tagFigures
				Pagination struct{ NextCursor *string }
			}
			w.send("GET", "/api/tag-analytics/tags?limit=4&from="+from+"&to="+to+cursor, nil, &page, http.StatusOK)
			for _, t := range page.Data {
				names = append(names, t.Tag)
			}
			if page.Pagination.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + *page.Pagination.NextCursor
		}
		if slices.Sort(names); len(slices.Compact(names)) != all.TagCount {
			t.Errorf("%d of %d tags are listed", len(names), all.TagCount)
		}
	})
}
