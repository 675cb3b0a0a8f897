package taganalytics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// query is the lakehouse's query that all answers are made of.
const query = "tag_sales"

// calendar is what days and money are in.
type calendar struct {
	zone     *time.Location
	name     string // of the zone
	currency string // the shop's
}

// calendar reads the shop's. Before the first sync there is none, and nothing
// that was sold.
func (s *Service) calendar(ctx context.Context) (c calendar, err error) {
	info, err := catalog.Shop(ctx, s.db)
	if errs.Kind(err) == "not_found" {
		return calendar{time.UTC, "UTC", "USD"}, nil
	}
	if err != nil {
		return c, err
	}
	c = calendar{name: info.TimeZone, currency: info.Currency}
	if c.zone, err = time.LoadLocation(info.TimeZone); err != nil {
		return c, fmt.Errorf("time zone of the shop: %w: %w", err, errs.Corrupt)
	}
	return c, nil
}

func (c calendar) today() shop.Day { return shop.DayOf(time.Now(), c.zone) }

// cell is where sales stand in a result.
type cell struct {
	group    int // numbered from 1; 0 is all of them, each line once
	part     int // of the periods, numbered from 0
	currency string
}

// table is what the lakehouse has of sales. What isn't in it wasn't sold.
type table struct {
	cells      map[cell]Sales
	currencies map[int][]string // in which a group has sold, in order
}

func (t *table) put(at cell, s Sales) {
	t.cells[at] = s
	if list := t.currencies[at.group]; !slices.Contains(list, at.currency) {
		t.currencies[at.group] = append(list, at.currency)
	}
}

// at returns the sales of a cell, 0 of its currency where there are none.
func (t *table) at(group, part int, currency string) Sales {
	if s, ok := t.cells[cell{group, part, currency}]; ok {
		return s
	}
	return Sales{NetSales: shop.Money{Currency: currency}}
}

// in returns the currencies in which a group has sold in any part, the shop's
// own first, and that one where it has sold nothing.
func (t *table) in(group int, own string) []string {
	list := t.currencies[group]
	if len(list) == 0 {
		return []string{own}
	}
	slices.SortFunc(list, func(a, b string) int { return compareCurrencies(a, b, own) })
	return list
}

// question is what the lakehouse is asked.
type question struct {
	parts   []Period // that follow one another
	members []string // of each group: ids of products with commas between
	shown   int      // groups of which more is told than what they add to the total
	asOf    uuid.UUID
	where   string // the parameter that asOf came in
}

func (s *Service) ask(ctx context.Context, c calendar, q question) (*table, error) {
	starts, until, err := instants(q.parts, c.zone)
	if err != nil {
		return nil, err
	}
	part := map[int64]int{}
	for i, start := range starts {
		part[start.UnixMicro()] = i
	}
	run := ""
	if q.asOf != uuid.Nil {
		run = q.asOf.String()
	}
	t := &table{map[cell]Sales{}, map[int][]string{}}
	args := map[string]any{
		"members": q.members, "shown": int64(q.shown), "periods": starts, "since": starts[0], "until": until,
	}
	err = s.lake.QueryRun(ctx, query, run, args, func(scan func(...any) error) error {
		var group int64
		var start time.Time
		var sold Sales
		err := scan(&group, &start, &sold.NetSales.Currency, &sold.ProductsSold, &sold.Orders, &sold.Lines, &sold.Units, &sold.NetSales.Amount)
		t.put(cell{int(group), part[start.UnixMicro()], sold.NetSales.Currency}, sold)
		return err
	})
	if run != "" && errs.Kind(err) == "not_found" {
		var faults api.Faults
		faults.Add(q.where, "names no run whose state is kept: those of the last 90 days are, where runs have ended")
		return nil, errs.WithRemedy(faults.Err(),
			"leave it out, name a later run of GET /api/ingest/runs, or load the archive of this one into a new database with `macrodata replay`")
	}
	return t, err
}

// selection says which tags are wanted.
type selection struct {
	every    bool
	names    []string // folded
	category *string
	group    *uuid.UUID
}

func (s *Service) tags(ctx context.Context, sel selection) ([]pgdb.TagMembersRow, error) {
	return pgdb.New(s.db).TagMembers(ctx, pgdb.TagMembersParams{
		Every: sel.every, Names: sel.names, Category: sel.category, GroupID: sel.group,
	})
}

func membersOf(tags []pgdb.TagMembersRow) []string {
	list := make([]string, len(tags))
	for i, t := range tags {
		list[i] = t.Members
	}
	return list
}
