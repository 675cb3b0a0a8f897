// Package taganalytics tells what the products of each tag have sold: of some
// tags, of a category, of a tag group or of all, over days of the shop.
//
// Sales come from the lakehouse, as they are now or as they were after a run;
// which products have which tags is read from PostgreSQL, as it is today. api.go
// is what the API offers, rules.go the decisions without I/O, sales.go brings
// both sources together, and refresh.go has the lakehouse take in what waits.
//
// What a selection sold in a month is kept in memory, by day, while the files of
// that month are the same: rollup.go is what is kept and how answers are made of
// it, build.go makes it, and cache.go bounds it.
package taganalytics

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"time"

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
	// Snapshot names the state of the sales that a run left, "" for the present
	// one, and all files in it of the months of UTC that have a part in
	// [since, until). Where the state isn't kept, the error is errs.NotFound.
	Snapshot(ctx context.Context, runID string, since, until time.Time) (Snapshot, error)
	// Query runs a named query on a snapshot, and calls row for each row of its
	// result.
	Query(ctx context.Context, name string, snapshot int64, args map[string]any, row func(scan func(dest ...any) error) error) error
	// Drain returns when the lakehouse has all batches of a stream up to and
	// with a number.
	Drain(ctx context.Context, stream string, upto int64) error
}

// Snapshot is a state of the sales in the lakehouse. It doesn't change.
type Snapshot struct {
	ID int64 // 0 where none were ever told
	// Files are the paths of those that were asked for, by month, as "2026-02".
	// What a path names doesn't change.
	Files map[string][]string
	// ByMonth says that all sales of a month are in its files.
	ByMonth bool
}

// Service runs the scenario.
type Service struct {
	db       *pg.DB
	runs     *runs.Store
	lake     Lakehouse
	rollups  *cache // nil where every answer is made from the lines
	log      *slog.Logger
	workflow *workflow.Workflow[params, Refreshed]
}

// New registers the workflow with the engine. Rollups may take so many bytes of
// memory; with 0 there are none, and every answer is made from the lines.
func New(engine *workflow.Engine, db *pg.DB, store *runs.Store, lake Lakehouse, rollups int64, log *slog.Logger) *Service {
	s := &Service{db: db, runs: store, lake: lake, log: log.With("scenario", ID)}
	if rollups > 0 {
		s.rollups = newCache(rollups)
	}
	s.workflow = workflow.Register(engine, Name, s.refresh, workflow.Options{OneAtATime: true})
	return s
}

// Scenario declares the scenario; it works on nil, too.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID: ID, Title: "Tag analytics", Document: document,
		Endpoints: endpoints(s),
		Queries:   queries(),
		Workflows: []scenario.Workflow{{
			Name: Name, Trigger: "POST /api/tag-analytics/refresh",
			Steps: []scenario.Step{
				{Name: "open", Where: "PostgreSQL", What: "Notes how far the sales are told."},
				{Name: "drain", Where: "PostgreSQL, lakehouse", What: "Waits until the lakehouse has them, and does the work itself where nobody is at it."},
				{Name: "rollup", Where: "PostgreSQL, lakehouse, memory", What: "Makes the rollups of all tags that the last 13 months lack."},
				{Name: "close", Where: "PostgreSQL", What: "Closes the run."},
			},
		}},
		Reads: []string{
			"ingest_run", "link_product_category_product_tag", "link_product_product_tag", "outbox", "outbox_stream",
			"product", "product_category", "product_tag", "setting", "shop",
		},
	}
}
