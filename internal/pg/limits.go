package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// The limits that PlanetScale documents and the seed demands.
const (
	MaxRows        = 100_000          // rows a statement may write or return
	MaxResultBytes = 64 << 20         // bytes a result may have
	MaxTx          = 20 * time.Second // from BEGIN to COMMIT
)

// Tx is a transaction whose statements are limited. It is what sqlc's queries
// take.
type Tx struct{ tx pgx.Tx }

// WrapTx limits a transaction that somebody else began and will end, such as a
// test that rolls back.
func WrapTx(tx pgx.Tx) Tx { return Tx{tx} }

// Exec runs a statement. One that wrote more than MaxRows rows is an error, so
// the transaction is rolled back.
func (t Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := t.tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() > MaxRows {
		err = tooManyRows(tag.RowsAffected())
	}
	return tag, classify(err)
}

// Query reads rows; reading past a limit ends them with an error.
func (t Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.tx.Query(ctx, sql, args...)
	return limitRows(rows), classify(err)
}

// QueryRow reads at most one row.
func (t Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return classifiedRow{t.tx.QueryRow(ctx, sql, args...)}
}

func tooManyRows(n int64) error {
	return errs.WithRemedy(
		fmt.Errorf("statement touched %d rows, more than %d: %w", n, MaxRows, errs.TooLarge),
		"split the work into smaller chunks")
}

// limitedRows counts what is read from a result.
type limitedRows struct {
	pgx.Rows
	rows, bytes int64
	err         error
}

func limitRows(rows pgx.Rows) pgx.Rows {
	if rows == nil {
		return nil
	}
	return &limitedRows{Rows: rows}
}

// Next stops, closing the result, as soon as it has grown past a limit.
func (r *limitedRows) Next() bool {
	if r.err != nil || !r.Rows.Next() {
		return false
	}
	r.rows++
	for _, v := range r.Rows.RawValues() {
		r.bytes += int64(len(v))
	}
	switch {
	case r.rows > MaxRows:
		r.err = tooManyRows(r.rows)
	case r.bytes > MaxResultBytes:
		r.err = errs.WithRemedy(fmt.Errorf("result is larger than %d MiB: %w", MaxResultBytes>>20, errs.TooLarge),
			"read it in pages")
	default:
		return true
	}
	r.Rows.Close()
	return false
}

// Close ends the result; a statement with RETURNING may also have written too
// much without anyone reading it.
func (r *limitedRows) Close() {
	r.Rows.Close()
	if n := r.Rows.CommandTag().RowsAffected(); r.err == nil && n > MaxRows {
		r.err = tooManyRows(n)
	}
}

func (r *limitedRows) Err() error {
	if r.err != nil {
		return r.err
	}
	return classify(r.Rows.Err())
}

// classifiedRow gives errors of a single row their kind. pgx.ErrNoRows stays
// itself, for the caller knows what was not found.
type classifiedRow struct{ pgx.Row }

func (r classifiedRow) Scan(dest ...any) error { return classify(r.Row.Scan(dest...)) }

// NoRows reports whether a query for one row found none.
func NoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
