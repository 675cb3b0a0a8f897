package bulksync_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// table is rows by key, each written as one text.
type table map[string]string

// null stands for what is not there.
const null = "∅"

func (t table) put(columns ...string) { t[columns[0]] = strings.Join(columns, " | ") }

// same holds the whole store against the shop as it is now, row by row and
// column by column. It knows neither the client nor the loader.
func (w *world) same() {
	w.Helper()
	w.sameAs(func(*simulator.Order) {})
}

// sameAs is same for orders of which the app sees less.
func (w *world) sameAs(seen func(*simulator.Order)) {
	w.Helper()
	want := readShop(w.shop, w.clock.now(), seen)
	for _, name := range []string{"orders", "lines", "refund lines", "fulfillments", "products", "tags"} {
		w.equal(name, want[name], w.stored(storedSQL[name]))
	}
}

func (w *world) equal(name string, want, got table) {
	w.Helper()
	shown := 0
	complain := func(format string, args ...any) {
		w.Helper()
		if shown++; shown <= 3 {
			w.Errorf(name+": "+format, args...)
		}
	}
	for k, row := range want {
		switch stored, ok := got[k]; {
		case !ok:
			complain("missing\n%s", row)
		case stored != row:
			complain("different\nshop  %s\nstore %s", row, stored)
		}
	}
	for k, row := range got {
		if _, ok := want[k]; !ok {
			complain("too much\n%s", row)
		}
	}
	if shown > 3 {
		w.Errorf("%s: %d rows differ, of %d", name, shown, len(want))
	}
}

// storedSQL reads each table as arrays of text, keys first.
var storedSQL = map[string]string{
	"orders": `SELECT ARRAY[order_id::text, name, processed_at::text, created_at::text, source_updated_at::text,
			cancelled_at::text, closed_at::text, financial_status, fulfillment_status, currency, taxes_included::text,
			subtotal::text, discount::text, shipping::text, tax::text, total::text, refunded::text,
			refund_adjustment::text, refunded_at::text, presentment_currency, presentment_total::text,
			customer_id::text, email, shipping_country, source_name, array_to_string(tags, ' ¦ '), is_test::text,
			is_edited::text, refund_count::text]
		FROM order_header WHERE deleted_at IS NULL`,
	"lines": `SELECT ARRAY[line_item_id::text, order_id::text, line_no::text, product_id::text, variant_id::text, sku, title,
			variant_title, vendor, quantity::text, current_quantity::text, refunded_quantity::text, unit_price::text,
			l.discount::text, refunded_subtotal::text, included_tax::text, refunded_included_tax::text, net_sales::text,
			is_gift_card::text]
		FROM order_line_item l JOIN order_header h USING (order_id) WHERE deleted_at IS NULL`,
	"refund lines": `SELECT ARRAY[refund_id || ' ' || line_item_id, order_id::text, quantity::text, r.subtotal::text, r.tax::text,
			r.created_at::text]
		FROM order_refund_line r JOIN order_header h USING (order_id) WHERE deleted_at IS NULL`,
	"fulfillments": `SELECT ARRAY[fulfillment_id::text, order_id::text, status, display_status, f.created_at::text,
			updated_at::text, delivered_at::text, tracking_company, tracking_number]
		FROM order_fulfillment f JOIN order_header h USING (order_id) WHERE deleted_at IS NULL`,
	"products": `SELECT ARRAY[product_id::text, title, handle, vendor, product_type, status, image_url, created_at::text,
			published_at::text, source_updated_at::text]
		FROM product WHERE archived_at IS NULL`,
	"tags": `SELECT ARRAY[product_id || ' ' || lower(t.name)]
		FROM link_product_product_tag JOIN product p USING (product_id) JOIN product_tag t USING (tag_id)
		WHERE archived_at IS NULL`,
}

func (w *world) stored(sql string, args ...any) table {
	w.Helper()
	rows, err := w.look.Query(w.Context(), sql, args...)
	must(w, err)
	defer rows.Close()
	all := table{}
	for rows.Next() {
		var columns []*string
		must(w, rows.Scan(&columns))
		row := make([]string, len(columns))
		for i, c := range columns {
			if row[i] = null; c != nil {
				row[i] = *c
			}
		}
		if _, twice := all[row[0]]; twice {
			w.Errorf("%s is stored twice", row[0])
		}
		all.put(row...)
	}
	must(w, rows.Err())
	return all
}

// readShop writes a shop as its tables are to be.
func readShop(s simulator.Shop, now time.Time, seen func(*simulator.Order)) map[string]table {
	all := map[string]table{
		"orders": {}, "lines": {}, "refund lines": {}, "fulfillments": {}, "products": {}, "tags": {},
	}
	for o := range s.Orders(now) {
		seen(o)
		readOrder(all, o)
	}
	for p := range s.Products(now) {
		all["products"].put(p.ID.String(), p.Title, p.Handle, p.Vendor, p.ProductType, p.Status, text(p.ImageURL),
			instant(p.CreatedAt), instant(p.PublishedAt), instant(p.UpdatedAt))
		for _, tag := range p.Tags {
			all["tags"].put(p.ID.String() + " " + strings.ToLower(strings.TrimSpace(tag)))
		}
	}
	return all
}

func readOrder(all map[string]table, o *simulator.Order) {
	back := map[shop.ID]shop.RefundLine{} // by line
	adjustment, refundedAt := o.Refunded, time.Time{}
	for _, r := range o.Refunds {
		if r.CreatedAt.After(refundedAt) {
			refundedAt = r.CreatedAt
		}
		for _, l := range r.Lines {
			sum := back[l.LineID]
			sum.Quantity += l.Quantity
			sum.Subtotal += l.Subtotal
			adjustment -= l.Subtotal
			if o.TaxesIncluded {
				sum.Tax += l.Tax
			} else {
				adjustment -= l.Tax
			}
			back[l.LineID] = sum
			all["refund lines"].put(r.ID.String()+" "+l.LineID.String(), o.ID.String(), strconv.Itoa(l.Quantity),
				money(l.Subtotal), money(l.Tax), instant(r.CreatedAt))
		}
	}
	all["orders"].put(o.ID.String(), o.Name, instant(o.ProcessedAt), instant(o.CreatedAt), instant(o.UpdatedAt),
		instant(o.CancelledAt), instant(o.ClosedAt), text(o.FinancialStatus), text(o.FulfillmentStatus), o.Currency,
		strconv.FormatBool(o.TaxesIncluded), money(o.Subtotal), money(o.Discount), money(o.Shipping), money(o.Tax),
		money(o.Total), money(o.Refunded), money(adjustment), instant(refundedAt), o.PresentmentCurrency,
		money(o.PresentmentTotal), id(o.CustomerID), text(o.Email), text(o.Country), text(o.SourceName), strings.Join(o.Tags, " ¦ "),
		strconv.FormatBool(o.Test), strconv.FormatBool(o.Edited), strconv.Itoa(o.RefundCount))
	for i, l := range o.Lines {
		readLine(all["lines"], o, i, l, back[l.ID])
	}
	for _, f := range o.Fulfillments {
		all["fulfillments"].put(f.ID.String(), o.ID.String(), f.Status, text(f.Display), instant(f.CreatedAt),
			instant(f.UpdatedAt), instant(f.DeliveredAt), text(f.TrackingCompany), text(f.TrackingNumber))
	}
}

func readLine(lines table, o *simulator.Order, i int, l simulator.Line, back shop.RefundLine) {
	included := shop.Amount(0)
	if o.TaxesIncluded {
		included = l.Tax
	}
	net := l.UnitPrice*shop.Amount(l.Quantity) - l.Discount - back.Subtotal - (included - back.Tax)
	lines.put(l.ID.String(), o.ID.String(), strconv.Itoa(i+1), id(l.ProductID), id(l.VariantID), text(l.SKU), l.Title,
		text(l.VariantTitle), text(l.Vendor), strconv.Itoa(l.Quantity), strconv.Itoa(l.CurrentQuantity),
		strconv.Itoa(back.Quantity), money(l.UnitPrice), money(l.Discount), money(back.Subtotal), money(included),
		money(back.Tax), money(net), strconv.FormatBool(l.IsGiftCard))
}

func text(s string) string {
	if s == "" {
		return null
	}
	return s
}

func id(n shop.ID) string {
	if n == 0 {
		return null
	}
	return n.String()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return null
	}
	return t.UTC().Format("2006-01-02 15:04:05+00")
}

func money(a shop.Amount) string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	return fmt.Sprintf("%s%d.%04d", sign, a/shop.AmountScale, a%shop.AmountScale)
}

// ids returns the orders of a shop that are as asked for, ascending.
func (w *world) ids(which func(*simulator.Order) bool) (list []shop.ID) {
	w.Helper()
	for o := range w.shop.Orders(w.clock.now()) {
		if which(o) {
			list = append(list, o.ID)
		}
	}
	if len(list) == 0 {
		w.Fatal("the shop has no such order")
	}
	slices.Sort(list)
	return list
}

// order returns one order as it is now.
func (w *world) order(id shop.ID) *simulator.Order {
	w.Helper()
	o, ok := w.shop.Order(id, w.clock.now())
	if !ok {
		w.Fatalf("the shop has no order %s", id)
	}
	return o
}
