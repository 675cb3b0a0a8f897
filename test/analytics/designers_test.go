package analytics_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// parts are what falls to designers, in ten-thousandths, by name; "" is nobody.
type parts map[string][2]int64

// shared reads line by line what the orders say: each line goes in turn, one
// ten-thousandth after the other, as if it were dealt out.
func (w *world) shared(from, to string, with map[string][]string) (all parts, total [2]int64) {
	w.Helper()
	found, err := w.look.Query(w.Context(), `SELECT l.quantity::bigint * 10000, (l.net_sales * 10000)::bigint,
		ARRAY(SELECT t.name FROM link_product_product_tag k JOIN product_tag t USING (tag_id) WHERE k.product_id = l.product_id)`+counted, from, to)
	must(w.T, err)
	defer found.Close()
	all = parts{"": {}}
	for name := range with {
		all[name] = [2]int64{}
	}
	for found.Next() {
		var of [2]int64
		var tags []string
		must(w.T, found.Scan(&of[0], &of[1], &tags))
		var names []string
		for name, list := range with {
			if slices.ContainsFunc(list, func(tag string) bool { return slices.Contains(tags, tag) }) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if len(names) == 0 {
			names = []string{""}
		}
		for what, amount := range of {
			total[what] += amount
			left := amount
			for i, name := range names {
				// The first of those who are left gets his part rounded up, away from nothing.
				n := int64(len(names) - i)
				share := (left + n - 1) / n
				if left < 0 {
					share = -((-left + n - 1) / n)
				}
				left -= share
				p := all[name]
				p[what] += share
				all[name] = p
			}
		}
	}
	must(w.T, found.Err())
	return all, total
}

// attributed asks the program.
func (w *world) attributed(query string) parts {
	w.Helper()
	var answer struct {
		Data []struct {
			DesignerName *string
			Units        float64
			NetSales     shop.Money
		}
	}
	w.send("GET", "/api/designers?limit=500&"+query, nil, &answer, http.StatusOK)
	all := parts{}
	for _, e := range answer.Data {
		name := ""
		if e.DesignerName != nil {
			name = *e.DesignerName
		}
		all[name] = [2]int64{int64(e.Units*10_000 + 0.5), int64(e.NetSales.Amount)}
		if e.NetSales.Currency != "USD" {
			w.Errorf("%s sold in %s", name, e.NetSales.Currency)
		}
	}
	return all
}

// summed asks the program for units and net sales in all, of designers and of
// nobody.
func (w *world) summed(query string) (all [3][2]int64) {
	w.Helper()
	type sales struct {
		Units    float64
		NetSales shop.Money
	}
	var answer struct {
		Data struct {
			Sales []struct{ Total, Attributed, Unattributed sales }
		}
	}
	w.send("GET", "/api/designers/summary?"+query, nil, &answer, http.StatusOK)
	if len(answer.Data.Sales) != 1 {
		w.Fatalf("the summary is of %d currencies", len(answer.Data.Sales))
	}
	one := answer.Data.Sales[0]
	for i, s := range []sales{one.Total, one.Attributed, one.Unattributed} {
		all[i] = [2]int64{int64(s.Units*10_000 + 0.5), int64(s.NetSales.Amount)}
	}
	return all
}

// TestDesignersSoldWhatTheOrdersSay, for days and assignments at random, and in
// all what tag analytics tells.
func TestDesignersSoldWhatTheOrdersSay(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	first := w.sync(bulksync.Full)
	w.now.Add(int64(14 * 24 * time.Hour / time.Second)) // orders arrive, and things happen to older ones
	then := w.attributed("from=2025-03-01&to=2025-06-01")
	w.sync(bulksync.Incremental)

	var tags []string
	must(t, w.look.QueryRow(t.Context(), `SELECT array_agg(name ORDER BY name) FROM product_tag`).Scan(&tags))
	if got, want := w.attributed("from=2025-03-01&to=2025-06-01&asOf="+first.String()), then; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("as of the first run %v was sold, and it was %v", got, want)
	}
	random := rand.New(rand.NewPCG(10, 10))
	var shared, attributed, unattributed bool
	for round := range 5 {
		with := map[string][]string{}
		for n := range 1 + random.IntN(5) {
			name := fmt.Sprintf("Designer %d of %d", n, round)
			for _, i := range random.Perm(len(tags))[:1+random.IntN(min(6, len(tags)))] {
				with[name] = append(with[name], tags[i])
			}
			w.send("POST", "/api/designers/assign", object{"designerName": name, "tags": with[name]}, nil, http.StatusOK)
		}
		for range 3 {
			day := time.Date(2024, 10, 1+random.IntN(240), 0, 0, 0, 0, time.UTC)
			from, to := day.Format(time.DateOnly), day.AddDate(0, 0, random.IntN(120)).Format(time.DateOnly)
			want, total := w.shared(from, to, with)
			got := w.attributed("from=" + from + "&to=" + to)
			var sum [2]int64
			for name, p := range got {
				if p != want[name] {
					t.Errorf("%s to %s with %v: to %q falls %v, and the orders say %v", from, to, with, name, p, want[name])
				}
				sum[0], sum[1] = sum[0]+p[0], sum[1]+p[1]
				shared = shared || p[0]%10_000 != 0
			}
			if len(got) != len(want) || sum != total || total[0] == 0 {
				t.Errorf("%s to %s: all rows come to %v, and the orders to %v", from, to, sum, total)
			}
			nobody := want[""]
			if s := w.summed("from=" + from + "&to=" + to); s != [3][2]int64{total, {total[0] - nobody[0], total[1] - nobody[1]}, nobody} {
				t.Errorf("%s to %s: the summary is %v, and the orders come to %v, of which nobody's are %v", from, to, s, total, nobody)
			}
			attributed = attributed || nobody[0] < total[0]
			unattributed = unattributed || nobody[0] > 0
		}
		for name := range with {
			w.send("DELETE", "/api/designers/"+strings.ReplaceAll(name, " ", "%20"), nil, nil, http.StatusNoContent)
		}
	}
	if !shared || !attributed || !unattributed {
		t.Errorf("a line had two designers: %t, one at all: %t, none: %t; so too little is shown", shared, attributed, unattributed)
	}

	t.Run("a designer of all tags has what tag analytics tells", func(t *testing.T) {
		const from, to = "2025-01-01", "2025-06-15"
		w.send("POST", "/api/designers/assign", object{"designerName": "All", "tags": tags}, nil, http.StatusOK)
		r := w.performance(object{"all": true, "from": from, "to": to})
		got := w.attributed("from=" + from + "&to=" + to)["All"]
		if want := [2]int64{r.Totals[0].Units * 10_000, int64(r.Totals[0].NetSales.Amount)}; got != want {
			t.Errorf("the designer has %v, and all tags %v", got, want)
		}
	})
	t.Run("more refunded than sold is shared out likewise", func(t *testing.T) {
		w.exec(`INSERT INTO product_tag (name) VALUES ('Refunded')`)
		w.exec(`INSERT INTO link_product_product_tag SELECT 7, tag_id FROM product_tag WHERE name = 'Refunded'`)
		noon := time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC)
		facts := rows.NewSales()
		for i, net := range []shop.Amount{-1, -20_000, 5} {
			facts.Add(rows.Sale{
				LineItemID: shop.ID(i + 1), OrderID: 1, ProductID: 7, Quantity: 1, NetSales: net, Currency: "USD",
				OccurredAt: noon, OrderUpdatedAt: noon, RunID: first.String(),
			})
		}
		body, err := facts.Body()
		must(t, err)
		must(t, w.app.DB.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := outbox.Append(ctx, tx, rows.TableSales, 3, body)
			return err
		}))
		for _, name := range []string{"A", "B", "C"} {
			w.send("POST", "/api/designers/assign", object{"designerName": name, "tags": []string{"refunded"}}, nil, http.StatusOK)
		}
		w.sync(bulksync.Incremental) // which ends when the lakehouse has all
		got := w.attributed("from=2020-03-01&to=2020-03-01")
		if want := (parts{"A": {10_002, -6_666}, "B": {9_999, -6_665}, "C": {9_999, -6_665}, "All": {}, "": {}}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("they have %v, want %v", got, want)
		}
	})
}
