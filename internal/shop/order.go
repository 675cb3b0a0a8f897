package shop

import "time"

// Order is an order as Shopify last told it. Times are UTC, and zero where
// Shopify has none; amounts are in shop money.
type Order struct {
	ID   ID
	Name string // "#1001"; not unique

	ProcessedAt, CreatedAt, UpdatedAt time.Time
	CancelledAt, ClosedAt             time.Time

	FinancialStatus   string // such as PAID, PARTIALLY_REFUNDED; "" where Shopify has none
	FulfillmentStatus string // such as FULFILLED, UNFULFILLED

	Currency      string // of the shop when the order was made
	TaxesIncluded bool   // prices contain tax
	Subtotal      Amount
	Discount      Amount
	Shipping      Amount
	Tax           Amount
	Total         Amount
	Refunded      Amount // all refunds of the order, with and without lines

	PresentmentCurrency string // what the customer saw
	PresentmentTotal    Amount

	CustomerID ID     // 0 where unknown or not granted
	Email      string // "" where unknown or not granted
	Country    string // ISO 3166-1 alpha-2 of the shipping address
	SourceName string
	Tags       []string
	Test       bool
	Edited     bool

	LineQuantity     int // Shopify's own sum of line quantities, without gift cards and tips
	FulfillmentCount int // Shopify's own count
	Fulfillments     []Fulfillment
	RefundCount      int // refunds listed on the order

	// Lines and Refunds are filled only where the order was asked for by id;
	// a bulk file has lines as rows of their own, and no refund lines.
	Lines   []Line
	Refunds []Refund

	Hash uint64 // of what was delivered: equal hash, equal content
}

// Line is an order's line item.
type Line struct {
	ID           ID
	OrderID      ID
	ProductID    ID // 0 where the product was deleted
	VariantID    ID
	SKU          string
	Title        string
	VariantTitle string
	Vendor       string

	Quantity        int    // ordered, with what was removed or refunded later
	CurrentQuantity int    // without what was removed or refunded
	UnitPrice       Amount // before discounts
	Discount        Amount // sum of the line's discount allocations
	Tax             Amount // sum of the line's tax lines
	IsGiftCard      bool

	Hash uint64
}

// Fulfillment is a shipment of an order.
type Fulfillment struct {
	ID      ID
	Status  string // SUCCESS, CANCELLED, ERROR, FAILURE, OPEN, PENDING
	Display string // such as DELIVERED, IN_TRANSIT; "" where Shopify has none

	CreatedAt, UpdatedAt time.Time
	DeliveredAt          time.Time // zero until delivered
	TrackingCompany      string    // of the first tracking number
	TrackingNumber       string
}

// Refund is one refund of an order, with the lines that it covers.
type Refund struct {
	ID        ID
	CreatedAt time.Time
	Total     Amount // money given back, lines and adjustments together
	Lines     []RefundLine
}

// RefundLine is a refunded quantity of a line.
type RefundLine struct {
	LineID   ID
	Quantity int
	Subtotal Amount
	Tax      Amount
}

// Product is a product as Shopify last told it.
type Product struct {
	ID          ID
	Title       string
	Handle      string
	Vendor      string
	ProductType string
	Status      string // ACTIVE, ARCHIVED, DRAFT, UNLISTED
	ImageURL    string
	Tags        []string // trimmed; no two equal without regard to case

	CreatedAt, UpdatedAt time.Time
	PublishedAt          time.Time // zero while unpublished

	Hash uint64
}

// Info is what a shop says of itself.
type Info struct {
	ID       ID
	Domain   string // brand.myshopify.com
	Name     string
	Currency string
	TimeZone string // IANA name
}
