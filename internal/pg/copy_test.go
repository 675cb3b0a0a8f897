package pg_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestCopyWritesWhatPostgreSQLReads(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	amounts := []shop.Amount{0, 1, -1, 9, 10, 100, 10_000, 10_001, 99_990_000, 100_000_000, 100_000_001,
		123_456_789_012, -123_456_789_012, 1_000_000_000_000, math.MaxInt64, math.MinInt64 + 1}
	type row struct {
		Big    int64
		ID     *int64
		Int    int32
		Yes    bool
		Text   string
		Null   *string
		List   []string
		At     time.Time
		Never  *time.Time
		Day    string
		Amount string
	}
	var want, got []row
	c := pg.NewCopy("big", "id", "int", "yes", "text", "null", "list", "at", "never", "day", "amount")
	at := time.Date(2026, 11, 22, 23, 59, 59, 999_999_000, time.UTC)
	for i, a := range amounts {
		list := []string{"a", "", "ü😀"}[:i%4*3/4]
		r := row{Big: math.MinInt64 + int64(i), Int: int32(-i), Yes: i%2 == 0, Text: "naïve\t\\N\n\"", List: list,
			At: at.AddDate(-i*20, 0, 0), Amount: a.String()}
		r.Day = r.At.Format(time.DateOnly)
		c.Row()
		c.Int8(r.Big)
		if i%3 == 0 {
			c.ID(0)
		} else {
			id := int64(i)
			r.ID = &id
			c.ID(shop.ID(i))
		}
		c.Int4(int(r.Int))
		c.Bool(r.Yes)
		c.Text(r.Text)
		c.TextOrNull("")
		c.Texts(list)
		c.Time(r.At)
		c.Time(time.Time{})
		c.Day(r.At)
		c.Amount(a)
		want = append(want, r)
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE r (big bigint, id bigint, int int, yes boolean, text text, "null" text,
			list text[], at timestamptz, never timestamptz, day date, amount numeric(25,4))`)
		if err != nil {
			return err
		}
		if err := tx.CopyIn(ctx, "r", c); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT big, id, int, yes, text, "null", list, at, never, day::text, amount FROM r ORDER BY big`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			var a shop.Amount
			if err := rows.Scan(&r.Big, &r.ID, &r.Int, &r.Yes, &r.Text, &r.Null, &r.List, &r.At, &r.Never, &r.Day, &a); err != nil {
				return err
			}
			r.Amount, r.At = a.String(), r.At.UTC()
			got = append(got, r)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows differ (-want +got):\n%s", d)
	}
}

func TestABufferCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, "CREATE TABLE n (i bigint)")
	c := pg.NewCopy("i")
	for i := range 3 {
		c.Reset()
		c.Row()
		c.Int8(int64(i))
		for range 2 { // a retried step copies the same buffer again
			err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { return tx.CopyIn(ctx, "n", c) })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := count(t, db, "SELECT sum(i) FROM n"); got != 6 {
		t.Errorf("sum is %d, want 6", got)
	}
}
