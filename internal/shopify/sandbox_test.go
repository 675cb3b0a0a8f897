package shopify

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	brand = shop.Info{ID: 99, Domain: "brand.myshopify.com", Name: "Brand", Currency: "USD", TimeZone: "America/New_York"}
)

// shelf is a shop that never changes.
type shelf struct {
	orders    []sandbox.Order
	products  []sandbox.Product
	deletions []sandbox.Deletion
}

func (s *shelf) Info() shop.Info { return brand }

func (s *shelf) Orders(time.Time) iter.Seq[*sandbox.Order] { return pointers(s.orders) }

func (s *shelf) Products(time.Time) iter.Seq[*sandbox.Product] { return pointers(s.products) }

func (s *shelf) Deletions(time.Time) iter.Seq[sandbox.Deletion] { return slices.Values(s.deletions) }

func (s *shelf) Order(id shop.ID, _ time.Time) (*sandbox.Order, bool) {
	return find(s.orders, func(o *sandbox.Order) bool { return o.ID == id })
}

func (s *shelf) Product(id shop.ID, _ time.Time) (*sandbox.Product, bool) {
	return find(s.products, func(p *sandbox.Product) bool { return p.ID == id })
}

func pointers[T any](list []T) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func find[T any](list []T, is func(*T) bool) (*T, bool) {
	for i := range list {
		if is(&list[i]) {
			return &list[i], true
		}
	}
	return nil, false
}

// order has an id from 1 on, one line for each of lines, and a refund of the
// first refunded of them. It was updated id minutes before noon.
func order(id shop.ID, lines, refunded int) sandbox.Order {
	at := noon.Add(-time.Duration(id) * time.Minute)
	o := sandbox.Order{Order: shop.Order{
		ID: id, Name: fmt.Sprintf("#%d", 1000+id), ProcessedAt: at, CreatedAt: at, UpdatedAt: at,
		FinancialStatus: "PAID", FulfillmentStatus: "UNFULFILLED", Currency: "USD", PresentmentCurrency: "USD",
		CustomerID: 7, Email: "customer@example.org", Country: "US", SourceName: "web", LineQuantity: lines,
	}}
	for i := range lines {
		o.Lines = append(o.Lines, sandbox.Line{Line: shop.Line{
			ID: id*1000 + shop.ID(i) + 1, OrderID: id, ProductID: 1, VariantID: 2, SKU: "CASE-1", Title: "Case", Vendor: "Brand",
			Quantity: 1, CurrentQuantity: 1, UnitPrice: 199_900, Tax: 10_000,
		}})
		o.Subtotal += 199_900
		o.Tax += 10_000
	}
	o.Total = o.Subtotal + o.Tax
	o.PresentmentTotal = o.Total
	if refunded == 0 {
		return o
	}
	r := shop.Refund{ID: id*10 + 5, CreatedAt: at}
	for _, l := range o.Lines[:refunded] {
		r.Lines = append(r.Lines, shop.RefundLine{LineID: l.ID, Quantity: 1, Subtotal: l.UnitPrice, Tax: l.Tax})
		r.Total += l.UnitPrice + l.Tax
	}
	o.Refunds, o.RefundCount, o.Refunded = []shop.Refund{r}, 1, r.Total
	return o
}

// simulator starts a simulator of a shelf at noon, and a client of it.
func simulator(t *testing.T, s *shelf, change func(*sandbox.Config)) (*sandbox.Server, *Client) {
	t.Helper()
	cfg := sandbox.Config{Shop: s, Token: testToken, Dir: t.TempDir(), Clock: func() time.Time { return noon }}
	if change != nil {
		change(&cfg)
	}
	server, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Shop: brand.Domain, Token: testToken, URL: server.URL(), Retry: quick, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return server, c
}
