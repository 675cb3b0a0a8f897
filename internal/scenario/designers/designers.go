// Package designers is the scenario of designer assignment: tags are with
// designers, and what their products sell is attributed to these.
//
// rules.go shares sales out, sales.go reads them from the lakehouse and brings
// them together with who has which products, and api.go is what the API offers.
// Assignments themselves are package designer's.
package designers

import (
	"context"
	"embed"
	"io/fs"

	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// ID names the scenario.
const ID = "designers"

//go:embed README.md
var document string

//go:embed lake/*.sql
var files embed.FS

// queries are the files of the lakehouse's queries.
func queries() fs.FS {
	sub, err := fs.Sub(files, "lake")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Lakehouse is what the scenario needs of the lakehouse.
type Lakehouse interface {
	// QueryRun runs a named query as of a run, "" for now, and calls row for
	// each row of its result. Where the state that the run left isn't kept, the
	// error is errs.NotFound.
	QueryRun(ctx context.Context, name, runID string, args map[string]any, row func(scan func(dest ...any) error) error) error
}

// Service serves the scenario.
type Service struct {
	db   *pg.DB
	lake Lakehouse
}

// New makes the scenario on a database and the lakehouse.
func New(db *pg.DB, lake Lakehouse) *Service { return &Service{db, lake} }

// Scenario declares what this package offers. Without a service it can be
// documented, and not served.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID:        ID,
		Title:     "Designer assignment",
		Document:  document,
		Endpoints: endpoints(s),
		Undoers:   designer.Undoers(),
		Queries:   queries(),
		Commands:  []string{"macrodata designers"},
		Reads:     []string{"link_product_product_tag", "macrodata_artifact", "product", "product_tag", "shop"},
	}
}
