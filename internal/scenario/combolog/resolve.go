package combolog

import (
	"context"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// resolve finds the products that references mean: by id, else by handle, else by
// title, else by likeness to a title. All products' titles are read only where a
// reference is neither an id nor a handle.
func resolve(ctx context.Context, db pgdb.DBTX, references []string) (map[string]ProductMatch, error) {
	found := map[string]ProductMatch{}
	if err := byID(ctx, db, references, found); err != nil {
		return nil, err
	}
	if err := byHandle(ctx, db, references, found); err != nil {
		return nil, err
	}
	var names *index
	for _, r := range references {
		if _, ok := found[r]; ok {
			continue
		}
		if names == nil {
			var err error
			if names, err = readNames(ctx, db); err != nil {
				return nil, err
			}
		}
		found[r] = names.find(r)
	}
	return found, nil
}

func byID(ctx context.Context, db pgdb.DBTX, references []string, found map[string]ProductMatch) error {
	var ids []int64
	for _, r := range references {
		if id := idOf(r); id != 0 {
			ids = append(ids, int64(id))
		}
	}
	titles, err := readTitles(ctx, db, ids)
	for _, r := range references {
		if c, ok := titles[idOf(r)]; ok {
			c.Score = 1
			found[r] = ProductMatch{Reference: r, By: "id", Product: &c, Candidates: []Candidate{}}
		}
	}
	return err
}

// readTitles returns the products of some ids.
func readTitles(ctx context.Context, db pgdb.DBTX, ids []int64) (map[shop.ID]Candidate, error) {
	rows, err := pgdb.New(db).ComboTitles(ctx, ids)
	titles := make(map[shop.ID]Candidate, len(rows))
	for _, r := range rows {
		titles[shop.ID(r.ProductID)] = Candidate{ProductID: shop.ID(r.ProductID), Title: r.Title, Handle: r.Handle}
	}
	return titles, err
}

// byHandle matches handles. Of products that had one handle one after the other,
// the one that is still in Shopify is meant.
func byHandle(ctx context.Context, db pgdb.DBTX, references []string, found map[string]ProductMatch) error {
	var handles []string
	for _, r := range references {
		if _, ok := found[r]; !ok {
			handles = append(handles, strings.ToLower(r))
		}
	}
	if len(handles) == 0 {
		return nil
	}
	rows, err := pgdb.New(db).ComboHandles(ctx, handles)
	if err != nil {
		return err
	}
	products := map[string]Candidate{}
	for _, living := range []bool{false, true} {
		for _, r := range rows {
			if r.Living == living {
				products[strings.ToLower(r.Handle)] = Candidate{shop.ID(r.ProductID), r.Title, r.Handle, 1}
			}
		}
	}
	for _, r := range references {
		if c, ok := products[strings.ToLower(r)]; ok && found[r].Product == nil {
			found[r] = ProductMatch{Reference: r, By: "handle", Product: &c, Candidates: []Candidate{}}
		}
	}
	return nil
}

func readNames(ctx context.Context, db pgdb.DBTX) (*index, error) {
	rows, err := pgdb.New(db).ComboProductNames(ctx)
	if err != nil {
		return nil, err
	}
	x := newIndex()
	for _, r := range rows {
		x.add(Candidate{ProductID: shop.ID(r.ProductID), Title: r.Title, Handle: r.Handle}, r.Living)
	}
	return x, nil
}
