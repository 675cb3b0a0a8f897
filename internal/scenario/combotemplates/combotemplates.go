// Package combotemplates is the scenario of combo templates: staff plan the combos
// that they make again and again, and what is to be done for each of them.
//
// api.go has the library of templates. make.go makes a combo of one, and notes in
// the same transaction that its actions are to be done; act.go does them as durable
// steps. Templates and combos themselves are package combo's.
package combotemplates

import (
	"context"
	_ "embed"
	"log/slog"

	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// ID names the scenario.
const ID = "combotemplates"

// Name is that of the workflow that does a template's actions.
const Name = ID + ".act"

//go:embed README.md
var document string

// Shopify is what the scenario needs of it.
type Shopify interface {
	// TagsAdd adds tags to a product. Those that it has already stay.
	TagsAdd(ctx context.Context, product shop.ID, tags []string) error
}

// Service serves the scenario.
type Service struct {
	db       *pg.DB
	runs     *runs.Store
	shopify  Shopify
	log      *slog.Logger
	workflow *workflow.Workflow[params, Acted]
}

// New registers the workflow with the engine.
func New(engine *workflow.Engine, db *pg.DB, store *runs.Store, shopify Shopify, log *slog.Logger) *Service {
	s := &Service{db: db, runs: store, shopify: shopify, log: log.With("scenario", ID)}
	s.workflow = workflow.Register(engine, Name, s.act, workflow.Options{})
	return s
}

// Scenario declares the scenario; it works on nil, too.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID: ID, Title: "Combo templates", Document: document,
		Endpoints: endpoints(s),
		Undoers:   combo.TemplateUndoers(),
		Workflows: []scenario.Workflow{{
			Name: Name, Trigger: "a combo that is logged with a templateId",
			Steps: []scenario.Step{
				{Name: "open", Where: "PostgreSQL", What: "Opens the run."},
				{Name: "act", Where: "PostgreSQL, Shopify", What: "Does an action of the template, one step for each."},
				{Name: "close", Where: "PostgreSQL", What: "Closes the run with what each action came to."},
			},
		}},
		Reads:  []string{"ingest_run", "link_product_product_tag", "macrodata_artifact", "product", "product_tag", "setting"},
		Writes: []string{"combotemplates_making"},
	}
}
