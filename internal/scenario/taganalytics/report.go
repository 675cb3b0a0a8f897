package taganalytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// request is what somebody wants to know of tags.
type request struct {
	sel         selection
	period      Period
	granularity string // none where empty
	orderBy     string
	limit       int // of rows; 0 is all of them
	asOf        uuid.UUID
	where       string // "body" or "query": where it came in
}

// report answers a request.
func (s *Service) report(ctx context.Context, r request) (p Report, err error) {
	from, err := s.read(ctx, &r)
	if err != nil {
		return p, err
	}
	return from.report(ctx, r)
}

// report answers a request whose period is whole. Ranking asks for two periods of
// all the tags; the series, which are long, only for those that are shown.
func (r *reading) report(ctx context.Context, req request) (p Report, err error) {
	tags, err := r.s.tags(ctx, req.sel)
	if err != nil {
		return p, err
	}
	if err := req.sel.unknown(tags); err != nil {
		return p, err
	}
	members := membersOf(tags)
	sold, err := r.ask(ctx, question{parts: []Period{req.period.before(), req.period}, members: members})
	if err != nil {
		return p, err
	}
	p = Report{Frame: frameOf(r.Calendar, req), Totals: sold.totals(0, r.Currency, nil), TagCount: int64(len(tags))}
	p.Tags = sold.figures(tags, p.Totals, r.Currency)
	rank(p.Tags, req.orderBy, r.Currency)
	if req.limit > 0 {
		p.Tags = p.Tags[:min(len(p.Tags), req.limit)]
	}
	return p, r.addSeries(ctx, req, tags, members, &p)
}

func frameOf(c catalog.Calendar, r request) Frame {
	f := Frame{Period: r.period, Previous: r.period.before(), TimeZone: c.Zone.String(), Basis: basis}
	if r.asOf != uuid.Nil {
		f.AsOf = &r.asOf
	}
	return f
}

// unknown names the tags of a selection that there aren't.
func (sel selection) unknown(found []pgdb.TagMembersRow) error {
	var faults api.Faults
	for i, name := range sel.names {
		if !slices.ContainsFunc(found, func(t pgdb.TagMembersRow) bool { return fold(t.Name) == name }) {
			faults.Add(fmt.Sprintf("body.tags[%d]", i), "is no tag: GET /api/tag-analytics/tags lists those that there are")
		}
	}
	return faults.Err()
}

// totals returns the figures of a group by currency, as shares of wholes. Group 0
// is all others together, which are of distinct lines.
func (t *table) totals(group int, own string, whole map[string]Sales) (list []Figures) {
	for _, c := range t.in(group, own) {
		list = append(list, compare(t.at(group, 1, c), t.at(group, 0, c), whole[c]))
	}
	return list
}

// wholes are what shares are of, by currency.
func wholes(totals []Figures) map[string]Sales {
	all := map[string]Sales{}
	for _, f := range totals {
		all[f.NetSales.Currency] = f.Sales
	}
	return all
}

// figures returns those of each tag, in the order of the tags.
func (t *table) figures(tags []pgdb.TagMembersRow, totals []Figures, own string) []TagFigures {
	list, whole := []TagFigures{}, wholes(totals)
	for i, tag := range tags {
		for _, f := range t.totals(i+1, own, whole) {
			list = append(list, TagFigures{
				TagID: shop.ID(tag.TagID), Tag: tag.Name, Category: tag.Category, Products: tag.Products, Figures: f,
			})
		}
	}
	return list
}

// addSeries adds the series of the totals and of the tags that are shown.
func (r *reading) addSeries(ctx context.Context, req request, tags []pgdb.TagMembersRow, members []string, p *Report) error {
	q := question{parts: req.period.split(req.granularity), members: members, only: []int{}}
	if len(q.parts) == 0 {
		return nil
	}
	if len(p.Tags)*len(q.parts) > maxPoints {
		var faults api.Faults
		faults.Add(req.where+".granularity", "would give %d points, and %d are the most: choose a coarser one, a shorter period or a lower limit",
			len(p.Tags)*len(q.parts), maxPoints)
		return faults.Err()
	}
	group := map[shop.ID]int{}
	for i, t := range tags {
		group[shop.ID(t.TagID)] = i + 1
	}
	for _, t := range p.Tags {
		q.only = append(q.only, group[t.TagID])
	}
	sold, err := r.ask(ctx, q)
	if err != nil {
		return err
	}
	for i := range p.Totals {
		p.Totals[i].Series = sold.series(0, q.parts, p.Totals[i].NetSales.Currency)
	}
	for i := range p.Tags {
		p.Tags[i].Series = sold.series(group[p.Tags[i].TagID], q.parts, p.Tags[i].NetSales.Currency)
	}
	return nil
}

func (t *table) series(group int, parts []Period, currency string) []Point {
	list := make([]Point, len(parts))
	for i, part := range parts {
		list[i] = Point{part, t.at(group, i, currency)}
	}
	return list
}
