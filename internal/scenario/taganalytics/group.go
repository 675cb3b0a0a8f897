package taganalytics

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

type groupRequest struct {
	GroupID     uuid.UUID `path:"groupId"`
	From        shop.Day  `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To          shop.Day  `query:"to" format:"date" doc:"The last day; today where it is left out."`
	Granularity string    `query:"granularity" enum:"none,day,week,month" default:"none" doc:"Of the series."`
	OrderBy     string    `query:"orderBy" enum:"netSales,units,orders,products,change,name" default:"netSales" doc:"The greatest first; names from A on."`
	Limit       int       `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"At most so many rows of tags."`
	AsOf        uuid.UUID `query:"asOf" doc:"The sales as they were after this run, for 90 days."`
}

// groupReport is what the tags of a tag group sold.
type groupReport struct {
	GroupID  uuid.UUID `json:"groupId"`
	Name     string    `json:"name"`
	Category string    `json:"category,omitempty" doc:"Left out where the group has tags of any."`
	Report
}

func (s *Service) groupPerformance(ctx context.Context, req *groupRequest) (*api.One[groupReport], error) {
	g, err := s.group(ctx, req.GroupID)
	if err != nil {
		return nil, err
	}
	p, err := s.report(ctx, request{
		sel: selection{group: &req.GroupID}, period: Period{req.From, req.To}, granularity: req.Granularity,
		orderBy: req.OrderBy, limit: req.Limit, asOf: req.AsOf, where: "query",
	})
	return &api.One[groupReport]{Data: groupReport{g.CategoryID, g.Name, g.Category, p}}, err
}

func (s *Service) group(ctx context.Context, id uuid.UUID) (pgdb.AnalysedGroupRow, error) {
	g, err := pgdb.New(s.db).AnalysedGroup(ctx, id)
	if pg.NoRows(err) {
		return g, errs.WithRemedy(fmt.Errorf("there is no such tag group: %w", errs.NotFound), "GET /api/tag-groups lists those that there are")
	}
	return g, err
}
