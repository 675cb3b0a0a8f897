// Package orderlookup is the scenario of looking orders up: staff paste names,
// ids or mail addresses, and see all that is known of the orders they mean.
//
// rules.go decides what a query may mean and which of the orders found it gets,
// lookup.go asks the database, order.go puts an order together, and api.go is
// what the API offers.
package orderlookup

import (
	_ "embed" // of the document

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// ID names the scenario.
const ID = "orderlookup"

//go:embed README.md
var document string

// Service runs the scenario.
type Service struct{ db *pg.DB }

// New makes the scenario on a database.
func New(db *pg.DB) *Service { return &Service{db} }

// Scenario declares what this package offers. Without a service it can be
// documented, and not served.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID:        ID,
		Title:     "Order lookup",
		Document:  document,
		Endpoints: endpoints(s),
		Commands:  []string{"macrodata orders"},
		Reads:     []string{"order_fulfillment", "order_header", "order_line_item", "order_refund_line", "product", "shop"},
	}
}
