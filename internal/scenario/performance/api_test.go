package performance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const path = "/api/performance-metrics"

// recorded is what tests read of a metric by hand.
type recorded struct {
	MetricID string
	Version  int64
	AsOf     string
	Units    map[string]int64
}

func (l *lab) record(body string) []recorded {
	l.Helper()
	var got struct{ Metrics []recorded }
	l.send("POST", path, "", body).into(200, &got)
	return got.Metrics
}

func (l *lab) one(query string) row {
	l.Helper()
	list := l.list(query)
	if len(list) != 1 {
		l.Fatalf("%d products are listed by %s, want 1", len(list), query)
	}
	return list[0]
}

func TestAMetricByHandLiesOverWhatIsMeasured(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.product(1, "Waves")
	l.sell(1, 1, 3, "10.00", "2026-06-28T12:00Z")
	l.measure(asOf, time.Time{})
	made := l.record(`{"productId": "1", "asOf": "2026-06-29", "units": {"last30Days": 40}, "netSales": {"total": {"amount": "99.50", "currency": "USD"}}, "note": "from the old shop"}`)[0]
	check := func(what string, total string, last30 int64, tier string) {
		t.Helper()
		r := l.one("asOf=" + string(asOf))
		if r.NetSales["total"].Amount.String() != total || r.Units["last30Days"] != last30 || r.Tier != tier || r.Units["total"] != 3 {
			t.Errorf("%s it is %+v", what, r)
		}
	}
	check("recorded", "99.50", 40, "winner")
	r := l.one("asOf=" + string(asOf))
	if !slices.Equal(r.Overridden, []string{"netSales.total", "units.last30Days"}) || r.Measured == nil || r.Measured.Units["last30Days"] != 3 ||
		!slices.Equal(r.ManualIDs, []string{made.MetricID}) {
		t.Errorf("what lies beneath is told as %+v", r)
	}
	if got := l.list("asOf=2026-06-28"); len(got) != 0 {
		t.Errorf("before it holds, and before anything was measured, %+v is listed", got)
	}
	l.sell(2, 1, 4, "10.00", "2026-06-29T12:00Z")
	l.measure("2026-07-01", time.Time{})
	if r := l.one("asOf=2026-07-01"); r.Units["last30Days"] != 40 || r.Units["total"] != 7 || r.Measured.Units["last30Days"] != 7 {
		t.Errorf("after the next sync it is %+v", r)
	}

	one := path + "/" + made.MetricID
	if got := l.send("GET", one, "", ""); got.Status != 200 || got.Header.Get("ETag") != `"1"` {
		t.Errorf("it is told as %d %s", got.Status, got.Body)
	}
	changed := l.send("PUT", one, `"1"`, `{"units": {"last30Days": 5}}`)
	changed.into(200, nil)
	check("changed", "30.00", 5, "banana")
	l.send("PUT", one, `"1"`, `{"units": {"last30Days": 6}}`).into(412, nil)
	l.undo(changed)
	check("after the undo", "99.50", 40, "winner")
	deleted := l.send("DELETE", one, `"3"`, "")
	deleted.into(204, nil)
	check("deleted", "30.00", 3, "banana")
	l.send("GET", one, "", "").into(404, nil)
	l.undo(deleted)
	check("after the undo of its deletion", "99.50", 40, "winner")
	l.noteMeasured()
}

func (l *lab) undo(change answer) {
	l.Helper()
	l.send("POST", "/api/changes/"+change.Header.Get("X-Change-Id")+"/undo", "", "{}").into(200, nil)
}

func TestSeveralMetricsAreWrittenAllOrNone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 3 {
		l.product(i+1, fmt.Sprint("Product ", i+1))
	}
	made := l.record(`{"metrics": [{"productId": "1", "units": {"total": 1}}, {"productId": "2", "units": {"total": 2}}]}`)
	if got := l.ids("sort=-unitsTotal"); got != "2 1" {
		t.Errorf("recorded are products %s", got)
	}
	l.send("POST", path, "", `{"metrics": [{"productId": "3", "units": {"total": 1}}, {"productId": "2", "units": {"total": 2}}]}`).into(409, nil)
	l.send("PUT", path, "", fmt.Sprintf(`{"metrics": [{"metricId": %q, "units": {"total": 8}}, {"metricId": %q, "version": 7, "units": {"total": 9}}]}`,
		made[0].MetricID, made[1].MetricID)).into(412, nil)
	if got := l.ids("sort=-unitsTotal"); got != "2 1" {
		t.Errorf("after what was refused there are products %s", got)
	}
	l.send("PUT", path, "", fmt.Sprintf(`{"metrics": [{"metricId": %q, "units": {"total": 8}}, {"metricId": %q, "version": 1, "units": {"total": 7}}]}`,
		made[0].MetricID, made[1].MetricID)).into(200, nil)
	if got := l.ids("sort=-unitsTotal"); got != "1 2" {
		t.Errorf("after the change there are products %s", got)
	}
	gone := l.send("DELETE", path, "", fmt.Sprintf(`{"metricIds": [%q, %q]}`, made[0].MetricID, made[1].MetricID))
	gone.into(204, nil)
	if got := l.ids(""); got != "" {
		t.Errorf("after the deletion there are products %s", got)
	}
	l.undo(gone)
	l.send("DELETE", path+"?metricId="+made[0].MetricID, "", "").into(204, nil)
	if got := l.ids(""); got != "2" {
		t.Errorf("after the undo and a deletion by query there are products %s", got)
	}
	l.noteMeasured()
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.product(1, "Waves")
	l.measure(asOf, time.Time{})
	measured := path + "/" + l.one("asOf="+string(asOf)).MetricID
	nobody := path + "/01900000-0000-7000-8000-000000000001"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		names              []string
	}{
		"no product and no measure":           {"POST", path, `{}`, 422, []string{`"body"`, `"body.productId"`}},
		"a product that nobody knows":         {"POST", path, `{"productId": "9", "isActive": false}`, 422, []string{`"body.productId"`}},
		"another currency":                    {"POST", path, `{"productId": "1", "netSales": {"total": {"amount": "1.00", "currency": "EUR"}}}`, 422, []string{`"body.netSales.total.currency"`}},
		"units below nothing":                 {"POST", path, `{"productId": "1", "units": {"total": -1}}`, 422, []string{`"body.units.total"`}},
		"sold first after it holds":           {"POST", path, `{"productId": "1", "asOf": "2026-06-01", "firstSaleDay": "2026-06-02"}`, 422, []string{`"body.firstSaleDay"`}},
		"a day that is none":                  {"POST", path, `{"productId": "1", "asOf": "2026-02-30", "isActive": true}`, 422, []string{`asOf"`}},
		"one beside a list":                   {"POST", path, `{"productId": "1", "metrics": [{"productId": "1", "isActive": true}]}`, 422, []string{`"body"`}},
		"the same twice":                      {"POST", path, `{"metrics": [{"productId": "1", "isActive": true}, {"productId": "1", "isActive": true}]}`, 422, []string{`"body.metrics[1]"`}},
		"a field that is none":                {"POST", path, `{"productId": "1", "isActiv": true}`, 422, []string{`isActiv"`}},
		"a change of what was measured":       {"PUT", measured, `{"isActive": true}`, 409, []string{"by hand"}},
		"a deletion of what was measured":     {"DELETE", measured, "", 409, []string{"by hand"}},
		"a change of nothing":                 {"PUT", nobody, `{"isActive": true}`, 404, nil},
		"a deletion of nothing in particular": {"DELETE", path, "", 422, []string{`"query.metricId"`}},
		"a tier that is none":                 {"GET", path + "?tier=best", "", 422, []string{`"query.tier"`}},
		"an order that is none":               {"GET", path + "?sort=best", "", 422, []string{`"query.sort"`}},
		"a tag group that is none":            {"GET", path + "?group=01900000-0000-7000-8000-000000000001", "", 404, []string{"tag group"}},
		"a designer who is none":              {"GET", path + "?designer=nobody", "", 422, []string{`"query.designer"`}},
		"thresholds of nothing":               {"PUT", path + "/settings/classification?preview=true", `{"measure": "units", "topRiser7Day": 0, "topRiser14Day": 15, "winner30Day": 20, "bananaCount": 25}`, 422, []string{`"body.topRiser7Day"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := l.send(c.method, c.path, "", c.body)
			if got.Status != c.status {
				t.Errorf("answered %d, want %d: %s", got.Status, c.status, got.Body)
			}
			for _, name := range c.names {
				if !strings.Contains(got.Body, name) {
					t.Errorf("it doesn't name %s: %s", name, got.Body)
				}
			}
		})
	}
	if l.told() != 1 {
		t.Error("something was written")
	}
}

func TestTheListIsFilteredAndSorted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i, title := range []string{"Waves Blue", "waves red", "Owl", "Moth", "Fern"} {
		l.product(i+1, title)
	}
	for i, units := range []int{5, 25, 5, 0, 40} {
		if units > 0 {
			l.sell(i+1, i+1, units, fmt.Sprintf("%d.00", 10-i), "2026-06-20T12:00Z")
		}
	}
	l.exec(`UPDATE product SET status = 'ARCHIVED', product_line = 'SAM' WHERE product_id = 4`)
	l.exec(`INSERT INTO product_tag (name) VALUES ('Sea'), ('Night')`)
	l.exec(`INSERT INTO link_product_product_tag SELECT p.product_id, t.tag_id FROM product p, product_tag t
		WHERE t.name = 'Sea' AND p.product_id IN (1, 2) OR t.name = 'Night' AND p.product_id IN (2, 3, 4)`)
	l.exec(`INSERT INTO product_category (category_id, name, description, version, created_by, updated_by) VALUES ('01900000-0000-7000-8000-000000000001', 'g', '', 1, 'x', 'x')`)
	l.exec(`INSERT INTO link_product_category_product_tag SELECT '01900000-0000-7000-8000-000000000001', tag_id FROM product_tag WHERE name = 'Night'`)
	for name, tags := range map[string][]string{"Ana Moreno": {"sea", "night"}, "Ben": {"NIGHT"}} {
		must(t, l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := designer.Assign(ctx, tx, api.IfMatch{}, name, tags)
			return err
		}))
	}
	l.measure(asOf, time.Time{})
	for query, want := range map[string]string{
		"":                         "5 2 1 3 4", // most units of the last 30 days first, ties by id
		"sort=unitsTotal":          "4 1 3 2 5",
		"sort=title":               "5 4 3 1 2",
		"sort=-title":              "2 1 3 4 5",
		"sort=-netSalesLast30Days": "5 2 1 3 4",
		"sort=firstSaleDay":        "4 1 2 3 5",
		"limit=2&sort=title":       "5 4 3 1 2",
		"limit=1&sort=-unitsTotal": "5 2 1 3 4",
		"tier=winner":              "5 2",
		"tier=top_riser":           "5 2",
		"tier=archive_candidate":   "4",
		"tier=banana":              "5 2 1 3",
		"tier=none":                "",
		"tag=sea":                  "2 1",
		"tag=SEA&tier=winner":      "2",
		"tag=nothing":              "",
		"productLine=SAM":          "4",
		"status=ARCHIVED":          "4",
		"q=WAVES":                  "2 1",
		"q=3":                      "3",
		"group=01900000-0000-7000-8000-000000000001":         "2 3 4",
		"group=01900000-0000-7000-8000-000000000001&tag=sea": "2",
		"designer=ana+MORENO":                                "2 1 3 4",
		"designer=ben":                                       "2 3 4",
		"designer=ben&tag=sea":                               "2",
		"designer=ana+moreno&group=01900000-0000-7000-8000-000000000001&tag=sea&status=ACTIVE": "2",
	} {
		if got := l.ids(query + "&asOf=" + string(asOf)); got != want {
			t.Errorf("by %q there are %q, want %q", query, got, want)
		}
	}
	csv := l.send("GET", path+".csv?sort=title&asOf="+string(asOf), "", "")
	if lines := strings.Split(csv.Body, "\r\n"); csv.Status != 200 || len(lines) != 7 || !strings.Contains(lines[0], "netSales.last30Days.amount") || !strings.HasPrefix(lines[1], "5,Fern,") {
		t.Errorf("as CSV it is %d %s", csv.Status, csv.Body)
	}
	var s struct {
		Products, Active int
		Units            map[string]int64
		NetSales         map[string]shop.Money
	}
	l.send("GET", path+"/stats/summary?asOf="+string(asOf), "", "").into(200, &s)
	if s.Products != 5 || s.Active != 4 || s.Units["total"] != 75 || s.NetSales["last30Days"].Amount.String() != "555.00" {
		t.Errorf("the summary is %+v", s)
	}
}

func TestThresholdsHoldAtOnceAndAPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.product(1, "Waves")
	l.product(2, "Owl")
	l.sell(1, 1, 30, "2.00", "2026-05-20T12:00Z")
	l.sell(2, 1, 30, "2.00", "2026-06-20T12:00Z")
	l.measure(asOf, time.Time{})
	const settings = path + "/settings/classification"
	tiers := func() (list []string) {
		for _, r := range l.list("sort=-title") {
			list = append(list, r.Tier)
		}
		return list
	}
	spec := `{"measure": "net_sales", "topRiser7Day": 1000, "topRiser14Day": 1500, "winner30Day": 61, "bananaCount": 1}`
	var got struct {
		Version     int64
		Winner30Day int64
		Preview     *struct {
			Tiers []struct {
				Tier           string
				Holds, Primary int
				Before         int `json:"primaryBefore"`
			}
			Histogram []struct{ Products int }
			Moved     int
			Moves     []struct{ ProductID, From, To string }
		}
	}
	before := tiers()
	l.send("PUT", settings+"?preview=true", `"0"`, spec).into(200, &got)
	if p := got.Preview; p == nil || len(p.Tiers) != 5 || p.Moved != 1 || len(p.Histogram) == 0 || got.Version != 0 {
		t.Errorf("the preview is %+v", got)
	} else if m := p.Moves[0]; m.ProductID != "1" || m.From != "winner" || m.To != "none" || p.Tiers[1].Primary != 0 || p.Tiers[1].Before != 1 || p.Tiers[3].Holds != 1 {
		t.Errorf("the preview moves %+v to %+v", p.Moves, p.Tiers)
	}
	if after := tiers(); !slices.Equal(after, []string{"winner", "banana"}) || !slices.Equal(before, after) {
		t.Errorf("the preview has changed tiers from %v to %v", before, after)
	}
	set := l.send("PUT", settings, `"0"`, spec)
	set.into(200, &got)
	if after := tiers(); got.Version != 1 || !slices.Equal(after, []string{"none", "banana"}) {
		t.Errorf("with a threshold of 61.00 the tiers are %v", after)
	}
	l.send("PUT", settings, `"0"`, spec).into(412, nil)
	l.undo(set)
	if after := tiers(); !slices.Equal(before, after) {
		t.Errorf("after the undo tiers are %v, were %v", after, before)
	}
}
