package orders_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	kathmandu = time.FixedZone("Asia/Kathmandu", 5*3600+45*60)
	monday    = time.Date(2026, 11, 16, 20, 0, 0, 0, time.UTC) // Tuesday, there
)

// store is a database with the writer of a run.
type store struct {
	*testing.T
	db *pg.DB
	*orders.Writer
	told int64 // batches seen so far
}

func newStore(t *testing.T) *store {
	return &store{T: t, db: pgtest.DB(t), Writer: orders.NewWriter(uuid.New(), kathmandu)}
}

// order is one of two lines, as Shopify told it some hours after Monday. The
// second line is of another quantity in each version.
func order(id shop.ID, hours int) shop.Order {
	at := monday.Add(time.Duration(hours) * time.Hour)
	return shop.Order{
		ID: id, ProcessedAt: monday, CreatedAt: monday, UpdatedAt: at, Currency: "EUR", PresentmentCurrency: "EUR",
		LineQuantity: 3 + hours, Hash: uint64(hours),
		Lines: []shop.Line{
			{ID: id*10 + 1, OrderID: id, Quantity: 1, UnitPrice: 100_000, Hash: 1},
			{ID: id*10 + 2, OrderID: id, Quantity: 2 + hours, UnitPrice: 50_000, Hash: uint64(hours)},
		},
	}
}

// file applies orders as a file has them, first all orders and then all lines,
// and returns what that wrote.
func (s *store) file(list ...shop.Order) (written int64, orphans []orders.Orphan) {
	s.Helper()
	batch, lines := orders.NewBatch(kathmandu), orders.NewLines()
	for i := range list {
		batch.Add(&list[i], int64(i+1))
		for n := range list[i].Lines {
			lines.Add(&list[i].Lines[n], int64(10*i+n))
		}
	}
	s.inTx(func(ctx context.Context, tx pg.Tx) (err error) {
		written, err = s.Apply(ctx, tx, batch)
		return err
	})
	must(s, s.Draft(s.Context(), s.db, lines))
	s.inTx(func(ctx context.Context, tx pg.Tx) error {
		n, left, err := s.ApplyLines(ctx, tx, lines)
		written, orphans = written+n, left
		return err
	})
	return written, orphans
}

func (s *store) inTx(fn func(context.Context, pg.Tx) error) {
	s.Helper()
	must(s, s.db.InTx(s.Context(), fn))
}

// heard returns how many sales the lakehouse was told since the last time.
func (s *store) heard() (n int) {
	s.Helper()
	list, err := outbox.Read(s.Context(), s.db, rows.TableSales, s.told, 1<<20, 1<<20)
	must(s, err)
	for _, b := range list {
		n += b.Rows
		s.told = b.Seq
	}
	return n
}

func (s *store) number(sql string) (n int) {
	s.Helper()
	must(s, s.db.QueryRow(s.Context(), sql).Scan(&n))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(*store)
		want int // versions of lines
	}{
		{"two new orders", func(s *store) { s.file(order(8, 0), order(9, 0)) }, 4},
		{"a new order beside one that is stored", func(s *store) { s.file(order(1, 0), order(9, 0)) }, 2},
		{"the same again", func(s *store) { s.file(order(1, 0)) }, 0},
		{"a newer version: all lines with their order, and the one that changed", func(s *store) { s.file(order(1, 5)) }, 2 + 1},
		{"an older version", func(s *store) { s.file(order(1, -1)) }, 0},
		{"an order read whole that lacks a line: what is left, and that it is gone", func(s *store) {
			o := order(1, 5)
			o.Lines = o.Lines[:1]
			s.whole(o)
		}, 2},
		{"an order that moves to another time: its lines there, and that they are gone here", func(s *store) {
			o := order(1, 5)
			o.ProcessedAt = monday.AddDate(0, -2, 0)
			o.Lines = nil
			s.file(o)
		}, 4},
		{"a refund of one line", func(s *store) { s.refund(1, monday) }, 1},
		{"a deleted order", func(s *store) { s.delete(nil, 1, 7) }, 2},
		{"an order that was made before the horizon isn't deleted", func(s *store) {
			horizon := monday.Add(time.Second)
			s.delete(&horizon, 1)
		}, 0},
		{"a gift card is no sale", func(s *store) {
			o := order(9, 0)
			o.Lines[0].IsGiftCard = true
			s.file(o)
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.file(order(1, 0))
			s.heard()
			s.inTx(orders.Forget)
			c.do(s)
			if got := s.heard(); got != c.want {
				t.Errorf("%d versions of lines were told, want %d", got, c.want)
			}
			if days := s.number("SELECT count(*) FROM ingest_told"); (days > 0) != (c.want > 0) {
				t.Errorf("%d days were noted", days)
			}
		})
	}
}

func (s *store) whole(list ...shop.Order) (written int64) {
	s.Helper()
	s.inTx(func(ctx context.Context, tx pg.Tx) (err error) {
		written, err = s.ApplyWhole(ctx, tx, list)
		return err
	})
	return written
}

// refund gives back one piece of an order's first line.
func (s *store) refund(id shop.ID, updatedAt time.Time) {
	s.Helper()
	r := orders.NewRefunds()
	r.Add(id, updatedAt, []shop.Refund{{ID: id * 100, CreatedAt: monday, Lines: []shop.RefundLine{
		{LineID: id*10 + 1, Quantity: 1, Subtotal: 100_000},
	}}})
	s.inTx(func(ctx context.Context, tx pg.Tx) error { return s.ApplyRefunds(ctx, tx, r) })
}

func (s *store) delete(horizon *time.Time, ids ...int64) {
	s.Helper()
	s.inTx(func(ctx context.Context, tx pg.Tx) error {
		_, err := s.Delete(ctx, tx, ids, horizon)
		return err
	})
}

func TestTheNewestVersionIsStored(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, c := range []struct {
		name    string
		version int
		written int64 // rows
		units   int
	}{
		{"a new order", 0, 3, 3},
		{"the same again", 0, 0, 3},
		{"a newer one, of which a line changed", 5, 2, 8},
		{"one that is older than that", 3, 0, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.inTx(orders.Forget) // another run
			written, _ := s.file(order(1, c.version))
			if written != c.written {
				t.Errorf("%d rows were written, want %d", written, c.written)
			}
			if units := s.number("SELECT sum(quantity)::int FROM order_line_item"); units != c.units {
				t.Errorf("%d units are stored, want %d", units, c.units)
			}
		})
	}
}

func TestLinesWithoutTheirOrderAreOrphans(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	o := order(1, 0)
	o.Lines = append(o.Lines, shop.Line{ID: 77, OrderID: 7, Quantity: 1})
	written, orphans := s.file(o)
	want := []orders.Orphan{{Line: 2, ID: 77, Order: 7}}
	if d := cmp.Diff(want, orphans); d != "" || written != 3 {
		t.Errorf("%d rows were written; %s", written, d)
	}
	if n := s.heard(); n != 2 {
		t.Errorf("%d lines were told", n)
	}
}

func TestALineWhoseMoneyCannotBeCountedIsRefused(t *testing.T) {
	t.Parallel()
	if orders.NewLines().Add(&shop.Line{Quantity: 1 << 30, UnitPrice: 1 << 40}, 1) {
		t.Error("it was taken")
	}
}

func TestWhatAFileHeldIsNotedByDay(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.file(order(1, 0), order(2, 0))
	if n := s.number("SELECT count(*) FROM ingest_root WHERE stream = 'orders' AND outcome = 'applied' AND day = '2026-11-17'"); n != 2 {
		t.Errorf("%d orders are noted", n)
	}
	if n := s.number("SELECT units FROM ingest_day WHERE day = '2026-11-17' AND currency = 'EUR' AND lines = 4 AND gross = 40"); n != 6 {
		t.Errorf("%d units are noted", n)
	}
	s.inTx(orders.Forget)
	if n := s.number("SELECT (SELECT count(*) FROM ingest_root) + (SELECT count(*) FROM ingest_day) + (SELECT count(*) FROM ingest_told)"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestTouchedDaysAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.file(order(1, 0), order(2, 0))
	days, err := orders.TouchedDays(t.Context(), s.db, kathmandu)
	must(t, err)
	if !days.Last() || days.Len() != 1 {
		t.Errorf("%d days, the last ones: %v", days.Len(), days.Last())
	}
	s.inTx(func(ctx context.Context, tx pg.Tx) error {
		n, err := days.Count(ctx, tx, uuid.New())
		if n != 1 {
			t.Errorf("%d days came to something else", n)
		}
		return err
	})
	if n := s.number("SELECT orders FROM fulfillment_daily_summary WHERE day = '2026-11-17'"); n != 2 {
		t.Errorf("%d orders were counted", n)
	}
	if days, err = orders.TouchedDays(t.Context(), s.db, kathmandu); err != nil || days.Len() != 0 || !days.Last() {
		t.Errorf("left: %d days, %v", days.Len(), err)
	}
}
