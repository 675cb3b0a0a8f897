package bulksync_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// retailCSV is the UCI data set "Online Retail" (doi 10.24432/C5BW33, CC BY
// 4.0), which is not part of the repository.
const retailCSV = "../../../../shared/data/online-retail/online-retail.csv.gz"

// What the data set's description says of all its rows.
const (
	retailRows  = 541_909
	retailUnits = 5_176_450
	retailMoney = shop.Amount(9_747_747_9340) // 9,747,747.934
)

func TestARealShopsTransactionsAreInTheStoreToTheLastPenny(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("541,909 rows take too long for -short")
	}
	retail := openRetail(t)
	w := newWorld(t, setup{shop: retail, databaseURL: ownServer(t), api: func(c *simulator.Config) {
		c.Plan = 1_000_000 // not to measure how long Shopify's rate limit makes us wait
	}})
	w.clock.Store(time.Date(2011, 11, 1, 0, 0, 0, 0, time.UTC).Unix())
	start := w.wal()
	w.timed("first full sync", func() { w.run(full(), runs.Completed) })
	first := w.wal() - start

	w.clock.Store(retail.Until().Add(time.Hour).Unix())
	mark, _ := w.mark("orders")
	changed := w.ids(func(o *simulator.Order) bool { return !o.UpdatedAt.Before(mark.Add(-overlap)) })
	w.timed("increment", func() {
		r := w.run(incremental(), runs.Completed)
		if got := rootIDs(t, w.archived(r.ID, "orders")); !slices.Equal(got, changed) {
			t.Errorf("the file of the increment has %d orders, %d have changed, or others", len(got), len(changed))
		}
	})
	w.timed("comparison of all rows", w.same)
	w.reconcile(retail.Ledger())

	before, transaction := w.prints(), w.transaction()
	start = w.wal()
	w.timed("second full sync", func() { w.run(full(), runs.Completed) })
	second := w.wal() - start
	for name, print := range w.prints() {
		if print != before[name] {
			t.Errorf("%s has changed: %s, then %s", name, before[name], print)
		}
	}
	if n := w.written(transaction); n != 0 {
		t.Errorf("the second sync wrote %d rows", n)
	}
	t.Logf("write-ahead log: %d KiB for the first sync, %d KiB for one that changes nothing", first>>10, second>>10)
	if second*5 > first {
		t.Errorf("the second sync wrote %d bytes of write-ahead log, the first %d", second, first)
	}
	t.Logf("longest transaction: %s; most rows of a statement: %d", w.limits.longest, w.limits.rows)
}

func openRetail(t *testing.T) *shops.Retail {
	t.Helper()
	f, err := os.Open(retailCSV)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the data set is not there: put online-retail.csv.gz into ../shared/data/online-retail, beside the repository")
	}
	must(t, err)
	defer f.Close()
	retail, err := shops.FromOnlineRetail(f, shops.RetailOptions{})
	must(t, err)
	return retail
}

// ownServer returns a database on a server that nobody else writes to, so that
// its write-ahead log can be measured. It trades durability for speed.
func ownServer(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bulksync-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755)) // for the server's own user
	c, err := cluster.Start(t.Context(), cluster.Config{Dir: filepath.Join(dir, "data"), Settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "256MB",
	}})
	if errors.Is(err, errs.NotFound) {
		t.Skipf("no PostgreSQL programs: %v", err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, c.Stop(context.Background())) })
	d, err := pg.Open(t.Context(), pg.Config{URL: c.URL()})
	must(t, err)
	defer d.Close()
	_, err = d.Migrate(t.Context(), db.Migrations())
	must(t, err)
	return c.URL()
}

// wal returns how many bytes the server has written ahead.
func (w *world) wal() int {
	w.Helper()
	return w.count("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
}

func (w *world) timed(what string, do func()) {
	w.Helper()
	began := time.Now()
	do()
	w.Logf("%s: %s", what, time.Since(began).Round(10*time.Millisecond))
}

// reconcile holds the store against the rows of the CSV: each is a line, a
// refund line, or listed as having no place in a shop.
func (w *world) reconcile(l shops.Ledger) {
	w.Helper()
	read := func(sql string) (t shops.Tally) {
		must(w, w.look.QueryRow(w.Context(), sql).Scan(&t.Rows, &t.Units, &t.Money))
		return t
	}
	lines := read(`SELECT count(*), sum(quantity)::bigint, sum(unit_price * quantity) FROM order_line_item`)
	refunds := read(`SELECT count(*), -sum(quantity)::bigint, -sum(subtotal) FROM order_refund_line`)
	rests := read(`SELECT 0, 0::bigint, -sum(refund_adjustment) FROM order_header`)
	rests.Units = l.Rests.Units // an order's money without lines has no pieces
	if rows := lines.Rows + refunds.Rows + l.Unmapped.Rows; rows != retailRows {
		w.Errorf("%d lines, %d refund lines and %d unmapped rows are %d, want %d", lines.Rows, refunds.Rows, l.Unmapped.Rows, rows, retailRows)
	}
	if units := lines.Units + refunds.Units + rests.Units + l.Unmapped.Units; units != retailUnits {
		w.Errorf("units are %d, want %d: %+v", units, retailUnits, []shops.Tally{lines, refunds, rests, l.Unmapped})
	}
	if money := lines.Money + refunds.Money + rests.Money + l.Unmapped.Money; money != retailMoney {
		w.Errorf("money is %s, want %s: %+v", money, retailMoney, []shops.Tally{lines, refunds, rests, l.Unmapped})
	}
	if len(l.UnmappedRows) != l.Unmapped.Rows {
		w.Errorf("%d of %d unmapped rows are listed", len(l.UnmappedRows), l.Unmapped.Rows)
	}
	w.Logf("%d rows: %d lines, %d refund lines, %d unmapped", retailRows, lines.Rows, refunds.Rows, l.Unmapped.Rows)
}
