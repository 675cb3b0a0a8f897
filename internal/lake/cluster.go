package lake

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
)

// batches is what a scan yields and a writer takes.
type batches = iter.Seq2[arrow.RecordBatch, error]

// records are written one by one.
type records []arrow.RecordBatch

// all yields the records and forgets each, so that what was written is freed.
func (r records) all() batches {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for i, record := range r {
			r[i] = nil
			if !yield(record, nil) {
				return
			}
		}
	}
}

// shares unpacks batches and deals their rows out to as many shares of about
// equally many rows. In each share, the rows of one partition stand together: an
// open writer costs tens of megabytes, so one partition is written after the
// other. Only a partition at a border is in two shares.
func shares(ctx context.Context, t rows.Table, reader *rows.Reader, batches []outbox.Batch, atMost int) ([]records, error) {
	dealt := make([]map[int64]arrow.RecordBatch, len(batches))
	err := parallel(ctx, writers, len(batches), func(ctx context.Context, i int) (err error) {
		dealt[i], err = unpack(ctx, t, reader, batches[i])
		batches[i].Body = nil
		return err
	})
	if err != nil {
		return nil, err
	}
	parts := map[int64]records{}
	var total, done int64
	for _, byPeriod := range dealt {
		for p, record := range byPeriod {
			parts[p] = append(parts[p], record)
			total += record.NumRows()
		}
	}
	n := min(int64(atMost), 1+total/writerRows)
	list := []records{nil}
	for _, p := range slices.Sorted(maps.Keys(parts)) {
		for _, record := range parts[p] {
			if done*n >= total*int64(len(list)) {
				list = append(list, nil)
			}
			done += record.NumRows()
			list[len(list)-1] = append(list[len(list)-1], record)
		}
	}
	return list, nil
}

// unpack returns the rows of a batch by their period, with their sequence where
// the table has one.
func unpack(ctx context.Context, t rows.Table, reader *rows.Reader, b outbox.Batch) (map[int64]arrow.RecordBatch, error) {
	record, err := reader.Read(t.Schema, b.Body)
	if err != nil {
		return nil, fmt.Errorf("batch %d: %w", b.Seq, err)
	}
	if int(record.NumRows()) != b.Rows {
		return nil, fmt.Errorf("batch %d has %d rows, not %d: %w", b.Seq, record.NumRows(), b.Rows, errs.Corrupt)
	}
	if t.Schema.HasField(rows.Sequence) {
		record = withSequence(t.Schema, record, b.Seq)
	}
	return deal(ctx, record, t)
}

// withSequence returns the record with the column that the outbox can't know.
func withSequence(schema *arrow.Schema, record arrow.RecordBatch, seq int64) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(int(record.NumRows()))
	for i := range int(record.NumRows()) {
		b.UnsafeAppend(rows.SequenceOf(seq, i))
	}
	sequence := b.NewInt64Array()
	defer sequence.Release()
	cols := make([]arrow.Array, 0, schema.NumFields())
	sent := 0
	for _, f := range schema.Fields() {
		if f.Name == rows.Sequence {
			cols = append(cols, sequence)
			continue
		}
		cols = append(cols, record.Column(sent))
		sent++
	}
	return array.NewRecordBatch(schema, cols, record.NumRows())
}

// deal returns the rows of a record by their period.
func deal(ctx context.Context, record arrow.RecordBatch, t rows.Table) (map[int64]arrow.RecordBatch, error) {
	periods, err := periodsOf(record, t)
	if err != nil {
		return nil, err
	}
	picked := map[int64][]int64{}
	for row, p := range periods {
		picked[p] = append(picked[p], int64(row))
	}
	parts := map[int64]arrow.RecordBatch{}
	for p, rows := range picked {
		if len(picked) == 1 {
			parts[p] = record
		} else if parts[p], err = take(ctx, record, rows); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func take(ctx context.Context, record arrow.RecordBatch, picked []int64) (arrow.RecordBatch, error) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(picked, nil)
	indices := b.NewInt64Array()
	defer indices.Release()
	out, err := compute.Take(ctx, *compute.DefaultTakeOptions(),
		compute.NewDatumWithoutOwning(record), compute.NewDatumWithoutOwning(indices))
	if err != nil {
		return nil, err
	}
	return out.(*compute.RecordDatum).Value, nil
}

// periodsOf returns a number for each row that is equal for rows of one
// partition, and grows with time.
func periodsOf(record arrow.RecordBatch, t rows.Table) ([]int64, error) {
	column := record.Column(record.Schema().FieldIndices(t.Partition)[0])
	var days func(row int) int64
	switch c := column.(type) {
	case *array.Timestamp:
		const day = int64(24 * time.Hour / time.Microsecond)
		days = func(row int) int64 {
			at := int64(c.Value(row))
			d := at / day
			if at%day < 0 {
				d--
			}
			return d
		}
	case *array.Date32:
		days = func(row int) int64 { return int64(c.Value(row)) }
	default:
		return nil, fmt.Errorf("column %s is %s, and no time: %w", t.Partition, column.DataType(), errs.Corrupt)
	}
	periods := make([]int64, column.Len())
	known := map[int64]int64{}
	for row := range periods {
		day := days(row)
		period, ok := known[day]
		if !ok {
			period = periodOf(day, t.Period)
			known[day] = period
		}
		periods[row] = period
	}
	return periods, nil
}

// periodOf returns the period of a day, both counted from 1970.
func periodOf(day int64, period string) int64 {
	if period == "day" {
		return day
	}
	at := time.Unix(day*86400, 0).UTC()
	if period == "month" {
		return int64(at.Year()-1970)*12 + int64(at.Month()-1)
	}
	return int64(at.Year() - 1970)
}
