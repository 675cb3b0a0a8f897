package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// openDuckDB opens DuckDB as it comes, on a file or, for "", in memory. It only
// is kept from asking the network for extensions.
func openDuckDB(path string) (*sql.DB, error) {
	return sql.Open("duckdb", path+"?autoinstall_known_extensions=false&autoload_known_extensions=false")
}

// makeTable reads Parquet files into a table of DuckDB's own, in a file of a
// folder, in the order in which the rows were delivered.
func makeTable(ctx context.Context, folder string, files []string) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	db, err := openDuckDB(filepath.Join(folder, "rows.duckdb"))
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE sales AS SELECT * FROM read_parquet(" + quoted(files) + ") ORDER BY sequence",
		"CHECKPOINT",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// copyOut writes the table as the lakehouse does: a folder a month, in row groups
// of the same size and with the same codec, and on the disk when it returns.
func copyOut(ctx context.Context, db *sql.DB, folder string) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`
		COPY (SELECT *, datetrunc('month', occurred_at AT TIME ZONE 'UTC')::DATE AS month FROM sales) TO '%s'
		(FORMAT parquet, PARTITION_BY (month), COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 131072)`, folder))
	if err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// sumOf adds up Parquet files of sales.
func sumOf(ctx context.Context, files []string) (s sum, err error) {
	db, err := openDuckDB("")
	if err != nil {
		return s, err
	}
	defer db.Close() //nolint:errcheck // it only reads
	err = db.QueryRowContext(ctx, "SELECT count(*), (sum(net_sales) * 10000)::BIGINT FROM read_parquet("+quoted(files)+")").Scan(&s.rows, (*int64)(&s.net))
	return s, err
}

// quoted writes paths as a list of SQL. They are of temporary folders.
func quoted(paths []string) string { return "['" + strings.Join(paths, "', '") + "']" }
