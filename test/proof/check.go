package proof

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// Store is what a story leaves behind, and where it came from.
type Store struct {
	DB   *pg.DB
	Shop shopify.Shop
	Now  time.Time // of the shop, when it was read last

	// Until is where the last sync's window ended: orders and products that
	// changed later are not looked at. Zero: Now.
	Until time.Time

	// Lakehouse are the rows of the query sales_proof over all time, as text
	// with a space between columns; nil where the story has no lakehouse.
	Lakehouse []string
}

// Check is the end of each story: the store has every record of the shop once,
// with its sums; PostgreSQL and the lakehouse are equal; no working row is left;
// and all runs are in a final state. It reports what is not so, and returns how
// many rows were lost and doubled.
func (s Store) Check(t testing.TB) (lost, doubled int) {
	t.Helper()
	want, young := s.source()
	for _, r := range relations() {
		l, d := s.compare(t, r, want[r.name], young)
		lost, doubled = lost+l, doubled+d
	}
	if s.Lakehouse != nil {
		l, d := equal(t, s.Lakehouse, Sales(t, s.DB))
		lost, doubled = lost+l, doubled+d
	}
	s.checkLeftovers(t)
	return lost, doubled
}

// compare holds the stored rows of a relation against the shop's.
func (s Store) compare(t testing.TB, r relation, want map[string]string, young map[string]bool) (lost, doubled int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rows, err := s.DB.Pool().Query(ctx, r.stored) // past the limits of the program
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen, different := map[string]bool{}, 0
	for rows.Next() {
		var root, key, value string
		if err := rows.Scan(&root, &key, &value); err != nil {
			t.Fatal(err)
		}
		if young[root] {
			continue
		}
		if wanted, known := want[key]; seen[key] || !known {
			doubled++
		} else if value != wanted {
			if different++; different == 1 {
				t.Errorf("%s %s is %s, and in the shop %s", r.name, key, value, wanted)
			}
		}
		seen[key] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for key := range want {
		if !seen[key] {
			lost++
		}
	}
	if lost+doubled+different > 0 || len(want) == 0 {
		t.Errorf("of %d %s %d are lost and %d differ; %d are there twice or in no shop", len(want), r.name, lost, different, doubled)
	}
	return lost, doubled
}

// equal compares days of sales, and counts the lines by which they differ.
func equal(t testing.TB, lakehouse, stored []string) (lost, doubled int) {
	t.Helper()
	if len(stored) == 0 {
		t.Error("PostgreSQL has no sales")
	}
	lines, differ := map[string]int{}, map[string]int{}
	for _, row := range stored {
		lines[day(row)] = count(row)
		differ[row]++
	}
	for _, row := range lakehouse {
		lines[day(row)] -= count(row)
		differ[row]--
	}
	for _, n := range lines {
		lost, doubled = lost+max(n, 0), doubled+max(-n, 0)
	}
	for row, n := range differ {
		if n != 0 {
			t.Errorf("a day's sales that PostgreSQL and the lakehouse don't both have: %s", row)
			break
		}
	}
	return lost, doubled
}

// day is what a row of sales is of, and count its lines.
func day(row string) string { return strings.Join(strings.Fields(row)[:2], " ") }

func count(row string) (n int) {
	fmt.Sscan(strings.Fields(row)[2], &n) //nolint:errcheck // 0 differs from what it should be
	return n
}

// Sales sums what PostgreSQL holds by day of the shop and currency, in the
// columns of the lakehouse's query sales_proof.
func Sales(t testing.TB, db *pg.DB) (list []string) {
	t.Helper()
	rows, err := db.Query(context.WithoutCancel(t.Context()), `
		SELECT concat_ws(' ', to_char(day AT TIME ZONE zone AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), currency,
			count(*), sum(quantity), sum(refunded_quantity),
			trim_scale(sum(unit_price * quantity)), trim_scale(sum(l.discount)), trim_scale(sum(net_sales)),
			count(*) FILTER (WHERE counts), trim_scale(coalesce(sum(net_sales) FILTER (WHERE counts), 0)))
		FROM order_line_item l
		JOIN (SELECT order_id, h.currency, deleted_at, time_zone AS zone, date_trunc('day', processed_at AT TIME ZONE time_zone) AS day,
			cancelled_at IS NULL AND NOT is_test AS counts FROM order_header h, shop) o USING (order_id)
		WHERE deleted_at IS NULL AND NOT is_gift_card
		GROUP BY day, zone, currency ORDER BY day, currency`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// checkLeftovers finds no working row and no run that isn't over. Telemetry may
// have something to tell at any time, so only sales count of what waits.
func (s Store) checkLeftovers(t testing.TB) {
	t.Helper()
	tables := []string{"ingest_root", "ingest_day", "ingest_sweep", "ingest_told", "ingest_product"}
	if s.Lakehouse != nil {
		tables = append(tables, "outbox WHERE stream = 'measurement.sales'")
	}
	for _, table := range append(tables,
		"ingest_run WHERE finished_at IS NULL OR status IN ('queued', 'running', 'waiting', 'lost')",
		"dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')") {
		var n int
		if err := s.DB.QueryRow(context.WithoutCancel(t.Context()), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}
