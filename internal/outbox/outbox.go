// Package outbox keeps batches of facts in PostgreSQL until the lakehouse has
// them.
//
// A batch is written in the transaction of the change that it tells of, so
// there is never one without the other. Each stream numbers its batches 1, 2,
// 3 … without gaps and in the order of their commits: whoever has read up to a
// number has missed nothing before it.
package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// What a batch may hold at most.
const (
	MaxRows  = 1 << 20  // so that a batch's number and a row's place fit into 64 bits together
	MaxBytes = 32 << 20 // half of what a result may have
)

// Batch is a batch as it was appended.
type Batch struct {
	Seq       int64 // 1 for the first of its stream
	Rows      int
	Body      []byte
	CreatedAt time.Time // by the database's clock
}

// Append writes a batch within the caller's transaction and returns its
// number. Other writers of the stream wait until that transaction ends, so it
// belongs near the transaction's end.
func Append(ctx context.Context, tx pg.Tx, stream string, rows int, body []byte) (seq int64, err error) {
	defer errs.Wrap(&err, "append to outbox %s", stream)
	switch {
	case rows <= 0:
		return 0, fmt.Errorf("a batch of %d rows: %w", rows, errs.Invalid)
	case rows > MaxRows || len(body) > MaxBytes:
		return 0, errs.WithRemedy(
			fmt.Errorf("a batch of %d rows and %d bytes is more than %d and %d: %w", rows, len(body), MaxRows, MaxBytes, errs.TooLarge),
			"split it into smaller batches")
	}
	return pgdb.New(tx).AppendBatch(ctx, pgdb.AppendBatchParams{
		Stream: stream, Rows: int32(rows), Bytes: int32(len(body)), Body: body,
	})
}

// Read returns the batches after a number, in order, as many as fit into
// maxBytes and maxRows, and at least one where there is one. Batches whose
// transaction has not committed are not there yet, and nor are those behind
// them.
func Read(ctx context.Context, db *pg.DB, stream string, after, maxBytes int64, maxRows int) (batches []Batch, err error) {
	defer errs.Wrap(&err, "read outbox %s", stream)
	q := pgdb.New(db)
	sizes, err := q.BatchSizes(ctx, pgdb.BatchSizesParams{Stream: stream, After: after})
	if err != nil || len(sizes) == 0 {
		return nil, err
	}
	// The database refuses a larger result.
	maxBytes = min(maxBytes, pg.MaxResultBytes-1<<20)
	upto, bytes, rows := sizes[0].Seq, int64(0), 0
	for _, s := range sizes {
		bytes, rows = bytes+int64(s.Bytes), rows+int(s.Rows)
		if bytes > maxBytes || rows > maxRows {
			break
		}
		upto = s.Seq
	}
	found, err := q.ReadBatches(ctx, pgdb.ReadBatchesParams{Stream: stream, After: after, Upto: upto})
	for _, b := range found {
		batches = append(batches, Batch{Seq: b.Seq, Rows: int(b.Rows), Body: b.Body, CreatedAt: b.CreatedAt})
	}
	return batches, err
}

// Drop removes a stream's batches up to and with a number, a thousand a
// statement. It only frees room: who reads remembers how far they are.
func Drop(ctx context.Context, db *pg.DB, stream string, upto int64) (err error) {
	defer errs.Wrap(&err, "drop from outbox %s", stream)
	for {
		n, err := pgdb.New(db).DropBatches(ctx, pgdb.DropBatchesParams{Stream: stream, Upto: upto})
		if err != nil || n == 0 {
			return err
		}
	}
}

// Last returns the number of the last batch that a stream was given, 0 where
// it never had one.
func Last(ctx context.Context, db *pg.DB, stream string) (seq int64, err error) {
	defer errs.Wrap(&err, "read the last of outbox %s", stream)
	seq, err = pgdb.New(db).LastBatch(ctx, stream)
	if pg.NoRows(err) {
		return 0, nil
	}
	return seq, err
}

// Waiting is what a stream holds for a reader.
type Waiting struct {
	Last int64         // number of the last batch, 0 where nothing waits
	Rows int64         // of all that wait
	Age  time.Duration // of the oldest that waits
}

// WaitingAfter returns what a reader who is at a number has before it.
func WaitingAfter(ctx context.Context, db *pg.DB, stream string, after int64) (w Waiting, err error) {
	defer errs.Wrap(&err, "look into outbox %s", stream)
	r, err := pgdb.New(db).WaitingAfter(ctx, pgdb.WaitingAfterParams{Stream: stream, After: after})
	return Waiting{Last: r.LastSeq, Rows: r.Rows, Age: seconds(r.Age)}, err
}

// StreamStatus is how full a stream is.
type StreamStatus struct {
	Stream  string
	Last    int64 // number of the last batch ever
	Oldest  int64 // number of the oldest that is still there, 0 where none is
	Batches int64 // that are still there, with their rows and compressed bytes
	Rows    int64
	Bytes   int64
	Age     time.Duration // of the oldest
}

// Status returns all streams by name.
func Status(ctx context.Context, db *pg.DB) (list []StreamStatus, err error) {
	defer errs.Wrap(&err, "read the state of the outbox")
	rows, err := pgdb.New(db).StreamStatuses(ctx)
	for _, r := range rows {
		list = append(list, StreamStatus{
			Stream: r.Stream, Last: r.LastSeq, Oldest: r.Oldest,
			Batches: r.Batches, Rows: r.Rows, Bytes: r.Bytes, Age: seconds(r.Age),
		})
	}
	return list, err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
