package app

import (
	"context"
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/scenario/taganalytics"
)

// runLake is the lakehouse as scenarios see it that read what a run left.
type runLake struct{ *Lakehouse }

var _ taganalytics.Lakehouse = runLake{}

// Snapshot names the state of the sales that a run left, "" for the present one,
// and its files that may have rows in [since, until).
func (l runLake) Snapshot(ctx context.Context, runID string, since, until time.Time) (s taganalytics.Snapshot, err error) {
	tag := ""
	if runID != "" {
		if at, err := l.Lake.Committed(ctx, rows.TableSales); err != nil || at == 0 {
			return s, err // a table that never had a commit has no tag either
		}
		tag = lake.TagOf(runID)
	}
	p, err := l.Lake.PlanBetween(ctx, rows.TableSales, tag, since, until)
	if err != nil {
		return s, err
	}
	s = taganalytics.Snapshot{ID: p.Snapshot, ByMonth: !p.HasDeletes, Files: map[string][]string{}}
	for _, f := range p.Files {
		s.ByMonth = s.ByMonth && f.Partition != ""
		s.Files[f.Partition] = append(s.Files[f.Partition], f.Path)
	}
	return s, nil
}

// Query runs a query on a snapshot.
func (l runLake) Query(ctx context.Context, name string, snapshot int64, args map[string]any, row func(scan func(dest ...any) error) error) error {
	return l.Duck.Query(ctx, name, strconv.FormatInt(snapshot, 10), args, row)
}

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
