package fulfillment_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/fulfillment"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const summary = "/api/fulfillment-daily-summary"

// open serves a shop in a zone with both changes of its clocks in 2026.
func open(t *testing.T, zone string) apitest.Door {
	t.Helper()
	db := pgtest.DB(t)
	d := apitest.Open(t, db, fulfillment.New(db).Scenario().Endpoints)
	d.Exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', $1)`, zone)
	return d
}

// fill stores orders and fulfillments at any time between two instants.
func fill(d apitest.Door, from string, days int) {
	d.Helper()
	d.Exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, cancelled_at, deleted_at, currency, taxes_included,
			subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id)
		SELECT n, '#' || n, at, at, at, CASE WHEN n % 11 = 0 THEN at END, CASE WHEN n % 13 = 0 THEN at END, 'USD', false,
			0, 0, 0, 0, 0, 0, 'USD', 0, '{}', n % 17 = 0, false, 0, 0, gen_random_uuid()
		FROM (SELECT n, $1::timestamptz + random() * $2 * interval '1 day' AS at FROM generate_series(1, 3000) n) x`, from, days)
	d.Exec(`INSERT INTO order_fulfillment (fulfillment_id, order_id, status, created_at, updated_at, run_id)
		SELECT n, n % 3100 + 1, (ARRAY['SUCCESS', 'SUCCESS', 'SUCCESS', 'FAILURE', 'ERROR', 'CANCELLED', 'OPEN', 'PENDING'])[n % 8 + 1],
			coalesce(h.processed_at, $1::timestamptz) + (random() * 80 - 2) * interval '1 hour', now(), gen_random_uuid()
		FROM generate_series(1, 4000) n LEFT JOIN order_header h ON h.order_id = n % 3100 + 1`, from)
}

// count has the days counted as a sync does.
func count(d apitest.Door, zone string) {
	d.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		d.Fatal(err)
	}
	for {
		days, err := orders.TouchedDays(d.Context(), d.DB, z)
		if err != nil {
			d.Fatal(err)
		}
		err = d.DB.InTx(d.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := days.Count(ctx, tx, uuid.Nil)
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
		if days.Last() {
			return
		}
	}
}

// byRows counts the days of a period from the rows, in words of its own.
func byRows(d apitest.Door, zone string, from, to shop.Day) (list []fulfillment.Day) {
	d.Helper()
	rows, err := d.DB.Query(d.Context(), `
		WITH o AS (SELECT (processed_at AT TIME ZONE $1)::date AS day FROM order_header WHERE cancelled_at IS NULL AND deleted_at IS NULL AND is_test IS FALSE),
		f AS (SELECT (created_at AT TIME ZONE $1)::date AS day, status FROM order_fulfillment
			WHERE order_id NOT IN (SELECT order_id FROM order_header WHERE is_test OR deleted_at IS NOT NULL))
		SELECT d::date::text, (SELECT count(*) FROM o WHERE day = d::date), count(f.day), count(*) FILTER (WHERE status = 'SUCCESS'),
			count(*) FILTER (WHERE status IN ('ERROR', 'FAILURE')), count(*) FILTER (WHERE status = 'CANCELLED'),
			count(*) FILTER (WHERE status IN ('OPEN', 'PENDING'))
		FROM generate_series($2::timestamp, $3::timestamp, '1 day') d LEFT JOIN f ON f.day = d::date GROUP BY d ORDER BY d DESC`, zone, string(from), string(to))
	if err != nil {
		d.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r fulfillment.Day
		if err := rows.Scan((*string)(&r.Day), &r.Orders, &r.Fulfillments, &r.Succeeded, &r.Failed, &r.Cancelled, &r.Open); err != nil {
			d.Fatal(err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		d.Fatal(err)
	}
	return list
}

// hours are those from order to fulfillment in a period, ascending.
func hours(d apitest.Door, zone string, from, to shop.Day) (list []float64) {
	d.Helper()
	rows, err := d.DB.Query(d.Context(), `SELECT extract(epoch FROM f.created_at)::float8, extract(epoch FROM h.processed_at)::float8
		FROM order_fulfillment f, order_header h WHERE h.order_id = f.order_id AND status = 'SUCCESS' AND NOT is_test AND deleted_at IS NULL
		AND (f.created_at AT TIME ZONE $1)::date BETWEEN $2::text::date AND $3::text::date`, zone, string(from), string(to))
	if err != nil {
		d.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var sent, ordered float64
		if err := rows.Scan(&sent, &ordered); err != nil {
			d.Fatal(err)
		}
		list = append(list, max(0, sent-ordered)/3600)
	}
	slices.Sort(list)
	return list
}

func near(got *float64, want float64) bool { return got != nil && math.Abs(*got-want) < 0.001 }

// part is where a part of ascending values lies, between two of them.
func part(list []float64, p float64) float64 {
	at := p * float64(len(list)-1)
	low := int(at)
	return list[low] + (list[min(low+1, len(list)-1)]-list[low])*(at-float64(low))
}

func TestDaysAreWhatTheRowsComeToOverBothChangesOfTheClocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, from string }{
		{"America/New_York", "2026-03-01T00:00:00Z"}, {"America/New_York", "2026-10-25T00:00:00Z"}, {"Australia/Lord_Howe", "2026-03-29T00:00:00Z"},
	} {
		t.Run(c.zone+" from "+c.from[:10], func(t *testing.T) {
			t.Parallel()
			d := open(t, c.zone)
			fill(d, c.from, 16)
			if got := apitest.Data[fulfillment.Totals](d.Send("GET", summary+"/totals?from="+c.from[:10]+"&to="+c.from[:10], ""), 200); got.UpToDate {
				t.Error("what isn't counted yet is said to be up to date")
			}
			count(d, c.zone)
			begin, _ := time.Parse(time.RFC3339, c.from)
			random := rand.New(rand.NewPCG(1, 2))
			for range 15 {
				first := random.IntN(16) - 2
				days := 1 + random.IntN(18)
				from := shop.DayOf(begin.AddDate(0, 0, first), time.UTC)
				to := shop.DayOf(begin.AddDate(0, 0, first+days-1), time.UTC)
				checkPeriod(d, c.zone, from, to)
			}
		})
	}
}

// checkPeriod holds the list, page by page, and the totals against the rows.
func checkPeriod(d apitest.Door, zone string, from, to shop.Day) {
	d.Helper()
	want, got, cursor := byRows(d, zone, from, to), []fulfillment.Day{}, ""
	for {
		var page struct {
			Data       []fulfillment.Day
			Pagination struct{ NextCursor *string }
		}
		d.Send("GET", fmt.Sprintf("%s?from=%s&to=%s&limit=7%s", summary, from, to, cursor), "").Want(200).JSON(&page)
		got = append(got, page.Data...)
		if page.Pagination.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.Pagination.NextCursor
	}
	var sum fulfillment.Counts
	for i := range want {
		w := want[i]
		if i >= len(got) {
			d.Fatalf("%s to %s has %d days, want %d", from, to, len(got), len(want))
		}
		g := got[i]
		switch ended := w.Succeeded + w.Failed; {
		case ended == 0 && g.SuccessRate != nil, ended > 0 && !near(g.SuccessRate, float64(w.Succeeded)/float64(ended)):
			d.Errorf("the rate of %s is %v", w.Day, g.SuccessRate)
		}
		if g.SuccessRate = nil; g != w {
			d.Errorf("a day is %+v, want %+v", g, w)
		}
		sum.Orders += w.Orders
		sum.Fulfillments += w.Fulfillments
		sum.Succeeded += w.Succeeded
		sum.Failed += w.Failed
		sum.Cancelled += w.Cancelled
		sum.Open += w.Open
	}
	if len(got) != len(want) {
		d.Errorf("%s to %s has %d days, want %d", from, to, len(got), len(want))
	}
	t := apitest.Data[fulfillment.Totals](d.Send("GET", fmt.Sprintf("%s/totals?from=%s&to=%s", summary, from, to), ""), 200)
	now := t.Counts
	if now.SuccessRate = nil; now != sum || !t.UpToDate || t.TimeZone != zone {
		d.Errorf("%s to %s comes to %+v, want %+v", from, to, t, sum)
	}
	for _, f := range []fulfillment.Figures{t.Figures, t.Previous} {
		took := hours(d, zone, f.From, f.To)
		if f.Hours.Fulfillments != int64(len(took)) || len(took) == 0 && (f.Hours.P50 != nil || f.Hours.P90 != nil) {
			d.Errorf("%d fulfillments were measured, want %d", f.Hours.Fulfillments, len(took))
		}
		if len(took) > 0 && (!near(f.Hours.P50, part(took, 0.5)) || !near(f.Hours.P90, part(took, 0.9))) {
			d.Errorf("it took %v and %v hours, want %v and %v", *f.Hours.P50, *f.Hours.P90, part(took, 0.5), part(took, 0.9))
		}
	}
	if len(byRows(d, zone, t.Previous.From, t.Previous.To)) != len(want) || t.Previous.To >= from {
		d.Errorf("%s to %s is compared with %s to %s", from, to, t.Previous.From, t.Previous.To)
	}
}

func TestDaysComeAsCSVAndUpToToday(t *testing.T) {
	t.Parallel()
	d := open(t, "Pacific/Kiritimati")
	d.Exec(`INSERT INTO fulfillment_daily_summary VALUES ('2026-01-02', 5, 4, 3, 1, 0, 0, gen_random_uuid())`)
	got := d.Send("GET", summary+".csv?from=2026-01-01&to=2026-01-03", "").Want(200).Body
	want := "\ufeffday,orders,fulfillments,succeeded,failed,cancelled,open,successRate\r\n" +
		"2026-01-03,0,0,0,0,0,0,\r\n2026-01-02,5,4,3,1,0,0,0.75\r\n2026-01-01,0,0,0,0,0,0,\r\n"
	if got != want {
		t.Errorf("the CSV is %q", got)
	}
	zone, err := time.LoadLocation("Pacific/Kiritimati")
	if err != nil {
		t.Fatal(err)
	}
	before := shop.DayOf(time.Now(), zone)
	days := apitest.Data[[]fulfillment.Day](d.Send("GET", summary, ""), 200)
	if len(days) != 30 || days[0].Day < before || days[0].Day > shop.DayOf(time.Now(), zone) {
		t.Errorf("%d days up to %s", len(days), days[0].Day)
	}
	if long := strings.Count(d.Send("GET", summary+".csv?from=2020-01-01&to=2026-01-03", "").Want(200).Body, "\r\n"); long != 2196 {
		t.Errorf("six years are %d lines", long)
	}
}

func TestPeriodsThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	d := open(t, "UTC")
	for _, path := range []string{summary, summary + "/totals", summary + ".csv"} {
		for query, place := range map[string]string{
			"from=2026-13-01": "query.from", "to=yesterday": "query.to", "from=2026-02-02&to=2026-02-01": "query.to",
			"from=1000-01-01": "query.from", "from=2000-01-01&to=2020-01-01": "query.from", "day=2026-01-01": "query.day",
		} {
			if a := d.Send("GET", path+"?"+query, "").Want(422); !strings.Contains(a.Body, `"`+place+`"`) {
				t.Errorf("%s?%s: %s", path, query, a.Body)
			}
		}
	}
	const year = "?from=2024-01-01&to=2024-12-31" // a long one
	d.Send("GET", summary+"/totals"+year, "").Want(200)
	if a := d.Send("GET", summary+"/totals?from=2023-12-31&to=2024-12-31", "").Want(422); !strings.Contains(a.Body, "366") || !strings.Contains(a.Body, `"query.from"`) {
		t.Errorf("more than a year is refused by %s", a.Body)
	}
}

func TestBeforeTheFirstSyncNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	d := apitest.Open(t, db, fulfillment.New(db).Scenario().Endpoints)
	for _, path := range []string{summary, summary + ".csv", summary + "/totals"} {
		if got := d.Send("GET", path, "").Want(http.StatusConflict); !strings.Contains(got.Body, "first sync") {
			t.Errorf("%s is answered %s", path, got.Body)
		}
	}
}
