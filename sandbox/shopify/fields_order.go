package shopify

import (
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func orderFields() fields {
	id := func(o *Order) shop.ID { return o.ID }
	f := fields{
		"id":               gid("Order", id),
		"legacyResourceId": legacyID(id),
		"name":             text(func(o *Order) string { return o.Name }),
		"note":             optional(func(o *Order) string { return o.Note }),
		"createdAt":        instant(func(o *Order) time.Time { return o.CreatedAt }),
		"updatedAt":        instant(func(o *Order) time.Time { return o.UpdatedAt }),
		"processedAt":      instant(func(o *Order) time.Time { return o.ProcessedAt }),
		"closedAt":         instant(func(o *Order) time.Time { return o.ClosedAt }),
		"cancelledAt":      instant(func(o *Order) time.Time { return o.CancelledAt }),
		"cancelReason":     optional(func(o *Order) string { return o.CancelReason }),
		"closed":           flag(func(o *Order) bool { return !o.ClosedAt.IsZero() }),
		"confirmed":        flag(func(*Order) bool { return true }),
		"test":             flag(func(o *Order) bool { return o.Test }),
		"edited":           flag(func(o *Order) bool { return o.Edited }),
		"sourceName":       optional(func(o *Order) string { return o.SourceName }),
		"tags":             texts(func(o *Order) []string { return o.Tags }),
		"taxesIncluded":    flag(func(o *Order) bool { return o.TaxesIncluded }),

		"currencyCode":             text(func(o *Order) string { return o.Currency }),
		"presentmentCurrencyCode":  text(func(o *Order) string { return o.PresentmentCurrency }),
		"displayFinancialStatus":   optional(func(o *Order) string { return o.FinancialStatus }),
		"displayFulfillmentStatus": text(func(o *Order) string { return o.FulfillmentStatus }),

		"subtotalLineItemsQuantity":        number(func(o *Order) int { return o.LineQuantity }),
		"currentSubtotalLineItemsQuantity": number(currentQuantity),

		"fulfillments": list(func(_ *writer, o *Order) []shop.Fulfillment { return o.Fulfillments }),
		"fulfillmentsCount": object(func(w *writer, o *Order) any {
			w.count = count{o.FulfillmentCount, true}
			return &w.count
		}),
		"refunds":   list(func(_ *writer, o *Order) []shop.Refund { return o.Refunds }),
		"lineItems": list(func(_ *writer, o *Order) []Line { return o.Lines }),
	}
	addOrderMoney(f)
	addCustomerData(f)
	return f
}

func addOrderMoney(f fields) {
	f["subtotalPriceSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Subtotal })
	f["totalDiscountsSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Discount })
	f["totalShippingPriceSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Shipping })
	f["totalTaxSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Tax })
	f["totalRefundedSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Refunded })
	f["netPaymentSet"] = money(func(_ *writer, o *Order) shop.Amount { return o.Total - o.Refunded })
	// The total the customer saw was fixed when the order was made; it is not
	// converted again.
	f["totalPriceSet"] = object(func(w *writer, o *Order) any {
		w.bag = moneyBag{o.Total, o.PresentmentTotal}
		return &w.bag
	})
}

// addCustomerData adds what is protected customer data.
func addCustomerData(f fields) {
	f["customer"] = field{scope: "read_customers", object: func(w *writer, v any) any {
		o := v.(*Order)
		if o.CustomerID == 0 {
			return nil
		}
		w.ref = ref{o.CustomerID}
		return &w.ref
	}}
	email := optional(func(o *Order) string { return o.Email })
	email.scope = "read_customers"
	f["email"] = email
	f["shippingAddress"] = field{scope: "read_customers", object: func(w *writer, v any) any {
		o := v.(*Order)
		if o.Country == "" {
			return nil
		}
		w.address = mailingAddress{o.Country}
		return &w.address
	}}
}

// currentQuantity is LineQuantity without what was removed or refunded.
func currentQuantity(o *Order) int {
	n := 0
	for i := range o.Lines {
		if !o.Lines[i].IsGiftCard {
			n += o.Lines[i].CurrentQuantity
		}
	}
	return n
}

func lineFields() fields {
	id := func(l *Line) shop.ID { return l.ID }
	return fields{
		"id":              gid("LineItem", id),
		"title":           text(func(l *Line) string { return l.Title }),
		"name":            text(lineName),
		"variantTitle":    optional(func(l *Line) string { return l.VariantTitle }),
		"sku":             optional(func(l *Line) string { return l.SKU }),
		"vendor":          optional(func(l *Line) string { return l.Vendor }),
		"quantity":        number(func(l *Line) int { return l.Quantity }),
		"currentQuantity": number(func(l *Line) int { return l.CurrentQuantity }),
		"isGiftCard":      flag(func(l *Line) bool { return l.IsGiftCard }),
		"product":         lineProduct(),
		"variant": object(func(w *writer, l *Line) any {
			if l.VariantID == 0 || l.ProductID == 0 {
				return nil
			}
			w.ref = ref{l.VariantID}
			return &w.ref
		}),
		"originalUnitPriceSet": money(func(_ *writer, l *Line) shop.Amount { return l.UnitPrice }),
		"originalTotalSet":     money(func(_ *writer, l *Line) shop.Amount { return l.UnitPrice * shop.Amount(l.Quantity) }),
		"totalDiscountSet":     money(func(_ *writer, l *Line) shop.Amount { return l.Discount }),
		"discountAllocations":  {length: discountCount, item: discountAt},
		"taxLines":             {length: taxCount, item: taxAt},
	}
}

func lineName(l *Line) string {
	if l.VariantTitle == "" {
		return l.Title
	}
	return l.Title + " - " + l.VariantTitle
}

// lineProduct looks the product up only where more than its id is asked for.
func lineProduct() field {
	return field{
		object: func(w *writer, v any) any {
			if p, ok := w.shop.Product(v.(*Line).ProductID, w.now); ok {
				return p
			}
			return nil
		},
		brief: func(w *writer, v any) any {
			l := v.(*Line)
			if l.ProductID == 0 {
				return nil
			}
			w.product.ID = l.ProductID
			return &w.product
		},
	}
}

func discountCount(_ *writer, v any) int {
	l := v.(*Line)
	if len(l.Discounts) == 0 && l.Discount != 0 {
		return 1
	}
	return len(l.Discounts)
}

func discountAt(_ *writer, v any, i int) any {
	l := v.(*Line)
	if len(l.Discounts) == 0 {
		return &l.Discount
	}
	return &l.Discounts[i]
}

func taxCount(_ *writer, v any) int {
	l := v.(*Line)
	if len(l.Taxes) == 0 && l.Tax != 0 {
		return 1
	}
	return len(l.Taxes)
}

func taxAt(_ *writer, v any, i int) any {
	l := v.(*Line)
	if len(l.Taxes) == 0 {
		return &TaxLine{Title: "Tax", Amount: l.Tax}
	}
	return &l.Taxes[i]
}

func refundFields() fields {
	id := func(r *shop.Refund) shop.ID { return r.ID }
	createdAt := func(r *shop.Refund) time.Time { return r.CreatedAt }
	return fields{
		"id":               gid("Refund", id),
		"legacyResourceId": legacyID(id),
		"createdAt":        instant(createdAt),
		"updatedAt":        instant(createdAt),
		"order":            object(func(w *writer, _ *shop.Refund) any { return w.order }),
		"totalRefundedSet": money(func(_ *writer, r *shop.Refund) shop.Amount { return r.Total }),
		"refundLineItems":  list(func(_ *writer, r *shop.Refund) []shop.RefundLine { return r.Lines }),
	}
}

func refundLineFields() fields {
	return fields{
		"quantity":    number(func(l *shop.RefundLine) int { return l.Quantity }),
		"subtotalSet": money(func(_ *writer, l *shop.RefundLine) shop.Amount { return l.Subtotal }),
		"totalTaxSet": money(func(_ *writer, l *shop.RefundLine) shop.Amount { return l.Tax }),
		"lineItem": {
			object: func(w *writer, v any) any {
				for i := range w.order.Lines {
					if w.order.Lines[i].ID == v.(*shop.RefundLine).LineID {
						return &w.order.Lines[i]
					}
				}
				return nil
			},
			brief: func(w *writer, v any) any {
				w.line.ID = v.(*shop.RefundLine).LineID
				return &w.line
			},
		},
	}
}

func fulfillmentFields() fields {
	id := func(f *shop.Fulfillment) shop.ID { return f.ID }
	return fields{
		"id":               gid("Fulfillment", id),
		"legacyResourceId": legacyID(id),
		"status":           text(func(f *shop.Fulfillment) string { return f.Status }),
		"displayStatus":    optional(func(f *shop.Fulfillment) string { return f.Display }),
		"createdAt":        instant(func(f *shop.Fulfillment) time.Time { return f.CreatedAt }),
		"updatedAt":        instant(func(f *shop.Fulfillment) time.Time { return f.UpdatedAt }),
		"deliveredAt":      instant(func(f *shop.Fulfillment) time.Time { return f.DeliveredAt }),
		"trackingInfo": {
			length: func(_ *writer, v any) int {
				if f := v.(*shop.Fulfillment); f.TrackingCompany == "" && f.TrackingNumber == "" {
					return 0
				}
				return 1
			},
			item: func(w *writer, v any, _ int) any {
				f := v.(*shop.Fulfillment)
				w.track = tracking{f.TrackingCompany, f.TrackingNumber}
				return &w.track
			},
		},
	}
}
