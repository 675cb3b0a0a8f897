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

// smallFile is the size in bytes below which a file is worth merging.
const smallFile = targetFile * 3 / 4

// groupRows bounds what is merged at once of a table without a key.
const groupRows = 4 << 20

// Compacted is what a compaction came to.
type Compacted struct {
	FilesBefore int   `json:"filesBefore"` // of those that were merged
	FilesAfter  int   `json:"filesAfter"`
	RowsBefore  int64 `json:"rowsBefore"`
	RowsAfter   int64 `json:"rowsAfter"` // fewer where superseded versions were dropped
	Settled     int   `json:"settled"`   // partitions that came to have each key once, or turned out to
	Left        int   `json:"left"`      // partitions that are left to the next compaction
}

func (c *Compacted) add(d Compacted) {
	c.FilesBefore += d.FilesBefore
	c.FilesAfter += d.FilesAfter
	c.RowsBefore += d.RowsBefore
	c.RowsAfter += d.RowsAfter
	c.Settled += d.Settled
	c.Left += d.Left
}

// Compact merges files.
//
// Of a table that keeps versions it settles each partition that isn't: the
// superseded versions in it are dropped, which takes writing its files anew, and
// the table says of those that they have each key once. A partition to which
// nothing was added since costs nothing. What counts is never dropped, be it
// cancelled or deleted: it hides older versions that may still be delivered.
// After Config.CompactRows rows, further partitions are left to the next call,
// the oldest.
//
// Of other tables it merges the files of partitions that have many small ones.
//
// Snapshots made before, tagged ones among them, keep the old files. Where
// another process compacts the table, nothing is done.
func (l *Lake) Compact(ctx context.Context, name string) (c Compacted, err error) {
	defer errs.Wrap(&err, "compact %s", name)
	t, err := l.table(name)
	if err != nil {
		return c, err
	}
	err = l.rewriting(ctx, name, func(ctx context.Context) error {
		tbl, err := l.load(ctx, name)
		if err != nil {
			return err
		}
		tasks, err := planFiles(ctx, tbl)
		if err != nil {
			return kind(err)
		}
		if settles(tbl, t) {
			c, err = l.settleAll(ctx, tbl, t, tasks)
			return err
		}
		for _, group := range groupsOf(tasks, l.cfg.SmallFiles) {
			done, merged, err := merge(ctx, tbl, t, group, sequences{})
			if err == nil {
				err = l.replace(ctx, name, group, merged, nil)
			}
			if err != nil {
				return err
			}
			c.add(done)
		}
		return nil
	})
	return c, err
}

// rewriting runs fn, which removes files from a table, unless another process is
// at that.
func (l *Lake) rewriting(ctx context.Context, name string, fn func(context.Context) error) error {
	_, err := outbox.WithLease(ctx, l.db, "lake.compact."+name, l.cfg.LeaseTTL, fn)
	return err
}

func smallOf(files []table.FileScanTask) (n int) {
	for _, task := range files {
		if task.File.FileSizeBytes() < smallFile {
			n++
		}
	}
	return n
}

// groupsOf picks the files to merge: those of partitions with at least atLeast
// small ones, the smallest first and as many as a group may hold. Partitions
// with delete files, which only somebody else's program writes, are left alone.
func groupsOf(tasks []table.FileScanTask, atLeast int) (groups [][]table.FileScanTask) {
	partitions := map[string][]table.FileScanTask{}
	for _, task := range tasks {
		partition := fmt.Sprint(task.File.SpecID(), task.File.Partition())
		partitions[partition] = append(partitions[partition], task)
	}
	for _, p := range slices.Sorted(maps.Keys(partitions)) {
		if smallOf(partitions[p]) < atLeast || slices.ContainsFunc(partitions[p], hasDeletes) {
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

// merge writes the rows of files that aren't superseded into new ones, which
// nothing refers to yet.
func merge(ctx context.Context, tbl *table.Table, t rows.Table, old []table.FileScanTask, superseded sequences) (c Compacted, files []iceberg.DataFile, err error) {
	schema, records, err := scanOf(tbl).ReadTasks(ctx, old)
	if err != nil {
		return c, nil, kind(err)
	}
	if superseded.n > 0 {
		records = without(ctx, records, superseded)
	}
	if files, err = writeFiles(ctx, tbl, schema, records); err != nil {
		return c, nil, kind(err)
	}
	c.FilesBefore, c.FilesAfter = len(old), len(files)
	c.RowsBefore = rowsOf(old)
	for _, file := range files {
		c.RowsAfter += file.Count()
	}
	if want := c.RowsBefore - superseded.n; c.RowsAfter != want {
		return c, nil, fmt.Errorf("merging files of %s: %d rows were written instead of %d: %w", t.Name, c.RowsAfter, want, errs.Corrupt)
	}
	return c, files, nil
}

func dataFiles(tasks []table.FileScanTask) []iceberg.DataFile {
	files := make([]iceberg.DataFile, len(tasks))
	for i, task := range tasks {
		files[i] = task.File
	}
	return files
}

func rowsOf(tasks []table.FileScanTask) (n int64) {
	for _, task := range tasks {
		n += task.File.Count()
	}
	return n
}

// scanOf reads one file after the other, in pieces that bound the memory.
func scanOf(tbl *table.Table, columns ...string) *table.Scan {
	opts := []table.ScanOption{table.WithMaxConcurrency(1), table.WithArrowBatchSize(8192)}
	if len(columns) > 0 {
		opts = append(opts, table.WithSelectedFields(columns...))
	}
	return tbl.Scan(opts...)
}

// replace commits the exchange of files, together with properties. Appends in
// between don't matter; that the old files are still there does.
func (l *Lake) replace(ctx context.Context, name string, old []table.FileScanTask, files []iceberg.DataFile, say iceberg.Properties) error {
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
		if err := rewrite.Commit(ctx); err != nil {
			return nil, err
		}
		return tx, tx.SetProperties(say)
	})
}
