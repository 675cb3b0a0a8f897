package bench

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var (
	//go:embed sql/tags_duckdb.sql
	tagsDuckDB string
	//go:embed sql/tags_postgres.sql
	tagsPostgres string
	//go:embed sql/tags_load.sql
	tagsLoad string
)

// openTags opens DuckDB on the files, with the tags of products in a table of its
// own.
func (s *server) openTags(ctx context.Context, files []string) (*sql.DB, error) {
	links := filepath.Join(s.dir, "links.csv")
	_, err := s.psql(ctx, `\copy (SELECT t.name, l.product_id FROM product_tag t JOIN link_product_product_tag l USING (tag_id)) TO '`+links+`' (FORMAT csv)`)
	if err != nil {
		return nil, err
	}
	db, err := openDuckDB("")
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"CREATE TABLE link (tag VARCHAR, product_id BIGINT)",
		"COPY link FROM '" + links + "' (FORMAT csv)",
		"CREATE VIEW sale AS SELECT * FROM read_parquet(" + quoted(files) + ")",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// tagsOfPostgres asks the same rows in a table of PostgreSQL.
func (b *bench) tagsOfPostgres(ctx context.Context, s *server, files []string) (t times, answer map[string]tagSales, err error) {
	csv := filepath.Join(b.dir, "sales.csv")
	duck, err := openDuckDB("")
	if err != nil {
		return nil, nil, err
	}
	_, err = duck.ExecContext(ctx, "COPY (SELECT line_item_id, order_id, product_id, quantity, net_sales, currency, occurred_at, order_updated_at, "+
		"sequence, is_cancelled, is_test, deleted FROM read_parquet("+quoted(files)+")) TO '"+csv+"' (FORMAT csv, HEADER false)")
	if err = errors.Join(err, duck.Close()); err != nil {
		return nil, nil, err
	}
	b.Say("Loading the same rows into PostgreSQL")
	if _, err := s.psql(ctx, fmt.Sprintf(tagsLoad, csv)); err != nil {
		return nil, nil, err
	}
	for range map[Size]int{tiny: 1, Small: 5, Medium: 3, Full: 1}[b.Size] {
		began := time.Now()
		if answer, err = s.tags(ctx); err != nil {
			return nil, nil, err
		}
		t = append(t, time.Since(began))
	}
	return t, answer, nil
}

// tags asks in a session of psql, for the product's pool ends what takes long.
func (s *server) tags(ctx context.Context) (map[string]tagSales, error) {
	ends, err := instants()
	if err != nil {
		return nil, err
	}
	query := tagsPostgres
	for i, at := range ends {
		query = strings.ReplaceAll(query, fmt.Sprintf("$%d", i+1), "timestamptz '"+at.Format(time.RFC3339)+"'")
	}
	printed, _, err := s.psqlRows(ctx, "SET work_mem = '256MB';\n"+query+";\n")
	if err != nil {
		return nil, err
	}
	all := map[string]tagSales{}
	for line := range strings.Lines(printed) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		var n [8]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(f[i+1], 10, 64); err != nil {
				return nil, err
			}
		}
		all[f[0]] = tagSales{n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]}
	}
	return all, nil
}

// readTags asks DuckDB.
func readTags(ctx context.Context, db *sql.DB) (map[string]tagSales, error) {
	ends, err := instants()
	if err != nil {
		return nil, err
	}
	found, err := db.QueryContext(ctx, tagsDuckDB, ends[0], ends[1], ends[2])
	if err != nil {
		return nil, err
	}
	defer found.Close() //nolint:errcheck // Err tells
	all := map[string]tagSales{}
	for found.Next() {
		var tag string
		var t tagSales
		if err := found.Scan(&tag, &t.units, &t.orders, &t.lines, &t.products, &t.net, &t.unitsBefore, &t.ordersBefore, &t.netBefore); err != nil {
			return nil, err
		}
		all[tag] = t
	}
	return all, found.Err()
}
