// Package combolog is the scenario of the combo log: staff write down which
// products were tested together and how that came out, one by one or as a CSV.
//
// api.go has the log's endpoints and imports.go those of imports, whose workflow
// is in read.go: sheet.go reads a CSV, resolve.go and match.go find the products
// that it names, rules.go says what each row means. export.go writes the CSV that
// an import reads back. Combos themselves are package combo's.
package combolog

import (
	"context"
	_ "embed"
	"log/slog"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// ID names the scenario.
const ID = "combolog"

// Name is that of the workflow that reads a file.
const Name = ID + ".import"

//go:embed README.md
var document string

// Templates is what the scenario needs of those.
type Templates interface {
	// Make stores a combo that is made of a template, and notes in the same
	// transaction that a run is to do the template's actions.
	Make(ctx context.Context, tx pg.Tx, run, template uuid.UUID, r combo.Report) (combo.Combo, error)
	// Start starts that run, once the transaction is committed. Where it fails,
	// somebody starts it later.
	Start(ctx context.Context, run uuid.UUID) error
}

// Service serves the scenario.
type Service struct {
	db       *pg.DB
	runs     *runs.Store
	plans    Templates
	log      *slog.Logger
	workflow *workflow.Workflow[params, Counts]
}

// New registers the workflow with the engine.
func New(engine *workflow.Engine, db *pg.DB, store *runs.Store, plans Templates, log *slog.Logger) *Service {
	s := &Service{db: db, runs: store, plans: plans, log: log.With("scenario", ID)}
	s.workflow = workflow.Register(engine, Name, s.read, workflow.Options{})
	return s
}

// Scenario declares the scenario; it works on nil, too.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID: ID, Title: "Combo log", Document: document,
		Endpoints: endpoints(s),
		Undoers:   combo.Undoers(),
		Workflows: []scenario.Workflow{{
			Name: Name, Trigger: "POST /api/combo-logs/import",
			Steps: []scenario.Step{
				{Name: "open", Where: "PostgreSQL", What: "Opens the run."},
				{Name: "read", Where: "PostgreSQL", What: "Says of each row what it means: which combo, which products, what is wrong."},
				{Name: "close", Where: "PostgreSQL", What: "Closes the run with how many rows there are of each kind."},
			},
		}},
		Reads:  []string{"ingest_run", "macrodata_artifact", "product", "setting"},
		Writes: []string{"combolog_import"},
	}
}
