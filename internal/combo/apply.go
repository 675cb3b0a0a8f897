package combo

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/settings"
)

// Write is a combo to be created, or to be changed where it has an id.
type Write struct {
	ID     uuid.UUID
	Seen   api.IfMatch
	Report Report
}

// Apply creates and changes combos, in this order, as one change that is undone by
// one call: all of them, or none. It returns them as they are then, and the id of
// the change, uuid.Nil where nothing changed. What is wrong with one is a [Misfit].
func Apply(ctx context.Context, tx pg.Tx, writes []Write) (done []Combo, change uuid.UUID, err error) {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return nil, change, err
	}
	given := sequences{}
	var before, after []*Combo // of those that changed, in pairs
	for i, w := range writes {
		var was *Combo
		var is Combo
		if w.ID == uuid.Nil {
			is, err = create(ctx, tx, set, given, w.Report, nil)
		} else {
			was = new(Combo)
			*was, is, err = update(ctx, tx, set, w.ID, w.Seen, w.Report)
		}
		if err != nil {
			return nil, change, &Misfit{i, err}
		}
		if was == nil || was.Version != is.Version {
			before, after = append(before, was), append(after, &is)
		}
		done = append(done, is)
	}
	if len(after) == 0 {
		return done, change, nil
	}
	c := api.Change{Operation: ImportOperation, Subject: "combo", Before: before, After: after}
	for _, a := range after {
		c.SubjectIDs = append(c.SubjectIDs, a.ID.String())
	}
	change, err = api.Record(ctx, tx, c)
	return done, change, err
}

// Misfit is the error of one of several writes.
type Misfit struct {
	Index int // of the write
	Err   error
}

// Error is that of the write.
func (m *Misfit) Error() string { return m.Err.Error() }

// Unwrap returns the error of the write.
func (m *Misfit) Unwrap() error { return m.Err }

// restoreAll undoes Apply, the last first.
func restoreAll(ctx context.Context, tx pg.Tx, from, to []*Combo) error {
	if len(from) != len(to) {
		return fmt.Errorf("%d states and %d: %w", len(from), len(to), errs.Corrupt)
	}
	for i := range slices.Backward(from) {
		if err := reports.Restore(ctx, tx, from[i], to[i]); err != nil {
			return err
		}
	}
	return nil
}
