package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// openEngine starts a DuckDB without a database file, which may read the given
// folders alone, and locks its settings.
func openEngine(ctx context.Context, c Config, readable []string) (*sql.DB, error) {
	spill := filepath.Join(c.Dir, "spill")
	if err := os.RemoveAll(spill); err != nil { // of a process that was killed
		return nil, err
	}
	if err := makeDir(spill); err != nil {
		return nil, err
	}
	settings := url.Values{
		"threads":                      {strconv.Itoa(c.Threads)},
		"memory_limit":                 {bytesOf(c.MemoryLimit)},
		"temp_directory":               {spill},
		"preserve_insertion_order":     {"false"}, // queries say their order; keeping another costs memory
		"autoload_known_extensions":    {"false"},
		"autoinstall_known_extensions": {"false"},
	}
	connector, err := duckdb.NewConnector("?"+settings.Encode(), nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(c.Running)
	db.SetMaxIdleConns(0) // a query finds no views that another left on its connection
	for _, statement := range []string{
		"SET GLOBAL TimeZone = 'UTC'",
		// As a setting of the start it would be shown and not be kept to.
		"SET GLOBAL max_temp_directory_size = " + literal(bytesOf(c.SpillLimit)),
		"SET GLOBAL parquet_metadata_cache = true", // files never change
		"SET GLOBAL allowed_directories = " + list(readable),
		"SET GLOBAL enable_external_access = false",
		"SET GLOBAL lock_configuration = true", // last: nothing can be set from here on
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

func bytesOf(n int64) string { return strconv.FormatInt(n/1024, 10) + "KiB" }

// literal writes a string for SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = literal(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// onlySelect refuses every statement but a single SELECT. The settings confine
// what DuckDB reads, but where it may read it may also write: COPY and ATTACH
// would leave files in the warehouse.
func onlySelect(conn *sql.Conn, text string) error {
	return conn.Raw(func(driverConn any) error {
		prepared, err := driverConn.(*duckdb.Conn).Prepare(text) // fails where there are several
		if err != nil {
			return err
		}
		defer prepared.Close() //nolint:errcheck // it holds nothing
		kind, err := prepared.(*duckdb.Stmt).StatementType()
		if err != nil {
			return err
		}
		if kind != duckdb.STATEMENT_TYPE_SELECT {
			return fmt.Errorf("statement is no SELECT but of type %d", kind)
		}
		return nil
	})
}
