package shops_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func generate(t testing.TB, options shops.Options) *shops.Generated {
	t.Helper()
	g, err := shops.Generate(options)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSameOptionsMakeTheSameShop(t *testing.T) {
	t.Parallel()
	options := shops.Options{Seed: 7, Orders: 2000, Products: 300}
	a, b := generate(t, options), generate(t, options)
	n := 0
	for o := range a.Orders(a.Anchor()) {
		n++
		other, ok := b.Order(o.ID, b.Anchor())
		if !ok || !equal(o, other) {
			t.Fatalf("order %s differs from what Order tells of it", o.ID)
		}
	}
	deleted := 0
	for d := range a.Deletions(a.Anchor()) {
		if d.SubjectType == "ORDER" {
			deleted++
			if _, ok := b.Order(d.SubjectID, a.Anchor()); ok {
				t.Errorf("deleted order %s is still there", d.SubjectID)
			}
		}
	}
	if n+deleted != 2000 {
		t.Errorf("%d orders and %d deleted ones, want 2,000 together", n, deleted)
	}
	products, gone := 0, 0
	for p := range a.Products(a.Anchor()) {
		products++
		if other, ok := b.Product(p.ID, b.Anchor()); !ok || !reflect.DeepEqual(p, other) {
			t.Fatalf("product %s differs from what Product tells of it", p.ID)
		}
	}
	for d := range a.Deletions(a.Anchor()) {
		if d.SubjectType == "PRODUCT" {
			gone++
		}
	}
	if products+gone != 300 || gone == 0 {
		t.Errorf("%d products and %d deleted ones, want 300 together", products, gone)
	}
	if c := generate(t, shops.Options{Seed: 8, Orders: 2000, Products: 300}); equal(first(a), first(c)) {
		t.Error("another seed makes the same first order")
	}
}

func first(g *shops.Generated) *shopify.Order {
	for o := range g.Orders(g.Anchor()) {
		return o
	}
	return nil
}

// equal compares what two orders say; empty and missing lists are alike.
func equal(a, b *shopify.Order) bool {
	normal := func(o *shopify.Order) shopify.Order {
		c := *o
		c.Tags = append([]string{}, o.Tags...)
		c.Fulfillments = append([]shop.Fulfillment{}, o.Fulfillments...)
		c.Refunds = append([]shop.Refund{}, o.Refunds...)
		c.Lines = nil
		for _, l := range o.Lines {
			l.Discounts, l.Taxes = append([]shop.Amount{}, l.Discounts...), append([]shopify.TaxLine{}, l.Taxes...)
			c.Lines = append(c.Lines, l)
		}
		return c
	}
	return reflect.DeepEqual(normal(a), normal(b))
}

func TestMoneyAddsUp(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]shops.Options{
		"prices without tax":        {Orders: 4000},
		"prices with tax":           {Orders: 1000, TaxesIncluded: true, Currency: "EUR", TimeZone: "Europe/Berlin"},
		"a currency of no decimals": {Orders: 1000, Currency: "JPY", TimeZone: "Asia/Tokyo"},
		"one of three decimals":     {Orders: 1000, Currency: "KWD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := generate(t, options)
			for o := range g.Orders(g.Anchor().AddDate(0, 1, 0)) {
				checkMoney(t, o)
			}
		})
	}
}

func checkMoney(t *testing.T, o *shopify.Order) {
	t.Helper()
	var subtotal, discount, tax, refunded shop.Amount
	quantity := 0
	refundedOf := map[shop.ID]int{}
	for _, r := range o.Refunds {
		refunded += r.Total
		for _, l := range r.Lines {
			refundedOf[l.LineID] += l.Quantity
		}
	}
	coin := shop.Amount(shop.AmountScale)
	for range shopify.Decimals(o.Currency) {
		coin /= 10
	}
	for _, l := range o.Lines {
		subtotal += l.UnitPrice*shop.Amount(l.Quantity) - l.Discount
		discount, tax = discount+l.Discount, tax+l.Tax
		var sum shop.Amount
		for _, d := range l.Discounts {
			sum += d
		}
		for _, x := range l.Taxes {
			sum += x.Amount
		}
		if sum != l.Discount+l.Tax || l.Tax%coin != 0 || l.Discount%coin != 0 {
			t.Errorf("line %s: discounts and taxes don't add up, or are no coins: %+v", l.ID, l)
		}
		if !l.IsGiftCard {
			quantity += l.Quantity
		}
		if l.CurrentQuantity != l.Quantity-refundedOf[l.ID] {
			t.Errorf("line %s: %d of %d current, %d refunded", l.ID, l.CurrentQuantity, l.Quantity, refundedOf[l.ID])
		}
	}
	total := subtotal + o.Shipping
	if !o.TaxesIncluded {
		total += tax
	}
	if o.Subtotal != subtotal || o.Discount != discount || o.Tax != tax || o.Total != total || o.Refunded != refunded ||
		o.LineQuantity != quantity || refunded > total || o.RefundCount != len(o.Refunds) || o.FulfillmentCount != len(o.Fulfillments) {
		t.Errorf("order %s does not add up: %+v", o.ID, o.Order)
	}
	if (o.FinancialStatus == "REFUNDED") != (refunded > 0 && refunded == total) {
		t.Errorf("order %s is %s: %s of %s refunded", o.ID, o.FinancialStatus, refunded, total)
	}
}

func TestLaterOnlyAdds(t *testing.T) {
	t.Parallel()
	g := generate(t, shops.Options{Orders: 1500, Products: 200})
	before, after := g.Anchor(), g.Anchor().AddDate(0, 0, 30)
	old := map[shop.ID]*shopify.Order{}
	for o := range g.Orders(before) {
		old[o.ID], _ = g.Order(o.ID, before)
		if o.UpdatedAt.After(before) || o.CreatedAt.After(o.UpdatedAt) {
			t.Fatalf("order %s was updated in the future, or before it was made", o.ID)
		}
	}
	deleted := map[shop.ID]bool{}
	for d := range g.Deletions(after) {
		deleted[d.SubjectID] = true
	}
	made, changed, previous := 0, 0, shop.ID(0)
	for o := range g.Orders(after) {
		if o.ID <= previous {
			t.Fatalf("order %s comes after %s", o.ID, previous)
		}
		previous = o.ID
		was := old[o.ID]
		delete(old, o.ID)
		switch {
		case was == nil:
			made++
			if !o.CreatedAt.After(before) {
				t.Errorf("order %s is new, but made at %s", o.ID, o.CreatedAt)
			}
		case was.UpdatedAt.Equal(o.UpdatedAt):
			if !equal(was, o) {
				t.Errorf("order %s changed without a new UpdatedAt", o.ID)
			}
		default:
			changed++
			if !o.UpdatedAt.After(before) {
				t.Errorf("order %s was changed at %s, which was told before", o.ID, o.UpdatedAt)
			}
		}
	}
	for id := range old {
		if !deleted[id] {
			t.Errorf("order %s is gone without a destroy event", id)
		}
	}
	if made < 100 || made > 150 || changed < 30 {
		t.Errorf("%d made and %d changed within 30 days", made, changed)
	}
}

func TestShopHasEverythingThatASyncMeets(t *testing.T) {
	t.Parallel()
	g := generate(t, shops.Options{Orders: 20_000, Products: 1000})
	seen, seconds, names := map[string]int{}, map[time.Time]int{}, map[string]int{}
	note := func(what string, is bool) {
		if is {
			seen[what]++
		}
	}
	lines := 0
	for o := range g.Orders(g.Anchor()) {
		lines += len(o.Lines)
		seconds[o.CreatedAt]++
		names[o.Name]++
		note("many orders in one second", seconds[o.CreatedAt] == 4)
		note("two orders of one name", names[o.Name] == 2)
		note("test", o.Test)
		note("edited", o.Edited)
		note("cancelled", !o.CancelledAt.IsZero())
		note("closed", !o.ClosedAt.IsZero())
		note("voided", o.FinancialStatus == "VOIDED")
		note("partly refunded", o.FinancialStatus == "PARTIALLY_REFUNDED")
		note("refunded twice", len(o.Refunds) == 2)
		note("refund without lines", len(o.Refunds) > 0 && len(o.Refunds[0].Lines) == 0)
		note("two parcels", len(o.Fulfillments) == 2)
		note("failed parcel", len(o.Fulfillments) > 0 && o.Fulfillments[0].Status == "FAILURE")
		note("yen", o.PresentmentCurrency == "JPY")
		note("dinar", o.PresentmentCurrency == "KWD")
		note("no customer", o.CustomerID == 0)
		note("more lines than a page", len(o.Lines) > 100)
		note("processed before it was made", o.ProcessedAt.Before(o.CreatedAt))
		for _, l := range o.Lines {
			note("gift card", l.IsGiftCard)
			note("deleted product", l.ProductID == 0)
			note("two discounts", len(l.Discounts) == 2)
		}
	}
	for _, what := range []string{"many orders in one second", "two orders of one name", "test", "edited", "cancelled", "closed", "voided",
		"partly refunded", "refunded twice", "refund without lines", "two parcels", "failed parcel", "yen", "dinar", "no customer",
		"more lines than a page", "processed before it was made", "gift card", "deleted product", "two discounts"} {
		if seen[what] == 0 {
			t.Errorf("no order of the kind: %s", what)
		}
	}
	if lines < 55_000 || lines > 65_000 {
		t.Errorf("%d lines of 20,000 orders, want about three each", lines)
	}
}

func TestImpossibleOptions(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]shops.Options{
		"a shop that ends before it starts": {From: time.Now(), Anchor: time.Now().Add(-time.Hour)},
		"a negative number of orders":       {Orders: -1},
		"a time zone that isn't":            {TimeZone: "Mars/Olympus"},
	} {
		if _, err := shops.Generate(options); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
