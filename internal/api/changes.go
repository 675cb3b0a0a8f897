package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// changes serves the record of changes.
type changes struct {
	db      *pg.DB
	undoers map[string]Undoer
}

// Changes returns the endpoints of the record of changes: its list, a change,
// and its undo by one of the undoers.
func Changes(db *pg.DB, undoers ...Undoer) []Endpoint {
	s := &changes{db, map[string]Undoer{}}
	undo := Post("/api/changes/{changeId}/undo", "undoChange", "Undoes a change.", s.undo,
		Describe("Undoing twice gives the same answer. What has changed since is named, and nothing is undone."))
	for _, u := range undoers {
		if s.undoers[u.Operation].undo != nil {
			undo.fault = fmt.Errorf("%s has two undoers", u.Operation)
		}
		s.undoers[u.Operation] = u
	}
	return []Endpoint{
		ListOf("/api/changes", "listChanges", "Lists who changed what, newest first.", s.list, changeEntry.position),
		Get("/api/changes/{changeId}", "getChange", "Tells a change, with the state before and after.", s.get),
		undo,
	}
}

type changeEntry struct {
	ChangeID   uuid.UUID  `json:"changeId"`
	At         time.Time  `json:"at"`
	Principal  string     `json:"principal" doc:"Mail address, or name of a service token." example:"ops@example.com"`
	Kind       string     `json:"principalKind" enum:"user,service,system"`
	Operation  string     `json:"operation" doc:"The operationId."`
	Subject    string     `json:"subject" doc:"What kind of thing."`
	SubjectIDs []string   `json:"subjectIds"`
	RequestID  string     `json:"requestId"`
	Undoable   bool       `json:"undoable" doc:"Can be undone, unless something has changed since."`
	Undoes     *uuid.UUID `json:"undoes,omitempty" doc:"The change that this one undid."`
	UndoneBy   *uuid.UUID `json:"undoneBy,omitempty" doc:"The change that undid this one."`

	Before json.RawMessage `json:"before,omitempty" csv:"-" doc:"State before; told of one change alone, and not where it was made."`
	After  json.RawMessage `json:"after,omitempty" csv:"-" doc:"State after; told of one change alone, and not where it was removed."`
}

type changePosition struct {
	At time.Time `json:"at"`
	ID uuid.UUID `json:"id"`
}

func (c changeEntry) position() changePosition { return changePosition{c.At, c.ChangeID} }

type listChangesRequest struct {
	Page
	Operation string `query:"operation" doc:"An operationId."`
	Subject   string `query:"subject" doc:"A kind of thing."`
	SubjectID string `query:"subjectId" doc:"A thing."`
	Principal string `query:"principal" doc:"Who did it."`
}

func (s *changes) list(ctx context.Context, req *listChangesRequest, after *changePosition, limit int) ([]changeEntry, error) {
	p := pgdb.ListChangesParams{
		Operation: given(req.Operation), Subject: given(req.Subject), SubjectID: given(req.SubjectID),
		Principal: given(req.Principal), RowLimit: int32(limit),
	}
	if after != nil {
		p.BeforeAt, p.BeforeID = &after.At, &after.ID
	}
	rows, err := pgdb.New(s.db).ListChanges(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]changeEntry, len(rows))
	for i, r := range rows {
		list[i] = changeEntry{
			ChangeID: r.ChangeID, At: r.At, Principal: r.PrincipalName, Kind: r.PrincipalKind, Operation: r.Operation,
			Subject: r.Subject, SubjectIDs: r.SubjectIds, RequestID: r.RequestID,
			Undoable: s.undoable(r.Operation, r.UndoneBy), Undoes: r.Undoes, UndoneBy: r.UndoneBy,
		}
	}
	return list, nil
}

func (s *changes) undoable(operation string, undoneBy *uuid.UUID) bool {
	return undoneBy == nil && s.undoers[operation].undo != nil
}

// given returns nil for a filter that is not set.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type changeRequest struct {
	ChangeID uuid.UUID `path:"changeId"`
}

func (s *changes) get(ctx context.Context, req *changeRequest) (*One[changeEntry], error) {
	r, err := pgdb.New(s.db).ReadChange(ctx, req.ChangeID)
	if err != nil {
		return nil, noChange(err)
	}
	return &One[changeEntry]{changeEntry{
		ChangeID: r.ChangeID, At: r.At, Principal: r.PrincipalName, Kind: r.PrincipalKind, Operation: r.Operation,
		Subject: r.Subject, SubjectIDs: r.SubjectIds, RequestID: r.RequestID,
		Undoable: s.undoable(r.Operation, r.UndoneBy), Undoes: r.Undoes, UndoneBy: r.UndoneBy,
		Before: r.Before, After: r.After,
	}}, nil
}

func noChange(err error) error {
	if pg.NoRows(err) {
		return errs.WithRemedy(fmt.Errorf("there is no such change: %w", errs.NotFound), "GET /api/changes lists what there is")
	}
	return err
}

type undone struct {
	ChangeID uuid.UUID `json:"changeId" doc:"The change that the undo made. It can be undone, too."`
	Undoes   uuid.UUID `json:"undoes"`
}

func (s *changes) undo(ctx context.Context, req *changeRequest) (*One[undone], error) {
	return InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*One[undone], error) {
		q := pgdb.New(tx)
		c, err := q.LockChange(ctx, req.ChangeID)
		if err != nil {
			return nil, noChange(err)
		}
		id, err := q.UndoOf(ctx, &c.ChangeID)
		if pg.NoRows(err) {
			id, err = s.revert(ctx, tx, c)
		}
		return &One[undone]{undone{id, c.ChangeID}}, err
	})
}

func (s *changes) revert(ctx context.Context, tx pg.Tx, c pgdb.Change) (uuid.UUID, error) {
	u := s.undoers[c.Operation]
	if u.undo == nil {
		return uuid.Nil, errs.WithRemedy(fmt.Errorf("changes by %s can't be undone: %w", c.Operation, errs.Conflict), "change it back by hand")
	}
	if err := u.undo(ctx, tx, c.After, c.Before); err != nil {
		return uuid.Nil, err
	}
	return Record(ctx, tx, Change{
		Operation: c.Operation, Subject: c.Subject, SubjectIDs: c.SubjectIds,
		Before: c.After, After: c.Before, undoes: &c.ChangeID,
	})
}

// PruneChanges deletes the changes that were made before a time, with their
// undos, and returns how many.
func PruneChanges(ctx context.Context, db *pg.DB, before time.Time) (deleted int64, err error) {
	for {
		n, err := pgdb.New(db).DropOldChanges(ctx, before)
		if deleted += n; err != nil || n == 0 {
			return deleted, err
		}
	}
}
