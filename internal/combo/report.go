// Package combo keeps combos, which are tests of products shown together: the
// kind combo_report, one artefact for each test that was made.
//
// Writes happen in the caller's transaction and are recorded there, so that
// whoever writes can have it undone by [Undoers]. Who writes holds the settings,
// so writers come one after the other and no identifier is given twice.
package combo

import (
	"context"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// The operations that changes of combos are recorded under.
const (
	CreateOperation = "createComboLog"
	UpdateOperation = "updateComboLog"
	RemoveOperation = "deleteComboLog"
	ImportOperation = "confirmComboImport"
)

// Where a combo comes from.
const (
	Manual     = "manual"
	Import     = "import"
	Suggestion = "suggestion"
)

// Running is the status of a combo without an outcome; with one it is the outcome.
const Running = "running"

// Report is a combo, as it was tested and came out.
type Report struct {
	TemplateID   *uuid.UUID `json:"templateId,omitempty"`
	SuggestionID *uuid.UUID `json:"suggestionId,omitempty"`
	Type         string     `json:"type"`     // a code of the settings' combo types
	Audience     string     `json:"audience"` // one of the settings'
	Products     []Product  `json:"products"` // by position
	Details
	Source string `json:"source"` // Manual, Import or Suggestion
}

// Details are what is said of a combo beside what it is made of.
type Details struct {
	StartedOn   shop.Day     `json:"startedOn" format:"date" doc:"Shop day on which the test began." example:"2026-03-01"`
	EndedOn     *shop.Day    `json:"endedOn,omitempty" format:"date" nullable:"true" doc:"Shop day on which it ended."`
	Channel     string       `json:"channel,omitempty" maxLength:"400" doc:"Where it was shown; at most 100 characters." example:"Instagram"`
	Spend       *shop.Amount `json:"spend,omitempty" nullable:"true" doc:"What it cost, in the shop's currency." example:"120.50"`
	Impressions *int64       `json:"impressions,omitempty" nullable:"true" minimum:"0" maximum:"1000000000"`
	Clicks      *int64       `json:"clicks,omitempty" nullable:"true" minimum:"0" maximum:"1000000000"`
	Purchases   *int64       `json:"purchases,omitempty" nullable:"true" minimum:"0" maximum:"1000000000"`
	Revenue     *shop.Amount `json:"revenue,omitempty" nullable:"true" doc:"In the shop's currency." example:"410.00"`
	Outcome     *string      `json:"outcome" required:"false" nullable:"true" maxLength:"20" doc:"win, lose or inconclusive; null while nobody knows." example:"win"`
	Notes       string       `json:"notes" required:"false" maxLength:"40000" doc:"At most 10,000 characters."`
}

// Product is a product's part in a combo.
type Product struct {
	ProductID shop.ID `json:"productId" nullable:"true" doc:"null where it isn't known yet."`
	Role      string  `json:"role"`
	Position  int     `json:"position" doc:"1 is the first."`
}

// Combo is a combo as stored. Its identifier never changes.
type Combo = artifact.Artifact[Report]

// reports are all combos.
var reports = artifact.Kind[Report]{Name: "combo_report", Noun: "combo", Check: Report.faults}

// Get returns a combo that isn't deleted, or errs.NotFound.
func Get(ctx context.Context, db pgdb.DBTX, id uuid.UUID) (Combo, error) {
	return reports.Get(ctx, db, id)
}

// FindAll returns the combos of some identifiers that aren't deleted, in no order.
func FindAll(ctx context.Context, db pgdb.DBTX, identifiers []string) ([]Combo, error) {
	return reports.FindAll(ctx, db, identifiers)
}

// Filter says which combos are wanted. A field with its zero value lets all pass.
type Filter struct {
	Status    string // [Running] or an outcome
	Type      string
	Audience  string
	ProductID shop.ID
	Text      string // in the identifier or the notes
}

// List returns up to limit combos that aren't deleted, newest first: those that a
// filter lets pass, made before another one; uuid.Nil is the beginning.
func List(ctx context.Context, db pgdb.DBTX, f Filter, before uuid.UUID, limit int) ([]Combo, error) {
	holds := map[string]any{}
	if f.Type != "" {
		holds["type"] = f.Type
	}
	if f.Audience != "" {
		holds["audience"] = f.Audience
	}
	if f.ProductID != 0 {
		holds["products"] = []map[string]any{{"productId": f.ProductID}}
	}
	return reports.List(ctx, db, artifact.Filter{Status: f.Status, Holds: holds, Text: f.Text}, before, limit)
}

// Create stores a combo under the next identifier of its prefix. What is wrong
// with it is [api.Faults] at fields of body.
func Create(ctx context.Context, tx pg.Tx, r Report) (c Combo, err error) {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return c, err
	}
	if c, err = create(ctx, tx, set, sequences{}, r, nil); err != nil {
		return c, err
	}
	return c, reports.Record(ctx, tx, CreateOperation, nil, &c)
}

func create(ctx context.Context, tx pg.Tx, set settings.Values, given sequences, r Report, plan *Template) (c Combo, err error) {
	r = r.Tidied()
	lines, err := check(ctx, tx, set, r, nil)
	if err == nil && plan != nil {
		err = plan.differs(r, lines).Err()
	}
	if err != nil {
		return c, err
	}
	identifier, err := given.next(ctx, tx, prefix(r.Type, lines, len(r.Products), r.Audience))
	if err != nil {
		return c, err
	}
	return reports.Create(ctx, tx, identifier, content(identifier, r))
}

// Update replaces what a combo holds, but not its identifier, nor where it came
// from. errs.Stale where the caller saw another version; what is the same already
// is not written, and not recorded. Faults are those of [Create].
func Update(ctx context.Context, tx pg.Tx, id uuid.UUID, seen api.IfMatch, r Report) (c Combo, err error) {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return c, err
	}
	before, c, err := update(ctx, tx, set, id, seen, r)
	if err != nil || c.Version == before.Version {
		return c, err
	}
	return c, reports.Record(ctx, tx, UpdateOperation, &before, &c)
}

func update(ctx context.Context, tx pg.Tx, set settings.Values, id uuid.UUID, seen api.IfMatch, r Report) (before, after Combo, err error) {
	now, err := reports.Lock(ctx, tx, id)
	if err != nil {
		return before, after, err
	}
	r = r.Tidied()
	r.TemplateID, r.SuggestionID, r.Source = now.Payload.TemplateID, now.Payload.SuggestionID, now.Payload.Source
	if _, err := check(ctx, tx, set, r, &now.Payload); err != nil {
		return before, after, err
	}
	return reports.Update(ctx, tx, id, seen, content(now.Identifier, r))
}

// AddNote adds a text to what is noted of a combo.
func AddNote(ctx context.Context, tx pg.Tx, id uuid.UUID, text string) error {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return err
	}
	now, err := reports.Lock(ctx, tx, id)
	if err != nil {
		return err
	}
	now.Payload.Notes += "\n" + text
	before, after, err := update(ctx, tx, set, id, api.IfMatch{}, now.Payload)
	if err != nil {
		return err
	}
	return reports.Record(ctx, tx, UpdateOperation, &before, &after)
}

// Remove takes a combo out of all lists; its identifier stays taken.
func Remove(ctx context.Context, tx pg.Tx, id uuid.UUID, seen api.IfMatch) error {
	before, err := reports.Archive(ctx, tx, id, seen)
	if err != nil {
		return err
	}
	return reports.Record(ctx, tx, RemoveOperation, &before, nil)
}

// Undoers undo what was recorded here, where it hasn't changed since.
func Undoers() []api.Undoer {
	return []api.Undoer{
		api.Undo(CreateOperation, reports.Restore),
		api.Undo(UpdateOperation, reports.Restore),
		api.Undo(RemoveOperation, reports.Restore),
		api.Undo(ImportOperation, restoreAll),
	}
}

func content(identifier string, r Report) artifact.Content[Report] {
	status := Running
	if r.Outcome != nil {
		status = *r.Outcome
	}
	return artifact.Content[Report]{Title: identifier, Status: status, Payload: r}
}

// check holds a combo against settings and products, and returns its products'
// lines. Type and audience may stay what they were before.
func check(ctx context.Context, tx pg.Tx, set settings.Values, r Report, before *Report) (lines []string, err error) {
	ids := make([]int64, len(r.Products))
	for i, p := range r.Products {
		ids[i] = int64(p.ProductID)
	}
	rows, err := pgdb.New(tx).ComboProducts(ctx, ids)
	if err != nil {
		return nil, err
	}
	known := map[shop.ID]bool{}
	for _, row := range rows {
		known[shop.ID(row.ProductID)] = true
		lines = append(lines, settings.ProductLine(set.ProductLines, shop.Product{
			Title: row.Title, Vendor: row.Vendor, ProductType: row.ProductType, Tags: row.Tags,
		}))
	}
	return lines, r.Check(set, known, before).Err()
}
