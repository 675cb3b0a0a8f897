package app

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/scenario/taganalytics"
)

// runLake is the lakehouse as scenarios see it that read what a run left.
type runLake struct{ *Lakehouse }

var _ taganalytics.Lakehouse = runLake{}

// QueryRun runs a query as of a run, "" for now.
func (l runLake) QueryRun(ctx context.Context, name, runID string, args map[string]any, row func(scan func(dest ...any) error) error) error {
	if runID == "" {
		return l.Duck.Query(ctx, name, "", args, row)
	}
	if at, err := l.Lake.Committed(ctx, rows.TableSales); err != nil || at == 0 {
		return err // a table that never had a commit has no tag either
	}
	return l.Duck.Query(ctx, name, lake.TagOf(runID), args, row)
}

func (l runLake) Drain(ctx context.Context, stream string, upto int64) error {
	return l.Lake.Drain(ctx, stream, upto)
}
