package bench

import (
	"encoding/json"
	"time"
)

// plainOrder and plainLine are what encoding/json reads the bulk file into:
// the fields that the product reads, as the types that come without more work.
// Ids and amounts stay text, sums and hashes are not made.
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
	Customer                  *plainID   `json:"customer"`
	Email                     string     `json:"email"`
	ShippingAddress           *struct {
		CountryCodeV2 string `json:"countryCodeV2"`
	} `json:"shippingAddress"`
	SubtotalPriceSet      plainBag `json:"subtotalPriceSet"`
	TotalDiscountsSet     plainBag `json:"totalDiscountsSet"`
	TotalShippingPriceSet plainBag `json:"totalShippingPriceSet"`
	TotalTaxSet           plainBag `json:"totalTaxSet"`
	TotalPriceSet         plainBag `json:"totalPriceSet"`
	TotalRefundedSet      plainBag `json:"totalRefundedSet"`
	FulfillmentsCount     struct {
		Count int `json:"count"`
	} `json:"fulfillmentsCount"`
	Fulfillments []plainFulfillment `json:"fulfillments"`
	Refunds      []plainID          `json:"refunds"`
}

type plainFulfillment struct {
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
	Product              *plainID `json:"product"`
	Variant              *plainID `json:"variant"`
	OriginalUnitPriceSet plainBag `json:"originalUnitPriceSet"`
	DiscountAllocations  []struct {
		AllocatedAmountSet plainBag `json:"allocatedAmountSet"`
	} `json:"discountAllocations"`
	TaxLines []struct {
		PriceSet plainBag `json:"priceSet"`
	} `json:"taxLines"`
	ParentID string `json:"__parentId"`
}

type plainID struct {
	ID string `json:"id"`
}

type plainBag struct {
	ShopMoney        plainMoney `json:"shopMoney"`
	PresentmentMoney plainMoney `json:"presentmentMoney"`
}

type plainMoney struct {
	Amount string `json:"amount"`
}

func plainDecodeOrder(raw []byte) error {
	var o plainOrder
	return json.Unmarshal(raw, &o)
}

func plainDecodeLine(raw []byte) error {
	var l plainLine
	return json.Unmarshal(raw, &l)
}
