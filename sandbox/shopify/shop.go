package shopify

import (
	"iter"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Shop is what the simulator serves: the state of a shop as of an instant.
//
// States are functions of time: what Orders tells for one instant never
// changes, and a later instant only adds what happened in between. All
// methods may be called from several goroutines at once.
type Shop interface {
	// Info says who the shop is.
	Info() shop.Info
	// Orders yields the orders that exist at now, ascending by id. The pointer
	// and what it holds are valid until the next one is asked for.
	Orders(now time.Time) iter.Seq[*Order]
	// Order returns one order as of now, for the caller to keep.
	Order(id shop.ID, now time.Time) (*Order, bool)
	// Products yields the products that exist at now, ascending by id, under
	// the same rule as Orders.
	Products(now time.Time) iter.Seq[*Product]
	// Product returns one product as of now, for the caller to keep.
	Product(id shop.ID, now time.Time) (*Product, bool)
	// Deletions yields what was deleted until now, in no promised order.
	Deletions(now time.Time) iter.Seq[Deletion]
}

// Order is an order with what Shopify tells beyond [shop.Order]. The embedded
// Refunds are served with their lines; the embedded Lines are not used, Lines
// of this type stand in for them.
type Order struct {
	shop.Order
	Lines []Line

	// PresentmentRate is how many millionths of the presentment currency one
	// unit of the shop's currency was worth; 0 stands for the same currency.
	PresentmentRate int64
	CancelReason    string // CUSTOMER, DECLINED, FRAUD, INVENTORY, OTHER, STAFF; "" while not cancelled
	Note            string
}

// Line is a line item with its discounts and taxes one by one. Where a list is
// empty, the sum of the embedded line is served as its only element.
type Line struct {
	shop.Line
	Discounts []shop.Amount // allocations, adding up to Discount
	Taxes     []TaxLine     // adding up to Tax
}

// TaxLine is one tax of a line.
type TaxLine struct {
	Title  string
	Amount shop.Amount
}

// Product is a product as the simulator serves it.
type Product struct {
	shop.Product
}

// Deletion is what Shopify keeps of a deleted object: a destroy event.
type Deletion struct {
	SubjectID   shop.ID
	SubjectType string // ORDER or PRODUCT
	At          time.Time
}
