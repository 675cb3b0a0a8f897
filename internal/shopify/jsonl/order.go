package jsonl

import (
	"math"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// uncounted stands in FulfillmentCount until Shopify's own count is read; no
// integer of 32 bits equals it.
const uncounted = math.MinInt

var orderFields = []field[shop.Order]{
	{"__typename", false, func(s *scanner, _ *shop.Order) { s.typename("Order") }},
	{"id", true, func(s *scanner, o *shop.Order) { o.ID = s.id("Order") }},
	{"name", true, func(s *scanner, o *shop.Order) { o.Name = s.string() }},
	{"createdAt", true, func(s *scanner, o *shop.Order) { o.CreatedAt = s.time() }},
	{"updatedAt", true, func(s *scanner, o *shop.Order) { o.UpdatedAt = s.time() }},
	{"processedAt", true, func(s *scanner, o *shop.Order) { o.ProcessedAt = s.time() }},
	{"closedAt", false, func(s *scanner, o *shop.Order) { o.ClosedAt = s.time() }},
	{"cancelledAt", false, func(s *scanner, o *shop.Order) { o.CancelledAt = s.time() }},
	{"test", true, func(s *scanner, o *shop.Order) { o.Test = s.bool() }},
	{"edited", true, func(s *scanner, o *shop.Order) { o.Edited = s.bool() }},
	{"sourceName", false, func(s *scanner, o *shop.Order) { o.SourceName = s.enum("web", "pos", "shopify_draft_order") }},
	{"tags", true, func(s *scanner, o *shop.Order) { o.Tags = s.tags(o.Tags) }},
	{"taxesIncluded", true, func(s *scanner, o *shop.Order) { o.TaxesIncluded = s.bool() }},
	{"currencyCode", true, func(s *scanner, o *shop.Order) { o.Currency = s.currency() }},
	{"presentmentCurrencyCode", true, func(s *scanner, o *shop.Order) { o.PresentmentCurrency = s.currency() }},
	{"displayFinancialStatus", false, func(s *scanner, o *shop.Order) {
		o.FinancialStatus = s.enum("PAID", "PARTIALLY_REFUNDED", "REFUNDED", "PENDING", "AUTHORIZED", "VOIDED")
	}},
	{"displayFulfillmentStatus", true, func(s *scanner, o *shop.Order) {
		o.FulfillmentStatus = s.enum("FULFILLED", "UNFULFILLED", "PARTIALLY_FULFILLED", "IN_PROGRESS", "ON_HOLD")
	}},
	{"subtotalLineItemsQuantity", true, func(s *scanner, o *shop.Order) { o.LineQuantity = s.int() }},
	{"customer", false, func(s *scanner, o *shop.Order) { o.CustomerID = s.idOf("Customer") }},
	{"email", false, func(s *scanner, o *shop.Order) { o.Email = s.string() }},
	{"shippingAddress", false, func(s *scanner, o *shop.Order) { object(s, addressFields, o) }},
	{"subtotalPriceSet", false, func(s *scanner, o *shop.Order) { o.Subtotal = s.price() }},
	{"totalDiscountsSet", false, func(s *scanner, o *shop.Order) { o.Discount = s.price() }},
	{"totalShippingPriceSet", true, func(s *scanner, o *shop.Order) { o.Shipping = s.price() }},
	{"totalTaxSet", false, func(s *scanner, o *shop.Order) { o.Tax = s.price() }},
	{"totalPriceSet", true, func(s *scanner, o *shop.Order) { o.Total, o.PresentmentTotal = s.prices() }},
	{"totalRefundedSet", true, func(s *scanner, o *shop.Order) { o.Refunded = s.price() }},
	{"fulfillmentsCount", false, func(s *scanner, o *shop.Order) { object(s, countFields, o) }},
	{"fulfillments", true, readFulfillments},
	{"refunds", true, readRefunds},
	{"lineItems", false, readLines},
	{"__parentId", false, isChild[shop.Order]},
}

// refundedOrderFields are those of order_refunds.graphql.
var refundedOrderFields = []field[shop.Order]{
	{"__typename", false, func(s *scanner, _ *shop.Order) { s.typename("Order") }},
	{"id", true, func(s *scanner, o *shop.Order) { o.ID = s.id("Order") }},
	{"updatedAt", true, func(s *scanner, o *shop.Order) { o.UpdatedAt = s.time() }},
	{"refunds", true, readRefunds},
}

var addressFields = []field[shop.Order]{
	{"countryCodeV2", false, func(s *scanner, o *shop.Order) { o.Country = s.enum("US", "GB", "CA", "DE", "AU") }},
}

var countFields = []field[shop.Order]{
	{"count", true, func(s *scanner, o *shop.Order) { o.FulfillmentCount = s.int() }},
}

var fulfillmentFields = []field[shop.Fulfillment]{
	{"id", true, func(s *scanner, f *shop.Fulfillment) { f.ID = s.id("Fulfillment") }},
	{"status", true, func(s *scanner, f *shop.Fulfillment) { f.Status = s.enum("SUCCESS", "CANCELLED") }},
	{"displayStatus", false, func(s *scanner, f *shop.Fulfillment) {
		f.Display = s.enum("DELIVERED", "IN_TRANSIT", "FULFILLED", "CONFIRMED", "OUT_FOR_DELIVERY")
	}},
	{"createdAt", true, func(s *scanner, f *shop.Fulfillment) { f.CreatedAt = s.time() }},
	{"updatedAt", true, func(s *scanner, f *shop.Fulfillment) { f.UpdatedAt = s.time() }},
	{"deliveredAt", false, func(s *scanner, f *shop.Fulfillment) { f.DeliveredAt = s.time() }},
	{"trackingInfo", true, readTracking},
}

var trackingFields = []field[shop.Fulfillment]{
	{"company", false, func(s *scanner, f *shop.Fulfillment) { f.TrackingCompany = s.enum("USPS", "UPS", "FedEx", "DHL") }},
	{"number", false, func(s *scanner, f *shop.Fulfillment) { f.TrackingNumber = s.string() }},
}

func decodeOrder(raw []byte, o *shop.Order, fields []field[shop.Order]) (Pages, error) {
	*o = shop.Order{
		Tags: o.Tags[:0], Fulfillments: o.Fulfillments[:0], Lines: o.Lines[:0], Refunds: o.Refunds[:0],
		FulfillmentCount: uncounted,
	}
	s := newScanner(raw)
	object(s, fields, o)
	if err := s.end(); err != nil {
		return Pages{}, err
	}
	if o.FulfillmentCount == uncounted {
		o.FulfillmentCount = len(o.Fulfillments)
	}
	finishLines(o.Lines, o.ID)
	o.Hash = hashOrder(o)
	return s.pages, nil
}

func readFulfillments(s *scanner, o *shop.Order) {
	for ok := s.open('['); ok; ok = s.more('[') {
		o.Fulfillments = append(o.Fulfillments, shop.Fulfillment{})
		object(s, fulfillmentFields, &o.Fulfillments[len(o.Fulfillments)-1])
	}
}

// readTracking keeps the first of a shipment's tracking numbers.
func readTracking(s *scanner, f *shop.Fulfillment) {
	first := true
	for ok := s.open('['); ok; ok = s.more('[') {
		if first {
			object(s, trackingFields, f)
		} else {
			s.skip()
		}
		first = false
	}
}

// isChild refuses a root that names a parent.
func isChild[T any](s *scanner, _ *T) { s.fail(s.i, "is set, so this is a child and no root") }
