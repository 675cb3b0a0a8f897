package tagclass

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
)

// MaxMappings are done at once.
const MaxMappings = 10_000

// Classify does what up to [MaxMappings] mappings say, all of it or nothing, and
// on a dry run only tells what that would be. Faults are at body.mappings[i].tag
// and .category.
func (s *Service) Classify(ctx context.Context, mappings []Mapping, dryRun bool) (*api.One[Classified], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[Classified], error) {
		set, err := settings.Hold(ctx, tx)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(mappings))
		for i, m := range mappings {
			names[i] = strings.TrimSpace(m.Tag)
		}
		tags, bound, err := find(ctx, tx, names)
		if err != nil {
			return nil, err
		}
		moves, faults := plan(mappings, tags, set.TagCategories, bound)
		if err := faults.Err(); err != nil {
			return nil, err
		}
		out := Classified{Counts: counts(len(mappings), moves), Changes: make([]Change, len(moves)), DryRun: dryRun}
		for i, m := range moves {
			out.Changes[i] = m.change()
		}
		if !dryRun && len(moves) > 0 {
			id, err := api.Record(ctx, tx, changeOf(moves))
			if err != nil {
				return nil, err
			}
			out.ChangeID = &id
			err = write(ctx, tx, moves)
			return &api.One[Classified]{Data: out}, err
		}
		return &api.One[Classified]{Data: out}, nil
	})
}

// find returns the tags of some names, locked, and the groups that bind them.
func find(ctx context.Context, tx pg.Tx, names []string) (tags []*catalog.Tag, bound map[int64]string, err error) {
	if tags, err = catalog.LockTags(ctx, tx, names); err != nil {
		return nil, nil, err
	}
	var ids []int64
	for _, t := range tags {
		if t != nil {
			ids = append(ids, t.ID)
		}
	}
	groups, err := pgdb.New(tx).BoundTags(ctx, ids)
	bound = map[int64]string{}
	for _, g := range groups {
		bound[g.TagID] = g.Name
	}
	return tags, bound, err
}

func write(ctx context.Context, tx pg.Tx, moves []move) error {
	tags := make([]catalog.Tag, len(moves))
	for i, m := range moves {
		tags[i] = catalog.Tag{ID: m.tag.ID, Category: m.to}
	}
	n, err := catalog.Classify(ctx, tx, api.PrincipalOf(ctx).Name, tags)
	if err == nil && n != int64(len(tags)) {
		err = fmt.Errorf("%d of %d tags were written: %w", n, len(tags), errs.Corrupt)
	}
	return err
}

// class is what a change's image says of a tag.
type class struct {
	Tag      string `json:"tag"`
	Category string `json:"category,omitempty"` // left out where it has none
}

func changeOf(moves []move) api.Change {
	ids := make([]string, len(moves))
	before, after := make([]class, len(moves)), make([]class, len(moves))
	for i, m := range moves {
		ids[i] = strconv.FormatInt(m.tag.ID, 10)
		before[i], after[i] = class{m.tag.Name, m.tag.Category}, class{m.tag.Name, m.to}
	}
	return api.Change{Operation: classify, Subject: "product_tag", SubjectIDs: ids, Before: before, After: after}
}

// undo brings tags back to the categories that they had.
func (s *Service) undo(ctx context.Context, tx pg.Tx, from, to []class) error {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return err
	}
	names := make([]string, len(from))
	for i, c := range from {
		names[i] = c.Tag
	}
	tags, bound, err := find(ctx, tx, names)
	if err != nil {
		return err
	}
	moves, obstacles := revert(from, to, tags, set.TagCategories, bound)
	if len(obstacles) > 0 {
		return errs.WithRemedy(fmt.Errorf("%s: %w", strings.Join(obstacles, "; "), errs.Conflict),
			"undo what came later first, or classify the other tags by hand")
	}
	return write(ctx, tx, moves)
}

// maxObstacles are named at most.
const maxObstacles = 10

// revert returns the moves that bring tags from one state to another, or what
// stands in the way.
func revert(from, to []class, tags []*catalog.Tag, categories []string, bound map[int64]string) (moves []move, obstacles []string) {
	for i, c := range from {
		switch tag := tags[i]; {
		case tag == nil || tag.Category != c.Category:
			obstacles = append(obstacles, fmt.Sprintf("%q was classified anew since", c.Tag))
		case to[i].Category != "" && !slices.Contains(categories, to[i].Category):
			obstacles = append(obstacles, fmt.Sprintf("%q was %q, which the settings no longer have", c.Tag, to[i].Category))
		case bound[tag.ID] != "":
			obstacles = append(obstacles, fmt.Sprintf("%q is in the group %q since, which has only tags of %s", c.Tag, bound[tag.ID], tag.Category))
		default:
			moves = append(moves, move{*tag, to[i].Category})
		}
	}
	if n := len(obstacles) - maxObstacles; n > 0 {
		obstacles = append(obstacles[:maxObstacles], fmt.Sprintf("and %d more", n))
	}
	return moves, obstacles
}
