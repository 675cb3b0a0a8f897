package analytics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/access"
)

// twins are two programs on one database and one warehouse. One keeps rollups,
// the other makes every answer from the lines.
type twins struct {
	*testing.T
	kept, raw *world
	warehouse string
	rand      *rand.Rand
	orders    [][]rows.Sale // as they are, by order
	lines     int
	clock     time.Time // the greatest time of update so far
	past      []rows.Sale
	runs      []uuid.UUID // of which the lakehouse has the state
}

const (
	rolledTags, rolledProducts = 12, 40
	firstRolled, lastRolled    = "2024-08-20", "2025-04-12" // days of orders
)

// openTwins opens both, with a shop, tags and products. Rollups may take so many
// bytes.
func openTwins(t *testing.T, seed uint64, memory int) *twins {
	t.Helper()
	w := &twins{T: t, warehouse: filepath.Join(t.TempDir(), "warehouse"), rand: rand.New(rand.NewPCG(seed, 7))}
	w.clock = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	issuer, err := access.NewIssuer(access.Config{})
	must(t, err)
	must(t, issuer.Listen("127.0.0.1:0"))
	t.Cleanup(func() { issuer.Close() })
	database := pgtest.URL(t)
	look, err := pgxpool.New(t.Context(), database)
	must(t, err)
	t.Cleanup(look.Close)
	for _, side := range []struct {
		w      **world
		memory string
	}{{&w.kept, strconv.Itoa(memory)}, {&w.raw, "0"}} {
		c, err := app.Load([]string{
			"MACRODATA_DATABASE_URL=" + database, "MACRODATA_BLOB_URL=mem://", "MACRODATA_DATA_DIR=" + t.TempDir(),
			"MACRODATA_WAREHOUSE=file://" + w.warehouse, "MACRODATA_ROLLUP_MEMORY=" + side.memory, "MACRODATA_SHOPIFY_SHOP=twins.myshopify.com",
			"MACRODATA_SHOPIFY_TOKEN=" + shopToken, "MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=off",
			"MACRODATA_ACCESS_TEAM=" + issuer.URL(), "MACRODATA_ACCESS_AUD=" + issuer.Audience(),
		})
		must(t, err)
		one := &world{T: t, token: issuer.Sign(issuer.UserClaims("creative@example.com"), nil), look: look}
		one.start(c)
		*side.w = one
	}
	w.raw.exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'twins.myshopify.com', 'Twins', 'EUR', 'Europe/London')`)
	w.raw.exec(`INSERT INTO product_tag (name, category) SELECT 'tag ' || n, CASE WHEN n % 3 = 0 THEN 'season' END FROM generate_series(1, $1) n`, rolledTags)
	w.raw.exec(`INSERT INTO link_product_product_tag SELECT p, tag_id FROM generate_series(1, $1) p, product_tag WHERE (p * 31 + tag_id * 17) % 5 = 0`, rolledProducts)
	for range 150 {
		w.order()
	}
	w.commit()
	return w
}

// tell appends versions of lines to the outbox.
func (w *twins) tell(versions ...rows.Sale) {
	w.Helper()
	facts := rows.NewSales()
	for _, v := range versions {
		facts.Add(v)
	}
	body, err := facts.Body()
	must(w.T, err)
	must(w.T, w.raw.app.DB.InTx(w.Context(), func(ctx context.Context, tx pg.Tx) error {
		_, err := outbox.Append(ctx, tx, rows.TableSales, len(versions), body)
		return err
	}))
	w.past = append(w.past, versions...)
}

// commit has the lakehouse take in what was told.
func (w *twins) commit() {
	w.Helper()
	last, err := outbox.Last(w.Context(), w.raw.app.DB, rows.TableSales)
	must(w.T, err)
	must(w.T, w.raw.app.Lakehouse.Lake.Drain(w.Context(), rows.TableSales, last))
}

// instant is one of the days of orders, and often where a day or a month ends in
// some zone.
func (w *twins) instant() time.Time {
	from, _ := time.Parse(time.DateOnly, firstRolled)
	until, _ := time.Parse(time.DateOnly, lastRolled)
	days := int(until.Sub(from).Hours() / 24)
	at := from.AddDate(0, 0, w.rand.IntN(days))
	switch w.rand.IntN(4) {
	case 0: // around the ends of months of UTC
		at = at.AddDate(0, 0, 1-at.Day())
	case 1: // around changes of clocks
		at = []time.Time{
			time.Date(2024, 10, 27, 0, 0, 0, 0, time.UTC), time.Date(2025, 3, 30, 0, 0, 0, 0, time.UTC),
			time.Date(2024, 11, 3, 5, 0, 0, 0, time.UTC), time.Date(2025, 4, 5, 15, 0, 0, 0, time.UTC),
		}[w.rand.IntN(4)]
	}
	return at.Add(time.Duration(w.rand.IntN(4*26)-8*4) * 15 * time.Minute).Add(-time.Duration(w.rand.IntN(2)) * time.Microsecond)
}

// order tells of a new one.
func (w *twins) order() {
	w.Helper()
	at, currency := w.instant(), "EUR"
	if w.rand.IntN(6) == 0 {
		currency = "USD"
	}
	w.clock = w.clock.Add(time.Second)
	var lines []rows.Sale
	for range 1 + w.rand.IntN(4) {
		w.lines++
		units := 1 + w.rand.IntN(3)
		lines = append(lines, rows.Sale{
			LineItemID: shop.ID(w.lines), OrderID: shop.ID(len(w.orders) + 1), ProductID: shop.ID(w.rand.IntN(rolledProducts + 4)),
			Quantity: units, GrossSales: shop.Amount(units * 100_001), NetSales: shop.Amount(units*100_001 - w.rand.IntN(9000)), Currency: currency,
			OccurredAt: at, OrderUpdatedAt: w.clock, IsTest: w.rand.IntN(30) == 0, RunID: uuid.Nil.String(),
		})
	}
	w.orders = append(w.orders, lines)
	w.tell(lines...)
}

// change tells of an order once more, as something has happened to it.
func (w *twins) change(what func(*rows.Sale)) {
	w.Helper()
	lines := w.orders[w.rand.IntN(len(w.orders))]
	w.clock = w.clock.Add(time.Second)
	for i := range lines {
		what(&lines[i])
		lines[i].OrderUpdatedAt = w.clock
	}
	w.tell(lines...)
}

// step does something at random, and says what.
func (w *twins) step() string {
	w.Helper()
	switch w.rand.IntN(11) {
	case 0:
		for range 20 {
			w.order()
		}
		return "orders came in"
	case 1:
		w.change(func(s *rows.Sale) { s.NetSales /= 2; s.RefundedQuantity++ })
		return "an order was refunded in part"
	case 2:
		w.change(func(s *rows.Sale) {
			s.Quantity++
			s.NetSales += 70_000
			s.ProductID = shop.ID(1 + w.rand.IntN(rolledProducts))
		})
		return "an order was edited"
	case 3:
		w.change(func(s *rows.Sale) { s.IsCancelled = !s.IsCancelled })
		return "an order was cancelled, or came back"
	case 4:
		w.change(func(s *rows.Sale) { s.Deleted = !s.Deleted })
		return "an order was deleted, or came back"
	case 5:
		lines := w.orders[w.rand.IntN(len(w.orders))]
		w.clock = w.clock.Add(time.Second)
		at := w.instant()
		var gone []rows.Sale
		for i := range lines {
			old := lines[i]
			old.Deleted, old.OrderUpdatedAt = true, w.clock
			gone = append(gone, old)
			lines[i].OccurredAt, lines[i].OrderUpdatedAt = at, w.clock
		}
		w.tell(append(gone, lines...)...)
		return "an order moved to another time"
	case 6:
		var again []rows.Sale
		for range 30 {
			again = append(again, w.past[w.rand.IntN(len(w.past))])
		}
		for i := range again { // what is as new as the newest is the same
			for _, now := range w.orders[again[i].OrderID-1] {
				if now.LineItemID == again[i].LineItemID && now.OrderUpdatedAt.Equal(again[i].OrderUpdatedAt) {
					again[i] = now
				}
			}
		}
		w.tell(again...)
		return "old versions were delivered again"
	case 7:
		w.raw.exec(`DELETE FROM link_product_product_tag WHERE (product_id + tag_id) % 7 = $1`, w.rand.IntN(7))
		w.raw.exec(`INSERT INTO link_product_product_tag SELECT p, tag_id FROM generate_series(1, 40) p, product_tag WHERE (p * 13 + tag_id) % 11 = $1 ON CONFLICT DO NOTHING`, w.rand.IntN(11))
		return "products have other tags"
	case 8:
		zone := []string{"America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Auckland", "UTC"}[w.rand.IntN(6)]
		w.raw.exec(`UPDATE shop SET time_zone = $1`, zone)
		return "the shop moved to " + zone
	case 9:
		_, err := w.raw.app.Lakehouse.Lake.Compact(w.Context(), rows.TableSales)
		must(w.T, err)
		return "the lakehouse was compacted"
	}
	run := uuid.Must(uuid.NewV7())
	must(w.T, w.raw.app.Lakehouse.Lake.Tag(w.Context(), run.String()))
	w.runs = append(w.runs, run)
	return "a run left a state"
}

// question is one at random, as a request.
func (w *twins) question() (method, path string, body object) {
	from, _ := time.Parse(time.DateOnly, firstRolled)
	first := from.AddDate(0, 0, w.rand.IntN(220))
	last := first.AddDate(0, 0, w.rand.IntN(100))
	days := url.Values{"from": {first.Format(time.DateOnly)}, "to": {last.Format(time.DateOnly)}}
	body = object{"from": days.Get("from"), "to": days.Get("to"), "granularity": []string{"none", "day", "week", "month"}[w.rand.IntN(4)]}
	if len(w.runs) > 0 && w.rand.IntN(3) == 0 {
		run := w.runs[w.rand.IntN(len(w.runs))].String()
		body["asOf"] = run
		days.Set("asOf", run)
	}
	switch w.rand.IntN(6) {
	case 0:
		return "GET", "/api/tag-analytics/tags?limit=500&" + days.Encode(), nil
	case 1:
		return "GET", distribution + "season?" + days.Encode(), nil
	case 2:
		body["tags"] = []string{fmt.Sprint("tag ", 1+w.rand.IntN(rolledTags)), fmt.Sprint("Tag ", 1+w.rand.IntN(rolledTags))}
	case 3:
		body["category"] = "season"
	default:
		body["all"] = true
	}
	body["limit"] = 1 + w.rand.IntN(rolledTags)
	return "POST", performance, body
}

// compare asks both, and holds the answers against each other.
func (w *twins) compare(after string) {
	w.Helper()
	method, path, body := w.question()
	var in any
	if body != nil {
		in = body
	}
	var kept, raw string
	w.kept.send(method, path, in, &kept, http.StatusOK)
	w.raw.send(method, path, in, &raw, http.StatusOK)
	if kept != raw {
		w.Fatalf("after %s, %s %v is answered from rollups\n%s\nand from the lines\n%s", after, path, body, kept, raw)
	}
	if !strings.Contains(raw, `"lines":`) {
		w.Fatalf("%s %v is answered %s", path, body, raw)
	}
}

// TestRollupsTellWhatTheLinesDo whatever happens to orders, tags, the shop and
// the lakehouse, now and as of earlier runs, be there memory for all of them or
// for those of a few months.
func TestRollupsTellWhatTheLinesDo(t *testing.T) {
	t.Parallel()
	for seed, memory := range map[uint64]int{0: 16 << 20, 1: 100_000} {
		t.Run(fmt.Sprint("in ", memory, " bytes"), func(t *testing.T) {
			t.Parallel()
			w := openTwins(t, seed, memory)
			for range 15 {
				what := w.step()
				w.commit()
				for range 3 {
					w.compare(what)
				}
			}
		})
	}
}

// TestRollupsAreMadeOnce: what they were made from is not read again.
func TestRollupsAreMadeOnce(t *testing.T) {
	t.Parallel()
	w := openTwins(t, 99, 1<<20)
	question := object{"all": true, "from": "2024-12-01", "to": "2025-02-28", "granularity": "day"}
	var before, after string
	w.kept.send("POST", performance, question, &before, http.StatusOK)
	plan, err := w.raw.app.Lakehouse.Lake.Plan(t.Context(), rows.TableSales, "")
	must(t, err)
	for _, f := range plan.Files {
		must(t, os.Remove(f.Path))
	}
	w.kept.send("POST", performance, question, &after, http.StatusOK)
	if before != after {
		t.Errorf("rollups tell %s, and then %s", before, after)
	}
	// Other days of the same months are there, too; the lines aren't.
	w.kept.send("POST", performance, object{"all": true, "from": "2025-01-17", "to": "2025-02-03"}, nil, http.StatusOK)
	w.raw.send("POST", performance, question, nil, http.StatusInternalServerError)
	w.kept.send("POST", performance, object{"all": true, "from": "2024-12-01", "to": "2025-03-31"}, nil, http.StatusInternalServerError)
}

// TestRollupsOfMonthsAreKeptWhereOthersFail: who asks again goes on from there.
func TestRollupsOfMonthsAreKeptWhereOthersFail(t *testing.T) {
	t.Parallel()
	w := openTwins(t, 98, 1<<20)
	plan, err := w.raw.app.Lakehouse.Lake.Plan(t.Context(), rows.TableSales, "")
	must(t, err)
	remove := func(march bool) {
		for _, f := range plan.Files {
			if strings.Contains(f.Path, "2025-03") == march {
				must(t, os.Remove(f.Path))
			}
		}
	}
	remove(true)
	w.kept.send("POST", performance, object{"all": true, "from": "2024-12-01", "to": "2025-03-31"}, nil, http.StatusInternalServerError)
	remove(false)
	w.kept.send("POST", performance, object{"all": true, "from": "2024-12-02", "to": "2025-02-27"}, nil, http.StatusOK)
}

// TestRollupsWhileTheLakehouseChanges: many ask at once for the same and for
// other things, of states that come and go, and each answer is of one state.
func TestRollupsWhileTheLakehouseChanges(t *testing.T) {
	t.Parallel()
	w := openTwins(t, 42, 200_000)
	question := object{"all": true, "from": "2024-08-01", "to": "2025-04-30", "granularity": "month", "limit": 500}
	stop, ended := make(chan struct{}), make(chan error, 4)
	for range cap(ended) {
		go func() {
			for {
				select {
				case <-stop:
					ended <- nil
					return
				default:
				}
				if err := w.kept.adds(question); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	for range 6 {
		w.order()
		w.commit()
		_, err := w.raw.app.Lakehouse.Lake.Compact(t.Context(), rows.TableSales)
		must(t, err)
	}
	close(stop)
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	var kept, raw string
	w.kept.send("POST", performance, question, &kept, http.StatusOK)
	w.raw.send("POST", performance, question, &raw, http.StatusOK)
	if kept != raw {
		t.Errorf("in the end rollups tell\n%s\nand the lines\n%s", kept, raw)
	}
}

// adds asks, and says whether each series adds up to what it is of.
func (w *world) adds(question object) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(w.Context(), "POST", w.url+performance, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Cf-Access-Jwt-Assertion", w.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var told struct{ Data report }
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return err
	}
	all := told.Data.Totals
	for _, t := range told.Data.Tags {
		all = append(all, t.figures)
	}
	for _, f := range all {
		var sum sold
		for _, p := range f.Series {
			sum.Units, sum.Orders, sum.Lines = sum.Units+p.Units, sum.Orders+p.Orders, sum.Lines+p.Lines
			sum.NetSales.Amount += p.NetSales.Amount
		}
		if sum.Units != f.Units || sum.Orders != f.Orders || sum.Lines != f.Lines || sum.NetSales.Amount != f.NetSales.Amount {
			return fmt.Errorf("a series adds up to %+v, of %+v", sum, f.now())
		}
	}
	return nil
}
