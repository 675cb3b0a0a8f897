package combo

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
)

// Template plans combos: it says which they are of, and what is done when one is
// made. Its name is the artefact's title.
type Template struct {
	Type         string       `json:"type" maxLength:"16" doc:"One of the settings' combo types." example:"SP"`
	ProductLines []string     `json:"productLines" nullable:"false" maxItems:"50" doc:"Codes of the product lines of a combo's products, each of which it has; in alphabetical order." example:"[\"NOLINE\"]"`
	ProductCount int          `json:"productCount" minimum:"1" maximum:"50" doc:"Of a combo." example:"2"`
	Audience     string       `json:"audience" maxLength:"16" doc:"One of the settings' audiences." example:"WOMEN"`
	DesignURL    string       `json:"designUrl,omitempty" maxLength:"2000" doc:"Where the design is, beginning with https://." example:"https://design.example.com/1"`
	Hypothesis   string       `json:"hypothesis,omitempty" maxLength:"4000" doc:"What a test is to show."`
	ActionSpecs  []ActionSpec `json:"actionSpecs" nullable:"false" maxItems:"20" doc:"What is done, in this order. create_report is the first, and there is one of it." example:"[{\"action\": \"create_report\"}, {\"action\": \"note\", \"params\": {\"text\": \"spring\"}}]"`
}

// Plan is a template as stored.
type Plan = artifact.Artifact[Template]

// plans are all templates.
var plans = artifact.Kind[Template]{Name: "combo_template", Noun: "combo template", Check: Template.faults}

// planned is the status of each template.
const planned = "planned"

// The operations that changes of templates are recorded under.
const (
	CreateTemplateOperation = "createComboTemplate"
	RemoveTemplateOperation = "deleteComboTemplate"
)

// Templates returns up to limit templates that aren't deleted, newest first, of
// those made before another one; uuid.Nil is the beginning. Those with a text in
// their names, where it isn't empty.
func Templates(ctx context.Context, db pgdb.DBTX, text string, before uuid.UUID, limit int) ([]Plan, error) {
	return plans.List(ctx, db, artifact.Filter{Text: text}, before, limit)
}

// CreateTemplate stores a template under a name. What is wrong with it is
// [api.Faults] at fields of body.
func CreateTemplate(ctx context.Context, tx pg.Tx, name string, t Template) (p Plan, err error) {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return p, err
	}
	t, name = t.tidied(), strings.TrimSpace(name)
	faults := t.check(set)
	if n := utf8.RuneCountInString(name); n < 1 || n > maxText {
		faults.Add("body.name", "is not 1 to %d characters long", maxText)
	}
	if len(faults) > 0 {
		return p, faults
	}
	id, err := uuid.NewV7()
	if err != nil {
		return p, err
	}
	p, err = plans.Create(ctx, tx, id.String(), artifact.Content[Template]{Title: name, Status: planned, Payload: t})
	if err != nil {
		return p, err
	}
	return p, plans.Record(ctx, tx, CreateTemplateOperation, nil, &p)
}

// RemoveTemplate takes a template out of all lists. The combos that were made of it
// stay.
func RemoveTemplate(ctx context.Context, tx pg.Tx, id uuid.UUID, seen api.IfMatch) error {
	before, err := plans.Archive(ctx, tx, id, seen)
	if err != nil {
		return err
	}
	return plans.Record(ctx, tx, RemoveTemplateOperation, &before, nil)
}

// TemplateUndoers undo what was recorded of templates and of what their actions
// did, where it hasn't changed since.
func TemplateUndoers() []api.Undoer {
	return []api.Undoer{
		api.Undo(CreateTemplateOperation, plans.Restore),
		api.Undo(RemoveTemplateOperation, plans.Restore),
		api.Undo(AssetOperation, assets.Restore),
	}
}

// CreateFrom stores a combo that is made of a template, and returns that, too. What
// the combo leaves open is the template's. Faults are those of [Create], and where
// it isn't what the template plans.
func CreateFrom(ctx context.Context, tx pg.Tx, id uuid.UUID, r Report) (c Combo, t Template, err error) {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return c, t, err
	}
	p, err := plans.Lock(ctx, tx, id)
	if errs.Kind(err) == "not_found" {
		return c, t, api.Faults{{Location: "body.templateId", Message: "there is no such template: take one of GET /api/combo-templates"}}
	}
	if err != nil {
		return c, t, err
	}
	t = p.Payload
	r.TemplateID = &id
	r.Type, r.Audience = cmp.Or(r.Type, t.Type), cmp.Or(r.Audience, t.Audience)
	r.Channel = cmp.Or(r.Channel, t.ActionSpecs[0].Params.Channel)
	if c, err = create(ctx, tx, set, sequences{}, r, &t); err != nil {
		return c, t, err
	}
	return c, t, reports.Record(ctx, tx, CreateOperation, nil, &c)
}

// differs lists where a combo isn't what a template plans. lines are those of its
// products.
func (t Template) differs(r Report, lines []string) (f api.Faults) {
	if r.Type != t.Type {
		f.Add("body.type", "is not the template's: leave it out, or make it %s", t.Type)
	}
	if r.Audience != t.Audience {
		f.Add("body.audience", "is not the template's: leave it out, or make it %s", t.Audience)
	}
	if len(r.Products) != t.ProductCount {
		f.Add("body.products", "are %d, and the template plans %d", len(r.Products), t.ProductCount)
	}
	if has := slices.Compact(slices.Sorted(slices.Values(lines))); !slices.Equal(has, t.ProductLines) {
		f.Add("body.products", "are of the product lines %s, and the template plans %s", strings.Join(has, ", "), strings.Join(t.ProductLines, ", "))
	}
	return f
}

func (t Template) faults() (f api.Faults) {
	if t.ProductCount < 1 || t.ProductCount > MaxProducts {
		f.Add("body.productCount", "is not between 1 and %d", MaxProducts)
	}
	if n := len(t.ProductLines); n == 0 || n > max(t.ProductCount, 0) {
		f.Add("body.productLines", "are %d: a combo of %d products has 1 to %d lines", n, t.ProductCount, t.ProductCount)
	}
	for i, line := range t.ProductLines {
		if slices.Contains(t.ProductLines[:i], line) {
			f.Add(fmt.Sprintf("body.productLines[%d]", i), "is there twice")
		}
	}
	if u, err := url.Parse(t.DesignURL); t.DesignURL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
		f.Add("body.designUrl", "is no address that begins with https://")
	}
	if utf8.RuneCountInString(t.Hypothesis) > 4000 {
		f.Add("body.hypothesis", "is longer than 4000 characters")
	}
	return append(f, actionFaults(t.ActionSpecs)...)
}

// check lists all that is wrong with a template under settings.
func (t Template) check(set settings.Values) (f api.Faults) {
	codes, lines := codesOf(set)
	if !slices.Contains(codes, t.Type) {
		f.Add("body.type", "is none of the settings' combo types: take one of %s", strings.Join(codes, ", "))
	}
	if !slices.Contains(set.Audiences, t.Audience) {
		f.Add("body.audience", "is none of the settings' audiences: take one of %s", strings.Join(set.Audiences, ", "))
	}
	for i, line := range t.ProductLines {
		if !slices.Contains(lines, line) {
			f.Add(fmt.Sprintf("body.productLines[%d]", i), "is no product line: take one of %s", strings.Join(lines, ", "))
		}
	}
	return append(f, t.faults()...)
}

// codesOf are the combo types and product lines of settings.
func codesOf(set settings.Values) (types, lines []string) {
	for _, t := range set.ComboTypes {
		types = append(types, t.Code)
	}
	for _, rule := range set.ProductLines {
		if !slices.Contains(lines, rule.Code) {
			lines = append(lines, rule.Code)
		}
	}
	return types, append(lines, settings.NoLine)
}

// tidied returns the template as it is stored: without white space around
// texts, codes in capital letters, lines in alphabetical order.
func (t Template) tidied() Template {
	t.Type, t.Audience = code(t.Type), code(t.Audience)
	t.DesignURL, t.Hypothesis = strings.TrimSpace(t.DesignURL), strings.TrimSpace(t.Hypothesis)
	lines := make([]string, len(t.ProductLines))
	for i, line := range t.ProductLines {
		lines[i] = code(line)
	}
	slices.Sort(lines)
	specs := make([]ActionSpec, len(t.ActionSpecs))
	for i, s := range t.ActionSpecs {
		specs[i] = s.tidied()
	}
	t.ProductLines, t.ActionSpecs = lines, specs
	return t
}

func code(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }
