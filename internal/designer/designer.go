// Package designer keeps which tags are with which designer: one artefact of the
// kind agent_assignment for each designer. A tag may be with several.
//
// Writes happen in the caller's transaction and are recorded there, in the name
// of the context's principal, so that whoever assigns can have it undone by
// [Undoers]. rules.go decides what may be assigned.
package designer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// The operations that changes are recorded under.
const (
	AssignOperation   = "assignDesigner"
	UnassignOperation = "unassignDesigner"
	RemoveOperation   = "deleteDesigner"
)

// Assignment is what a designer has.
type Assignment struct {
	DesignerName string   `json:"designerName"` // as it was first spelled
	Tags         []string `json:"tags"`         // as Shopify spells them, by name, each once; may be none
}

// Designer is a designer as stored. Its identifier is the name as names compare:
// lists are in its order, and so are remainders given out.
type Designer = artifact.Artifact[Assignment]

var assignments = artifact.Kind[Assignment]{Name: "agent_assignment", Noun: "designer", Check: Assignment.faults}

// maxDesigners are so many that a list of all can be held in memory.
const maxDesigners = 10_000

// All returns the designers in the order of their names.
func All(ctx context.Context, db pgdb.DBTX) ([]Designer, error) {
	list, err := assignments.List(ctx, db, artifact.Filter{}, uuid.Nil, maxDesigners+1)
	if err == nil && len(list) > maxDesigners {
		err = errs.WithRemedy(fmt.Errorf("there are more than %d designers: %w", maxDesigners, errs.TooLarge), "delete those that are none by DELETE /api/designers/{designerName}")
	}
	slices.SortFunc(list, func(a, b Designer) int { return strings.Compare(a.Identifier, b.Identifier) })
	return list, err
}

// Find returns the designer of a name, whatever its case. One who isn't there is
// errs.NotFound.
func Find(ctx context.Context, db pgdb.DBTX, name string) (Designer, error) {
	id, err := pgdb.New(db).FindDesigner(ctx, Fold(name))
	if pg.NoRows(err) {
		return Designer{}, missing()
	}
	if err != nil {
		return Designer{}, err
	}
	return assignments.Get(ctx, db, id)
}

func missing() error {
	return errs.WithRemedy(fmt.Errorf("there is no such designer: %w", errs.NotFound), "GET /api/designers/names lists those that there are")
}

// Outcome is what became of a request.
type Outcome struct {
	Designer           // as it is now
	Changed   []string // the tags that were given or taken off, in the order of the request, each once
	Unchanged []string // the tags of the request that stood as it asks already
}

// Assign gives tags to a designer, who is made, or brought back, where there is
// none of the name. Names and tags compare trimmed and without regard to case.
// What can't be meant is [api.Faults] at body.designerName and body.tags[…]; see
// [Check]. Tags that are with the designer already are Unchanged, and where all
// are, nothing is written. It is errs.Stale where the caller saw another version,
// a designer who isn't there having 0; the zero IfMatch is any version.
func Assign(ctx context.Context, tx pg.Tx, seen api.IfMatch, name string, tags []string) (Outcome, error) {
	found, err := resolve(ctx, tx, name, tags)
	if err != nil {
		return Outcome{}, err
	}
	now, err := hold(ctx, tx, name)
	if err != nil {
		return Outcome{}, err
	}
	if now.Version > 0 && now.ArchivedAt == nil {
		return extend(ctx, tx, now, seen, found)
	}
	if err := seen.Check(0); err != nil {
		return Outcome{}, err
	}
	_, added := parted(nil, found)
	now.Content = content(Assignment{clean(name), joined(nil, added)})
	made, err := begin(ctx, tx, now)
	if errs.Kind(err) == "conflict" { // somebody else has made it since, and it can be held now
		if now, err = hold(ctx, tx, name); err != nil {
			return Outcome{}, err
		}
		return extend(ctx, tx, now, seen, found)
	}
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{made, added, []string{}}, assignments.Record(ctx, tx, AssignOperation, nil, &made)
}

// begin makes a designer, or brings an archived one back.
func begin(ctx context.Context, tx pg.Tx, d Designer) (Designer, error) {
	if d.Version == 0 {
		return assignments.Create(ctx, tx, Fold(d.Title), d.Content)
	}
	if err := assignments.Restore(ctx, tx, nil, &d); err != nil {
		return d, err
	}
	return assignments.Get(ctx, tx, d.ID)
}

// extend gives tags to a designer who is there.
func extend(ctx context.Context, tx pg.Tx, now Designer, seen api.IfMatch, tags []string) (Outcome, error) {
	has, added := parted(now.Payload.Tags, tags)
	after, err := update(ctx, tx, AssignOperation, now, seen, joined(now.Payload.Tags, added))
	return Outcome{after, added, has}, err
}

// Unassign takes tags off a designer, who stays, if only with none. A designer
// who isn't there is errs.NotFound; all else is as with [Assign].
func Unassign(ctx context.Context, tx pg.Tx, seen api.IfMatch, name string, tags []string) (Outcome, error) {
	found, err := resolve(ctx, tx, name, tags)
	if err != nil {
		return Outcome{}, err
	}
	now, err := living(ctx, tx, name)
	if err != nil {
		return Outcome{}, err
	}
	taken, hadNot := parted(now.Payload.Tags, found)
	_, rest := parted(taken, now.Payload.Tags)
	after, err := update(ctx, tx, UnassignOperation, now, seen, rest)
	return Outcome{after, taken, hadNot}, err
}

// Remove takes a designer out of all lists. The name is free for [Assign], which
// begins anew.
func Remove(ctx context.Context, tx pg.Tx, seen api.IfMatch, name string) error {
	now, err := living(ctx, tx, name)
	if err != nil {
		return err
	}
	if _, err := assignments.Archive(ctx, tx, now.ID, seen); err != nil {
		return err
	}
	return assignments.Record(ctx, tx, RemoveOperation, &now, nil)
}

// Undoers undo what was recorded here, where it hasn't changed since.
func Undoers() []api.Undoer {
	return []api.Undoer{
		api.Undo(AssignOperation, assignments.Restore),
		api.Undo(UnassignOperation, assignments.Restore),
		api.Undo(RemoveOperation, assignments.Restore),
	}
}

// resolve returns tags as Shopify spells them.
func resolve(ctx context.Context, tx pg.Tx, name string, tags []string) ([]string, error) {
	faults := Check("body", name, tags)
	if len(tags) > MaxTags {
		return nil, faults
	}
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = strings.TrimSpace(tag)
	}
	rows, err := pgdb.New(tx).TagsByName(ctx, names)
	if err != nil {
		return nil, err
	}
	known := make([]*string, len(tags))
	for _, r := range rows {
		known[r.Place-1] = &r.Name
	}
	if faults = append(faults, unknown("body", known)...); len(faults) > 0 {
		return nil, faults
	}
	for i, tag := range known {
		names[i] = *tag
	}
	return names, nil
}

// hold returns the designer of a name, whom nobody else changes until the
// transaction ends: one of version 0 where there never was one. Of an archived
// one it has no content.
func hold(ctx context.Context, tx pg.Tx, name string) (Designer, error) {
	r, err := pgdb.New(tx).LockDesigner(ctx, Fold(name))
	switch {
	case pg.NoRows(err):
		return Designer{}, nil
	case err != nil:
		return Designer{}, err
	case r.ArchivedAt == nil:
		return assignments.Get(ctx, tx, r.ArtifactID)
	}
	return Designer{Versioned: api.Versioned{Version: r.Version}, ID: r.ArtifactID, ArchivedAt: r.ArchivedAt}, nil
}

func living(ctx context.Context, tx pg.Tx, name string) (Designer, error) {
	now, err := hold(ctx, tx, name)
	if err == nil && (now.Version == 0 || now.ArchivedAt != nil) {
		err = missing()
	}
	return now, err
}

// update writes the tags of a designer and records that, unless they are so now.
func update(ctx context.Context, tx pg.Tx, operation string, now Designer, seen api.IfMatch, tags []string) (Designer, error) {
	before, after, err := assignments.Update(ctx, tx, now.ID, seen, content(Assignment{now.Payload.DesignerName, tags}))
	if err != nil || after.Version == before.Version {
		return after, err
	}
	return after, assignments.Record(ctx, tx, operation, &before, &after)
}
