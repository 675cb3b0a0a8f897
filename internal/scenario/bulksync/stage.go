package bulksync

import (
	"context"
	"strings"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// byID is the source of rejected records that were read by id.
const byID = "by_id"

func (j *job) mergeProducts(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
	n, err := j.applyProducts(ctx, tx, c.products, true)
	return merged{written: n}, err
}

// applyProducts merges products and notes those of a file.
func (j *job) applyProducts(ctx context.Context, tx pg.Tx, batch *catalog.Batch, fromFile bool) (int64, error) {
	if err := tx.Stage(ctx, db.Stage); err != nil {
		return 0, err
	}
	if err := batch.Stage(ctx, tx); err != nil {
		return 0, err
	}
	if fromFile {
		if err := pgdb.New(tx).RecordProducts(ctx); err != nil {
			return 0, err
		}
	}
	if fromFile && j.replays() {
		if err := pgdb.New(tx).DropReplayedProducts(ctx); err != nil {
			return 0, err
		}
	}
	changes, err := catalog.Apply(ctx, tx, j.id)
	return changes.Products, err
}

func (j *job) mergeRoots(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
	n, err := j.orders.Apply(ctx, tx, c.orders)
	return merged{written: n}, err
}

func (j *job) mergeChildren(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
	n, orphans, err := j.orders.ApplyLines(ctx, tx, c.lines)
	m := merged{written: n}
	for _, o := range orphans {
		m.rejects = append(m.rejects, reject{
			line: o.Line, kind: "LineItem", subject: o.Order,
			reason: "its order is not in this file", record: []byte(o.ID.GID("LineItem")),
		})
	}
	return m, err
}

func (j *job) mergeSweep(stream string) func(context.Context, pg.Tx, *chunk) (merged, error) {
	return func(ctx context.Context, tx pg.Tx, c *chunk) (merged, error) {
		if err := tx.Stage(ctx, db.Stage); err != nil {
			return merged{}, err
		}
		if err := tx.CopyIn(ctx, "stage_sweep", c.ids); err != nil {
			return merged{}, err
		}
		return merged{}, pgdb.New(tx).RecordSweep(ctx, stream)
	}
}

// reject writes down what can't be stored. Text that PostgreSQL can't hold is
// replaced; the archive has the bytes.
func (j *job) reject(ctx context.Context, tx pg.Tx, source string, list []reject) error {
	q := pgdb.New(tx)
	for _, r := range list {
		p := pgdb.RejectRecordParams{
			RunID: j.id, Source: source, LineNo: r.line, SubjectType: r.kind,
			Reason: storable(r.reason), Record: storable(string(r.record)),
		}
		if r.subject != 0 {
			id := int64(r.subject)
			p.SubjectID = &id
		}
		if err := q.RejectRecord(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\\u0000"), "\uFFFD")
}
