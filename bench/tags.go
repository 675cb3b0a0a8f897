package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// What `tag-analytics` may take, and what is asked: six months of a shop's days,
// against the six before.
const (
	partOfPostgres = 1.0 / 5
	withRollups    = 200 // ms
	zone           = "America/New_York"
	firstDay       = "2026-04-01"
	lastDay        = "2026-09-30"
)

//go:embed sql/catalog.sql
var catalogSQL string

// runTags compares what the products of all tags sold in six months, asked of the
// program over HTTP, with plain SQL over the same files in DuckDB and over the
// same rows in PostgreSQL. All three have to answer the same.
func runTags(ctx context.Context, b *bench) (Result, error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	warehouse := filepath.Join(s.dir, "warehouse")
	files, err := b.fillWarehouse(ctx, s, warehouse)
	if err != nil {
		return Result{}, err
	}
	asks := map[Size]int{tiny: 3, Small: 21, Medium: 21, Full: 11, Huge: 3}[b.Size]
	duckDB, err := s.openTags(ctx, files)
	if err != nil {
		return Result{}, err
	}
	defer duckDB.Close() //nolint:errcheck // it only reads
	duckAnswer, err := readTags(ctx, duckDB)
	if err != nil {
		return Result{}, err
	}
	var duck times // in turn with ours
	askDuck := func() error {
		began := time.Now()
		_, err := readTags(ctx, duckDB)
		duck = append(duck, time.Since(began))
		return err
	}
	rolled, err := b.askTags(ctx, s, warehouse, "134217728", 10*asks, func() error { return nil })
	if err != nil {
		return Result{}, err
	}
	b.Say(fmt.Sprintf("  ours with rollups: first %s (calls: %d), then %s", millis(rolled.first), rolled.asks, rolled.times))
	lines := rolled
	if b.Size == Huge {
		// In one piece the lines need more memory than the engine has as it comes;
		// rollups are made of them by month.
		lines.times, err = times{rolled.first}, askDuck()
	} else {
		lines, err = b.askTags(ctx, s, warehouse, "0", asks, askDuck)
	}
	if err != nil {
		return Result{}, err
	}
	b.Say(fmt.Sprintf("  ours from the lines: %s; DuckDB: %s", lines.times, duck))
	if err := sameTags(lines.answer, duckAnswer, rolled.answer); err != nil {
		return Result{}, err
	}
	r := Result{
		Ratio: lines.times.at(0.5).Seconds() / duck.at(0.5).Seconds(), Goal: 1.3,
		WallSeconds: lines.times.at(0.5).Seconds(), CPUSeconds: lines.cpu.Seconds(), PeakBytes: max(lines.peak, rolled.peak),
		Against: fmt.Sprintf("plain SQL in DuckDB on the same files: %s; ours from the lines %s, with rollups first %s and then %s",
			duck, lines.times, millis(rolled.first), rolled.times),
	}
	r.check("p95 with rollups", rolled.times.at(0.95).Seconds()*1e3, withRollups, "ms")
	if b.Size == Huge {
		return r, nil // PostgreSQL would take longer than anybody waits
	}
	postgres, answer, err := b.tagsOfPostgres(ctx, s, files)
	if err != nil {
		return r, err
	}
	b.Say(fmt.Sprintf("  PostgreSQL: %s", postgres))
	r.Against += fmt.Sprintf("; PostgreSQL %s", postgres)
	r.check("part of PostgreSQL's time", lines.times.at(0.5).Seconds()/postgres.at(0.5).Seconds(), partOfPostgres, "")
	return r, sameTags(lines.answer, answer)
}

// fillWarehouse brings sales of two years and the tags of their products in. All
// but the newest fortnight are compacted, as they are by the next morning; in the
// fortnight every tenth row is a line of the last two months once more.
func (b *bench) fillWarehouse(ctx context.Context, s *server, warehouse string) (files []string, err error) {
	n := salesOfOrder * b.orders
	old := n - n/50
	b.Say(fmt.Sprintf("Telling %d sales to the lakehouse", n))
	for i, part := range [][2]int{{0, old}, {old, n}} {
		if _, err := s.appendSales(ctx, func(yield func(rows.Sale) bool) {
			for at := part[0]; at < part[1]; at++ {
				if !yield(saleAt(at, n)) {
					return
				}
				if i == 1 && at%10 == 0 && !yield(again(saleAt(at-(at*7919)%(n/12), n))) {
					return
				}
			}
		}); err != nil {
			return nil, err
		}
		if files, err = s.drain(ctx, warehouse, i == 0); err != nil {
			return nil, err
		}
	}
	if _, err := s.db.Exec(ctx, catalogSQL); err != nil {
		return nil, err
	}
	return files, nil
}

// again is a line as it is delivered once more, after a part was refunded.
func again(r rows.Sale) rows.Sale {
	r.OrderUpdatedAt = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r.NetSales -= r.NetSales / 4
	return r
}

// drain has the lakehouse take in what waits, and returns its data files.
func (s *server) drain(ctx context.Context, warehouse string, compact bool) ([]string, error) {
	l, err := openLake(ctx, s.db, warehouse)
	if err != nil {
		return nil, err
	}
	defer l.Close() //nolint:errcheck // what counts is committed
	last, err := outbox.Last(ctx, s.db, rows.TableSales)
	if err != nil {
		return nil, err
	}
	if err := l.Drain(ctx, rows.TableSales, last); err != nil {
		return nil, err
	}
	for compact {
		c, err := l.Compact(ctx, rows.TableSales)
		if err != nil {
			return nil, err
		}
		compact = c.Settled > 0
	}
	return s.lakeFiles(ctx, warehouse)
}

// tagSales is what all sides tell of a tag; of all tags together under "".
type tagSales struct {
	units, orders, lines, products, net  int64 // net sales in ten-thousandths
	unitsBefore, ordersBefore, netBefore int64
}

// asked is what the program answered, and what that took.
type asked struct {
	answer map[string]tagSales
	first  time.Duration // until there was one
	asks   int           // until then
	times  times
	cpu    time.Duration // of the program, for each of times
	peak   int64
}

// askTags asks the program, whose rollups may take so many bytes, and others after
// each time.
func (b *bench) askTags(ctx context.Context, s *server, warehouse, rollups string, n int, others func() error) (a asked, err error) {
	d, err := b.openDoor(ctx, s, "MACRODATA_WAREHOUSE=file://"+warehouse, "MACRODATA_ROLLUP_MEMORY="+rollups)
	if err != nil {
		return a, err
	}
	defer d.close() //nolint:errcheck // it only read
	var report struct {
		Totals []figures
		Tags   []struct {
			Tag string
			figures
		}
	}
	question := map[string]any{"all": true, "from": firstDay, "to": lastDay, "limit": 500}
	ask := func(out any) (time.Duration, error) {
		return d.ask(ctx, http.MethodPost, "/api/tag-analytics/performance", question, out)
	}
	for again := true; again; a.asks++ { // an answer has a minute at most, and rollups are made on
		took, err := ask(&report)
		a.first += took
		if again = errors.Is(err, errs.Unavailable) && a.asks < 9; err != nil && !again {
			return a, err
		}
	}
	a.answer = map[string]tagSales{}
	for _, f := range report.Totals {
		a.answer[""] = f.sales()
	}
	for _, t := range report.Tags {
		a.answer[t.Tag] = t.sales()
	}
	cpu := processCPU(d.cmd.Process.Pid)
	for range n {
		took, err := ask(nil)
		if err == nil {
			err = others()
		}
		if err != nil {
			return a, err
		}
		a.times = append(a.times, took)
	}
	a.cpu = (processCPU(d.cmd.Process.Pid) - cpu) / time.Duration(max(len(a.times), 1))
	a.peak = memory(d.cmd.Process.Pid, "VmHWM")
	return a, err
}

// figures are the sales of an answer.
type figures struct {
	period
	Previous period
}

type period struct {
	Units, Orders, Lines, ProductsSold int64
	NetSales                           shop.Money
}

func (f figures) sales() tagSales {
	return tagSales{
		f.Units, f.Orders, f.Lines, f.ProductsSold, int64(f.NetSales.Amount),
		f.Previous.Units, f.Previous.Orders, int64(f.Previous.NetSales.Amount),
	}
}

// instants are where the period before begins, the period itself, and its end.
func instants() (ends [3]time.Time, err error) {
	place, err := time.LoadLocation(zone)
	if err != nil {
		return ends, err
	}
	from, err := time.ParseInLocation(time.DateOnly, firstDay, place)
	if err != nil {
		return ends, err
	}
	to, err := time.ParseInLocation(time.DateOnly, lastDay, place)
	if err != nil {
		return ends, err
	}
	days := int(to.Sub(from).Hours()/24+0.5) + 1
	return [3]time.Time{from.AddDate(0, 0, -days), from, to.AddDate(0, 0, 1)}, nil
}

// sameTags tells the first difference between answers.
func sameTags(first map[string]tagSales, others ...map[string]tagSales) error {
	for _, other := range others {
		if len(first) != len(other) {
			return fmt.Errorf("one side tells of %d tags and another of %d: %w", len(first), len(other), errs.Corrupt)
		}
		for tag, want := range first {
			if got := other[tag]; got != want {
				return fmt.Errorf("tag %q sold %+v for one side and %+v for another: %w", tag, want, got, errs.Corrupt)
			}
		}
	}
	return nil
}
