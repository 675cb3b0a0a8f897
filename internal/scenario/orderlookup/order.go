package orderlookup

import (
	"context"
	"fmt"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Order is all that is known of an order.
type Order struct {
	OrderID           shop.ID       `json:"orderId"`
	Name              string        `json:"name" example:"#1001"`
	AdminURL          string        `json:"adminUrl,omitempty" doc:"Its page in Shopify's admin."`
	Marks             []string      `json:"marks" enum:"deleted,cancelled,test,edited" doc:"What is out of the ordinary. Deleted, cancelled and test orders don't count as sales."`
	ProcessedAt       time.Time     `json:"processedAt" doc:"What decides its day."`
	CreatedAt         time.Time     `json:"createdAt"`
	UpdatedAt         time.Time     `json:"updatedAt" doc:"In Shopify, as last told."`
	CancelledAt       *time.Time    `json:"cancelledAt,omitempty"`
	ClosedAt          *time.Time    `json:"closedAt,omitempty"`
	DeletedAt         *time.Time    `json:"deletedAt,omitempty" doc:"When it was found to be gone from Shopify."`
	FinancialStatus   string        `json:"financialStatus,omitempty" example:"PAID"`
	FulfillmentStatus string        `json:"fulfillmentStatus,omitempty" example:"FULFILLED"`
	Subtotal          shop.Money    `json:"subtotal"`
	Discount          shop.Money    `json:"discount"`
	Shipping          shop.Money    `json:"shipping"`
	Tax               shop.Money    `json:"tax"`
	TaxesIncluded     bool          `json:"taxesIncluded" doc:"Prices contain the tax."`
	Total             shop.Money    `json:"total"`
	Refunded          shop.Money    `json:"refunded" doc:"Of all refunds, with and without lines."`
	RefundAdjustment  shop.Money    `json:"refundAdjustment" doc:"Refunded without a line."`
	PresentmentTotal  shop.Money    `json:"presentmentTotal" doc:"What the customer saw."`
	CustomerID        shop.ID       `json:"customerId,omitempty" doc:"Left out where it is unknown or the shop doesn't grant it."`
	Email             string        `json:"email,omitempty" doc:"Protected data; left out where it is unknown or the shop doesn't grant it."`
	ShippingCountry   string        `json:"shippingCountry,omitempty" example:"US"`
	SourceName        string        `json:"sourceName,omitempty" example:"web"`
	Tags              []string      `json:"tags"`
	Lines             []Line        `json:"lines" doc:"In Shopify's order."`
	Fulfillments      []Fulfillment `json:"fulfillments" doc:"The oldest first."`
	Refunds           []Refund      `json:"refunds" doc:"Those with lines, the oldest first."`
	RefundsPending    bool          `json:"refundsPending" doc:"Their lines are still to be read from Shopify."`
}

// Line is a line item of an order.
type Line struct {
	LineItemID       shop.ID    `json:"lineItemId"`
	Title            string     `json:"title"`
	VariantTitle     string     `json:"variantTitle,omitempty"`
	SKU              string     `json:"sku,omitempty"`
	Vendor           string     `json:"vendor,omitempty"`
	VariantID        shop.ID    `json:"variantId,omitempty"`
	Product          *Product   `json:"product,omitempty" doc:"Left out where the product was deleted."`
	Quantity         int32      `json:"quantity" doc:"As ordered."`
	CurrentQuantity  int32      `json:"currentQuantity" doc:"Without what was removed or refunded."`
	RefundedQuantity int32      `json:"refundedQuantity"`
	UnitPrice        shop.Money `json:"unitPrice" doc:"Before discounts."`
	Discount         shop.Money `json:"discount"`
	RefundedSubtotal shop.Money `json:"refundedSubtotal"`
	NetSales         shop.Money `json:"netSales" doc:"Less discounts, refunds and included tax."`
	IsGiftCard       bool       `json:"isGiftCard"`
}

// Product is what a line links to.
type Product struct {
	ProductID   shop.ID    `json:"productId"`
	Title       string     `json:"title,omitempty" doc:"As it is now. This and all that follows is left out where the product hasn't been synced."`
	Handle      string     `json:"handle,omitempty"`
	ProductLine string     `json:"productLine,omitempty" example:"IPH"`
	Status      string     `json:"status,omitempty" doc:"Shopify's: ACTIVE, ARCHIVED, DRAFT or UNLISTED."`
	ImageURL    string     `json:"imageUrl,omitempty"`
	AdminURL    string     `json:"adminUrl,omitempty" doc:"Its page in Shopify's admin."`
	GoneAt      *time.Time `json:"goneAt,omitempty" doc:"When it was found to be gone from Shopify."`
}

// Fulfillment is a shipment of an order.
type Fulfillment struct {
	FulfillmentID   shop.ID    `json:"fulfillmentId"`
	Status          string     `json:"status" example:"SUCCESS"`
	DisplayStatus   string     `json:"displayStatus,omitempty" example:"IN_TRANSIT"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
	DeliveredAt     *time.Time `json:"deliveredAt,omitempty"`
	TrackingCompany string     `json:"trackingCompany,omitempty"`
	TrackingNumber  string     `json:"trackingNumber,omitempty" doc:"The first one."`
}

// Refund is a refund of an order, with the lines that it covers.
type Refund struct {
	RefundID  shop.ID      `json:"refundId"`
	CreatedAt time.Time    `json:"createdAt"`
	Lines     []RefundLine `json:"lines"`
}

// RefundLine is a refunded quantity of a line.
type RefundLine struct {
	LineItemID shop.ID    `json:"lineItemId"`
	Quantity   int32      `json:"quantity"`
	Subtotal   shop.Money `json:"subtotal"`
	Tax        shop.Money `json:"tax"`
}

// orders reads orders with all that belongs to them.
func (s *Service) orders(ctx context.Context, ids []int64) (map[int64]*Order, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q, list := pgdb.New(s.db), make(map[int64]*Order, len(ids))
	headers, err := q.OrdersFound(ctx, ids)
	if err != nil {
		return nil, err
	}
	domain := ""
	for _, r := range headers {
		domain, list[r.OrderHeader.OrderID] = r.Domain, orderOf(r.OrderHeader, r.Domain)
	}
	lines, err := q.LinesOfOrders(ctx, pgdb.LinesOfOrdersParams{OrderIds: ids, RowLimit: maxRows})
	if err != nil {
		return nil, err
	}
	fulfillments, err := q.FulfillmentsOfOrders(ctx, pgdb.FulfillmentsOfOrdersParams{OrderIds: ids, RowLimit: maxRows})
	if err != nil {
		return nil, err
	}
	refunds, err := q.RefundLinesOfOrders(ctx, pgdb.RefundLinesOfOrdersParams{OrderIds: ids, RowLimit: maxRows})
	if err != nil {
		return nil, err
	}
	if max(len(lines), len(fulfillments), len(refunds)) == maxRows {
		return nil, errs.WithRemedy(fmt.Errorf("the orders have %d lines or more: %w", maxRows, errs.TooLarge), "send fewer queries at once")
	}
	for _, l := range lines {
		if o := list[l.OrderLineItem.OrderID]; o != nil {
			o.Lines = append(o.Lines, lineOf(l, o.Total.Currency, domain))
		}
	}
	for _, f := range fulfillments {
		if o := list[f.OrderID]; o != nil {
			o.Fulfillments = append(o.Fulfillments, fulfillmentOf(f))
		}
	}
	for _, r := range refunds {
		if o := list[r.OrderID]; o != nil {
			o.addRefund(r)
		}
	}
	return list, nil
}

func orderOf(h pgdb.OrderHeader, domain string) *Order {
	money := func(a shop.Amount) shop.Money { return shop.Money{Amount: a, Currency: h.Currency} }
	o := &Order{
		OrderID: shop.ID(h.OrderID), Name: h.Name, AdminURL: page(domain, "orders", h.OrderID), Marks: []string{},
		ProcessedAt: h.ProcessedAt, CreatedAt: h.CreatedAt, UpdatedAt: h.SourceUpdatedAt,
		CancelledAt: h.CancelledAt, ClosedAt: h.ClosedAt, DeletedAt: h.DeletedAt,
		FinancialStatus: value(h.FinancialStatus), FulfillmentStatus: value(h.FulfillmentStatus),
		Subtotal: money(h.Subtotal), Discount: money(h.Discount), Shipping: money(h.Shipping), Tax: money(h.Tax), TaxesIncluded: h.TaxesIncluded,
		Total: money(h.Total), Refunded: money(h.Refunded), RefundAdjustment: money(h.RefundAdjustment),
		PresentmentTotal: shop.Money{Amount: h.PresentmentTotal, Currency: h.PresentmentCurrency},
		CustomerID:       shop.ID(value(h.CustomerID)), Email: value(h.Email),
		ShippingCountry: value(h.ShippingCountry), SourceName: value(h.SourceName), Tags: h.Tags,
		Lines: []Line{}, Fulfillments: []Fulfillment{}, Refunds: []Refund{},
		RefundsPending: h.RefundCount > 0 && h.RefundsReadAt == nil,
	}
	for _, mark := range []struct {
		name string
		is   bool
	}{{"deleted", h.DeletedAt != nil}, {"cancelled", h.CancelledAt != nil}, {"test", h.IsTest}, {"edited", h.IsEdited}} {
		if mark.is {
			o.Marks = append(o.Marks, mark.name)
		}
	}
	return o
}

func lineOf(r pgdb.LinesOfOrdersRow, currency, domain string) Line {
	l := r.OrderLineItem
	money := func(a shop.Amount) shop.Money { return shop.Money{Amount: a, Currency: currency} }
	line := Line{
		LineItemID: shop.ID(l.LineItemID), Title: l.Title, VariantTitle: value(l.VariantTitle), SKU: value(l.Sku),
		Vendor: value(l.Vendor), VariantID: shop.ID(value(l.VariantID)),
		Quantity: l.Quantity, CurrentQuantity: l.CurrentQuantity, RefundedQuantity: l.RefundedQuantity,
		UnitPrice: money(l.UnitPrice), Discount: money(l.Discount), RefundedSubtotal: money(l.RefundedSubtotal),
		NetSales: money(l.NetSales), IsGiftCard: l.IsGiftCard,
	}
	if l.ProductID != nil {
		line.Product = &Product{
			ProductID: shop.ID(*l.ProductID), Title: r.ProductTitle, Handle: r.Handle, ProductLine: r.ProductLine,
			Status: r.Status, ImageURL: r.ImageUrl, AdminURL: page(domain, "products", *l.ProductID), GoneAt: r.ArchivedAt,
		}
	}
	return line
}

func fulfillmentOf(f pgdb.OrderFulfillment) Fulfillment {
	return Fulfillment{
		FulfillmentID: shop.ID(f.FulfillmentID), Status: f.Status, DisplayStatus: value(f.DisplayStatus),
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, DeliveredAt: f.DeliveredAt,
		TrackingCompany: value(f.TrackingCompany), TrackingNumber: value(f.TrackingNumber),
	}
}

// addRefund appends a refunded line. Those of one refund follow one another.
func (o *Order) addRefund(r pgdb.OrderRefundLine) {
	if n := len(o.Refunds); n == 0 || o.Refunds[n-1].RefundID != shop.ID(r.RefundID) {
		o.Refunds = append(o.Refunds, Refund{RefundID: shop.ID(r.RefundID), CreatedAt: r.CreatedAt})
	}
	last := &o.Refunds[len(o.Refunds)-1]
	last.Lines = append(last.Lines, RefundLine{
		LineItemID: shop.ID(r.LineItemID), Quantity: r.Quantity,
		Subtotal: shop.Money{Amount: r.Subtotal, Currency: o.Total.Currency}, Tax: shop.Money{Amount: r.Tax, Currency: o.Total.Currency},
	})
}

// page is where Shopify's admin shows a thing, "" before the shop is known.
func page(domain, kind string, id int64) string {
	if domain == "" {
		return ""
	}
	return fmt.Sprintf("https://%s/admin/%s/%d", domain, kind, id)
}

// value is the zero value for what is unknown.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
