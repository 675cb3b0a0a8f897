package analytics_test

import (
	"compress/gzip"
	_ "embed" // of SQL
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// retailCSV is the UCI data set "Online Retail" (doi 10.24432/C5BW33, CC BY
// 4.0), which is not part of the repository.
const retailCSV = "../../../shared/data/online-retail/online-retail.csv.gz"

var (
	//go:embed retail_load.sql
	retailLoad string
	//go:embed retail_ask.sql
	retailAsk string
)

// TestARealShopsNumbersAreThoseOfItsFile asks tag analytics and metrics over
// HTTP, and the rows of the shop's file by SQL that knows nothing of the program:
// at first, after more orders, refunds of the file and further changes, and after
// all of it was delivered again with other tags; and as of the first run.
func TestARealShopsNumbersAreThoseOfItsFile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("541,909 rows take too long for -short")
	}
	in, err := os.Open(retailCSV)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the data set is not there: put online-retail.csv.gz into ../shared/data/online-retail, beside the repository")
	}
	must(t, err)
	defer in.Close()
	retail, err := shops.FromOnlineRetail(in, shops.RetailOptions{})
	must(t, err)
	w := open(t, retail, time.Date(2011, 11, 1, 0, 0, 0, 0, time.UTC))
	f := w.readFile(in, retail)

	first := w.sync(bulksync.Full)
	f.keep(1, "2011-11-01")
	w.classify("design", "heart", "RETROSPOT", "T-LIGHT", "Vintage")
	group := w.collect("christmas", "CHRISTMAS", "REINDEER", "BAUBLE", "SNOWFLAKE")
	f.checkTags(asked{sales: 1, tags: 1}, "2011-08-01", "2011-10-31", "week")
	f.checkMetrics(1, "2011-10-31")
	question := object{"all": true, "from": "2011-10-03", "to": "2011-10-31", "granularity": "day", "limit": 500}
	then := w.performance(question)

	w.now.Store(retail.Until().Add(time.Hour).Unix())
	f.change()
	w.now.Add(3600) // for Shopify's index
	w.sync(bulksync.Incremental)
	f.keep(2, "2011-12-31")
	now := asked{sales: 2, tags: 2}
	f.checkTags(now, "2010-12-01", "2011-12-09", "month")
	f.checkTags(now, "2011-03-25", "2011-04-02", "day") // with one of 23 hours
	f.checkMetrics(2, "2011-12-09")
	f.checkTags(asked{sales: 1, tags: 2, asOf: first}, "2011-10-03", "2011-10-31", "day") // with one of 25
	question["asOf"] = first
	again := w.performance(question)
	same(t, "as of the first run", again.byTag(tagFigures.now), then.byTag(tagFigures.now))
	same(t, "as of the first run, by day", again.series(), then.series())

	f.retag()
	w.now.Add(3600)
	w.sync(bulksync.Full) // delivers all of it again
	f.keep(3, "2011-12-31")
	now = asked{sales: 3, tags: 3}
	f.checkTags(now, "2011-09-01", "2011-12-09", "week")
	f.checkSelections(now, group)
	f.checkMetrics(3, "2011-12-09")
	f.checkFilters(3, "2011-12-09", group)
	f.checkTags(asked{sales: 1, tags: 3, asOf: first}, "2011-06-01", "2011-10-31", "month")
}

// file is the rows of the shop's file, in tables of their own.
type file struct {
	*world
	ids   []shop.ID // of the articles, in the order of their first rows
	asked map[string]map[string]sold
}

// readFile stores the rows as they are.
func (w *world) readFile(in *os.File, retail *shops.Retail) *file {
	w.Helper()
	_, err := in.Seek(0, io.SeekStart)
	must(w.T, err)
	unzipped, err := gzip.NewReader(in)
	must(w.T, err)
	w.exec(`CREATE SCHEMA raw`)
	w.exec(`CREATE UNLOGGED TABLE raw.row (n bigint GENERATED ALWAYS AS IDENTITY, invoice text, code text, description text,
		quantity bigint, at timestamp, price numeric, customer text, country text)`)
	c, err := w.look.Acquire(w.Context())
	must(w.T, err)
	defer c.Release()
	_, err = c.Conn().PgConn().CopyFrom(w.Context(), unzipped,
		`COPY raw.row (invoice, code, description, quantity, at, price, customer, country) FROM STDIN (FORMAT csv, HEADER)`)
	must(w.T, err)
	for _, text := range []string{retailLoad, retailAsk} {
		must(w.T, c.Conn().PgConn().Exec(w.Context(), text).Close())
	}
	f := &file{world: w, asked: map[string]map[string]sold{}}
	for p := range retail.Products(retail.Until()) {
		f.ids = append(f.ids, p.ID)
	}
	return f
}

// keep notes what there is to know at some time of the shop's clocks.
func (f *file) keep(stage int, now string) {
	f.Helper()
	f.exec(`SELECT raw.keep($1, $2::text::timestamp)`, stage, now)
	f.exec(`ANALYZE raw.sale`)
	f.exec(`ANALYZE raw.there`)
}

// change edits, refunds, cancels, deletes and moves an order each, and makes one
// a test, in the shop and in the file.
func (f *file) change() {
	f.Helper()
	var invoices []string
	must(f.T, f.look.QueryRow(f.Context(), `SELECT array_agg(invoice) FROM (
		SELECT invoice FROM raw.line GROUP BY invoice
		HAVING count(*) BETWEEN 5 AND 30 AND bool_and(open = quantity AND quantity > 1 AND price > 1 AND at BETWEEN '2011-03-01' AND '2011-10-01')
		ORDER BY invoice LIMIT 6) x`).Scan(&invoices))
	at, id := time.Unix(f.now.Load(), 0).UTC(), map[string]shop.ID{}
	for o := range f.shop.Orders(at) {
		id[strings.TrimPrefix(o.Name, "#")] = o.ID
	}
	f.shop.Change(id[invoices[0]], func(o *simulator.Order) {
		added := o.Lines[0]
		added.ID += 1000
		added.Quantity, added.CurrentQuantity = 3, 3
		o.Lines, o.Edited, o.LineQuantity = append(o.Lines, added), true, o.LineQuantity+3
	})
	f.exec(`INSERT INTO raw.line SELECT -1, invoice, code, customer, 3, price, 3, at, invoice_n FROM raw.line WHERE n = (SELECT min(n) FROM raw.line WHERE invoice = $1)`, invoices[0])
	f.shop.Change(id[invoices[1]], func(o *simulator.Order) {
		l := &o.Lines[0]
		l.CurrentQuantity--
		o.Refunds = append(o.Refunds, shop.Refund{
			ID: 9_000_000_000_000, CreatedAt: at, Lines: []shop.RefundLine{{LineID: l.ID, Quantity: 1, Subtotal: l.UnitPrice}}, Total: l.UnitPrice,
		})
		o.RefundCount, o.Refunded, o.FinancialStatus = len(o.Refunds), o.Refunded+l.UnitPrice, "PARTIALLY_REFUNDED"
	})
	f.exec(`INSERT INTO raw.refund SELECT n, '2011-12-09', price FROM raw.line WHERE n = (SELECT min(n) FROM raw.line WHERE invoice = $1)`, invoices[1])
	f.shop.Change(id[invoices[2]], func(o *simulator.Order) { o.CancelledAt, o.FinancialStatus = at, "VOIDED" })
	f.shop.Delete(id[invoices[3]], at)
	f.shop.Change(id[invoices[4]], func(o *simulator.Order) { o.Test = true })
	f.exec(`INSERT INTO raw.void SELECT unnest($1::text[])`, invoices[2:5])
	f.shop.Change(id[invoices[5]], func(o *simulator.Order) { o.ProcessedAt = o.ProcessedAt.AddDate(0, 0, 200) })
	f.exec(`UPDATE raw.line SET at = at + interval '200 days' WHERE invoice = $1`, invoices[5])
}

// retag gives the articles that sold most other tags, and takes one off the shop
// that hasn't sold for long.
func (f *file) retag() {
	f.Helper()
	var most []int64
	must(f.T, f.look.QueryRow(f.Context(), `SELECT array_agg(place) FROM (
		SELECT place FROM raw.measured(2, '2011-12-09') ORDER BY net[6] DESC LIMIT 3) x`).Scan(&most))
	for _, place := range most {
		f.shop.ChangeProduct(f.ids[place-1], func(p *simulator.Product) { p.Tags = []string{" Late ", "HEART", "late", "T-LIGHT"} })
	}
	f.exec(`DELETE FROM raw.tag WHERE place = ANY ($1)`, most)
	f.exec(`INSERT INTO raw.tag SELECT place, tag FROM unnest($1::bigint[]) AS place, unnest(ARRAY['Late', 'HEART', 'T-LIGHT']) AS tag`, most)
	var old int64
	must(f.T, f.look.QueryRow(f.Context(), `SELECT min(place) FROM raw.measured(2, '2011-12-09') WHERE units[5] = 0 AND units[6] > 0`).Scan(&old))
	f.shop.ChangeProduct(f.ids[old-1], func(p *simulator.Product) { p.Status = "ARCHIVED" })
	f.exec(`UPDATE raw.article SET active = false WHERE place = $1`, old)
}

// classify puts tags into a category.
func (w *world) classify(category string, tags ...string) {
	w.Helper()
	var mappings []object
	for _, tag := range tags {
		mappings = append(mappings, object{"tag": tag, "category": category})
	}
	w.send("POST", "/api/tag-classifications/bulk", object{"mappings": mappings}, nil, http.StatusOK)
}

// collect makes a tag group.
func (w *world) collect(name string, tags ...string) uuid.UUID {
	w.Helper()
	var saved struct{ Data struct{ GroupID uuid.UUID } }
	w.send("POST", "/api/tag-groups", object{"name": name, "tags": tags}, &saved, http.StatusOK)
	return saved.Data.GroupID
}
