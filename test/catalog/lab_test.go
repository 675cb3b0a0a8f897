package catalog

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// lab is a lakehouse at a site.
type lab struct {
	*lake.Lake
	site site
	db   *pg.DB
	last int64 // batch in the outbox; each is a version of all lines
}

func newLab(t *testing.T, s site) *lab {
	t.Helper()
	l := &lab{site: s, db: pgtest.DB(t)}
	l.Lake = l.open(t)
	return l
}

// open opens the lakehouse once more, as another process would.
func (l *lab) open(t *testing.T) *lake.Lake {
	t.Helper()
	opened, err := lake.Open(t.Context(), l.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() }) //nolint:errcheck // nothing is left to lose
	return opened
}

func (l *lab) config() lake.Config {
	return lake.Config{
		DB: l.db, Warehouse: l.site.warehouse, CatalogURL: l.site.catalog, Token: token,
		Poll: 5 * time.Millisecond, FlushRows: lines, // a commit for each batch
		SmallFiles: 2, KeepSnapshots: time.Nanosecond, OrphanGrace: time.Nanosecond,
	}
}

// lines is how many lines there are, and versions counts from 1.
const lines = 300

var start = time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)

// sale is a version of a line. Lines are of three months.
func sale(line, version int64) rows.Sale {
	net := shop.Amount(line*10_000 + version)
	return rows.Sale{
		LineItemID: shop.ID(line), OrderID: shop.ID(line/2 + 1), Quantity: int(version),
		GrossSales: net, NetSales: net, Currency: "USD",
		OccurredAt: start.AddDate(0, int(line%3), int(line%10)), OrderUpdatedAt: start.AddDate(1, 0, int(version)),
		RunID: "0198c0de-0000-7000-8000-000000000001",
	}
}

// append puts another version of all lines into the outbox.
func (l *lab) append(t *testing.T) {
	t.Helper()
	b := rows.NewSales()
	for line := range int64(lines) {
		b.Add(sale(line+1, l.last+1))
	}
	body, err := b.Body()
	if err == nil {
		err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
			l.last, err = outbox.Append(ctx, tx, rows.TableSales, lines, body)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (l *lab) drain(t *testing.T) {
	t.Helper()
	if err := l.Drain(t.Context(), rows.TableSales, l.last); err != nil {
		t.Fatal(err)
	}
}

// state is what a reader finds.
type state struct {
	Rows  int64 // all versions
	Lines int64 // that count
	Units int64
	Net   shop.Amount
}

// after is the state with a version of all lines as the newest, among some.
func after(version, versions int64) (s state) {
	s.Rows = versions * lines
	for line := range int64(lines) {
		r := sale(line+1, version)
		s.Lines++
		s.Units += int64(r.Quantity)
		s.Net += r.NetSales
	}
	return s
}

// check holds what DuckDB finds, from an empty cache, against what it should.
func (l *lab) check(t *testing.T, when, asOf string, want state) {
	t.Helper()
	opened := l.open(t) // so that only the catalog can know
	plan, err := opened.Plan(t.Context(), rows.TableSales, asOf)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	var got state
	for _, f := range plan.Files {
		got.Rows += f.Rows
	}
	d, err := duck.Open(t.Context(), duck.Config{Lake: opened, Warehouse: l.site.warehouse, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // it only reads
	err = d.Query(t.Context(), "sales_totals", asOf, map[string]any{"since": start, "until": start.AddDate(1, 0, 0)},
		func(scan func(...any) error) error {
			var currency string
			var gross, discount shop.Amount
			return scan(&currency, &got.Lines, &got.Units, &gross, &discount, &got.Net)
		})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}
