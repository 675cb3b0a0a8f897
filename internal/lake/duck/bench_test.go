package duck_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

var benchRows = flag.Int("duck.rows", 1_000_000, "rows of the table that queries are measured on; 100,000,000 take a quarter of an hour")

// bare adds up all versions: what reading costs without choosing.
var bare = with("bare", `-- reads: measurement.sales between since and until
SELECT currency, count(*), sum(quantity), sum(gross_sales), sum(discount), sum(net_sales) FROM sales
WHERE occurred_at >= $since::TIMESTAMPTZ AND occurred_at < $until::TIMESTAMPTZ AND NOT is_cancelled AND NOT is_test AND NOT deleted
GROUP BY currency`)

// BenchmarkSales reads the last days of two years of which one row in ten is a
// later version, before and after a compaction has settled them.
func BenchmarkSales(b *testing.B) {
	l := newLab(b)
	d := l.engine(b, bare, func(c *duck.Config) { c.MaxTime = time.Hour })
	l.history(b, *benchRows)
	measure := func(state string) {
		end := history.AddDate(0, 24, 0)
		for _, days := range []int{7, 183, 731} {
			for _, query := range []string{"bare", "sales_totals"} {
				b.Run(fmt.Sprintf("%s/%d days/%s", state, days, query), func(b *testing.B) {
					ask(b, d, query, end.AddDate(0, 0, -days), end)
				})
			}
		}
	}
	measure("as delivered")
	begun, cpu := time.Now(), cpuTime(b)
	c := lake.Compacted{Left: 1}
	for c.Left > 0 {
		var err error
		if c, err = l.Compact(b.Context(), rows.TableSales); err != nil {
			b.Fatal(err)
		}
		b.Logf("compacted in %v, %v of the processor: %+v", time.Since(begun), cpuTime(b)-cpu, c)
	}
	measure("settled")
}

// ask measures a query.
func ask(b *testing.B, d *duck.DB, query string, since, until time.Time) {
	b.Helper()
	var took []time.Duration
	cpu := cpuTime(b)
	for b.Loop() {
		begun := time.Now()
		if _, err := d.Table(b.Context(), duck.Request{Name: query, Args: map[string]any{"since": since, "until": until}}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric((cpuTime(b)-cpu).Seconds()*1e3/float64(len(took)), "cpu-ms/op")
}

// history is when the measured sales begin.
var history = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)

// history delivers so many rows: each line in the order of time, then every
// ninth once more.
func (l *lab) history(b *testing.B, total int) {
	b.Helper()
	lines := total*9/10 + 1 // the last batch is never empty
	apart := history.AddDate(0, 24, 0).Sub(history) / time.Duration(lines)
	s := rows.NewSales()
	batches := 0
	for _, version := range []int{0, 1} {
		for line := range lines {
			if version == 1 && line%9 != 0 {
				continue
			}
			mix := uint64(line) * 0x9E3779B97F4A7C15 >> 20
			units := 1 + int(mix%3)
			gross := shop.Amount(units) * shop.Amount(9+mix/3%40) * shop.AmountScale
			at := history.Add(time.Duration(line) * apart)
			s.Add(rows.Sale{
				LineItemID: shop.ID(line*32768 + 7), OrderID: shop.ID(line/2*32768 + 5), ProductID: shop.ID(1 + mix%20_000),
				SKU: fmt.Sprint("SKU-", mix%20_000), Quantity: units, GrossSales: gross, Discount: 5000, NetSales: gross - 5000,
				Currency: []string{"USD", "USD", "USD", "USD", "EUR"}[mix/7%5], Country: "US", OccurredAt: at,
				OrderUpdatedAt: at.Add(time.Hour + time.Duration(version)*72*time.Hour),
				IsCancelled:    mix/11%50 == 0, IsTest: mix/13%500 == 0, RunID: "0198c0de-0000-7000-8000-000000000001",
			})
			if s.Len() == 5000 {
				batches++
				l.put(b, s, batches%50 == 0)
			}
		}
	}
	l.put(b, s, true)
}

// put appends rows to the outbox, and may drain it.
func (l *lab) put(b *testing.B, s *rows.Sales, drain bool) {
	b.Helper()
	n := s.Len()
	body, err := s.Body()
	if err != nil {
		b.Fatal(err)
	}
	var seq int64
	err = l.db.InTx(b.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableSales, n, body)
		return err
	})
	if err == nil && drain {
		err = l.Drain(b.Context(), rows.TableSales, seq)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// cpuTime returns the processor time that this process has taken.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
