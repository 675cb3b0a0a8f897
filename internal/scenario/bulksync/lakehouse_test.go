package bulksync_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// ledger is a lakehouse in memory: it reads the batches that are really in the
// outbox, and chooses the newest versions by the rule that readers of
// measurement.sales go by. Iceberg and DuckDB take its place in package app's
// tests; here they would cost more than all the rest.
type ledger struct {
	db *pg.DB

	mu    sync.Mutex
	at    int64
	sales []version
	runs  []string // tagged
	deaf  bool     // drops a row of each batch
}

// version is a row of measurement.sales.
type version struct {
	saleRow
	run      string
	updated  int64
	sequence int64
	deleted  bool
}

// saleRow is what PostgreSQL and the lakehouse have to agree about.
type saleRow struct {
	Line, Order, Product, Variant int64
	SKU                           string
	Quantity, Refunded            int32
	Gross, Discount, Net          int64
	Currency, Country             string
	At                            time.Time
	Cancelled, Test               bool
}

func (l *ledger) Committed(context.Context, string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, nil
}

func (l *ledger) Drain(ctx context.Context, stream string, upto int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.at < upto {
		batches, err := outbox.Read(ctx, l.db, stream, l.at, 1<<20, 1<<20)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := l.add(b); err != nil {
				return err
			}
			l.at = b.Seq
		}
	}
	return nil
}

func (l *ledger) Tag(_ context.Context, runID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, runID)
	return nil
}

func (l *ledger) SalesByDay(_ context.Context, _ string, days []time.Time, until time.Time) (list []sales.Day, err error) {
	type key struct {
		day      int
		currency string
	}
	sums := map[key]sales.Sum{}
	for _, v := range l.newest(days[0], until) {
		day, exact := slices.BinarySearchFunc(days, v.At, time.Time.Compare)
		if !exact {
			day--
		}
		s := sales.Sum{
			Lines: 1, Units: int64(v.Quantity), RefundedUnits: int64(v.Refunded),
			Gross: shop.Amount(v.Gross), Discount: shop.Amount(v.Discount), Net: shop.Amount(v.Net),
		}
		if !v.Cancelled && !v.Test {
			s.CountedLines, s.CountedNet = 1, s.Net
		}
		k := key{day, v.Currency}
		sums[k] = sums[k].Plus(s)
	}
	for k, s := range sums {
		list = append(list, sales.Day{Start: days[k.day], Currency: k.currency, Sum: s})
	}
	return list, nil
}

// newest returns the newest version of each line in a range of instants, by
// line, without those that are deleted.
func (l *ledger) newest(from, until time.Time) (list []saleRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	best := map[int64]version{}
	for _, v := range l.sales {
		if v.At.Before(from) || !v.At.Before(until) {
			continue
		}
		if b, ok := best[v.Line]; !ok || v.updated > b.updated || v.updated == b.updated && v.sequence > b.sequence {
			best[v.Line] = v
		}
	}
	for _, v := range best {
		if !v.deleted {
			list = append(list, v.saleRow)
		}
	}
	slices.SortFunc(list, func(a, b saleRow) int { return int(a.Line - b.Line) })
	return list
}

func (l *ledger) add(b outbox.Batch) error {
	i := slices.IndexFunc(rows.Tables(), func(t rows.Table) bool { return t.Name == rows.TableSales })
	record, err := rows.NewReader().Read(rows.Tables()[i].Schema, b.Body)
	if err != nil {
		return err
	}
	defer record.Release()
	columns := map[string]int{}
	for i, f := range record.Schema().Fields() {
		columns[f.Name] = i
	}
	for n := range int(record.NumRows()) {
		if l.deaf && n == 0 {
			continue
		}
		id := func(name string) int64 {
			if c := record.Column(columns[name]).(*array.Int64); c.IsValid(n) {
				return c.Value(n)
			}
			return 0
		}
		text := func(name string) string {
			if c := record.Column(columns[name]).(*array.String); c.IsValid(n) {
				return c.Value(n)
			}
			return ""
		}
		number := func(name string) int32 { return record.Column(columns[name]).(*array.Int32).Value(n) }
		amount := func(name string) int64 {
			return int64(record.Column(columns[name]).(*array.Decimal128).Value(n).LowBits())
		}
		instant := func(name string) int64 { return int64(record.Column(columns[name]).(*array.Timestamp).Value(n)) }
		yes := func(name string) bool { return record.Column(columns[name]).(*array.Boolean).Value(n) }
		l.sales = append(l.sales, version{
			saleRow: saleRow{
				Line: id("line_item_id"), Order: id("order_id"), Product: id("product_id"), Variant: id("variant_id"), SKU: text("sku"),
				Quantity: number("quantity"), Refunded: number("refunded_quantity"),
				Gross: amount("gross_sales"), Discount: amount("discount"), Net: amount("net_sales"),
				Currency: text("currency"), Country: text("country"), At: time.UnixMicro(instant("occurred_at")).UTC(),
				Cancelled: yes("is_cancelled"), Test: yes("is_test"),
			},
			run: text("run_id"), updated: instant("order_updated_at"), sequence: rows.SequenceOf(b.Seq, n), deleted: yes("deleted"),
		})
	}
	return nil
}

// checkTold compares all that the lakehouse was told of, also by runs that
// failed, with what is stored: at every commit both are the same.
func (w *world) checkTold(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	last, err := outbox.Last(ctx, w.db, rows.TableSales)
	must(t, err)
	must(t, w.lake.Drain(ctx, rows.TableSales, last))
	found, err := w.look.Query(ctx, `
		SELECT line_item_id, order_id, coalesce(product_id, 0), coalesce(variant_id, 0), coalesce(sku, ''),
			quantity, refunded_quantity, (unit_price * quantity * 10000)::bigint, (l.discount * 10000)::bigint, (net_sales * 10000)::bigint,
			currency, coalesce(shipping_country, ''), processed_at, cancelled_at IS NOT NULL, is_test
		FROM order_line_item l JOIN order_header h USING (order_id)
		WHERE deleted_at IS NULL AND NOT is_gift_card ORDER BY line_item_id`)
	must(t, err)
	defer found.Close()
	var stored []saleRow
	for found.Next() {
		var r saleRow
		must(t, found.Scan(&r.Line, &r.Order, &r.Product, &r.Variant, &r.SKU, &r.Quantity, &r.Refunded,
			&r.Gross, &r.Discount, &r.Net, &r.Currency, &r.Country, &r.At, &r.Cancelled, &r.Test))
		r.At = r.At.UTC()
		stored = append(stored, r)
	}
	must(t, found.Err())
	told := w.lake.newest(time.Time{}, time.Now().AddDate(100, 0, 0))
	if diff := cmp.Diff(stored, told); diff != "" {
		t.Errorf("PostgreSQL has %d sales, the lakehouse %d (- stored, + told): %.4000s", len(stored), len(told), diff)
	}
}

func TestTheLakehouseIsToldWhatWasWrittenAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 9}})
	w.run(full(), runs.Completed)
	orders := w.ids(isPlain)
	for i, c := range []struct {
		name string
		edit func(*simulator.Order)
		told int // versions, where there are 10 lines
	}{
		{"an order that moves to another month", func(o *simulator.Order) {
			o.ProcessedAt = o.ProcessedAt.AddDate(0, -2, 0)
		}, 2},
		{"and back", func(o *simulator.Order) { o.ProcessedAt = o.ProcessedAt.AddDate(0, 2, 0) }, 2},
		{"a cancellation", func(o *simulator.Order) {
			o.CancelledAt, o.ClosedAt, o.CancelReason = o.CreatedAt.Add(time.Hour), o.CreatedAt.Add(time.Hour), "CUSTOMER"
		}, 1},
		{"a refund of a part of a line", func(o *simulator.Order) { refund(o, 0, 1, 0, 0) }, 1},
		{"another product of a line", func(o *simulator.Order) { o.Lines[0].ProductID++ }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			order := orders[max(i-1, 0)] // the second case takes the first one's
			lines := len(w.order(order).Lines)
			w.shop.Change(order, c.edit)
			w.clock.advance(time.Hour)
			r := w.run(incremental(), runs.Completed)
			w.same()
			w.checkTold(t)
			told := 0
			for _, v := range w.lake.sales {
				if v.run == r.ID.String() && v.Order == int64(order) {
					told++
				}
			}
			if told < lines || told > (c.told+1)*lines {
				t.Errorf("%d versions of %d lines were told", told, lines)
			}
			if !slices.Contains(w.lake.runs, r.ID.String()) {
				t.Error("the run was not tagged")
			}
		})
	}
	t.Run("a line that an order has no longer", func(t *testing.T) {
		w := w.in(t)
		order := orders[9]
		gone := w.order(order).Lines[0].ID
		w.shop.Change(order, func(o *simulator.Order) {
			o.Lines, o.LineQuantity = o.Lines[1:], o.LineQuantity-o.Lines[0].Quantity
		})
		w.clock.advance(time.Hour)
		w.run(incremental(), runs.Incomplete) // Shopify keeps such lines with quantity 0: the file is not believed
		w.checkTold(t)
		if n := w.count("SELECT count(*) FROM order_line_item WHERE line_item_id = $1", gone); n != 0 {
			t.Error("the line is still stored")
		}
	})
	t.Run("nothing new", func(t *testing.T) {
		w := w.in(t)
		before := w.lake.at
		w.run(full(), runs.Completed)
		if w.lake.at != before {
			t.Errorf("%d batches were told of rows that did not change", w.lake.at-before)
		}
	})
}

func TestALakehouseThatLostSalesKeepsTheWatermark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.lake.deaf = true
	r := w.run(full(), runs.Incomplete)
	var broken []string
	for _, c := range r.Proof.Checks {
		if !c.OK {
			broken = append(broken, c.Name)
		}
	}
	if len(broken) == 0 || !strings.HasPrefix(broken[0], "lakehouse ") {
		t.Errorf("the checks that fail are %q", broken)
	}
	if n := w.count("SELECT count(*) FROM watermark"); n != 0 {
		t.Error("the watermark moved")
	}
	// Only the ledger of this test forgot them: what was told is all there.
	w.lake.mu.Lock()
	w.lake.deaf, w.lake.at, w.lake.sales = false, 0, nil
	w.lake.mu.Unlock()
}
