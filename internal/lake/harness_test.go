package lake_test

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) {
	committer() // never returns where this process is one
	pgtest.Main(m)
}

// lab is a lakehouse on a database and in a folder of its own.
type lab struct {
	*lake.Lake
	db        *pg.DB
	warehouse string
}

func newLab(t testing.TB, change ...func(*lake.Config)) *lab {
	t.Helper()
	l := &lab{db: pgtest.DB(t), warehouse: (&url.URL{Scheme: "file", Path: t.TempDir()}).String()}
	l.Lake = l.open(t, l.db, change...)
	return l
}

// open opens the lab's lakehouse once more, as another process would.
func (l *lab) open(t testing.TB, db *pg.DB, change ...func(*lake.Config)) *lake.Lake {
	t.Helper()
	c := lake.Config{DB: db, Warehouse: l.warehouse, Poll: 5 * time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	opened, err := lake.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() }) //nolint:errcheck // nothing is left to lose
	return opened
}

// append puts sales into the outbox as one batch.
func (l *lab) append(t testing.TB, sales ...rows.Sale) (seq int64) {
	t.Helper()
	b := rows.NewSales()
	for _, s := range sales {
		b.Add(s)
	}
	n := b.Len()
	body, err := b.Body()
	if err == nil {
		err = l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
			seq, err = outbox.Append(ctx, tx, rows.TableSales, n, body)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func (l *lab) drain(t testing.TB, upto int64) {
	t.Helper()
	if err := l.Drain(t.Context(), rows.TableSales, upto); err != nil {
		t.Fatal(err)
	}
}

var start = time.Date(2025, 1, 15, 12, 0, 0, 0, time.UTC)

// sale is a line whose values all follow from its id and version.
func sale(line, version int) rows.Sale {
	amount := shop.Amount(line*10_000 + version)
	return rows.Sale{
		LineItemID: shop.ID(line), OrderID: shop.ID(line/2 + 1), ProductID: shop.ID(line%7 + 1), SKU: "sku",
		Quantity: 1, GrossSales: 2 * amount, Discount: amount, NetSales: amount, Currency: "USD", Country: "DE",
		OccurredAt:     start.AddDate(0, line%4, line%11),
		OrderUpdatedAt: start.Add(time.Duration(version) * time.Hour),
		RunID:          "0198c0de-0000-7000-8000-000000000001",
	}
}

// row is a row of measurement.sales as it is read back.
type row struct {
	line, updated, sequence int64
	net                     shop.Amount
	deleted                 bool
}

// read returns all rows of a snapshot by their sequence; "" is the current one.
func read(t testing.TB, l *lake.Lake, asOf string) []row {
	t.Helper()
	tbl, err := l.Load(t.Context(), rows.TableSales)
	if err != nil {
		t.Fatal(err)
	}
	snapshot := tbl.CurrentSnapshot()
	if asOf != "" {
		snapshot = tbl.SnapshotByName(asOf)
	}
	if snapshot == nil {
		return nil
	}
	return readSnapshot(t, tbl, snapshot.SnapshotID, map[string][]row{})
}

// readSnapshot reads those files of a snapshot that it doesn't know yet.
func readSnapshot(t testing.TB, tbl *table.Table, id int64, known map[string][]row) (list []row) {
	t.Helper()
	scan := tbl.Scan(table.WithSnapshotID(id),
		table.WithSelectedFields("line_item_id", "order_updated_at", "sequence", "net_sales", "deleted"))
	tasks, err := scan.PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		path := task.File.FilePath()
		if _, ok := known[path]; !ok {
			known[path] = readFile(t, scan, task)
		}
		list = append(list, known[path]...)
	}
	slices.SortFunc(list, func(a, b row) int { return cmp.Compare(a.sequence, b.sequence) })
	return list
}

func readFile(t testing.TB, scan *table.Scan, task table.FileScanTask) (list []row) {
	t.Helper()
	_, records, err := scan.ReadTasks(t.Context(), []table.FileScanTask{task})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		column := func(name string) arrow.Array { return r.Column(r.Schema().FieldIndices(name)[0]) }
		for i := range int(r.NumRows()) {
			list = append(list, row{
				line:     column("line_item_id").(*array.Int64).Value(i),
				updated:  int64(column("order_updated_at").(*array.Timestamp).Value(i)),
				sequence: column("sequence").(*array.Int64).Value(i),
				net:      shop.Amount(column("net_sales").(*array.Decimal128).Value(i).LowBits()),
				deleted:  column("deleted").(*array.Boolean).Value(i),
			})
		}
		r.Release()
	}
	return list
}

// newest keeps the version of each line that counts.
func newest(list []row) map[int64]row {
	lines := map[int64]row{}
	for _, r := range list {
		if old, ok := lines[r.line]; !ok || cmp.Or(cmp.Compare(r.updated, old.updated), cmp.Compare(r.sequence, old.sequence)) > 0 {
			lines[r.line] = r
		}
	}
	return lines
}

// sales returns a version of the lines from one id to another.
func sales(from, to, version int) (list []rows.Sale) {
	for line := from; line <= to; line++ {
		list = append(list, sale(line, version))
	}
	return list
}

// wait polls until something holds.
func (l *lab) wait(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
