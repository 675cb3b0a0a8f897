package performance_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario/performance"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// TestWhatIsInMemoryIsWhatIsStored asks one service that has asked before, again
// and again while others write, and one that knows nothing yet.
func TestWhatIsInMemoryIsWhatIsStored(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.fill(300, 2000)
	l.measure("2026-06-28", time.Time{})
	whole := cmpopts.IgnoreUnexported(performance.Entry{})
	sorts := []string{"title", "-unitsTotal", "netSalesLast30Days"}
	compare := func(day shop.Day) {
		t.Helper()
		fresh := performance.New(l.db)
		for _, sort := range sorts {
			known, err := l.service.Find(t.Context(), performance.Filters{AsOf: day}, sort, 1000)
			must(t, err)
			anew, err := fresh.Find(t.Context(), performance.Filters{AsOf: day}, sort, 1000)
			must(t, err)
			if diff := cmp.Diff(anew, known, whole); diff != "" {
				t.Fatalf("by %s as of %q memory differs (- stored, + memory): %.2000s", sort, day, diff)
			}
		}
		known, err := l.service.Summarize(t.Context(), day)
		must(t, err)
		anew, err := fresh.Summarize(t.Context(), day)
		must(t, err)
		if diff := cmp.Diff(anew, known); diff != "" {
			t.Fatalf("the summary in memory differs (- stored, + memory): %s", diff)
		}
	}
	compare("2026-06-28")
	compare("")
	day := 28
	for n, write := range l.writes() {
		write()
		if n%5 == 4 {
			day++
			l.measure(shop.Day(fmt.Sprintf("2026-07-%02d", day-28)), time.Time{})
		}
		compare("")
	}
	compare("2026-06-28")

	// Writers at once, some slow to commit, and a reader who never sees less than
	// what was committed before it asked.
	var writers sync.WaitGroup
	for id := range 4 {
		writers.Go(func() {
			for n := range 10 {
				if err := l.rename(id+1, fmt.Sprintf("Round %d", n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	compare("")
}

// rename has a product renamed in a transaction during which somebody reads, and
// then looks for the new name.
func (l *lab) rename(id int, title string) error {
	find := func(q string) ([]performance.Entry, error) {
		return l.service.Find(l.Context(), performance.Filters{Q: q}, "title", 1000)
	}
	err := l.db.InTx(l.Context(), func(ctx context.Context, tx pg.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE product SET title = $2 WHERE product_id = $1`, id, title)
		if err == nil {
			_, err = find("")
		}
		return err
	})
	if err != nil {
		return err
	}
	list, err := find(fmt.Sprint(id))
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.ProductID == shop.ID(id) && e.Title == title {
			return nil
		}
	}
	return fmt.Errorf("product %d isn't %s", id, title)
}

// writes are what others may do.
func (l *lab) writes() (list []func()) {
	luck := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	some := func() int { return luck.IntN(300) + 1 }
	for n := range 6 {
		list = append(list,
			func() { l.exec(`UPDATE product SET title = 'Other ' || product_id WHERE product_id = $1`, some()) },
			func() { l.product(1000+n, fmt.Sprint("New ", n)) },
			func() { l.exec(`UPDATE product SET archived_at = now() WHERE product_id % 50 = $1`, n) },
			func() {
				l.send(http.MethodPost, path, "", fmt.Sprintf(`{"productId": "%d", "asOf": "2026-06-%02d", "units": {"total": %d}}`, some(), 20+n, n)).into(http.StatusOK, nil)
			},
			func() { l.exec(`UPDATE order_line_item SET quantity = quantity + 1 WHERE product_id = $1`, some()) },
			func() {
				l.undo(l.send(http.MethodPost, path, "", fmt.Sprintf(`{"productId": "%d", "isActive": false}`, 200+n)))
			},
		)
	}
	return list
}

func TestBeforeTheFirstSyncNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.exec(`DELETE FROM shop`)
	for _, at := range []string{"", "/stats/summary"} {
		l.send(http.MethodGet, path+at, "", "").into(http.StatusConflict, nil)
	}
}
