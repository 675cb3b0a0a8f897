package catalog

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Tag is a tag of products.
type Tag struct {
	ID       int64
	Name     string // as Shopify first spelled it
	Category string // "" where it is unclassified
}

// LockTags returns for each name the tag that has it, without regard to case,
// and nil where there is none. Nobody else classifies these tags until the
// transaction ends.
func LockTags(ctx context.Context, tx pg.Tx, names []string) ([]*Tag, error) {
	rows, err := pgdb.New(tx).LockTags(ctx, append([]string{}, names...)) // NULL is no list
	if err != nil {
		return nil, err
	}
	tags := make([]*Tag, len(names))
	for _, r := range rows {
		tag := &Tag{ID: r.TagID, Name: r.Name}
		if r.Category != nil {
			tag.Category = *r.Category
		}
		tags[r.Place-1] = tag
	}
	return tags, nil
}

// Classify gives each tag the category that its row names, in somebody's name;
// "" takes it off. It doesn't ask whether the category is one of the settings'.
func Classify(ctx context.Context, tx pg.Tx, by string, tags []Tag) (int64, error) {
	p := pgdb.ClassifyTagsParams{ClassifiedBy: by, TagIds: make([]int64, len(tags)), Categories: make([]string, len(tags))}
	for i, t := range tags {
		p.TagIds[i], p.Categories[i] = t.ID, t.Category
	}
	return pgdb.New(tx).ClassifyTags(ctx, p)
}
