package artifact

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Create stores a new artefact in version 1. An identifier that the kind has
// had is errs.Conflict; a payload that isn't right, errs.Invalid.
func (k Kind[P]) Create(ctx context.Context, tx pg.Tx, identifier string, c Content[P]) (a Artifact[P], err error) {
	a, err = k.insert(ctx, tx, identifier, 1, c)
	if pg.NoRows(err) {
		err = errs.WithRemedy(fmt.Errorf("there is a %s of this identifier already, or was one: %w", k.Noun, errs.Conflict), "take another identifier")
	}
	return a, err
}

// insert returns an error of [pg.NoRows] where the identifier is taken.
func (k Kind[P]) insert(ctx context.Context, tx pg.Tx, identifier string, version int64, c Content[P]) (a Artifact[P], err error) {
	p, err := k.pack(c)
	if err != nil {
		return a, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return a, err
	}
	r, err := pgdb.New(tx).InsertArtifact(ctx, pgdb.InsertArtifactParams{
		ArtifactID: id, Kind: k.Name, Identifier: identifier, Title: c.Title, Status: c.Status, Payload: p.payload,
		Version: version, ContentHash: p.hash, ObjectKey: p.key, MediaType: p.media, ByteSize: p.size, SourceUrl: p.address, By: by(ctx),
	})
	if err != nil {
		return a, err
	}
	return k.unpack(r)
}

// by names who writes: the request's principal, or the program itself.
func by(ctx context.Context) string { return cmp.Or(api.PrincipalOf(ctx).Name, "system") }

// Get returns a living artefact, or errs.NotFound.
func (k Kind[P]) Get(ctx context.Context, db pgdb.DBTX, id uuid.UUID) (Artifact[P], error) {
	return k.living(pgdb.New(db).ReadArtifact(ctx, pgdb.ReadArtifactParams{Kind: k.Name, ArtifactID: id}))
}

// Find returns the living artefact of an identifier, or errs.NotFound.
func (k Kind[P]) Find(ctx context.Context, db pgdb.DBTX, identifier string) (Artifact[P], error) {
	return k.living(pgdb.New(db).FindArtifact(ctx, pgdb.FindArtifactParams{Kind: k.Name, Identifier: identifier}))
}

// Lock returns a living artefact, which nobody else changes until the
// transaction ends, or errs.NotFound.
func (k Kind[P]) Lock(ctx context.Context, tx pg.Tx, id uuid.UUID) (Artifact[P], error) {
	return k.living(k.lock(ctx, tx, id))
}

func (k Kind[P]) lock(ctx context.Context, tx pg.Tx, id uuid.UUID) (pgdb.MacrodataArtifact, error) {
	return pgdb.New(tx).LockArtifact(ctx, pgdb.LockArtifactParams{Kind: k.Name, ArtifactID: id})
}

func (k Kind[P]) living(r pgdb.MacrodataArtifact, err error) (Artifact[P], error) {
	if pg.NoRows(err) || err == nil && r.ArchivedAt != nil {
		return Artifact[P]{}, fmt.Errorf("there is no such %s: %w", k.Noun, errs.NotFound)
	}
	if err != nil {
		return Artifact[P]{}, err
	}
	return k.unpack(r)
}

// Filter says which artefacts are wanted. A field with its zero value lets all
// pass.
type Filter struct {
	Status string
	Holds  any    // what the payload's JSON has in it, as PostgreSQL's @> has it
	Text   string // in the identifier, title or notes, without regard to case
}

// List returns living artefacts, newest first: up to limit of those that a
// filter lets pass, which were made before another one; uuid.Nil is the
// beginning.
func (k Kind[P]) List(ctx context.Context, db pgdb.DBTX, f Filter, before uuid.UUID, limit int) ([]Artifact[P], error) {
	p := pgdb.ListArtifactsParams{Kind: k.Name, RowLimit: int32(limit)}
	if f.Status != "" {
		p.Status = &f.Status
	}
	if f.Text != "" {
		p.Text = &f.Text
	}
	if f.Holds != nil {
		var err error
		if p.Holds, err = json.Marshal(f.Holds); err != nil {
			return nil, err
		}
	}
	if before != uuid.Nil {
		p.Before = &before
	}
	rows, err := pgdb.New(db).ListArtifacts(ctx, p)
	if err != nil {
		return nil, err
	}
	return k.unpackAll(rows)
}

// FindAll returns the living artefacts of some identifiers, in no order.
func (k Kind[P]) FindAll(ctx context.Context, db pgdb.DBTX, identifiers []string) ([]Artifact[P], error) {
	rows, err := pgdb.New(db).FindArtifacts(ctx, pgdb.FindArtifactsParams{Kind: k.Name, Identifiers: identifiers})
	if err != nil {
		return nil, err
	}
	return k.unpackAll(rows)
}

func (k Kind[P]) unpackAll(rows []pgdb.MacrodataArtifact) (list []Artifact[P], err error) {
	list = make([]Artifact[P], len(rows))
	for i, r := range rows {
		if list[i], err = k.unpack(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Update replaces the content of a living artefact and returns it as it was and
// as it is. errs.Stale where the caller saw another version. Content that is the
// same already is not written, and the version stays.
func (k Kind[P]) Update(ctx context.Context, tx pg.Tx, id uuid.UUID, seen api.IfMatch, c Content[P]) (before, after Artifact[P], err error) {
	if before, err = k.Lock(ctx, tx, id); err != nil {
		return before, after, err
	}
	if err := seen.Check(before.Version); err != nil {
		return before, after, err
	}
	if before.Version > 0 && reflect.DeepEqual(before.Content, c) {
		return before, before, nil
	}
	after, err = k.write(ctx, tx, id, c)
	return before, after, err
}

func (k Kind[P]) write(ctx context.Context, tx pg.Tx, id uuid.UUID, c Content[P]) (a Artifact[P], err error) {
	p, err := k.pack(c)
	if err != nil {
		return a, err
	}
	r, err := pgdb.New(tx).WriteArtifact(ctx, pgdb.WriteArtifactParams{
		ArtifactID: id, Title: c.Title, Status: c.Status, Payload: p.payload, ContentHash: p.hash,
		ObjectKey: p.key, MediaType: p.media, ByteSize: p.size, SourceUrl: p.address, By: by(ctx),
	})
	if err != nil {
		return a, err
	}
	return k.unpack(r)
}

// Archive takes a living artefact out of all lists and returns it as it was. It
// stays in the table, and its identifier stays taken.
func (k Kind[P]) Archive(ctx context.Context, tx pg.Tx, id uuid.UUID, seen api.IfMatch) (before Artifact[P], err error) {
	if before, err = k.Lock(ctx, tx, id); err != nil {
		return before, err
	}
	if err := seen.Check(before.Version); err != nil {
		return before, err
	}
	_, err = pgdb.New(tx).ArchiveArtifact(ctx, pgdb.ArchiveArtifactParams{ArtifactID: id, By: by(ctx)})
	return before, err
}

// Record writes down that an operation brought an artefact from one state to
// another; nil is one without it.
func (k Kind[P]) Record(ctx context.Context, tx pg.Tx, operation string, before, after *Artifact[P]) error {
	_, err := api.Record(ctx, tx, api.Change{
		Operation: operation, Subject: strings.ReplaceAll(k.Noun, " ", "_"),
		SubjectIDs: []string{cmp.Or(after, before).ID.String()}, Before: before, After: after,
	})
	return err
}

// Restore brings an artefact from one state to another. A nil state is one
// without it: from nil it is brought back, to nil it is archived. It is what
// [api.Undo] wants for changes whose images are artefacts; what was changed
// since is errs.Conflict.
func (k Kind[P]) Restore(ctx context.Context, tx pg.Tx, from, to *Artifact[P]) error {
	known := cmp.Or(from, to)
	if known == nil {
		return nil
	}
	r, err := k.lock(ctx, tx, known.ID)
	if err != nil {
		return err
	}
	now, err := k.unpack(r)
	if err != nil {
		return err
	}
	if (now.ArchivedAt != nil) != (from == nil) || from != nil && !reflect.DeepEqual(now.Content, from.Content) {
		return errs.WithRemedy(fmt.Errorf("the %s was changed since: %w", k.Noun, errs.Conflict), "undo the later change first, or change it by hand")
	}
	if to == nil {
		_, err = pgdb.New(tx).ArchiveArtifact(ctx, pgdb.ArchiveArtifactParams{ArtifactID: now.ID, By: by(ctx)})
		return err
	}
	_, err = k.write(ctx, tx, now.ID, to.Content)
	return err
}
