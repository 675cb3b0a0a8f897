package lake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
)

const (
	// smallFile is the size in bytes below which a file is worth merging.
	smallFile = targetFile * 3 / 4
	// groupRows bounds what is merged at once, and by that the memory that
	// looking for superseded versions takes: about 32 bytes a row.
	groupRows = 4 << 20
)

// Compacted is what a compaction came to.
type Compacted struct {
	FilesBefore int   `json:"filesBefore"` // of those that were merged
	FilesAfter  int   `json:"filesAfter"`
	RowsBefore  int64 `json:"rowsBefore"`
	RowsAfter   int64 `json:"rowsAfter"` // fewer where superseded versions were dropped
}

// Compact merges the files of partitions that have many small ones. Where a
// table keeps versions, those are dropped that a newer one among the merged
// files supersedes: whichever other files there are, such a row can never be
// the one that counts. What counts is never dropped, be it cancelled or deleted:
// it hides older versions that may still be delivered.
//
// Snapshots made before, tagged ones among them, keep the old files. Where
// another process compacts the table, nothing is done.
func (l *Lake) Compact(ctx context.Context, name string) (c Compacted, err error) {
	defer errs.Wrap(&err, "compact %s", name)
	t, err := l.table(name)
	if err != nil {
		return c, err
	}
	_, err = outbox.WithLease(ctx, l.db, "lake.compact."+name, l.cfg.LeaseTTL, func(ctx context.Context) error {
		tbl, err := l.load(ctx, name)
		if err != nil {
			return err
		}
		tasks, err := planFiles(ctx, tbl)
		if err != nil {
			return kind(err)
		}
		for _, group := range groupsOf(tasks, l.cfg.SmallFiles) {
			done, err := l.compactGroup(ctx, tbl, t, group)
			if err != nil {
				return err
			}
			c.FilesBefore += done.FilesBefore
			c.FilesAfter += done.FilesAfter
			c.RowsBefore += done.RowsBefore
			c.RowsAfter += done.RowsAfter
		}
		return nil
	})
	return c, err
}

// groupsOf picks the files to merge: those of partitions with at least atLeast
// small ones, the smallest first and as many as a group may hold. Partitions
// with delete files, which only somebody else's program writes, are left alone.
func groupsOf(tasks []table.FileScanTask, atLeast int) (groups [][]table.FileScanTask) {
	partitions := map[string][]table.FileScanTask{}
	small := map[string]int{}
	for _, task := range tasks {
		partition := fmt.Sprint(task.File.SpecID(), task.File.Partition())
		partitions[partition] = append(partitions[partition], task)
		if task.File.FileSizeBytes() < smallFile {
			small[partition]++
		}
	}
	for _, p := range slices.Sorted(maps.Keys(partitions)) {
		if small[p] < atLeast || slices.ContainsFunc(partitions[p], hasDeletes) {
			continue
		}
		files := partitions[p]
		slices.SortFunc(files, func(a, b table.FileScanTask) int { return int(a.File.Count() - b.File.Count()) })
		var group []table.FileScanTask
		var count int64
		for _, task := range files {
			if count += task.File.Count(); count > groupRows && len(group) > 0 {
				break
			}
			group = append(group, task)
		}
		if len(group) > 1 {
			groups = append(groups, group)
		}
	}
	return groups
}

// compactGroup writes the files of a group anew and replaces them.
func (l *Lake) compactGroup(ctx context.Context, tbl *table.Table, t rows.Table, group []table.FileScanTask) (c Compacted, err error) {
	superseded := map[int64]bool{}
	if t.Key != "" {
		if superseded, err = supersededIn(ctx, tbl, t, group); err != nil {
			return c, kind(err)
		}
	}
	schema, records, err := scanOf(tbl).ReadTasks(ctx, group)
	if err != nil {
		return c, kind(err)
	}
	if len(superseded) > 0 {
		records = without(ctx, records, superseded)
	}
	files, err := writeFiles(ctx, tbl, schema, records)
	if err != nil {
		return c, kind(err)
	}
	for _, file := range files {
		c.FilesAfter++
		c.RowsAfter += file.Count()
	}
	for _, task := range group {
		c.FilesBefore++
		c.RowsBefore += task.File.Count()
	}
	if want := c.RowsBefore - int64(len(superseded)); c.RowsAfter != want {
		return c, fmt.Errorf("%d rows were written instead of %d: %w", c.RowsAfter, want, errs.Corrupt)
	}
	return c, l.replace(ctx, t.Name, group, files)
}

// scanOf reads one file after the other, in pieces that bound the memory.
func scanOf(tbl *table.Table, columns ...string) *table.Scan {
	opts := []table.ScanOption{table.WithMaxConcurrency(1), table.WithArrowBatchSize(8192)}
	if len(columns) > 0 {
		opts = append(opts, table.WithSelectedFields(columns...))
	}
	return tbl.Scan(opts...)
}

// replace commits the exchange of files. Appends in between don't matter; that
// the old files are still there does.
func (l *Lake) replace(ctx context.Context, name string, old []table.FileScanTask, files []iceberg.DataFile) error {
	return l.commit(ctx, name, func(tbl *table.Table) (*table.Transaction, error) {
		tasks, err := planFiles(ctx, tbl)
		if err != nil {
			return nil, err
		}
		now := map[string]bool{}
		for _, task := range tasks {
			now[task.File.FilePath()] = true
		}
		if len(files) > 0 && now[files[0].FilePath()] {
			return nil, nil // an attempt went through whose answer was lost
		}
		tx := tbl.NewTransaction()
		if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
			return nil, err
		}
		rewrite := tx.NewRewrite(nil)
		for _, task := range old {
			if !now[task.File.FilePath()] {
				return nil, fmt.Errorf("a file was replaced meanwhile: %w", errs.Conflict)
			}
			rewrite.DeleteFile(task.File)
		}
		for _, file := range files {
			rewrite.AddDataFile(file)
		}
		return tx, rewrite.Commit(ctx)
	})
}
