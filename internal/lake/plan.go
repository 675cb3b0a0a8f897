package lake

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// Plan is what a reader needs to read a snapshot of a table without asking
// again. Its files stay readable for as long as snapshots are kept.
type Plan struct {
	Table     string
	TableUUID string
	Snapshot  int64 // id; 0 where the table has none, and then no files
	At        time.Time
	Sequence  int64 // the last outbox batch in the snapshot, 0 where unknown
	Columns   []Column
	Files     []File

	// HasDeletes says that some rows of the files are deleted, which a reader
	// of the bare files wouldn't see. This program never writes such deletes.
	HasDeletes bool
}

// Column is a column of a table. Files are read by its id, for its name may
// change.
type Column struct {
	ID       int
	Name     string
	Type     string // as Iceberg writes it, such as decimal(19, 4)
	Required bool
}

// File is a data file.
type File struct {
	Path  string // of a local file, or an s3:// URL
	Rows  int64
	Bytes int64
	// Partition is the period of the file's rows, as 2025-02 or 2025-02-03: all
	// rows of the period are in the files that name it. It is empty where
	// somebody has changed the table's partitioning.
	Partition string
	// Settled says that, of the rows that the plan was made for, no other file
	// of the plan has a version of one in this file, and this file has one
	// version of each: the newest needn't be looked for. The files of a
	// partition are settled together, by [Lake.Compact], until a file is added.
	// Only tables with a key have such files.
	Settled bool
}

// Plan returns the files of a table as of a snapshot, which is named by a tag
// or by its id; as of now where asOf is empty.
func (l *Lake) Plan(ctx context.Context, name, asOf string) (Plan, error) {
	return l.PlanBetween(ctx, name, asOf, time.Time{}, time.Time{})
}

// PlanBetween leaves out files without rows in [from, until) of the column that
// the table is partitioned by; a zero time is no bound. Files that remain may
// have other rows too.
func (l *Lake) PlanBetween(ctx context.Context, name, asOf string, from, until time.Time) (p Plan, err error) {
	defer errs.Wrap(&err, "plan %s", name)
	t, err := l.table(name)
	if err != nil {
		return Plan{}, err
	}
	tbl, err := l.load(ctx, name)
	if err != nil {
		return Plan{}, err
	}
	p = Plan{Table: name, TableUUID: tbl.Metadata().TableUUID().String(), Columns: columnsOf(tbl.Schema())}
	snapshot, err := snapshotOf(tbl, asOf)
	if err != nil || snapshot == nil {
		return p, err
	}
	p.Snapshot, p.At = snapshot.SnapshotID, time.UnixMilli(snapshot.TimestampMs).UTC()
	p.Sequence = sequenceIn(tbl, snapshot)
	tasks, err := planFiles(ctx, tbl, table.WithSnapshotID(snapshot.SnapshotID), table.WithRowFilter(between(t, from, until)))
	if err != nil {
		return Plan{}, kind(err)
	}
	settled := settledIn(tbl, tasks)
	for _, task := range tasks {
		p.HasDeletes = p.HasDeletes || hasDeletes(task)
		f := File{
			Path: localPath(task.File.FilePath()), Rows: task.File.Count(), Bytes: task.File.FileSizeBytes(),
			Settled: settled[partitionOf(tbl, task.File)],
		}
		if len(tbl.Metadata().PartitionSpecs()) == 1 {
			f.Partition = partitionOf(tbl, task.File)
		}
		p.Files = append(p.Files, f)
	}
	return p, nil
}

func hasDeletes(t table.FileScanTask) bool {
	return len(t.DeleteFiles) > 0 || len(t.EqualityDeleteFiles) > 0 || len(t.DeletionVectorFiles) > 0
}

// planFiles returns one task for each file, whole: the library makes several of
// a large one.
func planFiles(ctx context.Context, tbl *table.Table, opts ...table.ScanOption) (tasks []table.FileScanTask, err error) {
	scan := tbl.Scan(opts...)
	defer scan.Close() //nolint:errcheck // it holds nothing where the plan is made here
	parts, err := scan.PlanFiles(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, task := range parts {
		if path := task.File.FilePath(); !seen[path] {
			seen[path] = true
			task.Start, task.Length = 0, task.File.FileSizeBytes()
			tasks = append(tasks, task)
		}
	}
	return tasks, nil
}

// snapshotOf finds a snapshot by tag or id. A table without any has none.
func snapshotOf(tbl *table.Table, asOf string) (*table.Snapshot, error) {
	if asOf == "" {
		return tbl.CurrentSnapshot(), nil
	}
	if s := tbl.SnapshotByName(asOf); s != nil {
		return s, nil
	}
	if id, err := strconv.ParseInt(asOf, 10, 64); err == nil {
		if s := tbl.SnapshotByID(id); s != nil {
			return s, nil
		}
	}
	return nil, errs.WithRemedy(fmt.Errorf("no snapshot %.80q: %w", asOf, errs.NotFound),
		"the states that runs left are kept for some time only; ask for a later one, or for now")
}

// sequenceIn returns the last batch that a snapshot has, from the youngest of it
// and its ancestors that was a commit of batches.
func sequenceIn(tbl *table.Table, s *table.Snapshot) int64 {
	for s != nil {
		if s.Summary != nil {
			if n, err := strconv.ParseInt(s.Summary.Properties[sequenceProperty], 10, 64); err == nil {
				return n
			}
		}
		if s.ParentSnapshotID == nil {
			break
		}
		s = tbl.SnapshotByID(*s.ParentSnapshotID)
	}
	return 0
}

func columnsOf(s *iceberg.Schema) (list []Column) {
	for _, f := range s.Fields() {
		list = append(list, Column{ID: f.ID, Name: f.Name, Type: f.Type.String(), Required: f.Required})
	}
	return list
}

// between is the filter by which files are left out.
func between(t rows.Table, from, until time.Time) iceberg.BooleanExpression {
	var filter iceberg.BooleanExpression = iceberg.AlwaysTrue{}
	column := iceberg.Reference(t.Partition)
	field, _ := t.Schema.FieldsByName(t.Partition)
	days := field[0].Type.ID() == arrow.DATE32
	if !from.IsZero() {
		if days {
			filter = iceberg.NewAnd(filter, iceberg.GreaterThanEqual(column, dateOf(from)))
		} else {
			filter = iceberg.NewAnd(filter, iceberg.GreaterThanEqual(column, iceberg.Timestamp(from.UnixMicro())))
		}
	}
	if !until.IsZero() {
		if days {
			filter = iceberg.NewAnd(filter, iceberg.LessThanEqual(column, dateOf(until)))
		} else {
			filter = iceberg.NewAnd(filter, iceberg.LessThan(column, iceberg.Timestamp(until.UnixMicro())))
		}
	}
	return filter
}

func dateOf(t time.Time) iceberg.Date { return iceberg.Date(t.Unix() / 86400) }
