// Package rows says what the lakehouse's tables hold, and packs facts into the
// batches that travel through the outbox.
//
// A batch is an Arrow IPC stream of one record, compressed as a whole with zstd.
// It has all columns of its table but [Sequence], which the lakehouse adds: only
// the outbox knows a batch's number.
package rows

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// The tables, which are also the names of their streams in the outbox.
const (
	TableTelemetry   = "sync.telemetry"
	TableSales       = "measurement.sales"
	TablePerformance = "measurement.performance"
)

// Sequence is the column that tells versions apart which are otherwise equally
// new: the batch's number and the row's place in the batch, so that no two rows
// of a table share one, and a row that was appended later has a greater one.
const Sequence = "sequence"

// SequenceOf returns the value of [Sequence] for a row of a batch. The outbox
// takes no batch with more rows than fit beside the batch's number.
func SequenceOf(seq int64, row int) int64 { return seq<<20 | int64(row) }

// Money and instants have one type in all tables.
var (
	money   = &arrow.Decimal128Type{Precision: 19, Scale: 4}
	instant = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
)

// Table is a table of the lakehouse.
type Table struct {
	Name   string
	Schema *arrow.Schema // all columns

	// Partition names the column whose Period ("day", "month", "year") the
	// rows are kept apart by.
	Partition, Period string

	// Key names the column, a 64-bit integer, that tells what a row is a
	// version of. Of its versions the one with the greatest Newest counts, and
	// of those the one with the greatest Sequence. Where Key is empty, every row
	// stands for itself.
	Key, Newest string
}

// Tables returns all tables.
func Tables() []Table {
	return []Table{
		{Name: TableTelemetry, Schema: telemetrySchema(), Partition: "occurred_at", Period: "day"},
		{Name: TableSales, Schema: salesSchema(), Partition: "occurred_at", Period: "month",
			Key: "line_item_id", Newest: "order_updated_at"},
		{Name: TablePerformance, Schema: performanceSchema(), Partition: "as_of", Period: "year"},
	}
}

// required and optional declare a column.
func required(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }
func optional(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// Sent returns the schema of a table's batches: the table's without Sequence.
func Sent(table *arrow.Schema) *arrow.Schema {
	var fields []arrow.Field
	for _, f := range table.Fields() {
		if f.Name != Sequence {
			fields = append(fields, f)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// builder packs rows of one table.
type builder struct {
	schema *arrow.Schema
	b      *array.RecordBuilder
	zstd   *zstd.Encoder
	plain  bytes.Buffer
	rows   int
}

func newBuilder(table *arrow.Schema) builder {
	schema := Sent(table)
	// The options are right, so there is no error. A batch is small: with the
	// usual window, clearing it would take longer than compressing.
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedFastest))
	return builder{schema: schema, b: array.NewRecordBuilder(memory.DefaultAllocator, schema), zstd: enc}
}

// Len returns the rows added since the start, the last Body or Reset.
func (b *builder) Len() int { return b.rows }

// Body returns the rows as the body of a batch and empties the builder.
func (b *builder) Body() ([]byte, error) {
	record := b.b.NewRecordBatch()
	defer record.Release()
	b.rows = 0
	b.plain.Reset()
	w := ipc.NewWriter(&b.plain, ipc.WithSchema(b.schema))
	if err := w.Write(record); err != nil {
		return nil, fmt.Errorf("pack a batch: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack a batch: %w", err)
	}
	return b.zstd.EncodeAll(b.plain.Bytes(), nil), nil
}

// Reset forgets the rows.
func (b *builder) Reset() {
	b.b.NewRecordBatch().Release()
	b.rows = 0
}

// Reader unpacks batches. It is safe for use by several goroutines.
type Reader struct{ zstd *zstd.Decoder }

// NewReader returns a reader, which needs no closing.
func NewReader() *Reader {
	// The options are right, so there is no error. The limit is far above what
	// the rows of a batch take, and below what a forged one could claim.
	dec, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(1<<30))
	return &Reader{dec}
}

// Read unpacks a batch's body, which must be of the table that has the given
// schema. The caller releases the record.
func (r *Reader) Read(table *arrow.Schema, body []byte) (arrow.RecordBatch, error) {
	plain, err := r.zstd.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("batch can't be decompressed: %w: %w", err, errs.Corrupt)
	}
	in := bytes.NewReader(plain)
	stream, err := ipc.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("batch is no Arrow stream: %w: %w", err, errs.Corrupt)
	}
	defer stream.Release()
	if want := Sent(table); !stream.Schema().Equal(want) {
		return nil, fmt.Errorf("batch has the columns %v, its table %v: %w", stream.Schema(), want, errs.Corrupt)
	}
	if !stream.Next() {
		return nil, fmt.Errorf("batch has no record: %w: %w", stream.Err(), errs.Corrupt)
	}
	record := stream.RecordBatch()
	record.Retain()
	if stream.Next() || stream.Err() != nil || in.Len() > 0 {
		record.Release()
		return nil, fmt.Errorf("batch goes on after its record: %w", errs.Corrupt)
	}
	return record, nil
}
