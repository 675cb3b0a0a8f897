package pg_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestStatementsOverTheRowLimitAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, "CREATE TABLE n (i int)")
	mustExec(t, db, "INSERT INTO n SELECT generate_series(1, 60000)")
	mustExec(t, db, "INSERT INTO n SELECT generate_series(60001, 120000)")

	for name, sql := range map[string]string{
		"an insert":             "INSERT INTO n SELECT generate_series(1, 100001)",
		"an update":             "UPDATE n SET i = i + 1",
		"a delete":              "DELETE FROM n",
		"an insert in a CTE":    "WITH x AS (SELECT generate_series(1, 100001) i) INSERT INTO n SELECT i FROM x",
		"a CREATE TABLE AS one": "CREATE TABLE m AS SELECT * FROM n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.Exec(t.Context(), sql)
			if !errors.Is(err, errs.TooLarge) || errs.Remedy(err) == "" {
				t.Errorf("got %v, want a refusal with a remedy", err)
			}
		})
	}
	if got := count(t, db, "SELECT count(*) FROM n WHERE i <= 120000"); got != 120_000 {
		t.Errorf("%d rows are left, want the 120000 from before", got)
	}
	if got := count(t, db, "SELECT count(*) FROM pg_class WHERE relname = 'm'"); got != 0 {
		t.Error("the refused table exists")
	}
	if _, err := db.Exec(t.Context(), "UPDATE n SET i = i + 1 WHERE i <= 100000"); err != nil {
		t.Errorf("100000 rows exactly: %v", err)
	}
}

func TestResultsOverALimitEndWithAnError(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	for name, test := range map[string]struct {
		sql  string
		rows int
	}{
		"too many rows":                    {"SELECT generate_series(1, 100001)", 100_000},
		"too many bytes in many rows":      {"SELECT repeat('x', 1 << 20) FROM generate_series(1, 70)", 64},
		"too many bytes in one row":        {"SELECT repeat('x', 65 << 20)", 0},
		"rows that nobody reads, returned": {"UPDATE big SET i = 0 RETURNING 1", 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
				if strings.Contains(test.sql, "big") {
					if _, err := tx.Exec(ctx, "CREATE TEMP TABLE big (i int)"); err != nil {
						return err
					}
					for range 2 {
						if _, err := tx.Exec(ctx, "INSERT INTO big SELECT generate_series(1, 60000)"); err != nil {
							return err
						}
					}
				}
				rows, err := tx.Query(ctx, test.sql)
				if err != nil {
					return err
				}
				defer rows.Close()
				read := 0
				for rows.Next() {
					read++
				}
				if read != test.rows {
					t.Errorf("read %d rows before the end, want %d", read, test.rows)
				}
				return rows.Err()
			})
			if !errors.Is(err, errs.TooLarge) {
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
}

func TestClosingAResultUnreadStillCountsWhatItWrote(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TABLE n (i int)"); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "INSERT INTO n SELECT generate_series(1, 100001) RETURNING i")
		if err != nil {
			return err
		}
		rows.Close()
		return rows.Err()
	})
	if !errors.Is(err, errs.TooLarge) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestTooLargeACopyIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, "CREATE TABLE n (i bigint)")
	rows := pg.NewCopy("i")
	for i := range pg.MaxRows + 1 {
		rows.Row()
		rows.Int8(int64(i))
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { return tx.CopyIn(ctx, "n", rows) })
	if !errors.Is(err, errs.TooLarge) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestATransactionEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	pg.SetMaxTx(t, db, 300)
	mustExec(t, db, "CREATE TABLE n (i int)")
	for name, fn := range map[string]func(context.Context, pg.Tx) error{
		"in a statement": func(ctx context.Context, tx pg.Tx) error {
			_, err := tx.Exec(ctx, "SELECT pg_sleep(30)")
			return err
		},
		"between statements": func(ctx context.Context, tx pg.Tx) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"before the commit, unheeded": func(ctx context.Context, tx pg.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO n VALUES (1)"); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := db.InTx(t.Context(), fn)
			if !errors.Is(err, errs.TooLarge) {
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
	if got := count(t, db, "SELECT count(*) FROM n"); got != 0 {
		t.Error("a transaction over its time was committed")
	}
}

func mustExec(t *testing.T, db *pg.DB, sql string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, db *pg.DB, sql string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}
