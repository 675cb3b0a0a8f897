package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Limits of a change.
const (
	maxImage    = 4 << 20 // bytes of Before, and of After
	maxSubjects = 10_000
)

// Change is what somebody changed.
type Change struct {
	Operation  string   // operationId; says which [Undoer] can undo it
	Subject    string   // kind of thing, such as "tag_group"
	SubjectIDs []string // the things, at most 10,000
	Before     any      // state before, as JSON; nil where they were made. At most 4 MiB
	After      any      // state after; nil where they were removed. At most 4 MiB

	undoes *uuid.UUID
}

// Record writes a change down, in the transaction that makes it. In a request
// it is the principal's, and the answer names it in X-Change-Id; elsewhere it
// is the system's.
func Record(ctx context.Context, tx pg.Tx, c Change) (id uuid.UUID, err error) {
	defer errs.Wrap(&err, "record %s", c.Operation)
	if len(c.SubjectIDs) > maxSubjects {
		return id, fmt.Errorf("more than %d things: %w", maxSubjects, errs.TooLarge)
	}
	before, err := image(c.Before)
	if err != nil {
		return id, err
	}
	after, err := image(c.After)
	if err != nil {
		return id, err
	}
	who := PrincipalOf(ctx)
	if who.Kind == "" {
		who = Principal{Kind: "system"}
	}
	id = newID()
	err = pgdb.New(tx).InsertChange(ctx, pgdb.InsertChangeParams{
		ChangeID: id, PrincipalKind: who.Kind, PrincipalName: who.Name, Operation: c.Operation,
		Subject: c.Subject, SubjectIds: append([]string{}, c.SubjectIDs...), // NULL is no list
		Before: before, After: after, RequestID: RequestID(ctx), Undoes: c.undoes,
	})
	stateOf(ctx).change = id.String()
	return id, err
}

func image(state any) (json.RawMessage, error) {
	b, err := json.Marshal(state)
	switch {
	case err != nil || bytes.Equal(b, []byte("null")):
		return nil, err
	case len(b) > maxImage:
		return nil, fmt.Errorf("the state is larger than %d MiB: %w", maxImage>>20, errs.TooLarge)
	}
	return b, nil
}

// Undoer can undo the changes of an operation.
type Undoer struct {
	Operation string
	undo      func(ctx context.Context, tx pg.Tx, from, to json.RawMessage) error
}

// Undo returns the undoer of an operation. fn brings things back from the
// state that the change left to the one that it found, S being the type of
// [Change]'s Before and After. Where something is no longer as the change left
// it, fn says what, with errs.Conflict, and leaves all as it is. An undo is
// undone by the same function.
func Undo[S any](operation string, fn func(ctx context.Context, tx pg.Tx, from, to S) error) Undoer {
	return Undoer{operation, func(ctx context.Context, tx pg.Tx, from, to json.RawMessage) error {
		var s [2]S
		for i, image := range []json.RawMessage{from, to} {
			if image == nil {
				continue
			}
			if err := json.Unmarshal(image, &s[i]); err != nil {
				return fmt.Errorf("the state of %s: %w: %w", operation, err, errs.Corrupt)
			}
		}
		return fn(ctx, tx, s[0], s[1])
	}}
}
