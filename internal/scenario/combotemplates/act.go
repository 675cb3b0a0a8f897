package combotemplates

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

type params struct {
	ComboID   uuid.UUID          `json:"comboId"`
	Actions   []combo.ActionSpec `json:"actions"`
	Principal principal          `json:"principal"`
}

// principal is in whose name the actions are done.
type principal struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Acted is what the actions came to. It is also the counts of the run's row.
type Acted struct {
	Actions []Action `json:"actions"`
}

// Action is what an action came to.
type Action struct {
	Action  string `json:"action"`
	Outcome string `json:"outcome"` // done, or skipped
	Detail  string `json:"detail"`
}

// tagOperation is what tagging products in Shopify is recorded under.
const tagOperation = "tagComboProducts"

// act does the actions of a template for a combo, each in a step of its own. What
// is written here is in the step's transaction, and so is done once; adding tags in
// Shopify may be done twice, and comes to the same.
func (s *Service) act(r *workflow.Run, p params) (done Acted, err error) {
	id, err := uuid.Parse(r.ID())
	if err != nil {
		return done, err
	}
	done.Actions = []Action{}
	defer func() { s.runs.Fail(r.Context(), id, s.log, runs.Outcome{Counts: done, Err: err}) }()
	_, err = workflow.Do(r, "open", func(ctx context.Context) (struct{}, error) {
		if err := s.open(ctx, id, p); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.runs.Begin(ctx, id)
	})
	if err != nil {
		return done, err
	}
	progress := s.runs.Progress(id, s.log)
	for i, spec := range p.Actions {
		progress.Set(r.Context(), "act", int64(i), int64(len(p.Actions)), "actions")
		a, err := workflow.Tx(r, step("act", i+1), func(ctx context.Context) (func(context.Context, pg.Tx) (Action, error), error) {
			return s.prepare(ctx, p, i+1, spec)
		})
		if err != nil {
			return done, err
		}
		done.Actions = append(done.Actions, a)
	}
	progress.Set(r.Context(), "act", int64(len(p.Actions)), int64(len(p.Actions)), "actions")
	_, err = workflow.Tx(r, "close", func(context.Context) (func(context.Context, pg.Tx) (struct{}, error), error) {
		return func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			return struct{}{}, runs.Close(ctx, tx, id, runs.Outcome{Status: runs.Completed, Counts: done})
		}, nil
	})
	return done, err
}

// step names a step of a family.
func step(family string, number int) string { return fmt.Sprintf("%s-%d", family, number) }

// prepare does what of an action is outside of the database, and returns the rest.
func (s *Service) prepare(ctx context.Context, p params, number int, spec combo.ActionSpec) (func(context.Context, pg.Tx) (Action, error), error) {
	c, err := combo.Get(ctx, s.db, p.ComboID)
	if errs.Kind(err) == "not_found" {
		return func(context.Context, pg.Tx) (Action, error) {
			return Action{spec.Action, "skipped", "the combo was deleted"}, nil
		}, nil
	}
	if err != nil {
		return nil, err
	}
	if spec.Action == combo.TagProducts {
		for _, product := range c.Payload.Products {
			if err := s.shopify.TagsAdd(ctx, product.ProductID, []string{spec.Params.Tag}); err != nil {
				return nil, err
			}
		}
	}
	return func(ctx context.Context, tx pg.Tx) (Action, error) {
		ctx = api.WithPrincipal(ctx, api.Principal{Kind: p.Principal.Kind, Name: p.Principal.Name})
		detail, err := apply(ctx, tx, c, number, spec)
		if detail == "" {
			return Action{spec.Action, "skipped", "there is nothing to do"}, err
		}
		return Action{spec.Action, "done", detail}, err
	}, nil
}

// apply writes what an action comes to, and tells it; "" where there was nothing to
// do.
func apply(ctx context.Context, tx pg.Tx, c combo.Combo, number int, spec combo.ActionSpec) (detail string, err error) {
	switch with := spec.Params; spec.Action {
	case combo.CreateReport:
		return c.Identifier, nil // it is there since the request
	case combo.AssignDesigner:
		return assign(ctx, tx, c, with)
	case combo.TagProducts:
		change := api.Change{Operation: tagOperation, Subject: "product", After: map[string]string{"tag": with.Tag, "combo": c.Identifier}}
		for _, p := range c.Payload.Products {
			change.SubjectIDs = append(change.SubjectIDs, p.ProductID.String())
		}
		_, err = api.Record(ctx, tx, change)
		return fmt.Sprintf("%d products in Shopify; the next sync brings the tag", len(c.Payload.Products)), err
	case combo.RequestAsset:
		return combo.AskForAsset(ctx, tx, c, number, with.Title, with.Role)
	case combo.Note:
		return "added to the combo's notes", combo.AddNote(ctx, tx, c.ID, with.Text)
	}
	return "", fmt.Errorf("there is no action %q: %w", spec.Action, errs.Corrupt)
}

// assign gives a designer the tags of an action, or the designs of the products.
func assign(ctx context.Context, tx pg.Tx, c combo.Combo, with combo.ActionParams) (string, error) {
	tags := with.Tags
	if len(tags) == 0 {
		var ids []int64
		for _, p := range c.Payload.Products {
			ids = append(ids, int64(p.ProductID))
		}
		var err error
		if tags, err = pgdb.New(tx).DesignTags(ctx, ids); err != nil || len(tags) == 0 {
			return "", err
		}
	}
	out, err := designer.Assign(ctx, tx, api.IfMatch{}, with.DesignerName, tags)
	if err != nil || len(out.Changed) == 0 {
		return "", err
	}
	return "assigned " + strings.Join(out.Changed, ", "), nil
}
