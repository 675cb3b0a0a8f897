package lake

import (
	"context"

	"github.com/apache/iceberg-go/table"
)

// Load returns a table as the library knows it: tests read with it, past Plan.
func (l *Lake) Load(ctx context.Context, name string) (*table.Table, error) { return l.load(ctx, name) }

// CommitNext commits without a lease, as a process does that was stopped past
// its lease and doesn't know.
func (l *Lake) CommitNext(ctx context.Context, name string) (int64, error) {
	t, err := l.table(name)
	if err != nil {
		return 0, err
	}
	return l.commitNext(ctx, t)
}

// Conflict reports whether a failed commit counts as one that lost a race.
func Conflict(err error) bool { return conflict(err) }

// Synced reports whether the files of a table are synced to the disk.
func Synced(ctx context.Context, tbl *table.Table) bool {
	fs, err := tbl.FS(ctx)
	_, ok := fs.(syncFS)
	return err == nil && ok
}

// SequenceIn returns the last batch that a snapshot has.
func SequenceIn(tbl *table.Table, s *table.Snapshot) int64 { return sequenceIn(tbl, s) }

// Superseded returns how many rows of a table a newer one makes superfluous, and
// whether each of some sequences is one of these. No more than about perPass
// rows are compared at once.
func (l *Lake) Superseded(ctx context.Context, name string, perPass int64, of []int64) (n int64, is []bool, err error) {
	t, err := l.table(name)
	if err != nil {
		return 0, nil, err
	}
	tbl, err := l.load(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	tasks, err := planFiles(ctx, tbl)
	if err != nil {
		return 0, nil, err
	}
	superseded, err := supersededIn(ctx, tbl, t, tasks, perPass)
	for _, sequence := range of {
		is = append(is, superseded.has(sequence))
	}
	return superseded.n, is, err
}
