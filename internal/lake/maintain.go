package lake

import (
	"context"
	"errors"
	"io/fs"

	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// keepLast is the number of snapshots that expiry leaves whatever their age.
const keepLast = 20

// Expire forgets a table's snapshots that are neither tagged nor young, and the
// tags whose time is over. Files stay for now: a reader may have planned with
// them a moment ago. [Lake.Sweep] removes what nothing refers to any more.
func (l *Lake) Expire(ctx context.Context, name string) (forgotten int, err error) {
	defer errs.Wrap(&err, "expire snapshots of %s", name)
	err = l.commit(ctx, name, func(tbl *table.Table) (*table.Transaction, error) {
		tx := tbl.NewTransaction()
		if err := tx.ExpireSnapshots(table.WithOlderThan(l.cfg.KeepSnapshots), table.WithRetainLast(keepLast), table.WithPostCommit(false)); err != nil {
			return nil, err
		}
		staged, err := tx.StagedTable()
		if err != nil {
			return nil, err
		}
		forgotten = len(tbl.Metadata().Snapshots()) - len(staged.Metadata().Snapshots())
		return tx, nil
	})
	return forgotten, err
}

// RewriteManifests merges the lists of files that commits left behind, which
// makes planning faster.
func (l *Lake) RewriteManifests(ctx context.Context, name string) (merged int, err error) {
	defer errs.Wrap(&err, "rewrite manifests of %s", name)
	err = l.commit(ctx, name, func(tbl *table.Table) (*table.Transaction, error) {
		tx := tbl.NewTransaction()
		r, err := tx.RewriteManifests(ctx)
		if err != nil || r.IsNoOp() {
			return nil, err
		}
		merged = len(r.RewrittenManifests)
		return tx, nil
	})
	return merged, err
}

// Swept is what a sweep removed, or would.
type Swept struct {
	Files []string `json:"files"`
	Bytes int64    `json:"bytes"`
}

// Sweep removes files of a table that no snapshot refers to: what committers
// wrote and didn't live to commit, and what expiry left. Files younger than
// the grace time stay, for somebody may be about to commit them. A dry run only
// lists.
func (l *Lake) Sweep(ctx context.Context, name string, dryRun bool) (s Swept, err error) {
	defer errs.Wrap(&err, "sweep %s", name)
	for range 3 {
		var tbl *table.Table
		if tbl, err = l.load(ctx, name); err != nil {
			return s, err
		}
		var r table.OrphanCleanupResult
		r, err = tbl.DeleteOrphanFiles(ctx, table.WithFilesOlderThan(l.cfg.OrphanGrace), table.WithDryRun(dryRun))
		s = Swept{Files: r.OrphanFileLocations, Bytes: r.TotalSizeBytes}
		// A commit removes metadata that it outdates, under the eyes of who
		// lists the folder.
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return s, kind(err)
}
