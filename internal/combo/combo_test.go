package combo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func open(t *testing.T) *pg.DB {
	t.Helper()
	db := pgtest.DB(t)
	_, err := db.Exec(t.Context(), `INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
		SELECT n, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid() FROM generate_series(1, 3) n`)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func report() combo.Report {
	set := settings.Defaults()
	return combo.Report{
		Type: set.ComboTypes[0].Code, Audience: set.Audiences[0], Details: combo.Details{StartedOn: "2026-03-01"}, Source: combo.Manual,
		Products: []combo.Product{{ProductID: 1, Role: "hero", Position: 1}, {ProductID: 2, Position: 2}},
	}
}

func create(ctx context.Context, db *pg.DB, r combo.Report) (c combo.Combo, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		c, err = combo.Create(ctx, tx, r)
		return err
	})
	return c, err
}

func TestTwoWhoCreateCombosAtOnceGetUniqueRisingIdentifiers(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	var all [2][]string
	var writers sync.WaitGroup
	for i := range all {
		db := pgtest.Open(t, pg.Config{URL: url})
		if i == 0 {
			if _, err := db.Exec(t.Context(), `INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
				SELECT n, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid() FROM generate_series(1, 2) n`); err != nil {
				t.Fatal(err)
			}
		}
		ctx := api.WithPrincipal(t.Context(), api.Principal{Kind: "user", Name: fmt.Sprintf("staff%d@example.com", i)})
		writers.Go(func() {
			for range 200 {
				c, err := create(ctx, db, report())
				if err != nil {
					t.Error(err)
					return
				}
				all[i] = append(all[i], strings.TrimPrefix(c.Identifier, "SP-NOLINE-2-"+report().Audience+"-"))
			}
		})
	}
	writers.Wait()
	for _, list := range all {
		if !slices.IsSorted(list) { // three digits each, so texts sort as numbers
			t.Errorf("they don't rise: %v", list)
		}
	}
	got := slices.Sorted(slices.Values(append(all[0], all[1]...)))
	if len(got) != 400 || len(slices.Compact(got)) != 400 || got[0] != "001" || got[399] != "400" {
		t.Errorf("there are %d sequences: %v", len(got), got)
	}
}

func TestASequenceIsNeverGivenAgainAndSortsAsANumber(t *testing.T) {
	t.Parallel()
	db := open(t)
	c, err := create(t.Context(), db, report())
	if err != nil {
		t.Fatal(err)
	}
	stem := strings.TrimSuffix(c.Identifier, "001")
	if _, err := db.Exec(t.Context(), `UPDATE macrodata_artifact SET identifier = $1 || '1000'`, stem); err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { return combo.Remove(ctx, tx, c.ID, api.IfMatch{}) })
	if err != nil {
		t.Fatal(err)
	}
	if c, err = create(t.Context(), db, report()); err != nil || c.Identifier != stem+"1001" {
		t.Errorf("after 1000, which is deleted, comes %s, %v", c.Identifier, err)
	}
}

func TestWhatACombosFieldsMustKeep(t *testing.T) {
	t.Parallel()
	db := open(t)
	day, draw, minus := shop.Day("2026-02-28"), "draw", shop.Amount(-1)
	for _, c := range []struct {
		name, where string
		change      func(*combo.Report)
	}{
		{"a type that there is not", "body.type", func(r *combo.Report) { r.Type = "XX" }},
		{"an audience that there is not", "body.audience", func(r *combo.Report) { r.Audience = "NOBODY" }},
		{"a product that there is not", "body.products[1].productId", func(r *combo.Report) { r.Products[1].ProductID = 99 }},
		{"a product twice", "body.products[1].productId", func(r *combo.Report) { r.Products[1].ProductID = 1 }},
		{"a position out of order", "body.products[1].position", func(r *combo.Report) { r.Products[1].Position = 3 }},
		{"no products", "body.products", func(r *combo.Report) { r.Products = nil }},
		{"no day", "body.startedOn", func(r *combo.Report) { r.StartedOn = "2026-02-30" }},
		{"an end before the start", "body.endedOn", func(r *combo.Report) { r.EndedOn = &day }},
		{"an outcome that there is not", "body.outcome", func(r *combo.Report) { r.Outcome = &draw }},
		{"money below nothing", "body.spend", func(r *combo.Report) { r.Spend = &minus }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := report()
			c.change(&r)
			_, err := create(t.Context(), db, r)
			if errs.Kind(err) != "invalid" || !strings.Contains(err.Error(), c.where) {
				t.Errorf("it is %v, want a fault at %s", err, c.where)
			}
		})
	}
	if list, err := combo.List(t.Context(), db, combo.Filter{}, uuid.Nil, 10); err != nil || len(list) != 0 {
		t.Errorf("what was refused left %d combos, %v", len(list), err)
	}
}

func TestAChangeGoesByVersionAndKeepsTheIdentifier(t *testing.T) {
	t.Parallel()
	db := open(t)
	c, err := create(t.Context(), db, report())
	if err != nil {
		t.Fatal(err)
	}
	change := func(version string, r combo.Report) (got combo.Combo, err error) {
		err = db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			got, err = combo.Update(ctx, tx, c.ID, api.IfMatch{ETag: version}, r)
			return err
		})
		return got, err
	}
	if same, err := change(`"1"`, report()); err != nil || same.Version != 1 {
		t.Errorf("the same again is version %d, %v", same.Version, err)
	}
	r, win := report(), "win"
	r.Outcome, r.Products = &win, r.Products[:1]
	if got, err := change(`"1"`, r); err != nil || got.Version != 2 || got.Identifier != c.Identifier || got.Status != "win" {
		t.Errorf("the change came to %+v, %v", got, err)
	}
	if _, err := change(`"1"`, report()); errs.Kind(err) != "stale" {
		t.Errorf("a change of an old version is %v", err)
	}
}
