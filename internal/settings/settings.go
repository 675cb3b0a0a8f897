// Package settings keeps what staff set for the whole program: the rules by
// which products come into product lines, the categories of tags, and the types
// and audiences of combos. It is one document with one version. What scenarios
// need of it they read with [Read], or with [Hold] where they write by it;
// [ProductLine] is the rules applied.
package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

const (
	row     = "staff"           // the name of the document in its table
	replace = "replaceSettings" // the operation that changes it
)

// Service serves the settings.
type Service struct {
	db       *pg.DB
	setLines func(context.Context, pg.Tx, []LineRule) error
}

// New returns the service of a database; nil is enough for its document. Where
// the rules of product lines change, setLines puts products into theirs in the
// same transaction.
func New(db *pg.DB, setLines func(context.Context, pg.Tx, []LineRule) error) *Service {
	return &Service{db, setLines}
}

// Endpoints lists what the API offers.
func (s *Service) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.Get("/api/settings", "getSettings", "Tells the settings of staff.", s.get),
		api.Put("/api/settings", replace, "Replaces the settings of staff.", s.put,
			api.Describe("All of the document is replaced. A category that tags have can't be left out.")),
	}
}

// Undo undoes changes of the settings.
func (s *Service) Undo() api.Undoer { return api.Undo(replace, s.undo) }

// settings is the document as the API tells it.
type settings struct {
	api.Versioned
	Values
	UpdatedAt *time.Time `json:"updatedAt,omitempty" doc:"Left out while these are the defaults." readOnly:"true"`
}

// Read returns the values in force.
func Read(ctx context.Context, db pgdb.DBTX) (Values, error) {
	s, err := read(ctx, db)
	return s.Values, err
}

// Hold returns the values in force, which nobody changes until the transaction
// ends, and which nobody else holds: who writes by them comes one after the other.
func Hold(ctx context.Context, tx pg.Tx) (Values, error) {
	_, v, err := lock(ctx, tx)
	return v, err
}

func read(ctx context.Context, db pgdb.DBTX) (settings, error) {
	r, err := pgdb.New(db).ReadSetting(ctx, row)
	if pg.NoRows(err) || err == nil && r.Version == 0 { // there, but only to be locked
		return settings{Values: Defaults()}, nil
	}
	if err != nil {
		return settings{}, err
	}
	v, err := decode(r.Value)
	return settings{Versioned: api.Versioned{Version: r.Version}, Values: v, UpdatedAt: &r.UpdatedAt}, err
}

func decode(text json.RawMessage) (v Values, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fmt.Errorf("settings: %w: %w", err, errs.Corrupt)
	}
	return v, nil
}

func (s *Service) get(ctx context.Context, _ *struct{}) (*api.One[settings], error) {
	now, err := read(ctx, s.db)
	return &api.One[settings]{Data: now}, err
}

type putRequest struct {
	api.IfMatch
	Body Values
}

func (s *Service) put(ctx context.Context, req *putRequest) (*api.One[settings], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[settings], error) {
		version, before, err := lock(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := req.Check(version); err != nil {
			return nil, err
		}
		after := req.Body.trimmed()
		if err := check(ctx, tx, after); err != nil {
			return nil, err
		}
		now, err := s.write(ctx, tx, before, after)
		if err != nil {
			return nil, err
		}
		_, err = api.Record(ctx, tx, api.Change{
			Operation: replace, Subject: "settings", SubjectIDs: []string{row}, Before: before, After: after,
		})
		return &api.One[settings]{Data: now}, err
	})
}

// undo compares by content: an undo of an undo finds the versions grown.
func (s *Service) undo(ctx context.Context, tx pg.Tx, from, to Values) error {
	_, now, err := lock(ctx, tx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now, from) {
		return errs.WithRemedy(fmt.Errorf("the settings were changed since: %w", errs.Conflict),
			"undo the later change first, or set them as they are to be")
	}
	err = check(ctx, tx, to)
	if errs.Kind(err) == "invalid" {
		return errs.WithRemedy(fmt.Errorf("the settings from before don't fit any more: %s: %w", err.Error(), errs.Conflict),
			"set them as they are to be")
	}
	if err != nil {
		return err
	}
	_, err = s.write(ctx, tx, now, to)
	return err
}

// lock returns the document, which nobody else changes until the transaction
// ends.
func lock(ctx context.Context, tx pg.Tx) (version int64, v Values, err error) {
	first, err := json.Marshal(Defaults())
	if err != nil {
		return 0, v, err
	}
	q := pgdb.New(tx)
	if err := q.SeedSetting(ctx, pgdb.SeedSettingParams{Name: row, Value: first}); err != nil {
		return 0, v, err
	}
	r, err := q.LockSetting(ctx, row)
	if err != nil {
		return 0, v, err
	}
	if r.Version == 0 {
		return 0, Defaults(), nil
	}
	v, err = decode(r.Value)
	return r.Version, v, err
}

// check holds values against themselves and against what uses them.
func check(ctx context.Context, tx pg.Tx, v Values) error {
	rows, err := pgdb.New(tx).UsedTagCategories(ctx)
	if err != nil {
		return err
	}
	used := map[string]int64{}
	for _, r := range rows {
		used[r.Category] = r.Tags
	}
	return v.faults(used).Err()
}

// write replaces values by others, and has products follow.
func (s *Service) write(ctx context.Context, tx pg.Tx, before, v Values) (settings, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return settings{}, err
	}
	if !slices.Equal(before.ProductLines, v.ProductLines) {
		if err := s.setLines(ctx, tx, v.ProductLines); err != nil {
			return settings{}, err
		}
	}
	r, err := pgdb.New(tx).WriteSetting(ctx, pgdb.WriteSettingParams{Name: row, Value: text})
	return settings{Versioned: api.Versioned{Version: r.Version}, Values: v, UpdatedAt: &r.UpdatedAt}, err
}
