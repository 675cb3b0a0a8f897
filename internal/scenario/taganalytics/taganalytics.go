// Package taganalytics tells what the products of each tag have sold: of some
// tags, of a category, of a tag group or of all, over days of the shop.
//
// Sales come from the lakehouse, as they are now or as they were after a run;
// which products have which tags is read from PostgreSQL, as it is today. api.go
// is what the API offers, rules.go the decisions without I/O, sales.go brings
// both sources together, and refresh.go has the lakehouse take in what waits.
package taganalytics

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

const (
	// ID names the scenario.
	ID = "taganalytics"
	// Name is that of its workflow.
	Name = ID + ".refresh"
)

//go:embed README.md
var document string

//go:embed lake/*.sql
var files embed.FS

// Queries are the files of the lakehouse's queries.
func Queries() fs.FS {
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
	// Drain returns when the lakehouse has all batches of a stream up to and
	// with a number.
	Drain(ctx context.Context, stream string, upto int64) error
}

// Service runs the scenario.
type Service struct {
	db       *pg.DB
	runs     *runs.Store
	lake     Lakehouse
	log      *slog.Logger
	workflow *workflow.Workflow[params, Refreshed]
}

// New registers the workflow with the engine.
func New(engine *workflow.Engine, db *pg.DB, store *runs.Store, lake Lakehouse, log *slog.Logger) *Service {
	s := &Service{db: db, runs: store, lake: lake, log: log.With("scenario", ID)}
	s.workflow = workflow.Register(engine, Name, s.refresh, workflow.Options{OneAtATime: true})
	return s
}

// Scenario declares the scenario; it works on nil, too.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID: ID, Title: "Tag analytics", Document: document,
		Endpoints: endpoints(s),
		Workflows: []scenario.Workflow{{
			Name: Name, Trigger: "POST /api/tag-analytics/refresh",
			Steps: []scenario.Step{
				{Name: "open", Where: "PostgreSQL", What: "Notes how far the sales are told."},
				{Name: "drain", Where: "PostgreSQL, lakehouse", What: "Waits until the lakehouse has them, and does the work itself where nobody is at it."},
				{Name: "close", Where: "PostgreSQL", What: "Closes the run."},
			},
		}},
		Reads: []string{
			"ingest_run", "link_product_category_product_tag", "link_product_product_tag", "outbox", "outbox_stream",
			"product", "product_category", "product_tag", "setting", "shop",
		},
	}
}
