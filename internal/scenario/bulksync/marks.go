package bulksync

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// sweepMark ends the name of the watermark that says until when all ids of a
// stream were compared.
const sweepMark = ".ids"

func readMark(ctx context.Context, q *pgdb.Queries, stream string) (mark, error) {
	row, err := q.ReadWatermark(ctx, stream)
	if pg.NoRows(err) {
		return mark{}, nil
	}
	return mark{row.Value, row.Version}, err
}

func (j *job) keepGap(ctx context.Context, q *pgdb.Queries, stream streamPlan) error {
	g := stream.Gap
	n, err := q.ExtendGap(ctx, pgdb.ExtendGapParams{Stream: stream.Stream, Since: g.Since, Until: g.Until})
	if err != nil || n > 0 {
		return err
	}
	return q.RecordGap(ctx, pgdb.RecordGapParams{
		Stream: stream.Stream, Since: g.Since, Until: g.Until, RunID: j.id, Reason: g.Reason,
	})
}

// moveMarks advances what the run has earned: the stream's watermark, the time
// of the last whole sweep, and the gaps that it has read over.
func (j *job) moveMarks(ctx context.Context, q *pgdb.Queries, stream streamPlan) (moved bool, err error) {
	since := later(stream.Window.Since, bulk.Beginning)
	if stream.Gap == nil {
		_, err := q.FillGaps(ctx, pgdb.FillGapsParams{RunID: &j.id, Stream: stream.Stream, Since: since})
		if err != nil {
			return false, err
		}
	}
	if stream.SweepAll {
		swept, err := readMark(ctx, q, stream.Stream+sweepMark)
		if err != nil {
			return false, err
		}
		if _, err := j.moveMark(ctx, q, stream.Stream+sweepMark, swept, bulk.Beginning, stream.Window.Until); err != nil {
			return false, err
		}
	}
	if !stream.Advance {
		return false, nil
	}
	if j.params.Mode == Full {
		since = bulk.Beginning
	}
	return j.moveMark(ctx, q, stream.Stream, stream.Mark, since, stream.Window.Until)
}

func (j *job) moveMark(ctx context.Context, q *pgdb.Queries, name string, m mark, since, until time.Time) (moved bool, err error) {
	var n int64
	if m.Version == 0 {
		n, err = q.FirstWatermark(ctx, pgdb.FirstWatermarkParams{Stream: name, Until: until, RunID: j.id})
	} else {
		n, err = q.AdvanceWatermark(ctx, pgdb.AdvanceWatermarkParams{
			Stream: name, Version: m.Version, Since: since, Until: until, RunID: j.id,
		})
	}
	if err != nil || n == 0 {
		return false, err
	}
	return true, q.NoteWatermark(ctx, name)
}
