package taganalytics

import (
	"context"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

type distributionRequest struct {
	Category string    `path:"category" maxLength:"100" example:"design"`
	From     shop.Day  `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To       shop.Day  `query:"to" format:"date" doc:"The last day; today where it is left out."`
	Limit    int       `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"At most so many rows of tags."`
	AsOf     uuid.UUID `query:"asOf" doc:"The sales as they were after this run, for 90 days."`
}

// distribution is how products and sales spread over the tags of a category.
type distribution struct {
	Category string `json:"category"`
	Report
	Coverage coverage `json:"coverage"`
}

// coverage is how many of the shop's products a category's tags reach. Each
// product is in one of the three, and so is each line of a product that is known.
type coverage struct {
	None    covered `json:"none" doc:"Products without a tag of the category."`
	One     covered `json:"one" doc:"With one."`
	Several covered `json:"several" doc:"With two or more."`
}

type covered struct {
	Products int64     `json:"products" doc:"That are in Shopify."`
	Sales    []Figures `json:"sales" doc:"By currency, against the period before."`
}

func (s *Service) distribution(ctx context.Context, req *distributionRequest) (*api.One[distribution], error) {
	if err := s.checkCategory(ctx, req.Category, "path.category"); err != nil {
		return nil, err
	}
	r := request{
		sel: selection{category: &req.Category}, period: Period{req.From, req.To}, granularity: none, limit: req.Limit, asOf: req.AsOf, where: "query",
	}
	from, err := s.read(ctx, &r)
	if err != nil {
		return nil, err
	}
	p, err := from.report(ctx, r)
	if err != nil {
		return nil, err
	}
	over, err := from.coverage(ctx, r)
	return &api.One[distribution]{Data: distribution{req.Category, p, over}}, err
}

func (r *reading) coverage(ctx context.Context, req request) (over coverage, err error) {
	found, err := pgdb.New(r.s.db).TagCoverage(ctx, *req.sel.category)
	if err != nil {
		return over, err
	}
	members, products := make([]string, 3), make([]int64, 3)
	for _, f := range found {
		members[f.Tags], products[f.Tags] = f.Members, f.Products
	}
	sold, err := r.ask(ctx, question{parts: []Period{req.period.before(), req.period}, members: members})
	if err != nil {
		return over, err
	}
	whole := wholes(sold.totals(0, r.Currency, nil))
	for i, to := range []*covered{&over.None, &over.One, &over.Several} {
		*to = covered{products[i], sold.totals(i+1, r.Currency, whole)}
	}
	return over, nil
}
