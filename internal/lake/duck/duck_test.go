package duck_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// lab is a lakehouse with a query engine.
type lab struct {
	*lake.Lake
	db     *pg.DB
	folder string // of the warehouse
	cfg    duck.Config
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{db: pgtest.DB(t), folder: t.TempDir()}
	warehouse := (&url.URL{Scheme: "file", Path: l.folder}).String()
	opened, err := lake.Open(t.Context(), lake.Config{DB: l.db, Warehouse: warehouse, Poll: 5 * time.Millisecond, SmallFiles: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() }) //nolint:errcheck // nothing is left to lose
	l.Lake = opened
	l.cfg = duck.Config{Lake: opened, Warehouse: warehouse, Dir: t.TempDir(), Threads: 2}
	return l
}

// engine opens a query engine as the lab's configuration, changed, says.
func (l *lab) engine(t testing.TB, change ...func(*duck.Config)) *duck.DB {
	t.Helper()
	c := l.cfg
	for _, f := range change {
		f(&c)
	}
	d, err := duck.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// with adds a query for the test alone.
func with(name, text string) func(*duck.Config) {
	return func(c *duck.Config) { c.Queries = append(c.Queries, fstest.MapFS{name + ".sql": {Data: []byte(text)}}) }
}

// add brings sales into the lakehouse, as one batch.
func (l *lab) add(t testing.TB, sales ...rows.Sale) {
	t.Helper()
	b := rows.NewSales()
	for _, s := range sales {
		b.Add(s)
	}
	n := b.Len()
	body, err := b.Body()
	if err != nil {
		t.Fatal(err)
	}
	var seq int64
	err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableSales, n, body)
		return err
	})
	if err == nil {
		err = l.Drain(t.Context(), rows.TableSales, seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var (
	start = time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
	end   = start.AddDate(0, 0, 120)
)

// sale is a line whose values follow from its id and version.
func sale(line, version int) rows.Sale {
	r := rand.New(rand.NewPCG(uint64(line), uint64(version)))
	amount := shop.Amount(r.IntN(10_000_000))
	return rows.Sale{
		LineItemID: shop.ID(line), OrderID: shop.ID(line/2 + 1), ProductID: shop.ID(line % 7), SKU: "sku",
		Quantity: 1 + r.IntN(3), GrossSales: 2*amount + 3, Discount: amount, NetSales: amount + 3,
		Currency:       []string{"USD", "EUR"}[line%2],
		OccurredAt:     start.Add(time.Duration(line*7919%(120*24*60)) * time.Minute),
		OrderUpdatedAt: start.AddDate(1, 0, version),
		IsCancelled:    r.IntN(10) == 0, IsTest: line%50 == 0, Deleted: r.IntN(15) == 0,
		RunID: "0198c0de-0000-7000-8000-000000000001",
	}
}

// deliver brings random versions of lines, some of them twice and out of order,
// in several batches, and returns them in order of delivery.
func (l *lab) deliver(t testing.TB, r *rand.Rand, batches, lines int) (all []rows.Sale) {
	t.Helper()
	for range batches {
		var batch []rows.Sale
		for range lines {
			batch = append(batch, sale(1+r.IntN(lines), r.IntN(4)))
		}
		batch = append(batch, batch[:lines/10]...)
		l.add(t, batch...)
		all = append(all, batch...)
	}
	return all
}

// counted is what sales come to, worked out from what was delivered.
func counted(delivered []rows.Sale, from, until time.Time) (lines []rows.Sale) {
	newest := map[shop.ID]rows.Sale{}
	for _, s := range delivered {
		if old, ok := newest[s.LineItemID]; !ok || !s.OrderUpdatedAt.Before(old.OrderUpdatedAt) {
			newest[s.LineItemID] = s
		}
	}
	for _, s := range newest {
		if !s.OccurredAt.Before(from) && s.OccurredAt.Before(until) && !s.IsCancelled && !s.IsTest && !s.Deleted {
			lines = append(lines, s)
		}
	}
	return lines
}

// total is what some sales come to.
type total struct {
	Day                  shop.Day
	Currency             string
	Lines, Units         int64
	Gross, Discount, Net shop.Amount
}

func (t *total) add(s rows.Sale) {
	t.Lines++
	t.Units += int64(s.Quantity)
	t.Gross += s.GrossSales
	t.Discount += s.Discount
	t.Net += s.NetSales
}

// totals adds sales up by what key returns.
func totals(sales []rows.Sale, key func(rows.Sale) total) (list []total) {
	sums := map[total]total{}
	for _, s := range sales {
		k := key(s)
		sum, ok := sums[k]
		if !ok {
			sum = k
		}
		sum.add(s)
		sums[k] = sum
	}
	for _, sum := range sums {
		list = append(list, sum)
	}
	slices.SortFunc(list, func(a, b total) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}

func byCurrency(s rows.Sale) total { return total{Currency: s.Currency} }

func salesTotals(t testing.TB, d *duck.DB, asOf string, from, until time.Time) (list []total) {
	t.Helper()
	err := d.Query(t.Context(), "sales_totals", asOf, map[string]any{"since": from, "until": until},
		func(scan func(...any) error) error {
			var s total
			err := scan(&s.Currency, &s.Lines, &s.Units, &s.Gross, &s.Discount, &s.Net)
			list = append(list, s)
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheNewestVersionOfALineCountsOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t)
	if got := salesTotals(t, d, "", start, end); got != nil {
		t.Errorf("an empty table has the sales %v", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	delivered := l.deliver(t, r, 4, 300)
	if err := l.Tag(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	first := slices.Clone(delivered)
	delivered = append(delivered, l.deliver(t, r, 4, 300)...)

	check := func(when string) {
		t.Helper()
		for _, c := range []struct {
			asOf        string
			delivered   []rows.Sale
			from, until time.Time
		}{
			{"", delivered, start, end},
			{"", delivered, start.AddDate(0, 0, 20).Add(77 * time.Second), start.AddDate(0, 0, 61)},
			{"", delivered, end, end.AddDate(1, 0, 0)},
			{"", delivered, start, start},
			{lake.TagOf("first"), first, start, end},
		} {
			want := totals(counted(c.delivered, c.from, c.until), byCurrency)
			if diff := gocmp.Diff(want, salesTotals(t, d, c.asOf, c.from, c.until)); diff != "" {
				t.Errorf("%s, as of %q, from %v until %v (-want +got):\n%s", when, c.asOf, c.from, c.until, diff)
			}
		}
	}
	check("after appends")
	if c, err := l.Compact(t.Context(), rows.TableSales); err != nil || c.RowsAfter == c.RowsBefore {
		t.Fatalf("compacted %+v, %v", c, err)
	}
	check("after compaction")

	// Older and newer versions of the first days' lines, in one of the months.
	var late []rows.Sale
	for line := 1; len(late) < 40; line++ {
		if s := sale(line, r.IntN(6)); s.OccurredAt.Before(start.AddDate(0, 0, 16)) {
			late = append(late, s)
		}
	}
	l.add(t, late...)
	delivered = append(delivered, late...)
	plan, err := l.Plan(t.Context(), rows.TableSales, "")
	settled := 0
	for _, f := range plan.Files {
		if f.Settled {
			settled++
		}
	}
	if err != nil || settled == 0 || len(plan.Files)-settled != 2 {
		t.Fatalf("%v, %v: want a month of two files that aren't settled beside others that are", plan.Files, err)
	}
	check("with late versions in one month")
}

func TestDaysAreOfTheShopsZone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t)
	delivered := l.deliver(t, rand.New(rand.NewPCG(3, 4)), 2, 500)
	for _, name := range []string{"America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		var days []time.Time
		var until time.Time
		// New York changes its clocks on 9 March, Lord Howe on 6 April.
		for day := start.AddDate(0, 0, 10); day.Before(start.AddDate(0, 0, 100)); day = day.AddDate(0, 0, 1) {
			var from time.Time
			if from, until, err = shop.Day(day.Format(time.DateOnly)).Bounds(zone); err != nil {
				t.Fatal(err)
			}
			days = append(days, from)
		}
		want := totals(counted(delivered, days[0], until), func(s rows.Sale) total {
			return total{Day: shop.DayOf(s.OccurredAt, zone), Currency: s.Currency}
		})
		var got []total
		err = d.Query(t.Context(), "sales_by_day", "", map[string]any{"since": days[0], "until": until, "days": days},
			func(scan func(...any) error) error {
				var s total
				var day time.Time
				err := scan(&day, &s.Currency, &s.Lines, &s.Units, &s.Gross, &s.Discount, &s.Net)
				s.Day = shop.DayOf(day, zone)
				got = append(got, s)
				return err
			})
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestTableRowsAndTheirSnapshot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t)
	l.add(t, sale(1, 0), sale(2, 0), sale(1, 1))
	for table, want := range map[string]int64{rows.TableSales: 3, rows.TableTelemetry: 0, rows.TablePerformance: 0} {
		got, err := d.Table(t.Context(), duck.Request{Name: "table_rows", Table: table})
		if err != nil || len(got.Rows) != 1 || got.Rows[0][0] != want || (got.Snapshots[table] != 0) != (want > 0) {
			t.Errorf("%s has %+v, %v: want %d rows", table, got, err, want)
		}
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t)
	good := map[string]any{"since": start, "until": end}
	for name, c := range map[string]struct {
		request duck.Request
		want    error
	}{
		"a query that nobody wrote":          {duck.Request{Name: "sales; DROP TABLE x"}, errs.NotFound},
		"a parameter is missing":             {duck.Request{Name: "sales_totals", Args: map[string]any{"since": start}}, errs.Invalid},
		"a parameter too many":               {duck.Request{Name: "sales_totals", Args: map[string]any{"since": start, "until": end, "x": 1}}, errs.Invalid},
		"a parameter under another's name":   {duck.Request{Name: "sales_totals", Args: map[string]any{"since": start, "unti": end}}, errs.Invalid},
		"text where an instant is needed":    {duck.Request{Name: "sales_totals", Args: map[string]any{"since": start, "until": "now'; --"}}, errs.Invalid},
		"a range that ends before it begins": {duck.Request{Name: "sales_totals", Args: map[string]any{"since": end, "until": start}}, errs.Invalid},
		"a snapshot that isn't there":        {duck.Request{Name: "sales_totals", Args: good, AsOf: "run-x"}, errs.NotFound},
		"a table that isn't there":           {duck.Request{Name: "table_rows", Table: `x" UNION SELECT 1`}, errs.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := d.Table(t.Context(), c.request); !errors.Is(err, c.want) {
				t.Errorf("%v, want it to be %v", err, c.want)
			}
		})
	}
}

func TestQueriesOfScenariosAreChecked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, change := range map[string]func(*duck.Config){
		"one that says not what it reads": with("mine", "SELECT 1"),
		"one whose name is taken":         with("table_rows", "-- reads: *\nSELECT 1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := l.cfg
			c.Dir = t.TempDir()
			change(&c)
			if _, err := duck.Open(t.Context(), c); !errors.Is(err, errs.Invalid) {
				t.Errorf("%v, want it to be invalid", err)
			}
		})
	}
}

// altered is a lakehouse whose plans are changed, as other writers might.
type altered struct {
	duck.Lake
	change func(*lake.Plan)
}

func (a altered) PlanBetween(ctx context.Context, table, asOf string, from, until time.Time) (lake.Plan, error) {
	p, err := a.Lake.PlanBetween(ctx, table, asOf, from, until)
	a.change(&p)
	return p, err
}

func TestPlansWithDeletedRowsAreRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t, func(c *duck.Config) { c.Lake = altered{l, func(p *lake.Plan) { p.HasDeletes = true }} })
	l.add(t, sale(1, 0))
	_, err := d.Table(t.Context(), duck.Request{Name: "table_rows", Table: rows.TableSales})
	if !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "" {
		t.Errorf("%v, want a conflict with a remedy", err)
	}
}

func TestColumnsAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t, with("renamed", "-- reads: measurement.sales\nSELECT units, added FROM sales"),
		func(c *duck.Config) {
			c.Lake = altered{l, func(p *lake.Plan) {
				for i := range p.Columns {
					if p.Columns[i].Name == "quantity" {
						p.Columns[i].Name, p.Columns[i].Type = "units", "long"
					}
				}
				p.Columns = append(p.Columns, lake.Column{ID: 99, Name: "added", Type: "string"})
			}}
		})
	s := sale(1, 0)
	l.add(t, s)
	got, err := d.Table(t.Context(), duck.Request{Name: "renamed"})
	if want := [][]any{{int64(s.Quantity), nil}}; err != nil || !gocmp.Equal(want, got.Rows) {
		t.Errorf("read %v, %v: want %v", got.Rows, err, want)
	}
}

// tree lists a folder's files.
func tree(t testing.TB, folder string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			list = append(list, fmt.Sprint(path, info.Size()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
