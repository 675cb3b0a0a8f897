package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func add(t testing.TB, db *pg.DB, stream string, rows int, body string) (seq int64) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, stream, rows, []byte(body))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

var errChangedMind = errors.New("changed my mind")

// TestNumbersHaveNoGaps has eight writers, of whose transactions a third is
// rolled back, and a reader that must never see a number before those below it.
func TestNumbersHaveNoGaps(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t, pg.Config{URL: pgtest.URL(t), MaxConns: 10})
	const writers, each = 8, 40
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
					_, err := outbox.Append(ctx, tx, "s", 1, fmt.Appendf(nil, "%d/%d", w, i))
					if err == nil && i%3 == w%3 {
						return errChangedMind
					}
					return err
				})
				if err != nil && !errors.Is(err, errChangedMind) {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()

	var at int64
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true // and read once more
		default:
		}
		batches, err := outbox.Read(t.Context(), db, "s", at, 1<<20, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches {
			if b.Seq != at+1 {
				t.Fatalf("batch %d comes after %d", b.Seq, at)
			}
			at = b.Seq
		}
		finished = finished && len(batches) == 0
	}
	last, err := outbox.Last(t.Context(), db, "s")
	if err != nil || last != at || last == 0 || last == writers*each {
		t.Errorf("read up to %d, the last is %d, %v", at, last, err)
	}
}

func TestReadKeepsItsBounds(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	for range 4 {
		add(t, db, "s", 10, "12345678")
	}
	add(t, db, "other", 1, "x")
	for _, tt := range []struct {
		name     string
		after    int64
		bytes    int64
		rows     int
		from, to int64 // 0 for nothing
	}{
		{"everything fits", 0, 1000, 1000, 1, 4},
		{"the bytes of two fit", 0, 16, 1000, 1, 2},
		{"the rows of three fit", 0, 1000, 39, 1, 3},
		{"the first comes though it is too large", 0, 1, 1, 1, 1},
		{"after some", 2, 1000, 1000, 3, 4},
		{"after all", 4, 1000, 1000, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := outbox.Read(t.Context(), db, "s", tt.after, tt.bytes, tt.rows)
			if err != nil || len(got) != int(tt.to-tt.from+1) && tt.to > 0 || tt.to == 0 && len(got) > 0 {
				t.Fatalf("%d batches, %v: want %d to %d", len(got), err, tt.from, tt.to)
			}
			for i, b := range got {
				if b.Seq != tt.from+int64(i) || b.Rows != 10 || string(b.Body) != "12345678" || b.CreatedAt.IsZero() {
					t.Errorf("batch %+v", b)
				}
			}
		})
	}
}

func TestWhatCannotBeABatch(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	for name, tt := range map[string]struct {
		rows int
		body []byte
		kind error
	}{
		"no rows":        {0, []byte("x"), errs.Invalid},
		"too many rows":  {outbox.MaxRows + 1, []byte("x"), errs.TooLarge},
		"too many bytes": {1, make([]byte, outbox.MaxBytes+1), errs.TooLarge},
	} {
		err := db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := outbox.Append(ctx, tx, "s", tt.rows, tt.body)
			return err
		})
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if last, err := outbox.Last(t.Context(), db, "s"); err != nil || last != 0 {
		t.Errorf("the stream ends with %d, %v: want 0", last, err)
	}
}

func TestDropFreesWhatWasRead(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	if _, err := db.Exec(t.Context(), `INSERT INTO outbox_stream VALUES ('s', 2500)`); err != nil {
		t.Fatal(err)
	}
	_, err := db.Exec(t.Context(), `INSERT INTO outbox (stream, seq, rows, bytes, body)
		SELECT 's', n, 2, 3, 'abc' FROM generate_series(1, 2500) n`)
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Drop(t.Context(), db, "s", 2400); err != nil {
		t.Fatal(err)
	}
	w, err := outbox.WaitingAfter(t.Context(), db, "s", 2450)
	if err != nil || w.Last != 2500 || w.Rows != 100 || w.Age <= 0 {
		t.Errorf("after 2450 there wait %+v, %v", w, err)
	}
	s, err := outbox.Status(t.Context(), db)
	if err != nil || len(s) != 1 || s[0].Last != 2500 || s[0].Oldest != 2401 || s[0].Batches != 100 || s[0].Rows != 200 || s[0].Bytes != 300 || s[0].Age <= 0 {
		t.Errorf("status %+v, %v", s, err)
	}
	if seq := add(t, db, "s", 1, "x"); seq != 2501 {
		t.Errorf("the next batch is %d", seq)
	}
}

func TestOneHoldsALease(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	ran := false
	held, err := outbox.WithLease(t.Context(), db, "work", time.Minute, func(ctx context.Context) error {
		held, err := outbox.WithLease(ctx, db, "work", time.Minute, func(context.Context) error {
			t.Error("two hold the lease")
			return nil
		})
		if held || err != nil {
			t.Errorf("the second got %t, %v", held, err)
		}
		other, err := outbox.WithLease(ctx, db, "other work", time.Minute, func(context.Context) error { return nil })
		if !other || err != nil {
			t.Errorf("the lease for other work: %t, %v", other, err)
		}
		ran = true
		return errChangedMind
	})
	if !held || !ran || !errors.Is(err, errChangedMind) {
		t.Errorf("the first got %t, %v", held, err)
	}
	if held, err := outbox.WithLease(t.Context(), db, "work", time.Minute, func(context.Context) error { return nil }); !held || err != nil {
		t.Errorf("after it was given back: %t, %v", held, err)
	}
}

func TestLeaseOfTheDeadRunsOut(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	_, err := db.Exec(t.Context(), `INSERT INTO lease VALUES ('work', gen_random_uuid(), clock_timestamp() + interval '50 ms')`)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		held, err := outbox.WithLease(t.Context(), db, "work", time.Minute, func(context.Context) error { return nil })
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the lease never ran out (%v)", err)
		}
		if held {
			return
		}
	}
}

func TestLostLeaseStopsTheWork(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	held, err := outbox.WithLease(t.Context(), db, "work", 200*time.Millisecond, func(ctx context.Context) error {
		if _, err := db.Exec(ctx, `UPDATE lease SET owner = gen_random_uuid()`); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Second):
			return nil
		}
	})
	if !held || !errors.Is(err, errs.Unavailable) {
		t.Errorf("the work ended with %t, %v", held, err)
	}
}

func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	_, err := outbox.WithLease(t.Context(), db, "work", 2*time.Second, func(ctx context.Context) error {
		var first, now time.Time
		query := `SELECT expires_at FROM lease`
		if err := db.QueryRow(ctx, query).Scan(&first); err != nil {
			return err
		}
		for now = first; now.Sub(first) < 300*time.Millisecond; {
			if err := db.QueryRow(ctx, query).Scan(&now); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}
