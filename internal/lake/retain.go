package lake

import (
	"context"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// Retained is what left a table because of its age.
type Retained struct {
	Files int   `json:"files"`
	Rows  int64 `json:"rows"`
}

// Retain removes the events from sync.telemetry that are older than
// Config.KeepTelemetry, whole days of them in one commit: files leave the table,
// none is written. Other tables keep all they have. Snapshots made before keep
// the events until they expire themselves. Where another process compacts the
// table, nothing is done.
func (l *Lake) Retain(ctx context.Context, name string) (r Retained, err error) {
	defer errs.Wrap(&err, "remove what is too old from %s", name)
	t, err := l.table(name)
	if err != nil || t.Name != rows.TableTelemetry {
		return r, err
	}
	// The day that this is in is kept, for some of its events are younger.
	since := time.Now().UTC().Add(-l.cfg.KeepTelemetry)
	err = l.rewriting(ctx, name, func(ctx context.Context) error {
		return l.commit(ctx, name, func(tbl *table.Table) (*table.Transaction, error) {
			old, err := filesBefore(ctx, tbl, t, since)
			if err != nil || len(old) == 0 {
				return nil, err
			}
			r = Retained{Files: len(old), Rows: rowsOf(old)}
			tx := tbl.NewTransaction()
			if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
				return nil, err
			}
			return tx, tx.ReplaceDataFilesWithDataFiles(ctx, dataFiles(old), nil, nil, table.WithoutAutoNameMapping())
		})
	})
	return r, err
}

// filesBefore returns the files of a table's days before the one of an instant.
func filesBefore(ctx context.Context, tbl *table.Table, t rows.Table, since time.Time) (old []table.FileScanTask, err error) {
	tasks, err := planFiles(ctx, tbl, table.WithRowFilter(between(t, time.Time{}, since)))
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		if partitionOf(tbl, task.File) < since.Format(time.DateOnly) {
			old = append(old, task)
		}
	}
	return old, nil
}
