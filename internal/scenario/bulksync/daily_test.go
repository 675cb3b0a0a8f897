package bulksync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// archivedDays counts days from the lines that were archived, the last version
// of each order, in the calendar of the database. It knows neither the tables
// of orders nor how the product counts.
const archivedDays = `
	WITH line AS (
		SELECT n, json::jsonb AS o FROM unnest($1::text[]) WITH ORDINALITY l (json, n)
	), version AS (
		SELECT DISTINCT ON (o ->> 'id') o FROM line
		WHERE o ->> '__typename' = 'Order' ORDER BY o ->> 'id', n DESC
	), kept AS (
		SELECT o FROM version WHERE NOT (o ->> 'test')::boolean AND o ->> 'id' <> ALL ($3::text[])
	), event AS (
		SELECT o ->> 'processedAt' AS at, 'ORDER' AS what FROM kept WHERE o ->> 'cancelledAt' IS NULL
		UNION ALL
		SELECT f ->> 'createdAt', f ->> 'status' FROM kept, jsonb_array_elements(o -> 'fulfillments') f
	), dated AS (
		SELECT (at::timestamptz AT TIME ZONE $2)::date AS day, what FROM event
	)
	SELECT ARRAY[day::text, sum((what = 'ORDER')::int)::text, sum((what <> 'ORDER')::int)::text,
		sum((what = 'SUCCESS')::int)::text, sum((what IN ('ERROR', 'FAILURE'))::int)::text,
		sum((what = 'CANCELLED')::int)::text, sum((what IN ('OPEN', 'PENDING', 'NEW'))::int)::text]
	FROM dated GROUP BY day`

const storedDays = `
	SELECT ARRAY[day::text, orders::text, fulfillments::text, succeeded::text, failed::text, cancelled::text, open::text]
	FROM fulfillment_daily_summary`

// sameDays holds the daily summaries against what the runs archived, the last
// run last, less the orders that were deleted.
func (w *world) sameDays(all []uuid.UUID, deleted ...shop.ID) {
	w.Helper()
	var lines []string
	for _, id := range all {
		lines = append(lines, strings.Split(strings.TrimSpace(string(w.archived(id, "orders"))), "\n")...)
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	gone := make([]string, len(deleted))
	for i, id := range deleted {
		gone[i] = id.GID("Order")
	}
	want := w.stored(archivedDays, lines, w.shop.Info().TimeZone, gone)
	if len(want) == 0 {
		w.Error("there is nothing in the archive to compare with")
	}
	w.equal("days", want, w.stored(storedDays))
}

func TestDaysAreCountedInTheShopsCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone string
		around     []string // UTC instants
	}{
		{"where clocks change at two", "America/New_York", []string{"2024-11-03 06:00", "2025-03-09 07:00"}},
		{"where they change by half an hour", "Australia/Lord_Howe", []string{"2024-10-05 15:30", "2025-04-05 15:00"}},
		{"where hours begin at quarters", "Asia/Kathmandu", []string{"2024-12-31 18:15"}},
		{"where midnight was skipped, and repeated the hour before", "America/Sao_Paulo", []string{"2018-11-04 03:00", "2018-02-18 02:00"}},
		{"where midnight is skipped, east of Greenwich", "Asia/Beirut", []string{"2025-03-29 22:00", "2024-10-26 21:00"}},
		{"where the hour after midnight is repeated", "America/Havana", []string{"2025-03-09 05:00", "2024-11-03 05:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: shops.Options{Seed: 11, TimeZone: c.zone}})
			w.moveAround(c.around)
			r := w.run(full(), runs.Completed)
			w.sameDays([]uuid.UUID{r.ID})
			if w.count("SELECT count(*) FROM fulfillment_daily_summary") <= 200 {
				t.Error("the days fit into one step")
			}
			if w.count("SELECT min(n) FROM (SELECT unnest(ARRAY[sum(orders), sum(succeeded), sum(failed), sum(cancelled), sum(open)]) AS n FROM fulfillment_daily_summary) s") == 0 {
				t.Error("one of the columns is empty")
			}
			if w.count("SELECT count(*) FROM summary_hour") != 0 {
				t.Error("hours are left")
			}
		})
	}
}

// moveAround places each third order, and a fulfillment of each status, at
// and around instants, a day before to a day after.
func (w *world) moveAround(instants []string) {
	w.Helper()
	var all []time.Time
	for _, s := range instants {
		at, err := time.Parse("2006-01-02 15:04", s)
		must(w, err)
		all = append(all, at.Add(-time.Second))
		for d := -26 * time.Hour; d <= 26*time.Hour; d += 30 * time.Minute {
			all = append(all, at.Add(d))
		}
	}
	statuses := []string{"SUCCESS", "ERROR", "FAILURE", "CANCELLED", "OPEN", "PENDING"}
	ids := w.ids(func(*simulator.Order) bool { return true })
	for i := 0; i < len(ids); i += 3 {
		at, status := all[i*7%len(all)], statuses[i/3%len(statuses)]
		w.shop.Change(ids[i], func(o *simulator.Order) {
			o.ProcessedAt = at
			send(o, status, at)
		})
	}
	w.clock.advance(time.Hour)
}

// send adds a fulfillment to an order.
func send(o *simulator.Order, status string, at time.Time) {
	o.Fulfillments = append(slices.Clone(o.Fulfillments), shop.Fulfillment{
		ID: 4_999_000_000_000 + o.ID%1_000_000_000, Status: status, CreatedAt: at, UpdatedAt: at,
	})
	o.FulfillmentCount = len(o.Fulfillments)
}

func TestDaysFollowWhatHappensToOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 12}})
	first := w.run(full(), runs.Completed)
	all := []uuid.UUID{first.ID}
	orders := w.ids(func(o *simulator.Order) bool { return isPlain(o) && len(o.Fulfillments) > 0 && !o.Test })
	unknown := time.Date(2020, 2, 29, 23, 59, 59, 0, time.UTC)
	var deleted []shop.ID
	for i, c := range []struct {
		name string
		edit func(*simulator.Order)
	}{
		{"a cancelled order doesn't count, and its fulfillment does", func(o *simulator.Order) { o.CancelledAt, o.CancelReason = o.CreatedAt, "CUSTOMER" }},
		{"a test order doesn't count, nor does its fulfillment", func(o *simulator.Order) { o.Test = true }},
		{"an order moves to a day that had none", func(o *simulator.Order) { o.ProcessedAt = unknown }},
		{"a fulfillment comes in", func(o *simulator.Order) { send(o, "OPEN", unknown.Add(48*time.Hour)) }},
		{"a fulfillment fails", func(o *simulator.Order) {
			o.Fulfillments = slices.Clone(o.Fulfillments)
			o.Fulfillments[0].Status, o.Fulfillments[0].UpdatedAt = "FAILURE", o.UpdatedAt.Add(time.Hour)
		}},
		{"a deleted order doesn't count, nor does its fulfillment", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			if c.edit == nil {
				deleted = append(deleted, orders[i])
				w.shop.Delete(orders[i], w.clock.now())
			} else {
				w.shop.Change(orders[i], c.edit)
			}
			w.clock.advance(time.Hour)
			before := w.days()
			r := w.run(incremental(), runs.Completed)
			all = append(all, r.ID)
			w.sameDays(all, deleted...)
			if n := w.count("SELECT count(*) FROM fulfillment_daily_summary WHERE run_id = $1", r.ID); n > 20 {
				t.Errorf("%d days were written", n)
			}
			if w.days() == before {
				t.Error("the days are as before")
			}
		})
	}
	t.Run("an order moves back, and the day has no row any more", func(t *testing.T) {
		w := w.in(t)
		at := w.order(orders[2]).CreatedAt
		w.shop.Change(orders[2], func(o *simulator.Order) { o.ProcessedAt = at })
		w.clock.advance(time.Hour)
		all = append(all, w.run(incremental(), runs.Completed).ID)
		w.sameDays(all, deleted...)
		if n := w.count("SELECT count(*) FROM fulfillment_daily_summary WHERE day = '2020-02-29'"); n != 0 {
			t.Error("it has one")
		}
	})
	t.Run("where nothing changed, no day is written", func(t *testing.T) {
		w := w.in(t)
		before := w.days()
		w.run(full(), runs.Completed)
		if w.days() != before {
			t.Error("a day was written")
		}
	})
	t.Run("where all days are counted again and come to the same, none is written", func(t *testing.T) {
		w := w.in(t)
		before := w.days()
		w.exec("INSERT INTO summary_hour (hour) SELECT day + interval '1 day' FROM fulfillment_daily_summary")
		w.run(incremental(), runs.Completed)
		if w.days() != before {
			t.Error("a day was written")
		}
	})
}

// days returns the summaries as one text, with the transactions that wrote
// them.
func (w *world) days() (all string) {
	w.Helper()
	must(w, w.look.QueryRow(w.Context(),
		"SELECT coalesce(string_agg(s::text || s.xmin, ';' ORDER BY day), '') FROM fulfillment_daily_summary s").Scan(&all))
	return all
}

// moved is a shop that says that it is in another time zone.
type moved struct {
	simulator.Shop
	zone string
}

func (m moved) Info() shop.Info {
	info := m.Shop.Info()
	info.TimeZone = m.zone
	return info
}

func TestAShopThatMovesToAnotherTimeZoneHasAllDaysCountedAnew(t *testing.T) {
	t.Parallel()
	base, err := shops.Generate(shops.Options{Seed: 13, Orders: 300, Products: 60, Anchor: anchor})
	must(t, err)
	url := pgtest.URL(t)
	for i, zone := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"} { // +14, -11, +5:45
		t.Run(zone, func(t *testing.T) {
			w := newWorld(t, setup{databaseURL: url, shop: moved{base, zone}})
			w.clock.advance(time.Duration(i) * time.Hour)
			if i > 0 {
				w.run(incremental(), runs.Completed)
			}
			after := w.days()
			r := w.run(full(), runs.Completed)
			w.sameDays([]uuid.UUID{r.ID})
			if i > 0 && w.days() != after {
				t.Error("the increment didn't count all days anew")
			}
		})
	}
}

func TestAChangeThatCommitsWhileDaysAreCountedIsCountedNextTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 14}})
	w.run(full(), runs.Completed)
	const failed = "SELECT sum(failed)::int FROM fulfillment_daily_summary"
	before, id := w.count(failed), w.ids(func(o *simulator.Order) bool { return isPlain(o) && !o.Test && len(o.Fulfillments) == 1 })[0]
	// Its hour is noted already, so the run takes it.
	w.exec("INSERT INTO summary_hour (hour) SELECT date_trunc('hour', created_at) FROM order_fulfillment WHERE order_id = $1", id)
	tx, err := w.look.Begin(w.Context())
	must(t, err)
	defer tx.Rollback(w.Context()) //nolint:errcheck // committed below
	_, err = tx.Exec(w.Context(), "UPDATE order_fulfillment SET status = 'FAILURE' WHERE order_id = $1", id)
	must(t, err)
	w.run(incremental(), runs.Completed)
	if n := w.count(failed); n != before {
		t.Errorf("%d fulfillments failed, %d before: one was counted before it committed", n, before)
	}
	must(t, tx.Commit(w.Context()))
	w.run(incremental(), runs.Completed)
	if n := w.count(failed); n != before+1 {
		t.Errorf("%d fulfillments failed, want %d", n, before+1)
	}
}
