// Package tagclass is the classification of tags: staff say of which category
// each tag is, ten thousand at once, and are shown which tags have none yet.
//
// rules.go decides what a list of mappings changes, suggest.go which category a
// tag plainly belongs to; api.go is what the API offers. The tags themselves are
// written by package catalog.
package tagclass

import (
	_ "embed" // of the document

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// ID names the scenario.
const ID = "tagclass"

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
		Title:     "Tag classification",
		Document:  document,
		Endpoints: endpoints(s),
		Undoers:   []api.Undoer{api.Undo(classify, s.undo)},
		Commands:  []string{"macrodata tags"},
		Reads: []string{
			"link_product_category_product_tag", "link_product_product_tag", "order_header", "order_line_item",
			"product", "product_category", "product_tag", "setting", "shop",
		},
	}
}
