package jsonl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func oracleLine(o pairs) (l shop.Line) {
	o.isA("LineItem")
	l = shop.Line{
		ID: asID(o.must("id"), "LineItem"), OrderID: asID(o.may("__parentId"), "Order"),
		ProductID: within(o.may("product"), "Product"), VariantID: within(o.may("variant"), "ProductVariant"),
		SKU: as[string](o.may("sku")), Title: as[string](o.must("title")),
		VariantTitle: as[string](o.may("variantTitle")), Vendor: as[string](o.may("vendor")),
		Quantity: asInt(o.must("quantity")), CurrentQuantity: asInt(o.must("currentQuantity")),
		UnitPrice: asPrice(o.must("originalUnitPriceSet")), IsGiftCard: as[bool](o.must("isGiftCard")),
		Discount: asSum(o.must("discountAllocations"), "allocatedAmountSet"), Tax: asSum(o.must("taxLines"), "priceSet"),
	}
	return l
}

func oracleProduct(o pairs) shop.Product {
	o.isA("Product")
	if o.may("__parentId") != nil {
		refused()
	}
	p := shop.Product{
		ID: asID(o.must("id"), "Product"), Title: as[string](o.must("title")), Handle: as[string](o.must("handle")),
		Vendor: as[string](o.must("vendor")), ProductType: as[string](o.must("productType")), Status: as[string](o.must("status")),
		Tags: asTags(o.must("tags")), CreatedAt: asTime(o.must("createdAt")), UpdatedAt: asTime(o.must("updatedAt")), PublishedAt: asTime(o.may("publishedAt")),
	}
	if media := o.may("featuredMedia"); media != nil {
		if preview := asObject(media).may("preview"); preview != nil {
			if image := asObject(preview).may("image"); image != nil {
				p.ImageURL = as[string](asObject(image).must("url"))
			}
		}
	}
	return p
}

// node is what DecodeNode tells.
type node struct {
	Order shop.Order
	Pages Pages
}

func oracleNode(n pairs) (got node) {
	n.isA("Order")
	if n.may("__parentId") != nil {
		refused()
	}
	total := asObject(n.must("totalPriceSet"))
	got.Order = shop.Order{
		ID: asID(n.must("id"), "Order"), Name: as[string](n.must("name")),
		ProcessedAt: asTime(n.must("processedAt")), CreatedAt: asTime(n.must("createdAt")), UpdatedAt: asTime(n.must("updatedAt")),
		CancelledAt: asTime(n.may("cancelledAt")), ClosedAt: asTime(n.may("closedAt")),
		FinancialStatus: as[string](n.may("displayFinancialStatus")), FulfillmentStatus: as[string](n.must("displayFulfillmentStatus")),
		Currency: asCurrency(n.must("currencyCode")), PresentmentCurrency: asCurrency(n.must("presentmentCurrencyCode")),
		TaxesIncluded: as[bool](n.must("taxesIncluded")), Test: as[bool](n.must("test")), Edited: as[bool](n.must("edited")),
		Subtotal: asPrice(n.may("subtotalPriceSet")), Discount: asPrice(n.may("totalDiscountsSet")),
		Shipping: asPrice(n.must("totalShippingPriceSet")), Tax: asPrice(n.may("totalTaxSet")),
		Total: asMoney(total.must("shopMoney")), PresentmentTotal: asMoney(total.must("presentmentMoney")), Refunded: asPrice(n.must("totalRefundedSet")),
		CustomerID: within(n.may("customer"), "Customer"), Email: as[string](n.may("email")), SourceName: as[string](n.may("sourceName")),
		Tags: asTags(n.must("tags")), LineQuantity: asInt(n.must("subtotalLineItemsQuantity")),
	}
	o := &got.Order
	if address := n.may("shippingAddress"); address != nil {
		o.Country = as[string](asObject(address).may("countryCodeV2"))
	}
	each(n.must("fulfillments"), func(f pairs) { o.Fulfillments = append(o.Fulfillments, oracleFulfillment(f)) })
	o.FulfillmentCount = len(o.Fulfillments)
	if count := n.may("fulfillmentsCount"); count != nil {
		o.FulfillmentCount = asInt(asObject(count).must("count"))
	}
	each(n.must("refunds"), func(r pairs) { oracleRefund(r, &got) })
	if lines := n.may("lineItems"); lines != nil {
		each(asObject(lines).must("nodes"), func(l pairs) {
			o.Lines = append(o.Lines, oracleLine(l))
			o.Lines[len(o.Lines)-1].OrderID = o.ID
		})
		got.Pages.Lines = nextCursor(asObject(lines))
	}
	return got
}

func oracleFulfillment(f pairs) shop.Fulfillment {
	got := shop.Fulfillment{
		ID: asID(f.must("id"), "Fulfillment"), Status: as[string](f.must("status")), Display: as[string](f.may("displayStatus")),
		CreatedAt: asTime(f.must("createdAt")), UpdatedAt: asTime(f.must("updatedAt")), DeliveredAt: asTime(f.may("deliveredAt")),
	}
	if tracking := as[[]any](f.must("trackingInfo")); len(tracking) > 0 {
		got.TrackingCompany = as[string](asObject(tracking[0]).may("company"))
		got.TrackingNumber = as[string](asObject(tracking[0]).may("number"))
	}
	return got
}

func oracleRefund(r pairs, got *node) {
	got.Order.RefundCount++
	refund := shop.Refund{ID: asID(r.must("id"), "Refund"), CreatedAt: asTime(r.may("createdAt")), Total: asPrice(r.may("totalRefundedSet"))}
	connection := r.may("refundLineItems")
	if connection == nil {
		return
	}
	r.must("totalRefundedSet")
	each(asObject(connection).must("nodes"), func(l pairs) {
		refund.Lines = append(refund.Lines, shop.RefundLine{
			LineID: within(l.must("lineItem"), "LineItem"), Quantity: asInt(l.must("quantity")),
			Subtotal: asPrice(l.must("subtotalSet")), Tax: asPrice(l.must("totalTaxSet")),
		})
	})
	got.Order.Refunds = append(got.Order.Refunds, refund)
	if cursor := nextCursor(asObject(connection)); cursor != "" {
		if got.Pages.Refunds == nil {
			got.Pages.Refunds = map[shop.ID]string{}
		}
		got.Pages.Refunds[refund.ID] = cursor
	}
}

// seed adds lines and what damages them.
func seed(f *testing.F, lines ...string) {
	for _, line := range lines {
		f.Add([]byte(line))
		f.Add([]byte(strings.ReplaceAll(line, `":`, `" : `)))
		f.Add([]byte(line[:len(line)/2]))
		for _, bad := range []string{"\xff", `\u0000`, `\ud800`, `\ud83d\ude00`, `1e400`, `null`, `"id":1,`, `[[[]]]`, `"\u0069d":"x",`} {
			for _, place := range []string{`"title":`, `"WAVE-16"`, `"Wave"`, `"tags":[`, `"10.0"`, `:3,`, `{"__typename"`} {
				if i := strings.Index(line, place); i >= 0 {
					f.Add([]byte(line[:i] + bad + line[i+len(place):]))
					f.Add([]byte(line[:i+len(place)] + bad + line[i+len(place):]))
				}
			}
		}
	}
}

// agree fails where the decoder and the oracle differ on a line.
func agree[T any](t *testing.T, raw []byte, decode func([]byte, *T) error, read func(pairs) T) {
	t.Helper()
	var got T
	err := decode(raw, &got)
	want, ok := judge(raw, read)
	if ok != (err == nil) {
		t.Fatalf("decoder: %v, oracle accepts: %t\n%q", err, ok, raw)
	}
	if d := cmp.Diff(want, got, emptyIsNil, noHashes); ok && d != "" {
		t.Fatalf("-oracle +decoder\n%s\n%q", d, raw)
	}
}

func FuzzDecodeLine(f *testing.F) {
	seed(f, lineLine)
	f.Fuzz(func(t *testing.T, raw []byte) {
		agree(t, raw, DecodeLine, func(o pairs) shop.Line {
			l := oracleLine(o)
			if l.OrderID == 0 {
				refused()
			}
			return l
		})
	})
}

func FuzzDecodeOrder(f *testing.F) {
	seed(f, orderLine, nodeLine(true), nodeLine(false))
	f.Fuzz(func(t *testing.T, raw []byte) {
		agree(t, raw, func(raw []byte, n *node) (err error) {
			n.Pages, err = DecodeNode(raw, &n.Order)
			return err
		}, oracleNode)
	})
}

func FuzzDecodeProduct(f *testing.F) {
	seed(f, productLine)
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw, DecodeProduct, oracleProduct) })
}

// FuzzPeek holds the glance against the whole reading: wherever a line
// decodes, Peek must have told its kind, id and parent.
func FuzzPeek(f *testing.F) {
	seed(f, lineLine, orderLine)
	f.Fuzz(func(t *testing.T, raw []byte) {
		head, err := Peek(raw)
		var l shop.Line
		if DecodeLine(raw, &l) == nil && (err != nil || head.ID != l.ID || head.ParentID != l.OrderID) {
			t.Fatalf("line %d of %d peeked as %v, %v\n%q", l.ID, l.OrderID, head, err, raw)
		}
		var o shop.Order
		if DecodeOrder(raw, &o) == nil && (err != nil || head.ID != o.ID || head.IsChild()) {
			t.Fatalf("order %d peeked as %v, %v\n%q", o.ID, head, err, raw)
		}
		if head.IsChild() && DecodeProduct(raw, new(shop.Product)) == nil {
			t.Fatalf("a child is read as a product\n%q", raw)
		}
	})
}
