package bulksync_test

import (
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestWhatHappensToAnOrderReachesTheStore(t *testing.T) {
	t.Parallel()
	for _, taxesIncluded := range []bool{false, true} {
		name := "where taxes are added to prices"
		if taxesIncluded {
			name = "where prices contain taxes"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: shops.Options{Seed: 5, TaxesIncluded: taxesIncluded}})
			w.run(full(), runs.Completed)
			orders := w.ids(isPlain)
			for i, c := range orderEdits {
				t.Run(c.name, func(t *testing.T) {
					w := w.in(t)
					w.shop.Change(orders[i], c.edit)
					w.clock.advance(time.Hour)
					r := w.run(incremental(), runs.Completed)
					w.same()
					if n := w.count("SELECT count(*) FROM order_header WHERE order_id = $1 AND run_id = $2", orders[i], r.ID); n != 1 {
						t.Error("the order was not written")
					}
				})
			}
		})
	}
}

// isPlain finds orders to which nothing has happened but delivery.
func isPlain(o *simulator.Order) bool {
	return len(o.Lines) >= 2 && o.Lines[0].Quantity >= 2 && o.Lines[0].Tax > 0 && len(o.Refunds) == 0 && !o.Edited && o.CancelledAt.IsZero()
}

var orderEdits = []struct {
	name string
	edit func(*simulator.Order)
}{
	{"a changed header", func(o *simulator.Order) {
		o.Tags, o.Email, o.Country = append(o.Tags, "zażółć 🎁", `"<&>"`), "", "PT"
	}},
	{"a refund of a part of a line", func(o *simulator.Order) { refund(o, 0, 1, 0, 0) }},
	{"two refunds of one line", func(o *simulator.Order) {
		refund(o, 1, 1, 0, 0)
		refund(o, 2, o.Lines[0].CurrentQuantity, 0, 0)
	}},
	{"a refund of everything, shipping too", func(o *simulator.Order) {
		for i := range o.Lines {
			refund(o, i, o.Lines[i].Quantity, i, 0)
		}
		refund(o, len(o.Lines), 0, 0, o.Shipping+10_000)
		o.FinancialStatus = "REFUNDED"
	}},
	{"a refund of money without lines", func(o *simulator.Order) { refund(o, 0, 0, 0, 50_000) }},
	{"a refund of a line and of money beside", func(o *simulator.Order) { refund(o, 0, 1, 0, 12_300) }},
	{"a cancellation", func(o *simulator.Order) {
		o.CancelledAt, o.ClosedAt, o.CancelReason = o.CreatedAt.Add(time.Hour), o.CreatedAt.Add(time.Hour), "CUSTOMER"
		o.FinancialStatus = "VOIDED"
	}},
	{"an added line", func(o *simulator.Order) {
		l := o.Lines[0]
		l.ID, l.Quantity, l.CurrentQuantity, l.Title = l.ID+200, 3, 3, "Added"
		o.Lines, o.LineQuantity, o.Edited = append(o.Lines, l), o.LineQuantity+3, true
	}},
	{"a removed line stays with quantity 0", func(o *simulator.Order) {
		o.Lines[0].CurrentQuantity, o.Edited = 0, true
	}},
	{"a line whose product is gone", func(o *simulator.Order) { o.Lines[0].ProductID, o.Lines[0].VariantID = 0, 0 }},
	{"another fulfillment", func(o *simulator.Order) {
		o.Fulfillments = append(o.Fulfillments, shop.Fulfillment{
			ID: 4_999_000_000_000 + o.ID%1_000_000_000, Status: "FAILURE", CreatedAt: o.CreatedAt, UpdatedAt: o.CreatedAt,
		})
		o.FulfillmentCount = len(o.Fulfillments)
	}},
	{"a fulfillment that was delivered", func(o *simulator.Order) {
		for i := range o.Fulfillments {
			o.Fulfillments[i].Display, o.Fulfillments[i].DeliveredAt = "DELIVERED", o.CreatedAt.Add(99*time.Hour)
		}
	}},
}

// refund adds the order's nth refund: pieces of a line, and money without one.
func refund(o *simulator.Order, n, pieces, line int, money shop.Amount) {
	r := shop.Refund{ID: 9_000_000_000_000 + o.ID%1_000_000_000*16 + shop.ID(n), CreatedAt: o.CreatedAt.Add(time.Duration(n+1) * time.Hour), Total: money}
	if pieces > 0 {
		l := &o.Lines[line]
		share := func(a shop.Amount) shop.Amount {
			return a * shop.Amount(pieces) / shop.Amount(l.Quantity) / 100 * 100
		}
		back := shop.RefundLine{LineID: l.ID, Quantity: pieces, Subtotal: share(l.UnitPrice*shop.Amount(l.Quantity) - l.Discount), Tax: share(l.Tax)}
		r.Lines = []shop.RefundLine{back}
		if r.Total += back.Subtotal; !o.TaxesIncluded {
			r.Total += back.Tax
		}
		l.CurrentQuantity -= pieces
	}
	o.Refunds = append(o.Refunds, r)
	o.RefundCount, o.Refunded, o.FinancialStatus = len(o.Refunds), o.Refunded+r.Total, "PARTIALLY_REFUNDED"
}

func TestADeletedOrderIsKeptAndMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	gone := w.ids(func(o *simulator.Order) bool { return len(o.Lines) > 1 })[7]
	lines := w.count("SELECT count(*) FROM order_line_item WHERE order_id = $1", gone)
	w.shop.Delete(gone, w.clock.now())
	w.clock.advance(time.Hour)
	r := w.run(incremental(), runs.Completed)
	w.same()
	if n := w.count("SELECT count(*) FROM order_header WHERE order_id = $1 AND deleted_at IS NOT NULL", gone); n != 1 {
		t.Error("the order is not marked as deleted")
	}
	if n := w.count("SELECT count(*) FROM order_line_item WHERE order_id = $1", gone); n != lines {
		t.Errorf("%d of %d lines are left", n, lines)
	}
	if r.Counts.Orders.Deleted != 1 {
		t.Errorf("%d orders were counted as deleted", r.Counts.Orders.Deleted)
	}
}

func TestADeletedProductIsArchivedWithItsLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	gone := w.ids(isPlain)[0]
	product := w.order(gone).Lines[0].ProductID
	links := w.count("SELECT count(*) FROM link_product_product_tag WHERE product_id = $1", product)
	w.shop.DeleteProduct(product, w.clock.now())
	w.clock.advance(time.Hour)
	w.run(incremental(), runs.Completed)
	w.same()
	if n := w.count("SELECT count(*) FROM product WHERE product_id = $1 AND archived_at IS NOT NULL", product); n != 1 {
		t.Error("the product is not archived")
	}
	if n := w.count("SELECT count(*) FROM link_product_product_tag WHERE product_id = $1", product); n != links || n == 0 {
		t.Errorf("%d of %d links are left", n, links)
	}
}

func TestChangedTagsOfAProduct(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	var id shop.ID
	for p := range w.shop.Products(w.clock.now()) {
		id = p.ID
	}
	w.shop.ChangeProduct(id, func(p *simulator.Product) { p.Tags = []string{"Tote Bag", "Leaving"} })
	w.clock.advance(time.Hour)
	w.run(full(), runs.Completed)
	w.same()
	w.shop.ChangeProduct(id, func(p *simulator.Product) { p.Tags = []string{" TOTE bag", "Coming"} })
	w.clock.advance(time.Hour)
	w.run(incremental(), runs.Completed)
	w.same()

	t.Run("in another case it is the same tag, spelled as at first", func(t *testing.T) {
		if n := w.in(t).count("SELECT count(*) FROM product_tag WHERE lower(name) = 'tote bag' AND name = 'Tote Bag'"); n != 1 {
			t.Errorf("%d tags are spelled so", n)
		}
	})
	t.Run("one that was taken off is unlinked and kept", func(t *testing.T) {
		if n := w.in(t).count("SELECT count(*) FROM product_tag WHERE name = 'Leaving'"); n != 1 {
			t.Errorf("%d tags are left", n)
		}
	})
	t.Run("a new one is linked", func(t *testing.T) {
		n := w.in(t).count(`SELECT count(*) FROM link_product_product_tag JOIN product_tag USING (tag_id)
			WHERE product_id = $1 AND name = 'Coming'`, id)
		if n != 1 {
			t.Errorf("%d links", n)
		}
	})
}
