package lake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// version is a row by what orders it among the versions of its key.
type version struct{ key, newest, sequence int64 }

// supersededIn returns the sequences of the rows of some files that a newer
// version among them makes superfluous. A sequence belongs to one row alone.
func supersededIn(ctx context.Context, tbl *table.Table, t rows.Table, files []table.FileScanTask) (map[int64]bool, error) {
	_, records, err := scanOf(tbl, t.Key, t.Newest, rows.Sequence).ReadTasks(ctx, files)
	if err != nil {
		return nil, err
	}
	var all []version
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		all, err = appendVersions(all, record, t)
		record.Release()
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.newest, a.newest), cmp.Compare(b.sequence, a.sequence))
	})
	superseded := map[int64]bool{}
	for i, v := range all {
		if i > 0 && all[i-1].key == v.key {
			superseded[v.sequence] = true
		}
	}
	return superseded, nil
}

func appendVersions(all []version, record arrow.RecordBatch, t rows.Table) ([]version, error) {
	key, err := integers(record, t.Key)
	if err != nil {
		return nil, err
	}
	newest, err := integers(record, t.Newest)
	if err != nil {
		return nil, err
	}
	sequence, err := integers(record, rows.Sequence)
	if err != nil {
		return nil, err
	}
	for i := range int(record.NumRows()) {
		all = append(all, version{key(i), newest(i), sequence(i)})
	}
	return all, nil
}

// integers returns how to read a column of a record. The library yields columns
// in the table's order, whatever was asked for.
func integers(record arrow.RecordBatch, name string) (func(int) int64, error) {
	at := record.Schema().FieldIndices(name)
	if len(at) == 1 {
		switch c := record.Column(at[0]).(type) {
		case *array.Int64:
			return c.Value, nil
		case *array.Timestamp:
			return func(i int) int64 { return int64(c.Value(i)) }, nil
		}
	}
	return nil, fmt.Errorf("files have no whole numbers in column %s: %w", name, errs.Corrupt)
}

// without leaves out the rows that have one of the given sequences.
func without(ctx context.Context, records batches, superseded map[int64]bool) batches {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for record, err := range records {
			if err == nil {
				record, err = keep(ctx, record, superseded)
			}
			if err == nil && record.NumRows() == 0 {
				record.Release()
				continue
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// keep takes over a record and returns what remains of it.
func keep(ctx context.Context, record arrow.RecordBatch, superseded map[int64]bool) (arrow.RecordBatch, error) {
	defer record.Release()
	sequence, err := integers(record, rows.Sequence)
	if err != nil {
		return nil, err
	}
	mask := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer mask.Release()
	for i := range int(record.NumRows()) {
		mask.Append(!superseded[sequence(i)])
	}
	kept := mask.NewBooleanArray()
	defer kept.Release()
	return compute.FilterRecordBatch(ctx, record, kept, compute.DefaultFilterOptions())
}
