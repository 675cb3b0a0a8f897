package taganalytics

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

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

func newTable() *table { return &table{map[cell]Sales{}, map[int][]string{}} }

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
	only    []int    // groups to tell of, numbered from 1, beside all of them together; nil is each
}

// shown says for each of so many groups, and for 0, whether it is told of.
func (q question) shown(groups int) []bool {
	list := make([]bool, groups+1)
	for i := range list {
		list[i] = i == 0 || q.only == nil
	}
	for _, group := range q.only {
		list[group] = true
	}
	return list
}

// partsOf says in which part each day is, by its number.
func (q question) partsOf() map[int]int {
	parts := map[int]int{}
	for i, p := range q.parts {
		for day := numberOf(p.From); day <= numberOf(p.To); day++ {
			parts[day] = i
		}
	}
	return parts
}

// reading is one state of the lakehouse, from which all of an answer is made.
type reading struct {
	catalog.Calendar
	s        *Service
	snapshot Snapshot
}

// read chooses the state that a request is answered from, and fills in its
// period.
func (s *Service) read(ctx context.Context, r *request) (*reading, error) {
	c, err := catalog.ReadCalendar(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if r.period, err = periodOf(r.period, c.Today(), r.where); err != nil {
		return nil, err
	}
	return s.readAs(ctx, c, r.period.before().From, r.period.To, r)
}

func (s *Service) readAs(ctx context.Context, c catalog.Calendar, from, to shop.Day, r *request) (*reading, error) {
	since, _, err := from.Bounds(c.Zone)
	if err != nil {
		return nil, err
	}
	_, until, err := to.Bounds(c.Zone)
	if err != nil {
		return nil, err
	}
	months, run := monthsOf(since, until), ""
	if r.asOf != uuid.Nil {
		run = r.asOf.String()
	}
	// Whole months, so that all files of each are named.
	snapshot, err := s.lake.Snapshot(ctx, run, months[0].start, months[len(months)-1].end)
	if run != "" && (errs.Kind(err) == "not_found" || err == nil && snapshot.ID == 0) {
		if err := s.stateless(ctx, r.asOf, r.where+".asOf", err); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return &reading{c, s, snapshot}, nil
}

// ask answers a question, from rollups where there are any.
func (r *reading) ask(ctx context.Context, q question) (*table, error) {
	if r.snapshot.ID == 0 {
		return newTable(), nil // nothing was ever told
	}
	if t, err := r.roll(ctx, q); t != nil || err != nil {
		return t, err
	}
	return r.raw(ctx, q)
}

// raw answers a question from the lines themselves.
func (r *reading) raw(ctx context.Context, q question) (*table, error) {
	starts, until, err := instants(q.parts, r.Zone)
	if err != nil {
		return nil, err
	}
	part := map[int64]int{}
	for i, start := range starts {
		part[start.UnixMicro()] = i
	}
	// The query numbers the groups that are told of first.
	var first, rest []string
	number := []int{0}
	for i, shown := range q.shown(len(q.members))[1:] {
		if shown {
			first, number = append(first, q.members[i]), append(number, i+1)
		} else {
			rest = append(rest, q.members[i])
		}
	}
	t := newTable()
	err = r.lakeSales(ctx, append(first, rest...), len(first), starts, until, func(group int, start time.Time, s Sales) {
		t.put(cell{number[group], part[start.UnixMicro()], s.NetSales.Currency}, s)
	})
	return t, err
}

// lakeSales has the lakehouse add up the sales of groups, the first of which are
// told of, in periods that begin at instants.
func (r *reading) lakeSales(ctx context.Context, members []string, shown int, starts []time.Time, until time.Time, each func(group int, start time.Time, s Sales)) error {
	args := map[string]any{
		"members": members, "shown": int64(shown), "periods": starts, "since": starts[0], "until": until,
	}
	return r.s.lake.Query(ctx, "tag_sales", r.snapshot.ID, args, func(scan func(...any) error) error {
		var group int64
		var start time.Time
		var s Sales
		err := scan(&group, &start, &s.NetSales.Currency, &s.ProductsSold, &s.Orders, &s.Lines, &s.Units, &s.NetSales.Amount)
		if err == nil {
			each(int(group), start, s)
		}
		return err
	})
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
