package taganalytics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const basis = "Sales are net of discounts, refunds and included taxes, on the day of the order; cancelled and test orders and gift cards don't count. " +
	"Tags are those of today. A line whose product has two of the tags counts in both, and once in the totals, which are of distinct lines."

// endpoints lists what the API offers. Without a service it can be documented.
func endpoints(s *Service) []api.Endpoint {
	const root = "/api/tag-analytics/"
	return []api.Endpoint{
		api.Query(root+"performance", "tagPerformance", "Tells what the products of tags sold, against the period before.", s.performance, api.Describe(basis)),
		api.ListOf(root+"tags", "listTagSales", "Lists what the products of each tag sold.", s.list, TagFigures.position, api.Describe(basis)),
		api.Get(root+"distribution/{category}", "tagDistribution", "Tells how products and sales spread over the tags of a category.", s.distribution,
			api.Describe(basis+" Coverage tells of products that have none of them, one, or several.")),
		api.Get(root+"group-performance/{groupId}", "tagGroupPerformance", "Tells what the products of a tag group's tags sold, against the period before.", s.groupPerformance,
			api.Describe(basis)),
		api.Post(root+"refresh", "refreshTagAnalytics", "Has the lakehouse take in the sales that wait.", s.startRefresh,
			api.Describe("It happens by itself within a minute; who can't wait starts it here. One refresh runs at a time: while one is under way, the answer is a conflict that names it.")),
	}
}

// Sales are what was sold in some days, in one currency.
type Sales struct {
	Units        int64      `json:"units"`
	Orders       int64      `json:"orders" doc:"Each once, however many of its lines count."`
	Lines        int64      `json:"lines"`
	ProductsSold int64      `json:"productsSold" doc:"Of which something was sold."`
	NetSales     shop.Money `json:"netSales"`
}

// Change is by how much something grew, in parts of what it was.
type Change struct {
	Units    *float64 `json:"units,omitempty" doc:"0.25 is a quarter more. Left out where there were none before."`
	Orders   *float64 `json:"orders,omitempty" doc:"As with units."`
	NetSales *float64 `json:"netSales,omitempty" doc:"As with units."`
}

// Point is a part of a series.
type Point struct {
	Period
	Sales
}

// Figures are sales in one currency against those of the period before.
type Figures struct {
	Sales
	Share    *float64 `json:"share,omitempty" doc:"Of the total's net sales in this currency. Shares add up to more than 1 where products have several of the tags."`
	Previous Sales    `json:"previous" doc:"Of as many days before."`
	Change   Change   `json:"change"`
	Series   []Point  `json:"series,omitempty" csv:"-" doc:"By day, week from Monday on, or month; the first and the last may be cut by the period."`
}

// TagFigures are those of a tag.
type TagFigures struct {
	TagID    shop.ID `json:"tagId"`
	Tag      string  `json:"tag"`
	Category string  `json:"category,omitempty" doc:"Left out where it is unclassified."`
	Products int64   `json:"products" doc:"That have the tag today and are in Shopify."`
	Figures
}

// Frame is what all answers say of themselves.
type Frame struct {
	Period
	Previous Period     `json:"previous" doc:"What is compared with."`
	TimeZone string     `json:"timeZone" doc:"Of the days: the shop's."`
	AsOf     *uuid.UUID `json:"asOf,omitempty" doc:"The run after which the sales were so; left out where it is now."`
	Basis    string     `json:"basis" doc:"What counts, and how."`
}

// Report is what the products of some tags sold.
type Report struct {
	Frame
	Totals   []Figures    `json:"totals" doc:"Of distinct lines of all the tags, shown or not, by currency."`
	Tags     []TagFigures `json:"tags" doc:"In order. A tag stands here once for each currency in which it sold."`
	TagCount int64        `json:"tagCount" doc:"Of the selection; more than are shown where the limit cuts."`
}

const none = "none"

type performanceRequest struct {
	Body struct {
		Tags     []string   `json:"tags,omitempty" minItems:"1" maxItems:"500" doc:"By name, whatever the case." example:"[\"summer\"]"`
		Category string     `json:"category,omitempty" minLength:"1" maxLength:"100" doc:"All tags of a category." example:"design"`
		GroupID  *uuid.UUID `json:"groupId,omitempty" doc:"All tags of a tag group."`
		All      bool       `json:"all,omitempty" doc:"All tags."`

		From        shop.Day   `json:"from,omitempty" format:"date" doc:"The first day; 29 days before the last where it is left out."`
		To          shop.Day   `json:"to,omitempty" format:"date" doc:"The last day; today where it is left out."`
		Granularity string     `json:"granularity,omitempty" enum:"none,day,week,month" default:"none" doc:"Of the series."`
		OrderBy     string     `json:"orderBy,omitempty" enum:"netSales,units,orders,products,change,name" default:"netSales" doc:"The greatest first; names from A on."`
		Limit       int        `json:"limit,omitempty" default:"50" minimum:"1" maximum:"500" doc:"At most so many rows."`
		AsOf        *uuid.UUID `json:"asOf,omitempty" doc:"The sales as they were after this run, for 90 days."`
	}
}

func (s *Service) performance(ctx context.Context, req *performanceRequest) (*api.One[Report], error) {
	b := req.Body
	sel, err := s.selected(ctx, b.Tags, b.Category, b.GroupID, b.All)
	if err != nil {
		return nil, err
	}
	r := request{sel: sel, period: Period{b.From, b.To}, granularity: b.Granularity, orderBy: b.OrderBy, limit: b.Limit, where: "body"}
	if b.AsOf != nil {
		r.asOf = *b.AsOf
	}
	p, err := s.report(ctx, r)
	return &api.One[Report]{Data: p}, err
}

// selected checks that a request names one selection.
func (s *Service) selected(ctx context.Context, tags []string, category string, group *uuid.UUID, all bool) (sel selection, err error) {
	var faults api.Faults
	n := 0
	for _, given := range []bool{len(tags) > 0, category != "", group != nil, all} {
		if given {
			n++
		}
	}
	if n != 1 {
		faults.Add("body", "has to give one of tags, category, groupId and all")
		return sel, faults.Err()
	}
	if category != "" {
		if err := s.checkCategory(ctx, category, "body.category"); err != nil {
			return sel, err
		}
		sel.category = &category
	}
	if group != nil {
		_, err := s.group(ctx, *group)
		if errs.Kind(err) == "not_found" {
			faults.Add("body.groupId", "is no tag group: GET /api/tag-groups lists those that there are")
			return sel, faults.Err()
		}
		if err != nil {
			return sel, err
		}
		sel.group = group
	}
	for _, name := range tags {
		sel.names = append(sel.names, fold(name))
	}
	sel.every = all
	return sel, nil
}

// checkCategory refuses a category that settings don't have.
func (s *Service) checkCategory(ctx context.Context, category, where string) error {
	values, err := settings.Read(ctx, s.db)
	if err != nil || slices.Contains(values.TagCategories, category) {
		return err
	}
	remedy := "the categories are " + strings.Join(values.TagCategories, ", ")
	if strings.HasPrefix(where, "path") {
		return errs.WithRemedy(fmt.Errorf("there is no such category: %w", errs.NotFound), remedy)
	}
	var faults api.Faults
	faults.Add(where, "is no category of the settings")
	return errs.WithRemedy(faults.Err(), remedy)
}

// fold is how names of tags compare.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

type listRequest struct {
	api.Page
	Category string    `query:"category" maxLength:"100" doc:"Tags of this category alone." example:"design"`
	From     shop.Day  `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To       shop.Day  `query:"to" format:"date" doc:"The last day; today where it is left out."`
	AsOf     uuid.UUID `query:"asOf" doc:"The sales as they were after this run, for 90 days."`
}

// position is where a list of all tags goes on: by the tag's age, for sales may
// change while somebody reads.
type position struct {
	TagID    shop.ID `json:"tagId"`
	Currency string  `json:"currency"`
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.TagID, q.TagID), strings.Compare(p.Currency, q.Currency))
}

func (t TagFigures) position() position { return position{t.TagID, t.NetSales.Currency} }

func (s *Service) list(ctx context.Context, req *listRequest, after *position, limit int) ([]TagFigures, error) {
	r := request{sel: selection{every: req.Category == ""}, period: Period{req.From, req.To}, asOf: req.AsOf, where: "query"}
	if req.Category != "" {
		if err := s.checkCategory(ctx, req.Category, "query.category"); err != nil {
			return nil, err
		}
		r.sel.category = &req.Category
	}
	p, err := s.report(ctx, r)
	if err != nil {
		return nil, err
	}
	rest := slices.SortedFunc(slices.Values(p.Tags), func(a, b TagFigures) int { return a.position().compare(b.position()) })
	if after != nil {
		rest = slices.DeleteFunc(rest, func(t TagFigures) bool { return t.position().compare(*after) <= 0 })
	}
	return rest[:min(len(rest), limit)], nil
}
