package designers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const basis = "Sales are net of discounts, refunds and included taxes, on the day of the order; cancelled and test orders and gift cards don't count. " +
	"The tags and designers of today hold for all days. Each line is shared out equally among the distinct designers of its product's tags, to the ten-thousandth, the rest by name; " +
	"what has no designer is unattributed, so that all rows of a currency add up to its sales."

func endpoints(s *Service) []api.Endpoint {
	const path = "/api/designers"
	return []api.Endpoint{
		api.ListOf(path, "listDesigners", "Lists designers with their tags and what these sold, and last what is nobody's.", s.list, Entry.position, api.Describe(basis)),
		api.ListOf(path+"/names", "listDesignerNames", "Lists the designers' names.", s.names, Name.position),
		api.Get(path+"/summary", "summarizeDesigners", "Tells what was sold in all, with and without a designer.", s.summarize, api.Describe(basis)),
		api.Post(path+"/assign", designer.AssignOperation, "Gives tags to a designer.", s.assign, api.MaxBody(8<<20),
			api.Describe("A designer begins with the first tag. Names and tags compare without regard to case, and the first spelling is kept; a tag may be with several designers. "+
				"It is a conflict only where all of the tags are with the designer already.")),
		api.Delete(path+"/unassign", designer.UnassignOperation, "Takes tags off a designer.", s.unassign, api.MaxBody(8<<20),
			api.Describe("Which, is said in the body, or by the same names in the query. It is a conflict only where none of the tags is with the designer. The designer stays.")),
		api.Delete(path+"/{designerName}", designer.RemoveOperation, "Deletes a designer; the tags stay.", s.remove),
	}
}

// Sales are what falls to somebody in some days, in one currency.
type Sales struct {
	Units    float64    `json:"units" doc:"As ordered. Lines of several designers make parts of units, to the ten-thousandth." example:"12.5"`
	NetSales shop.Money `json:"netSales"`
	Share    *float64   `json:"share,omitempty" doc:"Of all net sales in this currency, rounded to a hundredth of a percent. Left out where these are nothing."`
}

// Entry is a row of the list.
type Entry struct {
	Row          string   `json:"row" enum:"designer,unattributed" doc:"Whether it is of a designer, or of what has none."`
	DesignerName *string  `json:"designerName" nullable:"true" doc:"As first spelled; null where nobody's." example:"Ana Moreno"`
	Version      *int64   `json:"version,omitempty" doc:"Of the designer, for If-Match. Grows with each change."`
	Tags         []string `json:"tags" doc:"That are with the designer, as Shopify spells them, by name."`
	Products     int64    `json:"products" doc:"That have any of the tags today and are in Shopify."`
	Sales
	UpdatedBy *string    `json:"updatedBy,omitempty"`
	UpdatedAt *time.Time `json:"updatedAt,omitempty"`

	key string
}

func (e Entry) position() position { return position{e.key, e.NetSales.Currency} }

// Range is the part of a request that says of which days.
type Range struct {
	From shop.Day  `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To   shop.Day  `query:"to" format:"date" doc:"The last day; today where it is left out."`
	AsOf uuid.UUID `query:"asOf" doc:"The sales as they were after this run, for 90 days."`
}

type listRequest struct {
	api.Page
	Range
}

func (s *Service) list(ctx context.Context, req *listRequest, after *position, limit int) ([]Entry, error) {
	b, err := s.open(ctx, req.Range)
	if err != nil {
		return nil, err
	}
	list := b.entries()
	if after != nil {
		list = slices.DeleteFunc(list, func(e Entry) bool { return e.position().compare(*after) <= 0 })
	}
	return list[:min(len(list), limit)], nil
}

// Name is a row of the list of names.
type Name struct {
	DesignerName string `json:"designerName" example:"Ana Moreno"`

	key string
}

func (n Name) position() string { return n.key }

type namesRequest struct{ api.Page }

func (s *Service) names(ctx context.Context, _ *namesRequest, after *string, limit int) ([]Name, error) {
	all, err := designer.All(ctx, s.db)
	if err != nil {
		return nil, err
	}
	list := []Name{}
	for _, d := range all {
		if (after == nil || d.Identifier > *after) && len(list) < limit {
			list = append(list, Name{d.Payload.DesignerName, d.Identifier})
		}
	}
	return list, nil
}

// Split is what was sold in one currency.
type Split struct {
	Total        Sales `json:"total"`
	Attributed   Sales `json:"attributed" doc:"To designers."`
	Unattributed Sales `json:"unattributed" doc:"Of products whose tags are with nobody, and of lines without a product."`
}

// Summary is what was sold in some days.
type Summary struct {
	shop.Period
	TimeZone  string     `json:"timeZone" doc:"Of the days: the shop's."`
	AsOf      *uuid.UUID `json:"asOf,omitempty" doc:"The run after which the sales were so; left out where it is now."`
	Designers int64      `json:"designers" doc:"How many there are."`
	Sales     []Split    `json:"sales" doc:"By currency, the shop's first."`
	Basis     string     `json:"basis" doc:"What counts, and how."`
}

type summaryRequest struct{ Range }

func (s *Service) summarize(ctx context.Context, req *summaryRequest) (*api.One[Summary], error) {
	b, err := s.open(ctx, req.Range)
	if err != nil {
		return nil, err
	}
	return &api.One[Summary]{Data: b.summary()}, nil
}

type assignRequest struct {
	api.IfMatch
	Body struct {
		DesignerName string   `json:"designerName" maxLength:"400" doc:"At most 100 characters, once trimmed." example:"Ana Moreno"`
		Tags         []string `json:"tags" minItems:"1" maxItems:"10000" doc:"By name, whatever the case." example:"[\"Luna Moth\"]"`
	}
}

// Assigned is a designer after an assignment.
type Assigned struct {
	api.Versioned
	DesignerName string   `json:"designerName" doc:"As first spelled."`
	Tags         []string `json:"tags" doc:"All that are with the designer now, by name."`
	Assigned     []string `json:"assigned" doc:"Those that are new."`
	Unchanged    []string `json:"unchanged" doc:"Those that were with the designer before."`
}

func (s *Service) assign(ctx context.Context, req *assignRequest) (*api.One[Assigned], error) {
	return s.Assign(ctx, req.IfMatch, req.Body.DesignerName, req.Body.Tags)
}

// Assign gives tags to a designer; see [designer.Assign]. Where all of them are
// with the designer already, it is errs.Conflict.
func (s *Service) Assign(ctx context.Context, seen api.IfMatch, name string, tags []string) (*api.One[Assigned], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[Assigned], error) {
		out, err := designer.Assign(ctx, tx, seen, name, tags)
		if err != nil {
			return nil, err
		}
		if len(out.Changed) == 0 {
			return nil, errs.WithRemedy(fmt.Errorf("all of these tags are with this designer already: %w", errs.Conflict), "there is nothing to do; GET /api/designers lists who has what")
		}
		return &api.One[Assigned]{Data: Assigned{
			Versioned: out.Versioned, DesignerName: out.Payload.DesignerName, Tags: out.Payload.Tags,
			Assigned: out.Changed, Unchanged: out.Unchanged,
		}}, nil
	})
}

type unassignRequest struct {
	api.IfMatch
	DesignerName string   `query:"designerName" maxLength:"400" doc:"Whose, where there is no body."`
	Tags         []string `query:"tags,explode" maxItems:"1000" doc:"Which, where there is no body; once for each."`
	Body         *struct {
		DesignerName string   `json:"designerName" maxLength:"400" example:"Ana Moreno"`
		Tags         []string `json:"tags" minItems:"1" maxItems:"10000" doc:"By name, whatever the case." example:"[\"Luna Moth\"]"`
	}
}

func (s *Service) unassign(ctx context.Context, req *unassignRequest) error {
	name, tags, where := req.DesignerName, req.Tags, "query"
	if req.Body != nil {
		var faults api.Faults
		const both = "is given beside a body: give one or the other"
		if name != "" {
			faults.Add("query.designerName", both)
		}
		if len(tags) > 0 {
			faults.Add("query.tags", both)
		}
		if len(faults) > 0 {
			return faults
		}
		name, tags, where = req.Body.DesignerName, req.Body.Tags, "body"
	}
	return placed(s.Unassign(ctx, req.IfMatch, name, tags), where)
}

// Unassign takes tags off a designer; see [designer.Unassign]. Where none of
// them is with the designer, it is errs.Conflict.
func (s *Service) Unassign(ctx context.Context, seen api.IfMatch, name string, tags []string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		out, err := designer.Unassign(ctx, tx, seen, name, tags)
		if err != nil {
			return err
		}
		if len(out.Changed) == 0 {
			return errs.WithRemedy(fmt.Errorf("none of these tags is with this designer: %w", errs.Conflict), "there is nothing to do; GET /api/designers lists who has what")
		}
		return nil
	})
}

// placed moves the faults of a body to where the request has its fields.
func placed(err error, where string) error {
	var faults api.Faults
	if where == "body" || !errors.As(err, &faults) {
		return err
	}
	moved := make(api.Faults, len(faults))
	for i, f := range faults {
		moved[i] = api.Fault{Location: where + strings.TrimPrefix(f.Location, "body"), Message: f.Message}
	}
	return moved
}

type removeRequest struct {
	api.IfMatch
	DesignerName string `path:"designerName" maxLength:"400"`
}

func (s *Service) remove(ctx context.Context, req *removeRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		return designer.Remove(ctx, tx, req.IfMatch, req.DesignerName)
	})
}
