// Package fulfillment is the scenario of fulfillment monitoring: what was
// ordered and sent on each day of the shop, how much of it failed, and how long
// it took.
//
// rules.go decides which days are meant and compares, report.go asks the
// database, and api.go is what the API offers. The daily summary itself is
// written by whoever writes orders.
package fulfillment

import (
	_ "embed" // of the document

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// ID names the scenario.
const ID = "fulfillment"

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
		Title:     "Fulfillment monitoring",
		Document:  document,
		Endpoints: endpoints(s),
		Commands:  []string{"macrodata fulfillment"},
		Reads:     []string{"fulfillment_daily_summary", "order_fulfillment", "order_header", "shop", "summary_hour"},
	}
}
