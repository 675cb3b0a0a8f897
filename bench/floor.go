package bench

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// The floor is what loading costs at least: the rows are ready as CSV, and
// psql copies each chunk into a temporary table and merges it from there, with
// no parsing, proof or durable step beside it.

//go:embed floor/*.sql
var floorSQL embed.FS

// chunkRows is how many rows a transaction of the floor loads, as many as the
// product's default.
const chunkRows = 5000

// chunked are the tables that are loaded, in order, each with the query for
// the keys that end its chunks. A chunk has what belongs to its rows with it:
// an order its fulfillments, a product its tags.
var chunked = []struct{ name, ends string }{
	{"products", chunkEnds("product", "product_id")},
	{"orders", chunkEnds("order_header", "order_id")},
	{"lines", chunkEnds("order_line_item", "line_item_id")},
}

func chunkEnds(table, key string) string {
	return fmt.Sprintf(`
		SELECT max(key) FROM (
			SELECT %[2]s AS key, (row_number() OVER (ORDER BY %[2]s) - 1) / %[3]d AS chunk FROM %[1]s
		) t GROUP BY chunk ORDER BY 1`, table, key, chunkRows)
}

// export writes what a sync loaded as CSV files, a folder a chunk.
func (s *server) export(ctx context.Context, dir string) error {
	sql, err := unpack(filepath.Join(dir, "sql"))
	if err != nil {
		return err
	}
	var script strings.Builder
	for _, t := range chunked {
		ends, err := s.keys(ctx, t.ends)
		if err != nil {
			return err
		}
		after := int64(0)
		for i, upto := range ends {
			chunk := filepath.Join(dir, t.name, fmt.Sprintf("%06d", i))
			if err := os.MkdirAll(chunk, 0o755); err != nil {
				return err
			}
			fmt.Fprintf(&script, "\\set after %d\n\\set upto %d\n\\cd '%s'\n\\i '%s/export_%s.sql'\n", after, upto, chunk, sql, t.name)
			after = upto
		}
	}
	_, err = s.psql(ctx, script.String())
	return err
}

func (s *server) keys(ctx context.Context, query string) (keys []int64, err error) {
	rows, err := s.db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// unpack writes the scripts to where psql can read them.
func unpack(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	files, err := floorSQL.ReadDir("floor")
	if err != nil {
		return "", err
	}
	for _, f := range files {
		text, err := floorSQL.ReadFile("floor/" + f.Name())
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), text, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// floorOnce loads exported rows into a fresh server and measures it.
func (b *bench) floorOnce(ctx context.Context, rows string, want loaded) (u usage, err error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return u, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	sql := filepath.Join(rows, "sql")
	var script strings.Builder
	fmt.Fprintf(&script, "\\i '%s/stage.sql'\n", sql)
	for _, t := range chunked {
		chunks, err := filepath.Glob(filepath.Join(rows, t.name, "*"))
		if err != nil {
			return u, err
		}
		for _, chunk := range chunks {
			fmt.Fprintf(&script, "\\cd '%s'\n\\i '%s/load_%s.sql'\n", chunk, sql, t.name)
		}
	}
	if u, err = s.psql(ctx, script.String()); err != nil {
		return u, err
	}
	got, err := s.loaded(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("psql loaded %v, the sync %v: %w", got, want, errs.Corrupt)
	}
	return u, err
}

// loaded counts the rows that a load made.
type loaded struct{ products, links, orders, fulfillments, lines int64 }

func (s *server) loaded(ctx context.Context) (c loaded, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM product), (SELECT count(*) FROM link_product_product_tag),
			(SELECT count(*) FROM order_header), (SELECT count(*) FROM order_fulfillment),
			(SELECT count(*) FROM order_line_item)`,
	).Scan(&c.products, &c.links, &c.orders, &c.fulfillments, &c.lines)
	return c, err
}
