package differential

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing/fstest"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"github.com/macrodata-dev/macrodata/internal/lake/duck"
)

// rawFiles makes of the archived files what the last version of each object
// says. The files of a run are named by its id, and ids grow with time. Lines are
// those that came with the version of their order.
const rawFiles = `
CREATE TABLE raw AS SELECT filename AS file, json, json->>'$.id' AS id, json->>'$.__parentId' AS parent
FROM read_ndjson_objects($1, filename = true);
CREATE TABLE order_now AS SELECT * FROM raw WHERE parent IS NULL
QUALIFY row_number() OVER (PARTITION BY id ORDER BY (json->>'$.updatedAt')::TIMESTAMPTZ DESC, file DESC) = 1;
CREATE TABLE product_now AS SELECT json->>'$.id' AS id, json FROM read_ndjson_objects($2, filename = true)
QUALIFY row_number() OVER (PARTITION BY json->>'$.id' ORDER BY (json->>'$.updatedAt')::TIMESTAMPTZ DESC, filename DESC) = 1;
CREATE TABLE product_tag AS SELECT DISTINCT id, lower(trim(unnest(json->>'$.tags[*]'))) AS tag FROM product_now;
CREATE TABLE gone (id BIGINT);
CREATE TABLE back (line BIGINT, subtotal BIGINT, tax BIGINT);`

// number is the last part of a gid, and amounts sums those at a path, in
// ten-thousandths.
const rawMacros = `
CREATE MACRO number(gid) AS split_part(gid, '/', -1)::BIGINT;
CREATE MACRO amounts(list) AS coalesce(list_sum([(x::DECIMAL(18, 4) * 10000)::BIGINT FOR x IN list]), 0)::BIGINT;`

// rawSales are the lines that count, with what remains of them. Exports don't
// have the lines of refunds, so these are the shop's own.
const rawSales = `
CREATE TABLE sale AS
SELECT number(l.json->>'$.product.id') AS product, l.json->>'$.product.id' AS product_gid, l.parent, (l.json->>'$.quantity')::BIGINT AS units,
	((l.json->>'$.originalUnitPriceSet.shopMoney.amount')::DECIMAL(18, 4) * 10000)::BIGINT * (l.json->>'$.quantity')::BIGINT
	- amounts(l.json->>'$.discountAllocations[*].allocatedAmountSet.shopMoney.amount')
	- coalesce(b.subtotal, 0)
	- CASE WHEN (o.json->>'$.taxesIncluded')::BOOLEAN
		THEN amounts(l.json->>'$.taxLines[*].priceSet.shopMoney.amount') - coalesce(b.tax, 0) ELSE 0 END AS net
FROM order_now o
JOIN raw l ON l.parent = o.id AND l.file = o.file
LEFT JOIN (SELECT line, sum(subtotal)::BIGINT AS subtotal, sum(tax)::BIGINT AS tax FROM back GROUP BY line) b ON b.line = number(l.id)
WHERE o.json->>'$.cancelledAt' IS NULL AND NOT (o.json->>'$.test')::BOOLEAN AND NOT (l.json->>'$.isGiftCard')::BOOLEAN
	AND number(o.id) NOT IN (FROM gone);`

// files asks the archive.
func (l *lab) files() answer {
	l.Helper()
	db, err := sql.Open("duckdb", "")
	must(l, err)
	defer db.Close()
	db.SetMaxOpenConns(1) // a database in memory is its connection's
	run := func(text string, args ...any) {
		l.Helper()
		_, err := db.ExecContext(l.Context(), text, args...)
		must(l, err)
	}
	folder := filepath.Join(l.archive, "archives", "ingest", "*")
	run(bind(rawFiles, filepath.Join(folder, "orders-*.jsonl"), filepath.Join(folder, "products-*.jsonl")))
	for _, id := range l.gone {
		run("INSERT INTO gone VALUES (?)", id)
	}
	for o := range l.shop.Orders(l.now) {
		for _, refund := range o.Refunds {
			for _, b := range refund.Lines {
				run("INSERT INTO back VALUES (?, ?, ?)", int64(b.LineID), int64(b.Subtotal), int64(b.Tax))
			}
		}
	}
	run(rawMacros)
	run(rawSales)
	return answer{
		Products: totals[int64](l, db, `SELECT product, count(DISTINCT parent), sum(units)::BIGINT, sum(net)::BIGINT FROM sale WHERE product IS NOT NULL GROUP BY 1`),
		Tags: totals[string](l, db, `SELECT tag, count(DISTINCT parent), sum(units)::BIGINT, sum(net)::BIGINT
			FROM sale JOIN product_tag ON id = product_gid GROUP BY 1`),
	}
}

// stored asks PostgreSQL.
func (l *lab) stored() answer {
	l.Helper()
	const sales = `SELECT product_id, order_id, quantity, net_sales FROM order_line_item JOIN order_header h USING (order_id)
		WHERE h.deleted_at IS NULL AND h.cancelled_at IS NULL AND NOT h.is_test AND NOT is_gift_card AND product_id IS NOT NULL`
	return answer{
		Products: totalsOf[int64](l, `SELECT product_id, count(DISTINCT order_id), sum(quantity)::bigint, (sum(net_sales) * 10000)::bigint
			FROM (`+sales+`) s GROUP BY 1`),
		Tags: totalsOf[string](l, `SELECT lower(t.name), count(DISTINCT order_id), sum(quantity)::bigint, (sum(net_sales) * 10000)::bigint
			FROM (`+sales+`) s JOIN link_product_product_tag USING (product_id) JOIN product_tag t USING (tag_id) GROUP BY 1`),
	}
}

// told asks the lakehouse, as the program's own readers do. Tags are PostgreSQL's
// alone.
func (l *lab) told() answer {
	l.Helper()
	config := l.app.Config
	d, err := duck.Open(l.Context(), duck.Config{
		Lake: l.app.Lake, Warehouse: "file://" + filepath.Join(config.DataDir, "warehouse"), Dir: l.TempDir(),
		Queries: ownQueries(),
	})
	must(l, err)
	defer func() { must(l, d.Close()) }()
	tags := l.tags()
	a := answer{map[int64]total{}, map[string]total{}}
	type pair struct {
		tag   string
		order int64
	}
	seen := map[pair]bool{}
	since, until := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), l.now.AddDate(1, 0, 0)
	err = d.Query(l.Context(), "sold", "", map[string]any{"since": since, "until": until}, func(scan func(...any) error) error {
		var product, order int64
		var s total
		if err := scan(&product, &order, &s.Units, &s.Net); err != nil {
			return err
		}
		s.Orders = 1
		a.Products[product] = a.Products[product].plus(s)
		for _, tag := range tags[product] {
			s.Orders = 0
			if !seen[pair{tag, order}] {
				seen[pair{tag, order}], s.Orders = true, 1
			}
			a.Tags[tag] = a.Tags[tag].plus(s)
		}
		return nil
	})
	must(l, err)
	return a
}

func ownQueries() []fs.FS {
	return []fs.FS{fstest.MapFS{"sold.sql": {Data: []byte(`-- reads: measurement.sales between since and until
SELECT product_id, order_id, sum(quantity)::BIGINT, (sum(net_sales) * 10000)::BIGINT
FROM counted_sales($since::TIMESTAMPTZ, $until::TIMESTAMPTZ) WHERE product_id IS NOT NULL GROUP BY ALL`)}}}
}

// tags returns the tags of each product, in lower case.
func (l *lab) tags() map[int64][]string {
	l.Helper()
	rows, err := l.app.DB.Query(l.Context(), "SELECT product_id, lower(name) FROM link_product_product_tag JOIN product_tag USING (tag_id)")
	must(l, err)
	defer rows.Close()
	tags := map[int64][]string{}
	for rows.Next() {
		var product int64
		var tag string
		must(l, rows.Scan(&product, &tag))
		tags[product] = append(tags[product], tag)
	}
	must(l, rows.Err())
	return tags
}

func (t total) plus(o total) total {
	return total{t.Orders + o.Orders, t.Units + o.Units, t.Net + o.Net}
}
