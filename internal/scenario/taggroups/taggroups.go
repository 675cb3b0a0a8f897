// Package taggroups is the scenario of tag groups: staff collect tags under a
// name, to see together what belongs together.
//
// rules.go decides what a group may be, group.go reads and writes it, and api.go
// is what the API offers.
package taggroups

import (
	_ "embed" // of the document

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// ID names the scenario.
const ID = "taggroups"

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
		Title:     "Tag groups",
		Document:  document,
		Endpoints: endpoints(s),
		Undoers:   []api.Undoer{api.Undo(save, s.restore), api.Undo(remove, s.restore)},
		Commands:  []string{"macrodata tags"},
		Writes:    []string{"link_product_category_product_tag", "product_category"},
		Reads:     []string{"link_product_product_tag", "product", "product_tag", "setting"},
	}
}
