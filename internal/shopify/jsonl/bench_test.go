package jsonl

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	gojson "github.com/goccy/go-json"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// The plain* types are what a general decoder is given. Ids and amounts stay
// text, sums and hashes are not made: it has less to do than we have.
type plainBag struct {
	ShopMoney        struct{ Amount string } `json:"shopMoney"`
	PresentmentMoney struct{ Amount string } `json:"presentmentMoney"`
}

type plainID struct {
	ID string `json:"id"`
}

type plainOrder struct {
	ID                        string     `json:"id"`
	Name                      string     `json:"name"`
	CreatedAt                 time.Time  `json:"createdAt"`
	UpdatedAt                 time.Time  `json:"updatedAt"`
	ProcessedAt               time.Time  `json:"processedAt"`
	ClosedAt                  *time.Time `json:"closedAt"`
	CancelledAt               *time.Time `json:"cancelledAt"`
	Test                      bool       `json:"test"`
	Edited                    bool       `json:"edited"`
	SourceName                string     `json:"sourceName"`
	Tags                      []string   `json:"tags"`
	TaxesIncluded             bool       `json:"taxesIncluded"`
	CurrencyCode              string     `json:"currencyCode"`
	PresentmentCurrencyCode   string     `json:"presentmentCurrencyCode"`
	DisplayFinancialStatus    string     `json:"displayFinancialStatus"`
	DisplayFulfillmentStatus  string     `json:"displayFulfillmentStatus"`
	SubtotalLineItemsQuantity int        `json:"subtotalLineItemsQuantity"`
	Customer                  plainID    `json:"customer"`
	Email                     string     `json:"email"`
	ShippingAddress           struct {
		CountryCodeV2 string `json:"countryCodeV2"`
	} `json:"shippingAddress"`
	SubtotalPriceSet      plainBag            `json:"subtotalPriceSet"`
	TotalDiscountsSet     plainBag            `json:"totalDiscountsSet"`
	TotalShippingPriceSet plainBag            `json:"totalShippingPriceSet"`
	TotalTaxSet           plainBag            `json:"totalTaxSet"`
	TotalPriceSet         plainBag            `json:"totalPriceSet"`
	TotalRefundedSet      plainBag            `json:"totalRefundedSet"`
	FulfillmentsCount     struct{ Count int } `json:"fulfillmentsCount"`
	Fulfillments          []struct {
		ID            string     `json:"id"`
		Status        string     `json:"status"`
		DisplayStatus string     `json:"displayStatus"`
		CreatedAt     time.Time  `json:"createdAt"`
		UpdatedAt     time.Time  `json:"updatedAt"`
		DeliveredAt   *time.Time `json:"deliveredAt"`
		TrackingInfo  []struct {
			Company string `json:"company"`
			Number  string `json:"number"`
		} `json:"trackingInfo"`
	} `json:"fulfillments"`
	Refunds []plainID `json:"refunds"`
}

type plainLine struct {
	ID                   string   `json:"id"`
	Title                string   `json:"title"`
	VariantTitle         string   `json:"variantTitle"`
	SKU                  string   `json:"sku"`
	Vendor               string   `json:"vendor"`
	Quantity             int      `json:"quantity"`
	CurrentQuantity      int      `json:"currentQuantity"`
	IsGiftCard           bool     `json:"isGiftCard"`
	Product              plainID  `json:"product"`
	Variant              plainID  `json:"variant"`
	OriginalUnitPriceSet plainBag `json:"originalUnitPriceSet"`
	DiscountAllocations  []struct {
		AllocatedAmountSet plainBag `json:"allocatedAmountSet"`
	} `json:"discountAllocations"`
	TaxLines []struct {
		PriceSet plainBag `json:"priceSet"`
	} `json:"taxLines"`
	ParentID string `json:"__parentId"`
}

// BenchmarkDecode decodes orders with three lines each, beside two general
// decoders. Products weigh little in a file and are left out.
func BenchmarkDecode(b *testing.B) {
	orders, lines, _ := generate(500)
	run := func(name string, order, line func(raw []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(bytes.Join(orders, nil)) + len(bytes.Join(lines, nil))))
			b.ReportAllocs()
			for b.Loop() {
				for _, raw := range orders {
					if err := order(raw); err != nil {
						b.Fatal(err)
					}
				}
				for _, raw := range lines {
					if err := line(raw); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	general := func(unmarshal func([]byte, any) error) (order, line func([]byte) error) {
		return func(raw []byte) error { var o plainOrder; return unmarshal(raw, &o) },
			func(raw []byte) error { var l plainLine; return unmarshal(raw, &l) }
	}
	var o shop.Order
	run("jsonl", func(raw []byte) error { return DecodeOrder(raw, &o) },
		func(raw []byte) error { var l shop.Line; return DecodeLine(raw, &l) })
	order, line := general(json.Unmarshal)
	run("encoding-json", order, line)
	order, line = general(func(raw []byte, v any) error { return gojson.Unmarshal(raw, v) })
	run("goccy-go-json", order, line)
}

// BenchmarkPeek tells roots from children in the same lines.
func BenchmarkPeek(b *testing.B) {
	orders, lines, _ := generate(500)
	all := append(orders, lines...)
	b.SetBytes(int64(len(bytes.Join(all, nil))))
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range all {
			if _, err := Peek(raw); err != nil {
				b.Fatal(err)
			}
		}
	}
}
