package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// peakAppend is how much memory draining may take, however much waits.
const peakAppend = 1 << 30

// salesOfOrder is how many rows of sales stand for an order of a size.
const salesOfOrder = 10

// runAppend compares draining rows of sales into the lakehouse with DuckDB
// copying the same rows into Parquet files that are partitioned, compressed and
// synced alike. Filling the outbox isn't measured, nor DuckDB's table.
func runAppend(ctx context.Context, b *bench) (Result, error) {
	n := salesOfOrder * b.orders
	var rounds []round
	var against string
	for i := range b.rounds {
		b.Say(fmt.Sprintf("Round %d of %d, %d rows", i+1, b.rounds, n))
		r, sizes, err := b.appendOnce(ctx, n)
		if err != nil {
			return Result{}, err
		}
		b.Say(fmt.Sprintf("  ours %s, %s; DuckDB %s; %s", r.ours, mib(r.ours.peak), r.theirs, sizes))
		rounds, against = append(rounds, r), sizes
	}
	m := best(rounds)
	r := Result{
		Ratio: m.ratio(), Goal: 2,
		WallSeconds: m.ours.wall.Seconds(), CPUSeconds: m.ours.cpu.Seconds(), PeakBytes: m.ours.peak,
		Against: fmt.Sprintf("DuckDB: COPY of the same %d rows from its own table into Parquet files, by month, zstd 3, synced: %s, peak %s; %s",
			n, m.theirs, mib(m.theirs.peak), against),
	}
	r.check("peak memory", float64(m.ours.peak)/(1<<20), peakAppend>>20, "MiB")
	return r, nil
}

func mib(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// appendOnce measures both sides on a fresh server and in fresh folders.
func (b *bench) appendOnce(ctx context.Context, n int) (r round, sizes string, err error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return r, "", err
	}
	defer s.close() //nolint:errcheck // it is temporary
	total, err := s.fillOutbox(ctx, n)
	if err != nil {
		return r, "", err
	}
	warehouse, theirs := filepath.Join(s.dir, "warehouse"), filepath.Join(s.dir, "theirs")
	if r.ours, err = b.side(ctx, s, "drain", warehouse); err != nil {
		return r, "", err
	}
	files, err := s.lakeFiles(ctx, warehouse)
	if err != nil {
		return r, "", err
	}
	if err := makeTable(ctx, theirs, files); err != nil {
		return r, "", err
	}
	if r.theirs, err = b.side(ctx, s, "copy", theirs); err != nil {
		return r, "", err
	}
	copied, err := filepath.Glob(filepath.Join(theirs, "out", "*", "*.parquet"))
	if err != nil {
		return r, "", err
	}
	for _, list := range [][]string{files, copied} {
		got, err := sumOf(ctx, list)
		if err == nil && got != total {
			err = fmt.Errorf("%d files hold %+v, and %+v were appended: %w", len(list), got, total, errs.Corrupt)
		}
		if err != nil {
			return r, "", err
		}
	}
	a, err := describe(files)
	if err != nil {
		return r, "", err
	}
	c, err := describe(copied)
	return r, fmt.Sprintf("ours made %s, DuckDB %s", a, c), err
}

// describe tells how many files there are, and how large they are together.
func describe(files []string) (string, error) {
	var bytes int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return "", err
		}
		bytes += info.Size()
	}
	return fmt.Sprintf("%d files of %s", len(files), mib(bytes)), nil
}

// sum is what rows come to.
type sum struct {
	rows int64
	net  shop.Amount
}

// fillOutbox appends rows of two years, in the order of time and as many to a
// batch as a sync appends, and has the server forget the work.
func (s *server) fillOutbox(ctx context.Context, n int) (sum, error) {
	total, err := s.appendSales(ctx, func(yield func(rows.Sale) bool) {
		for i := 0; i < n && yield(saleAt(i, n)); i++ {
		}
	})
	if err != nil {
		return total, err
	}
	_, err = s.db.Exec(ctx, "CHECKPOINT")
	return total, err
}

// appendSales appends rows to the outbox.
func (s *server) appendSales(ctx context.Context, sales iter.Seq[rows.Sale]) (total sum, err error) {
	batch := rows.NewSales()
	flush := func() error {
		size := batch.Len()
		if size == 0 {
			return nil
		}
		body, err := batch.Body()
		if err != nil {
			return err
		}
		return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
			_, err := outbox.Append(ctx, tx, rows.TableSales, size, body)
			return err
		})
	}
	for r := range sales {
		batch.Add(r)
		total.rows++
		total.net += r.NetSales
		if batch.Len() < chunkRows {
			continue
		}
		if err := flush(); err != nil {
			return total, err
		}
	}
	return total, flush()
}

// saleAt makes a row out of its number, two to an order.
func saleAt(i, n int) rows.Sale {
	from := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)
	order := i / 2
	mix := uint64(i) * 0x9E3779B97F4A7C15 >> 20 // as good as random
	at := from.Add(time.Duration(order*2) * (from.AddDate(2, 0, 0).Sub(from) / time.Duration(n))).Truncate(time.Second)
	product, units := mix%20_000, 1+int(mix>>16%4)
	gross := shop.Amount(units) * shop.Amount(500+product%200*25) * (shop.AmountScale / 100)
	discount := shop.Amount(0)
	if mix>>20%5 == 0 {
		discount = gross / 10
	}
	return rows.Sale{
		LineItemID: shop.ID(13_000_000_000_000 + i*32_768), OrderID: shop.ID(6_000_000_000_000 + order*32_768),
		ProductID: shop.ID(8_000_000_000_000 + product*32_768), VariantID: shop.ID(45_000_000_000_000 + product*32_768),
		SKU: fmt.Sprint("SKU-", product), Quantity: units, GrossSales: gross, Discount: discount, NetSales: gross - discount,
		Currency: "USD", Country: []string{"US", "US", "US", "CA", "GB"}[mix>>24%5],
		OccurredAt: at, OrderUpdatedAt: at.Add(time.Duration(mix%1_000_000) * time.Second),
		IsCancelled: mix>>28%40 == 0, RunID: "0198c0de-0000-7000-8000-000000000001",
	}
}

// openLake opens the lakehouse in a folder.
func openLake(ctx context.Context, db *pg.DB, folder string) (*lake.Lake, error) {
	return lake.Open(ctx, lake.Config{DB: db, Warehouse: "file://" + folder})
}

// lakeFiles returns the data files of sales.
func (s *server) lakeFiles(ctx context.Context, folder string) (paths []string, err error) {
	l, err := openLake(ctx, s.db, folder)
	if err != nil {
		return nil, err
	}
	defer l.Close() //nolint:errcheck // it only reads
	plan, err := l.Plan(ctx, rows.TableSales, "")
	for _, f := range plan.Files {
		paths = append(paths, f.Path)
	}
	return paths, err
}

// Span is when the measured part of a side began and ended.
type Span struct{ From, Until time.Time }

// Side does one side of a benchmark with a folder, for a process of its own:
// "drain" what waits in the outbox, "copy" DuckDB's table, or answer as a bare
// handler to "lookup" or "read" until ctx ends.
func Side(ctx context.Context, name, databaseURL, folder string) (s Span, err error) {
	var work func() error
	switch name {
	case "drain":
		db, err := pg.Open(ctx, pg.Config{URL: databaseURL})
		if err != nil {
			return s, err
		}
		defer db.Close()
		l, err := openLake(ctx, db, folder)
		if err != nil {
			return s, err
		}
		defer l.Close() //nolint:errcheck // what counts is committed
		last, err := outbox.Last(ctx, db, rows.TableSales)
		if err != nil {
			return s, err
		}
		work = func() error { return l.Drain(ctx, rows.TableSales, last) }
	case "copy":
		db, err := openDuckDB(filepath.Join(folder, "rows.duckdb"))
		if err != nil {
			return s, err
		}
		defer db.Close() //nolint:errcheck // it only reads
		work = func() error { return copyOut(ctx, db, filepath.Join(folder, "out")) }
	case "lookup", "read":
		db, err := pg.Open(ctx, pg.Config{URL: databaseURL})
		if err != nil {
			return s, err
		}
		defer db.Close()
		work = func() error { return serveBare(ctx, folder, bareHandler(name, db.Pool())) }
	default:
		return s, fmt.Errorf("NAME %q is no side: %w", name, errs.Invalid)
	}
	s.From = time.Now()
	err = work()
	s.Until = time.Now()
	return s, err
}

// side runs a side as a process of its own and measures it, the server included.
func (b *bench) side(ctx context.Context, s *server, name, folder string) (usage, error) {
	rec, err := record(b.program(ctx, s, nil, "bench", "side", "--json", name, folder), s)
	if err != nil {
		return usage{}, err
	}
	var span Span
	if err := json.Unmarshal(rec.output, &span); err != nil {
		return usage{}, err
	}
	return rec.between(span.From, span.Until), nil
}
