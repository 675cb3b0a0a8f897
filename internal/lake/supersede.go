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

// passRows bounds how many rows are compared at once, and by that the memory
// that it takes: 24 bytes a row.
const passRows = 4 << 20

// supersededIn returns the sequences of the rows of some files that a newer
// version among them makes superfluous. A sequence belongs to one row alone.
// Files with more rows than perPass are read several times, each time for a part
// of the keys.
func supersededIn(ctx context.Context, tbl *table.Table, t rows.Table, files []table.FileScanTask, perPass int64) (sequences, error) {
	superseded := sequences{bits: map[int64]*[64]uint64{}}
	passes := uint64(1 + rowsOf(files)/perPass)
	all := make([]version, 0, 9*uint64(rowsOf(files))/(8*passes)) // a pass may get a few more than its share
	for pass := range passes {
		mine := func(key int64) bool { return uint64(key)*0x9E3779B97F4A7C15>>32%passes == pass }
		var err error
		all, err = appendVersions(ctx, all[:0], tbl, t, files, mine)
		if err != nil {
			return superseded, err
		}
		slices.SortFunc(all, func(a, b version) int {
			return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.newest, a.newest), cmp.Compare(b.sequence, a.sequence))
		})
		for i, v := range all {
			if i > 0 && all[i-1].key == v.key {
				superseded.add(v.sequence)
			}
		}
	}
	return superseded, nil
}

// appendVersions reads the versions of those keys that a pass is about.
func appendVersions(ctx context.Context, all []version, tbl *table.Table, t rows.Table, files []table.FileScanTask, mine func(key int64) bool) ([]version, error) {
	_, records, err := scanOf(tbl, t.Key, t.Newest, rows.Sequence).ReadTasks(ctx, files)
	if err != nil {
		return nil, err
	}
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		all, err = appendRecord(all, record, t, mine)
		record.Release()
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func appendRecord(all []version, record arrow.RecordBatch, t rows.Table, mine func(key int64) bool) ([]version, error) {
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
		if k := key(i); mine(k) {
			all = append(all, version{k, newest(i), sequence(i)})
		}
	}
	return all, nil
}

// sequences is a set of sequences, a bit for each within blocks of 4096.
type sequences struct {
	bits map[int64]*[64]uint64
	n    int64
}

// add puts in a sequence that isn't in the set.
func (s *sequences) add(sequence int64) {
	block := s.bits[sequence>>12]
	if block == nil {
		block = new([64]uint64)
		s.bits[sequence>>12] = block
	}
	block[sequence>>6&63] |= 1 << (sequence & 63)
	s.n++
}

func (s *sequences) has(sequence int64) bool {
	block := s.bits[sequence>>12]
	return block != nil && block[sequence>>6&63]>>(sequence&63)&1 == 1
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
func without(ctx context.Context, records batches, superseded sequences) batches {
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
func keep(ctx context.Context, record arrow.RecordBatch, superseded sequences) (arrow.RecordBatch, error) {
	sequence, err := integers(record, rows.Sequence)
	if err != nil {
		record.Release()
		return nil, err
	}
	mask := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer mask.Release()
	all := true
	for i := range int(record.NumRows()) {
		stays := !superseded.has(sequence(i))
		all = all && stays
		mask.Append(stays)
	}
	if all {
		return record, nil
	}
	defer record.Release()
	kept := mask.NewBooleanArray()
	defer kept.Release()
	return compute.FilterRecordBatch(ctx, record, kept, compute.DefaultFilterOptions())
}
