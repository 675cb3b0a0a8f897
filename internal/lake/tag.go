package lake

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// tagPrefix begins the name of a run's tag.
const tagPrefix = "run-"

// TagOf returns the name by which [Lake.Plan] finds what a run left behind.
func TagOf(runID string) string { return tagPrefix + runID }

// Tag names the snapshot that each table has now after a run, so that it can be
// read for as long as tags are kept. A run that has a tag keeps it: the step
// that calls this may run twice. A table that never had a commit gets none.
func (l *Lake) Tag(ctx context.Context, runID string) (err error) {
	defer errs.Wrap(&err, "tag the snapshots of run %s", runID)
	for _, t := range l.tables {
		if err := l.tagTable(ctx, t.Name, TagOf(runID)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lake) tagTable(ctx context.Context, name, tag string) error {
	return l.attempt(ctx, name, func(tbl *table.Table) (func(context.Context) error, error) {
		current := tbl.CurrentSnapshot()
		if current == nil || tbl.SnapshotByName(tag) != nil {
			return nil, nil
		}
		// Expiry counts a tag's age from its snapshot, which may be old where
		// nothing was committed for long.
		age := time.Since(time.UnixMilli(current.TimestampMs))
		keep := (l.cfg.KeepTags + age).Milliseconds()
		// The library's transactions make no tags.
		return func(ctx context.Context) error {
			_, _, err := l.catalog.CommitTable(ctx, catalog.ToIdentifier(name),
				[]table.Requirement{table.AssertTableUUID(tbl.Metadata().TableUUID()), table.AssertRefSnapshotID(tag, nil)},
				[]table.Update{table.NewSetSnapshotRefUpdate(tag, current.SnapshotID, table.TagRef, keep, 0, 0)})
			return err
		}, nil
	})
}

// Tags returns the names of a table's tags, in order.
func (l *Lake) Tags(ctx context.Context, name string) (tags []string, err error) {
	tbl, err := l.load(ctx, name)
	if err != nil {
		return nil, err
	}
	for ref := range tbl.Metadata().Refs() {
		if strings.HasPrefix(ref, tagPrefix) {
			tags = append(tags, ref)
		}
	}
	slices.Sort(tags)
	return tags, nil
}
