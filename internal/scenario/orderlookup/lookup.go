package orderlookup

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// found are the orders of a query, in order.
type found struct {
	match string
	ids   []int64
	more  bool
}

// LookUp finds the orders of at most [MaxQueries] queries. It takes six
// statements at most, however many queries there are.
//
// They don't see one moment: a sync, too, writes orders and their lines one
// after the other.
func (s *Service) LookUp(ctx context.Context, queries []string) (Lookup, error) {
	meant, err := read(queries)
	if err != nil {
		return Lookup{}, err
	}
	list, err := s.find(ctx, meant)
	if err != nil {
		return Lookup{}, err
	}
	var ids []int64
	for _, f := range list {
		ids = append(ids, f.ids...)
	}
	slices.Sort(ids)
	known, err := s.orders(ctx, slices.Compact(ids))
	if err != nil {
		return Lookup{}, err
	}
	out := Lookup{Results: make([]Result, len(queries))}
	for i, f := range list {
		r := Result{Query: queries[i], TakenFor: meant[i].kinds(), Match: f.match, Orders: make([]Order, 0, len(f.ids)), More: f.more}
		for _, id := range f.ids {
			if o := known[id]; o != nil { // else it has gone since it was found
				r.Orders = append(r.Orders, *o)
			}
		}
		if len(f.ids) > 0 {
			out.Found++
		}
		out.Results[i] = r
	}
	return out, nil
}

// find returns the orders of each query: those that it names exactly, or else
// the first whose names begin so.
func (s *Service) find(ctx context.Context, meant []meaning) ([]found, error) {
	limit := perQuery(len(meant))
	rows, err := pgdb.New(s.db).FindOrders(ctx, exactly(meant, limit))
	if err != nil {
		return nil, err
	}
	list := make([]found, len(meant))
	slices.SortFunc(rows, func(a, b pgdb.FindOrdersRow) int {
		return cmp.Or(cmp.Compare(a.How, b.How), b.ProcessedAt.Compare(a.ProcessedAt), cmp.Compare(b.OrderID, a.OrderID))
	})
	for _, r := range rows {
		list[r.Place].add("exact", r.OrderID, limit)
	}
	var begin pgdb.FindOrdersByPrefixParams
	for i, m := range meant {
		if list[i].match == "" {
			list[i].match = "none"
			for _, name := range m.names {
				begin.Places, begin.Names = append(begin.Places, int32(i)), append(begin.Names, name)
			}
		}
	}
	if len(begin.Places) == 0 {
		return list, nil
	}
	begin.PerQuery = int32(limit) + 1
	first, err := pgdb.New(s.db).FindOrdersByPrefix(ctx, begin)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(first, func(a, b pgdb.FindOrdersByPrefixRow) int {
		return cmp.Or(cmp.Compare(a.NameLength, b.NameLength), strings.Compare(a.Name, b.Name), cmp.Compare(a.OrderID, b.OrderID))
	})
	for _, r := range first {
		list[r.Place].add("prefix", r.OrderID, limit)
	}
	return list, nil
}

// exactly are the parameters that ask for one order more than is shown, to know
// whether there are more.
func exactly(meant []meaning, limit int) pgdb.FindOrdersParams {
	p := pgdb.FindOrdersParams{PerQuery: int32(limit) + 1}
	for i, m := range meant {
		place := int32(i)
		for _, name := range m.names {
			p.NamePlaces, p.Names = append(p.NamePlaces, place), append(p.Names, name)
		}
		if m.id != 0 {
			p.IDPlaces, p.Ids = append(p.IDPlaces, place), append(p.Ids, int64(m.id))
		}
		if m.email != "" {
			p.EmailPlaces, p.Emails = append(p.EmailPlaces, place), append(p.Emails, m.email)
		}
	}
	return p
}

// add appends an order, once, where there is room for it.
func (f *found) add(match string, id int64, limit int) {
	f.match = match
	switch {
	case slices.Contains(f.ids, id): // by another name, or as its id as well
	case len(f.ids) == limit:
		f.more = true
	default:
		f.ids = append(f.ids, id)
	}
}
