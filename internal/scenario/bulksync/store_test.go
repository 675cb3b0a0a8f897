package bulksync_test

import (
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// domain are the tables that hold what the shop has.
var domain = []string{
	"shop", "product", "product_tag", "link_product_product_tag",
	"order_header", "order_line_item", "order_refund_line", "order_fulfillment",
}

// prints returns a fingerprint of each table with all its columns.
func (w *world) prints() map[string]string {
	w.Helper()
	all := map[string]string{}
	for _, name := range domain {
		var print string
		must(w, w.look.QueryRow(w.Context(), "SELECT count(*) || ' rows ' || coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM "+name+" t").Scan(&print))
		all[name] = print
	}
	return all
}

// transaction returns the number of a new one.
func (w *world) transaction() int {
	w.Helper()
	return w.count("SELECT pg_current_xact_id()::text::bigint")
}

// written counts the rows that transactions from one on have left.
func (w *world) written(from int) (n int) {
	w.Helper()
	for _, name := range domain {
		n += w.count("SELECT count(*) FROM "+name+" WHERE xmin::text::bigint >= $1", from)
	}
	return n
}

func TestASecondFullSyncWritesNoRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 6, TaxesIncluded: true}})
	w.run(full(), runs.Completed)
	before, began := w.prints(), w.transaction()
	r := w.run(full(), runs.Completed)
	for name, print := range w.prints() {
		if print != before[name] {
			t.Errorf("%s has changed: %s, then %s", name, before[name], print)
		}
	}
	if n := w.written(began); n != 0 || r.Counts.Orders.Written+r.Counts.Products.Written != 0 {
		t.Errorf("%d rows were written, counted were %d and %d", n, r.Counts.Orders.Written, r.Counts.Products.Written)
	}
	if r.Counts.Orders.RefundsRead != 0 || r.Counts.Orders.Roots == 0 {
		t.Errorf("the refunds of %d orders were read again, of %d orders", r.Counts.Orders.RefundsRead, r.Counts.Orders.Roots)
	}
}

func TestOlderDataNeverReplaceNewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	order, product := w.ids(isPlain)[0], w.order(w.ids(isPlain)[0]).Lines[0].ProductID
	// As a later message may have stored them: newer than the file will be.
	w.exec(`UPDATE order_header SET name = '#newer', source_updated_at = source_updated_at + interval '1 minute' WHERE order_id = $1`, order)
	w.exec(`UPDATE order_line_item SET title = 'newer', content_hash = 1 WHERE order_id = $1`, order)
	w.exec(`UPDATE product SET title = 'newer', source_updated_at = source_updated_at + interval '1 minute' WHERE product_id = $1`, product)
	w.exec(`DELETE FROM link_product_product_tag WHERE product_id = $1`, product)
	before, began := w.prints(), w.transaction()
	w.run(full(), runs.Completed)
	for name, print := range w.prints() {
		if print != before[name] {
			t.Errorf("%s has changed", name)
		}
	}
	if n := w.written(began); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestTheSameTimeWithOtherContentIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	id := w.ids(isPlain)[0]
	at := w.order(id).UpdatedAt
	w.shop.Change(id, func(o *simulator.Order) {
		o.Tags, o.Lines[0].Title = []string{"late"}, "Late"
		o.UpdatedAt = at.Add(time.Hour) // Change would take now for no change
	})
	w.shop.Change(id, func(o *simulator.Order) { o.UpdatedAt = at })
	w.run(full(), runs.Completed)
	w.same()
}

// veil hides orders of a shop.
type veil struct {
	simulator.Shop
	mu       sync.Mutex
	gone     map[shop.ID]bool // as if they had never been
	unlisted map[shop.ID]bool // the index lacks them, and they can be read by id
}

func (v *veil) hide(gone, unlisted map[shop.ID]bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone, v.unlisted = gone, unlisted
}

func (v *veil) hidden(id shop.ID) (gone, unlisted bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.gone[id], v.unlisted[id]
}

func (v *veil) Orders(now time.Time) iter.Seq[*simulator.Order] {
	return func(yield func(*simulator.Order) bool) {
		for o := range v.Shop.Orders(now) {
			gone, unlisted := v.hidden(o.ID)
			if !gone && !unlisted && !yield(o) {
				return
			}
		}
	}
}

func (v *veil) Order(id shop.ID, now time.Time) (*simulator.Order, bool) {
	if gone, _ := v.hidden(id); gone {
		return nil, false
	}
	return v.Shop.Order(id, now)
}

func TestWhatTheIndexHasNoLongerIsReadByID(t *testing.T) {
	t.Parallel()
	base, err := shops.Generate(shops.Options{Orders: 300, Products: 60, Anchor: anchor})
	must(t, err)
	v := &veil{Shop: base}
	w := newWorld(t, setup{shop: v})
	w.run(full(), runs.Completed)
	id := w.ids(isPlain)[4]
	deleted := func() bool {
		return w.count("SELECT count(*) FROM order_header WHERE order_id = $1 AND deleted_at IS NOT NULL", id) == 1
	}

	t.Run("an order that is gone without a word is marked as deleted", func(t *testing.T) {
		w := w.in(t)
		v.hide(map[shop.ID]bool{id: true}, nil)
		r := w.run(full(), runs.Completed)
		if !deleted() || r.Counts.Orders.Gone != 1 || r.Counts.Orders.Deleted != 1 {
			t.Errorf("deleted: %v; %d were gone, %d deleted", deleted(), r.Counts.Orders.Gone, r.Counts.Orders.Deleted)
		}
		w.same()
	})
	t.Run("one that is there again is taken back, though nothing of it changed", func(t *testing.T) {
		w := w.in(t)
		v.hide(nil, nil)
		w.run(full(), runs.Completed)
		if deleted() {
			t.Error("it is still marked")
		}
		w.same()
	})
	t.Run("one that the index hides and that has not changed leaves the watermark", func(t *testing.T) {
		w := w.in(t)
		v.hide(nil, map[shop.ID]bool{id: true})
		w.clock.advance(2 * time.Hour)
		_, version := w.mark("orders")
		r := w.run(full(), runs.Incomplete)
		if !r.breaks("orders.ids", "unexplained") {
			t.Errorf("broken are\n%s", r.broken())
		}
		if _, v := w.mark("orders"); deleted() || v != version {
			t.Errorf("deleted: %v, watermark version %d after %d", deleted(), v, version)
		}
		v.hide(nil, nil)
		w.run(full(), runs.Completed)
		w.same()
	})
}

func TestAllIDsAreComparedEverySevenDays(t *testing.T) {
	t.Parallel()
	base, err := shops.Generate(shops.Options{Orders: 300, Products: 60, Anchor: anchor})
	must(t, err)
	v := &veil{Shop: base}
	w := newWorld(t, setup{shop: v})
	w.run(full(), runs.Completed)
	id := w.ids(isPlain)[0] // a year old
	v.hide(map[shop.ID]bool{id: true}, nil)
	deleted := func() int {
		return w.count("SELECT count(*) FROM order_header WHERE order_id = $1 AND deleted_at IS NOT NULL", id)
	}
	w.clock.advance(6 * 24 * time.Hour)
	w.run(incremental(), runs.Completed)
	if deleted() != 0 {
		t.Error("an increment compared all ids after six days")
	}
	w.clock.advance(24 * time.Hour)
	w.run(incremental(), runs.Completed)
	if deleted() != 1 {
		t.Error("an increment didn't compare all ids after seven days")
	}
	w.same()
}
