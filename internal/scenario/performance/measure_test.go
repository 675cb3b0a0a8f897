package performance_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// fill makes a shop of some products whose orders meet everything that decides
// whether a sale counts: tests, cancelled and deleted orders, gift cards,
// another currency, refunds, included tax, hours around midnight in New York.
func (l *lab) fill(products, orders int) {
	l.Helper()
	l.exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, created_at, published_at,
			source_updated_at, content_hash, run_id)
		SELECT n, 'Product ' || n, 'product-' || n, 'v', 't', CASE n % 2 WHEN 0 THEN 'IPH' ELSE 'SAM' END,
			(ARRAY['ACTIVE', 'ACTIVE', 'ACTIVE', 'UNLISTED', 'ARCHIVED', 'DRAFT'])[n % 6 + 1], '2026-01-01T12:00Z',
			CASE WHEN n % 7 > 0 THEN timestamptz '2026-06-25T12:00Z' - n % 90 * interval '1 day' END, '2026-06-01', 0, gen_random_uuid()
		FROM generate_series(1, $1::integer) n`, products)
	l.exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, cancelled_at, deleted_at, currency, taxes_included,
			subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id)
		SELECT n, '#' || n, timestamptz '2026-07-01T06:00Z' - (n * 7919 % 5000) * interval '37 minutes', '2026-01-01', '2026-06-01',
			CASE WHEN n % 11 = 0 THEN timestamptz '2026-06-02' END, CASE WHEN n % 17 = 0 THEN timestamptz '2026-06-02' END,
			CASE WHEN n % 13 = 0 THEN 'EUR' ELSE 'USD' END, n % 3 = 0, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', n % 19 = 0, false, 0, 0, gen_random_uuid()
		FROM generate_series(1, $1::integer) n`, orders)
	l.exec(`INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, refunded_quantity, unit_price,
			discount, refunded_subtotal, included_tax, refunded_included_tax, is_gift_card, content_hash, run_id)
		SELECT n * 10 + k, n, k, CASE WHEN (n + k) % 23 > 0 THEN (n * k * 31 + n) % ($1::integer * 4 / 5) + 1 END, 't', (n + k) % 4, 0,
			CASE WHEN n % 5 = 0 THEN 1 ELSE 0 END, (n % 97) / 7.0, (n % 3) / 3.0, CASE WHEN n % 5 = 0 THEN (n % 31) / 9.0 ELSE 0 END,
			CASE WHEN n % 3 = 0 THEN 0.3333 ELSE 0 END, 0, n % 29 = 0, 0, gen_random_uuid()
		FROM generate_series(1, $2::integer) n, generate_series(1, 3) k`, products, orders)
}

// sale is an order line as the test reads it, to add up by itself.
type sale struct {
	at       time.Time
	quantity int64
	net      shop.Amount
	dollars  bool
}

// sales reads what counts, by product.
func (l *lab) sales() map[string][]sale {
	l.Helper()
	found, err := l.db.Query(l.Context(), `
		SELECT l.product_id::text, h.processed_at, l.quantity::bigint,
			l.unit_price * l.quantity - l.discount - l.refunded_subtotal - l.included_tax + l.refunded_included_tax, h.currency = 'USD'
		FROM order_line_item l, order_header h
		WHERE h.order_id = l.order_id AND l.product_id IS NOT NULL
			AND NOT (l.is_gift_card OR h.is_test OR h.cancelled_at IS NOT NULL OR h.deleted_at IS NOT NULL)`)
	must(l, err)
	defer found.Close()
	all := map[string][]sale{}
	for found.Next() {
		var id string
		var s sale
		must(l, found.Scan(&id, &s.at, &s.quantity, &s.net, &s.dollars))
		all[id] = append(all[id], s)
	}
	must(l, found.Err())
	return all
}

// expected adds up a product's sales, day by day in the shop's zone.
func expected(t testing.TB, list []sale, asOf shop.Day) (first string, units map[string]int64, net map[string]shop.Amount) {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	must(t, err)
	end, err := time.Parse(time.DateOnly, string(asOf))
	must(t, err)
	dayOf := func(s sale) time.Time {
		d, _ := time.Parse(time.DateOnly, s.at.In(zone).Format(time.DateOnly))
		return d
	}
	byDay := map[time.Time]int64{}
	for _, s := range list {
		byDay[dayOf(s)] += s.quantity
	}
	var begin time.Time
	for d, n := range byDay {
		if n > 0 && !d.After(end) && (begin.IsZero() || d.Before(begin)) {
			begin = d
		}
	}
	units, net = map[string]int64{}, map[string]shop.Amount{}
	for _, name := range []string{"first7Days", "first14Days", "last7Days", "last14Days", "last30Days", "total"} {
		units[name], net[name] = 0, 0
	}
	for _, s := range list {
		d := dayOf(s)
		for name, counts := range map[string]bool{
			"first7Days":  !d.Before(begin) && d.Before(begin.AddDate(0, 0, 7)),
			"first14Days": !d.Before(begin) && d.Before(begin.AddDate(0, 0, 14)),
			"last7Days":   d.After(end.AddDate(0, 0, -7)), "last14Days": d.After(end.AddDate(0, 0, -14)),
			"last30Days": d.After(end.AddDate(0, 0, -30)), "total": true,
		} {
			if counts && !d.After(end) && !(begin.IsZero() && name[0] == 'f') {
				units[name] += s.quantity
				if s.dollars {
					net[name] += s.net
				}
			}
		}
	}
	if !begin.IsZero() {
		first = begin.Format(time.DateOnly)
	}
	return first, units, net
}

// checkAll holds every number of the list against the orders.
func (l *lab) checkAll(asOf shop.Day) {
	l.Helper()
	list, sold := l.list("limit=500&sort=title&asOf="+string(asOf)), l.sales()
	var products int
	must(l, l.db.QueryRow(l.Context(), "SELECT count(*) FROM product").Scan(&products))
	if len(list) != products {
		l.Errorf("%d products are listed, want %d", len(list), products)
	}
	for _, r := range list {
		first, units, net := expected(l, sold[r.ProductID], asOf)
		if r.FirstSaleDay != first || fmt.Sprint(r.Units) != fmt.Sprint(units) {
			l.Errorf("product %s: first sale %q, units %v; want %q, %v", r.ProductID, r.FirstSaleDay, r.Units, first, units)
		}
		for name, want := range net {
			if got := r.NetSales[name]; got.Amount != want || got.Currency != "USD" {
				l.Errorf("product %s: net sales %s are %v, want %s", r.ProductID, name, got, want)
			}
		}
	}
}

func TestEveryNumberIsThatOfTheOrders(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.fill(120, 3000)
	if n := l.measure(asOf, time.Time{}); n != 120 {
		t.Errorf("%d metrics were written, want 120", n)
	}
	l.checkAll(asOf)

	// The same again is not written, and the next day only what is otherwise.
	if n := l.measure(asOf, time.Time{}); n != 0 {
		t.Errorf("%d metrics were written anew", n)
	}
	before := l.told()
	l.exec(`UPDATE order_line_item SET refunded_subtotal = 1.5 WHERE line_item_id = 11`)           // a refund
	l.exec(`UPDATE order_header SET cancelled_at = now() WHERE order_id = 2`)                      // a cancellation
	l.exec(`UPDATE order_header SET processed_at = '2026-06-30T03:00Z' WHERE order_id = 3`)        // an edit
	l.exec(`UPDATE order_header SET deleted_at = now() WHERE order_id = 4`)                        // a deletion
	l.exec(`UPDATE order_header SET cancelled_at = NULL, is_test = false WHERE order_id % 11 = 0`) // all back
	if n := l.measure(asOf, time.Time{}); n == 0 || n == 120 {
		t.Errorf("%d metrics were written after some edits", n)
	}
	l.checkAll(asOf)
	if l.told() == before {
		t.Error("the lakehouse was told nothing")
	}
	l.measure("2026-07-01", time.Time{})
	l.checkAll("2026-07-01")
	l.checkAll(asOf) // the day before is as it was
	if n := l.measure(asOf, time.Time{}); n != 0 {
		t.Errorf("%d metrics were written for a day that is past", n)
	}
	l.noteMeasured()
}

// told is how many rows were put into the outbox.
func (l *lab) told() (n int64) {
	l.Helper()
	w, err := outbox.WaitingAfter(l.Context(), l.db, rows.TablePerformance, 0)
	must(l, err)
	return w.Rows
}

// noteMeasured checks that the newest version of each metric was told.
func (l *lab) noteMeasured() {
	l.Helper()
	var versions int64
	must(l, l.db.QueryRow(l.Context(), "SELECT sum(version)::bigint FROM performance_metric").Scan(&versions))
	if told := l.told(); told != versions {
		l.Errorf("%d versions were written, %d told", versions, told)
	}
}

func TestFirstSalesAreUnknownUntilHistoryReachesThePublication(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.product(1, "Old") // published 2025-01-02
	l.product(2, "New")
	l.exec(`UPDATE product SET published_at = '2026-06-20T00:00Z' WHERE product_id = 2`)
	l.sell(1, 1, 50, "1.00", "2026-06-25T12:00Z")
	l.sell(2, 2, 50, "1.00", "2026-06-25T12:00Z")
	history := time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC)
	l.measure(asOf, history)
	list := l.list("sort=title&asOf=" + string(asOf))
	slices.SortFunc(list, func(a, b row) int { return cmp.Compare(a.ProductID, b.ProductID) })
	if got := list[0]; got.FirstSaleDay != "" || slices.Contains(got.Flags, "top_riser") || got.Units["total"] != 50 {
		t.Errorf("of what was published before history it says %+v", got)
	} else if _, told := got.Units["first7Days"]; told {
		t.Error("it tells of first days that it doesn't know")
	}
	if got := list[1]; got.FirstSaleDay != "2026-06-25" || got.Tier != "top_riser" {
		t.Errorf("of what was published since history it says %+v", got)
	}
	var s struct{ HistorySince time.Time }
	l.send("GET", "/api/performance-metrics/stats/summary?asOf="+string(asOf), "", "").into(200, &s)
	if !s.HistorySince.Equal(history) {
		t.Errorf("history is told to begin %s", s.HistorySince)
	}
	l.measure(asOf, time.Time{})
	for _, r := range l.list("asOf=" + string(asOf)) {
		if r.FirstSaleDay != "2026-06-25" {
			t.Errorf("with all of history the first sale of product %s is %q", r.ProductID, r.FirstSaleDay)
		}
	}
}
