// Package pg is the program's way to PostgreSQL: pools, transactions, bulk
// loading, migrations. It is the only importer of pgx beside sqlc's output and
// the workflow engine.
//
// Everything that goes through it keeps PlanetScale's limits, whatever server
// is behind it: at most [MaxRows] rows a statement, [MaxResultBytes] a result
// and [MaxTx] a transaction. What would exceed one is refused with
// [errs.TooLarge] and rolled back.
package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Config says how to reach the database.
type Config struct {
	URL      string // a direct connection; a pooler in between is refused
	MaxConns int    // 8 where 0, which with the workflow engine's 4 makes 12 a process
	AppName  string // shown in pg_stat_activity; "macrodata" where empty

	// Tracer sees every statement; nil for none. It is how tests prove the
	// limits and how traces are taken.
	Tracer pgx.QueryTracer
}

// DB is a pool of direct connections whose use is limited.
type DB struct {
	pool  *pgxpool.Pool
	maxTx time.Duration
}

// Open connects and checks that the server is PostgreSQL 15 or newer and
// directly reached.
func Open(ctx context.Context, c Config) (_ *DB, err error) {
	defer errs.Wrap(&err, "open database")
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// pgx's own message may repeat the password.
		return nil, errs.WithRemedy(fmt.Errorf("the URL can't be parsed: %w", errs.Invalid),
			"set MACRODATA_DATABASE_URL to postgres://user:password@host:5432/database")
	}
	if pc.MaxConns = int32(c.MaxConns); pc.MaxConns == 0 {
		pc.MaxConns = 8
	}
	pc.MaxConnLifetime = 12 * time.Hour // PlanetScale cuts connections after 24
	pc.MaxConnLifetimeJitter = time.Hour
	pc.ConnConfig.Tracer = c.Tracer
	rp := pc.ConnConfig.RuntimeParams
	if rp["application_name"] = c.AppName; c.AppName == "" {
		rp["application_name"] = "macrodata"
	}
	rp["timezone"] = "UTC"
	// The server's own end of the 20 s: it works even where this process hangs.
	rp["idle_in_transaction_session_timeout"] = fmt.Sprint(MaxTx.Milliseconds())

	pc.AfterConnect = readUTC

	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, classify(err)
	}
	db := &DB{pool, MaxTx}
	if err := db.check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// readUTC has instants read in UTC, and not in the zone of the process.
func readUTC(_ context.Context, conn *pgx.Conn) error {
	instant := &pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	}
	conn.TypeMap().RegisterType(instant)
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: instant},
	})
	return nil
}

// check refuses a server that is too old, and a pooler: the engine listens for
// notifications and holds session locks, which transaction pooling breaks.
// A pooler announces a backend id of its own.
func (db *DB) check(ctx context.Context) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return classify(err)
	}
	defer conn.Release()
	var version, backend int
	err = conn.QueryRow(ctx,
		`SELECT current_setting('server_version_num')::int, pg_backend_pid()`).Scan(&version, &backend)
	switch {
	case err != nil:
		return classify(err)
	case version < 15_00_00:
		return errs.WithRemedy(fmt.Errorf("the server is PostgreSQL %d: %w", version/10000, errs.Invalid),
			"use PostgreSQL 15 or newer")
	case uint32(backend) != conn.Conn().PgConn().PID():
		return errs.WithRemedy(fmt.Errorf("a connection pooler answers, not the server: %w", errs.Invalid),
			"use the direct port in MACRODATA_DATABASE_URL (PlanetScale: 5432, not 6432)")
	}
	return nil
}

// Pool returns the pool itself: the workflow engine makes one of its own after
// its configuration. Statements sent past DB are not limited.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Close waits for the connections in use and closes them.
func (db *DB) Close() { db.pool.Close() }

// InTx runs fn in one transaction of at most [MaxTx], and commits where fn
// returns nil. It does not retry: the caller knows whether fn may run twice.
// An error that says that the database is away has the kind errs.Unavailable;
// where the connection was lost in COMMIT the outcome is unknown, and the
// caller has to look.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) (err error) {
	limited, cancel := context.WithTimeoutCause(ctx, db.maxTx, errTxTooLong)
	defer cancel()
	tx, err := db.pool.Begin(limited)
	if err != nil {
		return classify(withCause(limited, err))
	}
	// After a commit this does nothing; after a panic it frees the connection.
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // the first error counts
	if err := fn(limited, Tx{tx}); err != nil {
		return classify(withCause(limited, err))
	}
	if limited.Err() != nil {
		return withCause(limited, limited.Err())
	}
	return classify(withCause(limited, tx.Commit(limited)))
}

var errTxTooLong = fmt.Errorf("transaction ran longer than %s: %w", MaxTx, errs.TooLarge)

// withCause prefers our own reason for an expired context to pgx's words.
func withCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), errTxTooLong) {
		return errTxTooLong
	}
	return err
}

// Exec runs one statement in a transaction of its own.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx Tx) error {
		tag, err = tx.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

// Query reads rows outside a transaction.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := db.pool.Query(ctx, sql, args...)
	return limitRows(rows), classify(err)
}

// QueryRow reads at most one row outside a transaction.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return classifiedRow{db.pool.QueryRow(ctx, sql, args...)}
}
