package lake_test

import (
	"context"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// most is the heap that draining and compacting may take, however much waits.
const most = 512 << 20

// BenchmarkDrain moves a million rows of two years from the outbox into the
// lakehouse: in the order of time, as a full sync delivers them, and in none.
func BenchmarkDrain(b *testing.B) {
	for name, step := range map[string]int{"in order": 1, "in no order": 7919} {
		b.Run(name, func(b *testing.B) {
			const batches, size = 200, 5000
			for b.Loop() {
				b.StopTimer()
				l := newLab(b)
				last := l.fill(b, batches, size, step, 2*365*24*time.Hour)
				peak, cpu := watchHeap(b), cpuTime(b)
				b.StartTimer()
				l.drain(b, last)
				b.StopTimer()
				b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s")
				plan, err := l.Plan(b.Context(), rows.TableSales, "")
				if err != nil {
					b.Fatal(err)
				}
				var bytes int64
				for _, f := range plan.Files {
					bytes += f.Bytes
				}
				b.ReportMetric(float64(bytes)/batches/size, "bytes/row")
				if p := peak(); p > most {
					b.Errorf("the heap grew to %d MiB", p>>20)
				} else {
					b.ReportMetric(float64(p>>20), "peak-MiB")
				}
				b.StartTimer()
			}
			b.ReportMetric(batches*size*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkCompact settles a month of which each line was delivered twice.
func BenchmarkCompact(b *testing.B) {
	const batches, size = 200, 5000
	for b.Loop() {
		b.StopTimer()
		l := newLab(b)
		for range 2 {
			l.drain(b, l.fill(b, batches, size, 1, 16*24*time.Hour))
		}
		peak, cpu := watchHeap(b), cpuTime(b)
		b.StartTimer()
		c, err := l.Compact(b.Context(), rows.TableSales)
		b.StopTimer()
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s")
		if err != nil || c.Settled != 1 || c.RowsAfter != batches*size {
			b.Fatalf("compacted %+v, %v", c, err)
		}
		if p := peak(); p > most {
			b.Errorf("the heap grew to %d MiB", p>>20)
		} else {
			b.ReportMetric(float64(p>>20), "peak-MiB")
		}
		b.StartTimer()
	}
	b.ReportMetric(2*batches*size*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// fill appends batches whose rows lie over a span of time, a step apart.
func (l *lab) fill(b *testing.B, batches, size, step int, span time.Duration) (last int64) {
	b.Helper()
	total := batches * size
	s := rows.NewSales()
	for batch := range batches {
		for i := range size {
			n := batch*size + i
			r := sale(n+1, 0)
			r.ProductID, r.NetSales = shop.ID(n%5000+1), shop.Amount(n%100*1000)
			r.OccurredAt = start.Add(time.Duration(n*step%total) * (span / time.Duration(total)))
			s.Add(r)
		}
		body, err := s.Body()
		if err == nil {
			err = l.db.InTx(b.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
				last, err = outbox.Append(ctx, tx, rows.TableSales, size, body)
				return err
			})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return last
}

// watchHeap returns a function that ends the watch and returns the most bytes
// that the heap held meanwhile, garbage included.
func watchHeap(b *testing.B) func() uint64 {
	b.Helper()
	end, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		var most uint64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-end:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 { close(end); return <-peak }
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
