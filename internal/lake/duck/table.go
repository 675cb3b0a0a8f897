package duck

import (
	"context"
	"database/sql"
	"math/big"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// Table is the result of a query for people and for JSON.
type Table struct {
	Query     string           `json:"query"`
	Snapshots map[string]int64 `json:"snapshots"` // that were read, by table; 0 is an empty table
	Columns   []string         `json:"columns"`
	Rows      [][]any          `json:"rows"` // strings, numbers, booleans and null; decimals and instants are strings
}

// Table runs a query, with the limits of [DB.Query], and returns its whole
// result.
func (d *DB) Table(ctx context.Context, r Request) (t Table, err error) {
	err = d.run(ctx, r, func(rows *sql.Rows, snapshots map[string]int64) error {
		t = Table{Query: r.Name, Snapshots: snapshots, Rows: [][]any{}}
		if t.Columns, err = rows.Columns(); err != nil {
			return err
		}
		for rows.Next() {
			if len(t.Rows) == d.cfg.MaxRows {
				return tooManyRows(len(t.Rows))
			}
			values := make([]any, len(t.Columns))
			dest := make([]any, len(values))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			for i, v := range values {
				values[i] = plain(v)
			}
			t.Rows = append(t.Rows, values)
		}
		return rows.Err()
	})
	return t, err
}

// plain makes a value of the engine one that JSON writes exactly.
func plain(v any) any {
	switch v := v.(type) {
	case duckdb.Decimal:
		return v.String()
	case *big.Int:
		return v.String()
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return v
}
