package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
)

// readBytes bounds the compressed batches of one commit.
const readBytes = 48 << 20

// Run commits what waits in the outbox until ctx ends: as soon as enough rows
// wait, or the oldest has waited long enough. Any number of processes may run
// it; for each table one works at a time.
func (l *Lake) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range l.tables {
		all.Go(func() { l.follow(ctx, t) })
	}
	all.Wait()
}

// follow keeps one table up with its stream.
func (l *Lake) follow(ctx context.Context, t rows.Table) {
	rest := l.cfg.Poll
	for pause(ctx, rest) == nil {
		rest = l.cfg.Poll
		if err := l.flush(ctx, t); err != nil && ctx.Err() == nil {
			l.log.Warn("can't bring the lakehouse up to date", "table", t.Name, "error", err)
			rest = 10 * l.cfg.Poll
		}
	}
}

// flush commits what waits where it is due. Batches are dropped when they are
// in the table, so what is in the outbox waits.
func (l *Lake) flush(ctx context.Context, t rows.Table) error {
	w, err := outbox.WaitingAfter(ctx, l.db, t.Name, 0)
	if err != nil || w.Rows < int64(l.cfg.FlushRows) && w.Age < l.cfg.FlushAge {
		return err
	}
	_, err = l.leased(ctx, t, w.Last)
	return err
}

// Drain returns when the table of a stream has all batches up to and with a
// number. It does the work itself where no other process is at it.
func (l *Lake) Drain(ctx context.Context, stream string, upto int64) (err error) {
	defer errs.Wrap(&err, "drain %s up to batch %d", stream, upto)
	t, err := l.table(stream)
	if err != nil {
		return err
	}
	if last, err := outbox.Last(ctx, l.db, stream); err != nil {
		return err
	} else if upto > last {
		return fmt.Errorf("the stream ends with batch %d: %w", last, errs.Invalid)
	}
	for {
		if at, err := l.Committed(ctx, stream); err != nil || at >= upto {
			return err
		}
		held, err := l.leased(ctx, t, upto)
		if err != nil {
			return err
		}
		if !held {
			if err := pause(ctx, min(l.cfg.Poll, 200*time.Millisecond)); err != nil {
				return err
			}
		}
	}
}

// Committed returns the number of the last batch that a stream's table has, 0
// where it has none.
func (l *Lake) Committed(ctx context.Context, stream string) (int64, error) {
	tbl, err := l.load(ctx, stream)
	if err != nil {
		return 0, err
	}
	return sequenceOf(tbl)
}

// leased commits up to a batch where no other process does.
func (l *Lake) leased(ctx context.Context, t rows.Table, upto int64) (held bool, err error) {
	return outbox.WithLease(ctx, l.db, "lake.commit."+t.Name, l.cfg.LeaseTTL, func(ctx context.Context) error {
		for {
			at, err := l.commitNext(ctx, t)
			if err != nil || at >= upto {
				return err
			}
		}
	})
}

// commitNext moves as many batches as one commit takes, and returns the number
// of the last one that the table has.
func (l *Lake) commitNext(ctx context.Context, t rows.Table) (at int64, err error) {
	tbl, err := l.load(ctx, t.Name)
	if err != nil {
		return 0, err
	}
	if at, err = sequenceOf(tbl); err != nil {
		return 0, err
	}
	last, err := outbox.Last(ctx, l.db, t.Name)
	if err != nil {
		return 0, err
	}
	if last < at {
		return 0, errs.WithRemedy(fmt.Errorf("%s has batch %d, and its stream ends with %d: %w", t.Name, at, last, errs.Corrupt),
			"the database is older than the lakehouse: restore the backup of the same time, or make the lakehouse anew by a full sync into an empty warehouse")
	}
	// A committer that died after its commit left these.
	if err := outbox.Drop(ctx, l.db, t.Name, at); err != nil {
		return 0, err
	}
	batches, err := outbox.Read(ctx, l.db, t.Name, at, readBytes, l.cfg.FlushRows)
	if err != nil || len(batches) == 0 {
		return last, err
	}
	if first := batches[0].Seq; first != at+1 {
		if now, err := l.Committed(ctx, t.Name); err != nil || now > at {
			return now, err // somebody else has committed and dropped what is missing
		}
		return 0, fmt.Errorf("outbox of %s goes on with batch %d after %d: %w", t.Name, first, at, errs.Corrupt)
	}
	files, err := l.stage(ctx, tbl, t, batches)
	if err != nil {
		return 0, fmt.Errorf("write files of %s: %w", t.Name, kind(err))
	}
	last = batches[len(batches)-1].Seq
	err = l.commitFiles(ctx, t.Name, files, at, last)
	switch {
	case errors.Is(err, errOvertaken):
		return at, nil // the files stay behind for the sweep of orphans
	case err != nil:
		return 0, err
	}
	return last, outbox.Drop(ctx, l.db, t.Name, last)
}

// Writers of one commit, and the rows that make another one worth it. An open
// writer costs tens of megabytes.
const (
	writers    = 2
	writerRows = 1 << 15
)

// stage writes the rows of batches into data files that nothing refers to yet.
func (l *Lake) stage(ctx context.Context, tbl *table.Table, t rows.Table, batches []outbox.Batch) ([]iceberg.DataFile, error) {
	list, err := shares(ctx, t, l.reader, batches, writers)
	if err != nil {
		return nil, err
	}
	written := make([][]iceberg.DataFile, len(list))
	err = parallel(ctx, writers, len(list), func(ctx context.Context, i int) (err error) {
		written[i], err = writeFiles(ctx, tbl, t.Schema, list[i].all())
		return err
	})
	return slices.Concat(written...), err
}

// writeFiles writes records that come partition by partition, with one file
// open at a time.
func writeFiles(ctx context.Context, tbl *table.Table, schema *arrow.Schema, records batches) (files []iceberg.DataFile, err error) {
	for file, err := range table.WriteRecords(ctx, tbl, schema, records, table.WithClusteredWrite(), table.WithRecordBatchBufferSize(2)) {
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// errOvertaken says that another committer, whose lease was thought dead, has
// moved the table on by a part of the same batches.
var errOvertaken = fmt.Errorf("another process has committed: %w", errs.Conflict)

// commitFiles adds files that hold the batches after one number up to and with
// another.
func (l *Lake) commitFiles(ctx context.Context, name string, files []iceberg.DataFile, after, upto int64) error {
	mark := iceberg.Properties{sequenceProperty: strconv.FormatInt(upto, 10)}
	return l.commit(ctx, name, func(tbl *table.Table) (*table.Transaction, error) {
		switch at, err := sequenceOf(tbl); {
		case err != nil:
			return nil, err
		case at >= upto:
			return nil, nil // an attempt went through whose answer was lost
		case at != after:
			return nil, errOvertaken
		}
		tx := tbl.NewTransaction()
		// Without this the library would replay the commit over somebody
		// else's, which may have added the same batches.
		if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
			return nil, err
		}
		if err := tx.AddDataFiles(ctx, files, mark, table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping()); err != nil {
			return nil, err
		}
		return tx, tx.SetProperties(mark)
	})
}
