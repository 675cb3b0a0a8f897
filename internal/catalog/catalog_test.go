package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	monday  = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

func product(id shop.ID, title string, at time.Time, tags ...string) shop.Product {
	return shop.Product{ID: id, Title: title, Handle: title, Status: "ACTIVE", Tags: tags,
		CreatedAt: monday, UpdatedAt: at, Hash: uint64(len(title)) + uint64(len(tags))<<32}
}

// apply stages products and returns what changed.
func apply(t testing.TB, d *pg.DB, products ...shop.Product) (c catalog.Changes) {
	t.Helper()
	b := catalog.NewBatch()
	for i, p := range products {
		b.Add(p, int64(i+1))
	}
	err := d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		if err := tx.Stage(ctx, db.Stage); err != nil {
			return err
		}
		if err := b.Stage(ctx, tx); err != nil {
			return err
		}
		c, err = catalog.Apply(ctx, tx, uuid.New())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tagsOf returns the tags of a product, in Shopify's spelling.
func tagsOf(t testing.TB, d *pg.DB, id shop.ID) (tags []string) {
	t.Helper()
	rows, err := d.Query(t.Context(), `SELECT t.name FROM link_product_product_tag l JOIN product_tag t USING (tag_id)
		WHERE l.product_id = $1 ORDER BY lower(t.name)`, int64(id))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tags = append(tags, name)
	}
	return tags
}

func TestTagsFollowTheProduct(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	got := apply(t, d, product(1, "case", monday, "Luna Moth", "summer"), product(2, "grip", monday, "LUNA MOTH"))
	if d := cmp.Diff(catalog.Changes{Products: 2, NewTags: 2, Linked: 3}, got); d != "" {
		t.Errorf("first: %s", d)
	}
	got = apply(t, d, product(1, "case", monday, "Luna Moth", "summer"), product(2, "grip", monday, "LUNA MOTH"))
	if got != (catalog.Changes{}) {
		t.Errorf("the same again changes %+v", got)
	}
	got = apply(t, d, product(1, "case", tuesday, "luna moth", "winter"))
	if d := cmp.Diff(catalog.Changes{Products: 1, NewTags: 1, Linked: 1, Unlinked: 1}, got); d != "" {
		t.Errorf("changed: %s", d)
	}
	want := []string{"LUNA MOTH", "winter"} // the spelling that was stored first, of two that came at once
	if d := cmp.Diff(want, tagsOf(t, d, 1)); d != "" {
		t.Errorf("tags: %s", d)
	}
	got = apply(t, d, product(1, "case", tuesday.Add(1)))
	if got.Unlinked != 2 || len(tagsOf(t, d, 1)) != 0 {
		t.Errorf("a product without tags: %+v, %v", got, tagsOf(t, d, 1))
	}
}

func TestAnOlderProductChangesNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	apply(t, d, product(1, "new title", tuesday, "new"))
	got := apply(t, d, product(1, "old title", monday, "old"))
	if got.Products != 0 || got.Linked != 0 || got.Unlinked != 0 {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff([]string{"new"}, tagsOf(t, d, 1)); d != "" {
		t.Error(d)
	}
}

func TestOfAProductThatComesTwiceTheNewerCounts(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]shop.Product{
		"older first": {product(1, "old", monday, "a"), product(1, "newer", tuesday, "b")},
		"newer first": {product(1, "newer", tuesday, "b"), product(1, "old", monday, "a")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.DB(t)
			apply(t, d, order...)
			if d := cmp.Diff([]string{"b"}, tagsOf(t, d, 1)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAnArchivedProductThatShowsAgainWasNotGone(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	apply(t, d, product(1, "case", monday, "a"))
	archive := func() (n int64) {
		err := d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
			n, err = catalog.Archive(ctx, tx, uuid.New(), []int64{1, 2})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := archive(); n != 1 {
		t.Errorf("%d archived", n)
	}
	if n := archive(); n != 0 {
		t.Errorf("archived again: %d", n)
	}
	if d := cmp.Diff([]string{"a"}, tagsOf(t, d, 1)); d != "" {
		t.Errorf("the links of an archived product: %s", d)
	}
	if got := apply(t, d, product(1, "case", monday, "a")); got.Products != 1 {
		t.Errorf("%+v", got)
	}
	if n := archive(); n != 1 {
		t.Error("it still was archived")
	}
}

func TestADatabaseServesOneShop(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	if _, err := catalog.Shop(t.Context(), d); !errors.Is(err, errs.NotFound) {
		t.Errorf("before the first: %v", err)
	}
	adopt := func(info shop.Info) error {
		return d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { return catalog.AdoptShop(ctx, tx, info) })
	}
	mine := shop.Info{ID: 7, Domain: "brand.myshopify.com", Name: "Brand", Currency: "USD", TimeZone: "America/New_York"}
	if err := adopt(mine); err != nil {
		t.Fatal(err)
	}
	mine.Name = "Brand New"
	if err := adopt(mine); err != nil {
		t.Fatal(err)
	}
	if got, err := catalog.Shop(t.Context(), d); err != nil || got != mine {
		t.Errorf("%+v, %v", got, err)
	}
	other := mine
	other.ID, other.Domain = 8, "other.myshopify.com"
	if err := adopt(other); !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "" {
		t.Errorf("another shop: %v", err)
	}
}

// linesOf returns the product lines of all products, by id.
func linesOf(t testing.TB, d *pg.DB) (lines []string) {
	t.Helper()
	rows, err := d.Query(t.Context(), `SELECT product_line FROM product ORDER BY product_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestProductsAreInTheLineThatTheRulesSay(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	rules := []settings.LineRule{
		{Code: "IPH", Match: settings.LineMatch{TitleContains: "iphone"}},
		{Code: "SUM", Match: settings.LineMatch{Tag: " SUMMER"}},
	}
	follow := func(rules []settings.LineRule) {
		t.Helper()
		err := d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			v, err := settings.Hold(ctx, tx)
			if err != nil {
				return err
			}
			v.ProductLines = rules
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE setting SET version = version + 1, value = $1`, text); err != nil {
				return err
			}
			return catalog.SetLines(ctx, tx, rules)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, linesOf(t, d)); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	apply(t, d, product(1, "iPhone case", monday, "summer"), product(2, "grip", monday, "Summer"), product(3, "strap", monday))
	check("without rules", settings.NoLine, settings.NoLine, settings.NoLine)
	follow(rules)
	check("with rules", "IPH", "SUM", settings.NoLine)
	apply(t, d, product(1, "Pixel case", tuesday, "summer"), product(2, "grip", tuesday), product(3, "strap", monday), product(4, "IPHONE grip", monday))
	check("after products changed", "SUM", settings.NoLine, settings.NoLine, "IPH")
	follow(nil)
	check("without rules again", settings.NoLine, settings.NoLine, settings.NoLine, settings.NoLine)
}
