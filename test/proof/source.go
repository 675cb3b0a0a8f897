package proof

import (
	"fmt"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// relation is a kind of record, and how to read what is stored of it: the order
// or product that it belongs to, its key, and what its sums are made of.
type relation struct{ name, stored string }

func relations() []relation {
	return []relation{
		{"orders", `SELECT order_id::text, order_id::text, concat_ws(' ', total, refunded, refund_count)
			FROM order_header WHERE deleted_at IS NULL`},
		{"lines", `SELECT l.order_id::text, line_item_id::text, concat_ws(' ', quantity, refunded_quantity, net_sales)
			FROM order_line_item l JOIN order_header USING (order_id) WHERE deleted_at IS NULL`},
		{"refund lines", `SELECT r.order_id::text, concat_ws(' ', refund_id, line_item_id), concat_ws(' ', quantity, r.subtotal)
			FROM order_refund_line r JOIN order_header USING (order_id) WHERE deleted_at IS NULL`},
		{"fulfillments", `SELECT f.order_id::text, fulfillment_id::text, status
			FROM order_fulfillment f JOIN order_header USING (order_id) WHERE deleted_at IS NULL`},
		{"products", `SELECT product_id::text, product_id::text, title FROM product WHERE archived_at IS NULL`},
	}
}

// source reads the shop as the relations are to be, by name and key. Orders and
// products that are too young for the window are left out and named.
func (s Store) source() (want map[string]map[string]string, young map[string]bool) {
	want, young = map[string]map[string]string{}, map[string]bool{}
	for _, r := range relations() {
		want[r.name] = map[string]string{}
	}
	until := s.Until
	if until.IsZero() {
		until = s.Now
	}
	for o := range s.Shop.Orders(s.Now) {
		if o.UpdatedAt.After(until) {
			young[o.ID.String()] = true
			continue
		}
		readOrder(want, o)
	}
	for p := range s.Shop.Products(s.Now) {
		if p.UpdatedAt.After(until) {
			young[p.ID.String()] = true
			continue
		}
		want["products"][p.ID.String()] = p.Title
	}
	return want, young
}

func readOrder(want map[string]map[string]string, o *shopify.Order) {
	want["orders"][o.ID.String()] = fmt.Sprint(money(o.Total), " ", money(o.Refunded), " ", o.RefundCount)
	back := map[shop.ID]shop.RefundLine{} // by line
	for _, r := range o.Refunds {
		for _, l := range r.Lines {
			want["refund lines"][r.ID.String()+" "+l.LineID.String()] = fmt.Sprint(l.Quantity, " ", money(l.Subtotal))
			sum := back[l.LineID]
			sum.Quantity += l.Quantity
			sum.Subtotal += l.Subtotal
			sum.Tax += l.Tax
			back[l.LineID] = sum
		}
	}
	for _, l := range o.Lines {
		gone := back[l.ID]
		net := l.UnitPrice*shop.Amount(l.Quantity) - l.Discount - gone.Subtotal
		if o.TaxesIncluded {
			net -= l.Tax - gone.Tax
		}
		want["lines"][l.ID.String()] = fmt.Sprint(l.Quantity, " ", gone.Quantity, " ", money(net))
	}
	for _, f := range o.Fulfillments {
		want["fulfillments"][f.ID.String()] = f.Status
	}
}

// money is an amount as PostgreSQL writes a numeric(19,4).
func money(a shop.Amount) string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	return fmt.Sprintf("%s%d.%04d", sign, a/shop.AmountScale, a%shop.AmountScale)
}
