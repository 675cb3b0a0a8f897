package taggroups

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
)

// Whoever writes groups holds the settings, and so do those who classify tags:
// one comes after the other, and neither breaks what the other has checked.

func (s *Service) save(ctx context.Context, req *saveRequest) (*api.One[Saved], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[Saved], error) {
		set, err := settings.Hold(ctx, tx)
		if err != nil {
			return nil, err
		}
		before, version, err := target(ctx, tx, req)
		if err != nil {
			return nil, err
		}
		if err := req.Check(version); err != nil {
			return nil, err
		}
		want := wanted(req, before)
		if before == nil {
			want.GroupID = api.KeyID(ctx)
		}
		if err := write(ctx, tx, want, before, before != nil, set.TagCategories); err != nil {
			return nil, err
		}
		return saved(ctx, tx, want.GroupID, before)
	})
}

// saved records what became of a group and answers it.
func saved(ctx context.Context, tx pg.Tx, id uuid.UUID, before *state) (*api.One[Saved], error) {
	list, err := find(ctx, tx, pgdb.ListTagGroupsParams{GroupID: &id, RowLimit: 1})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := Saved{list[0], "unchanged"}
	after, _, err := read(ctx, tx, id)
	switch {
	case err != nil:
		return nil, err
	case before == nil:
		out.Outcome = "created"
	case !reflect.DeepEqual(before, after):
		out.Outcome = "changed"
	default:
		return &api.One[Saved]{Data: out}, nil
	}
	_, err = api.Record(ctx, tx, changeOf(save, id, before, after))
	return &api.One[Saved]{Data: out}, err
}

func changeOf(operation string, id uuid.UUID, before, after *state) api.Change {
	c := api.Change{Operation: operation, Subject: "tag_group", SubjectIDs: []string{id.String()}}
	if before != nil {
		c.Before = before
	}
	if after != nil {
		c.After = after
	}
	return c
}

// target returns the group that a request is about, nil for a new one.
func target(ctx context.Context, tx pg.Tx, req *saveRequest) (*state, int64, error) {
	if req.Body.GroupID != nil {
		return living(ctx, tx, *req.Body.GroupID)
	}
	r, err := pgdb.New(tx).LockTagGroupByName(ctx, strings.TrimSpace(req.Body.Name))
	if pg.NoRows(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return read(ctx, tx, r.CategoryID)
}

// living returns a group that isn't deleted, with its version.
func living(ctx context.Context, tx pg.Tx, id uuid.UUID) (*state, int64, error) {
	now, version, err := read(ctx, tx, id)
	if err == nil && now == nil {
		err = errs.WithRemedy(fmt.Errorf("there is no such tag group: %w", errs.NotFound), "GET /api/tag-groups lists what there is")
	}
	return now, version, err
}

// read returns a group, locked, with its version; nil where it is deleted or
// never was.
func read(ctx context.Context, tx pg.Tx, id uuid.UUID) (*state, int64, error) {
	q := pgdb.New(tx)
	r, err := q.LockTagGroup(ctx, id)
	if pg.NoRows(err) || err == nil && r.ArchivedAt != nil {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	now := &state{GroupID: id, Name: r.Name, Description: r.Description}
	if r.Category != nil {
		now.Category = *r.Category
	}
	tags, err := q.TagsOfGroup(ctx, id)
	now.Tags = append([]string{}, tags...)
	return now, r.Version, err
}

// wanted is the group that a request describes.
func wanted(req *saveRequest, before *state) state {
	want := state{Name: strings.TrimSpace(req.Body.Name), Description: strings.TrimSpace(req.Body.Description)}
	if req.Body.Category != nil {
		want.Category = strings.TrimSpace(*req.Body.Category)
	}
	if before != nil {
		want.GroupID = before.GroupID
		if want.Name == "" {
			want.Name = before.Name
		}
	}
	for _, tag := range req.Body.Tags {
		want.Tags = append(want.Tags, strings.TrimSpace(tag))
	}
	return want
}

// write makes a group what it is wanted to be, unless it is so now. stored says
// whether it has a row, if only as a deleted one.
func write(ctx context.Context, tx pg.Tx, want state, now *state, stored bool, categories []string) error {
	tags, err := catalog.LockTags(ctx, tx, want.Tags)
	if err != nil {
		return err
	}
	category, ids, faults := check(want, tags, categories)
	ids = append([]int64{}, ids...) // NULL is no list
	q := pgdb.New(tx)
	other, err := q.LockTagGroupByName(ctx, want.Name)
	if err != nil && !pg.NoRows(err) {
		return err
	}
	if err == nil && other.CategoryID != want.GroupID {
		faults.Add("body.name", "is that of another group: take another name, or change that group")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	want.Category = category
	if now != nil && same(*now, want, tags) {
		return nil
	}
	if by := api.PrincipalOf(ctx).Name; stored {
		err = q.UpdateTagGroup(ctx, pgdb.UpdateTagGroupParams{
			CategoryID: want.GroupID, Name: want.Name, Category: given(category), Description: want.Description, By: by,
		})
	} else {
		err = q.InsertTagGroup(ctx, pgdb.InsertTagGroupParams{
			CategoryID: want.GroupID, Name: want.Name, Category: given(category), Description: want.Description, By: by,
		})
	}
	if err != nil {
		return err
	}
	if err := q.UnlinkGroupTags(ctx, pgdb.UnlinkGroupTagsParams{CategoryID: want.GroupID, TagIds: ids}); err != nil {
		return err
	}
	return q.LinkGroupTags(ctx, pgdb.LinkGroupTagsParams{CategoryID: want.GroupID, TagIds: ids})
}

func (s *Service) delete(ctx context.Context, req *groupRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		before, version, err := living(ctx, tx, req.GroupID)
		if err != nil {
			return err
		}
		if err := req.Check(version); err != nil {
			return err
		}
		if err := archive(ctx, tx, req.GroupID); err != nil {
			return err
		}
		_, err = api.Record(ctx, tx, changeOf(remove, req.GroupID, before, nil))
		return err
	})
}

func archive(ctx context.Context, tx pg.Tx, id uuid.UUID) error {
	return pgdb.New(tx).ArchiveTagGroup(ctx, pgdb.ArchiveTagGroupParams{CategoryID: id, By: api.PrincipalOf(ctx).Name})
}

// restore undoes changes: from nil a group comes back, to nil it is deleted.
func (s *Service) restore(ctx context.Context, tx pg.Tx, from, to *state) error {
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return err
	}
	known := cmp.Or(from, to)
	now, _, err := read(ctx, tx, known.GroupID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now, from) {
		return errs.WithRemedy(fmt.Errorf("the group %q was changed since: %w", known.Name, errs.Conflict),
			"undo the later change first, or change the group by hand")
	}
	if to == nil {
		return archive(ctx, tx, known.GroupID)
	}
	err = write(ctx, tx, *to, now, true, set.TagCategories)
	if errs.Kind(err) == "invalid" {
		err = errs.WithRemedy(fmt.Errorf("the group from before doesn't fit any more: %s: %w", err.Error(), errs.Conflict),
			"make the group as it is to be")
	}
	return err
}
