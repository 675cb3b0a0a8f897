package shops_test

import (
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestEditsOverlayAShop(t *testing.T) {
	t.Parallel()
	g := generate(t, shops.Options{Orders: 50, Products: 20})
	before := g.Anchor()
	now := before.Add(time.Minute)
	e := shops.Edit(g, func() time.Time { return now })
	var ids []shop.ID
	for o := range g.Orders(before) {
		ids = append(ids, o.ID)
	}
	added := ids[10] + 1
	e.Change(ids[3], func(o *shopify.Order) { o.Lines[0].Title, o.Tags = "Changed", append(o.Tags, "new") })
	e.Change(ids[4], func(o *shopify.Order) { o.UpdatedAt = before.Add(-time.Hour) })
	e.Add(&shopify.Order{Order: shop.Order{ID: added, Name: "#A"}})
	e.Delete(ids[5], now)

	seen := map[shop.ID]*shopify.Order{}
	previous := shop.ID(0)
	for o := range e.Orders(now) {
		if o.ID <= previous {
			t.Errorf("%s comes after %s", o.ID, previous)
		}
		previous = o.ID
		seen[o.ID], _ = e.Order(o.ID, now)
	}
	if o := seen[ids[3]]; o.Lines[0].Title != "Changed" || !o.UpdatedAt.Equal(now) {
		t.Errorf("the changed order is %+v", o)
	}
	if o := seen[ids[4]]; !o.UpdatedAt.Equal(before.Add(-time.Hour)) {
		t.Errorf("its own UpdatedAt was replaced by %s", o.UpdatedAt)
	}
	if o := seen[added]; o == nil || !o.CreatedAt.Equal(now) || !o.UpdatedAt.Equal(now) {
		t.Errorf("the added order is %+v", o)
	}
	if seen[ids[5]] != nil || len(seen) < len(ids) {
		t.Errorf("the deleted order is %+v, of %d orders", seen[ids[5]], len(seen))
	}
	deleted := false
	for d := range e.Deletions(now) {
		deleted = deleted || d.SubjectID == ids[5] && d.SubjectType == "ORDER" && d.At.Equal(now)
	}
	if !deleted {
		t.Error("the deletion left no destroy event")
	}
	if o, ok := e.Order(ids[3], before); !ok || o.Lines[0].Title == "Changed" {
		t.Error("a change reaches back to before it was made")
	}
	if _, ok := e.Order(added, before); ok {
		t.Error("an added order was there before")
	}
	if o, _ := g.Order(ids[3], now); o.Lines[0].Title == "Changed" {
		t.Error("a change reached the shop beneath")
	}
}

func TestProductEdits(t *testing.T) {
	t.Parallel()
	g := generate(t, shops.Options{Orders: 1, Products: 20})
	now := g.Anchor()
	e := shops.Edit(g, g.Anchor)
	var ids []shop.ID
	for p := range g.Products(now) {
		ids = append(ids, p.ID)
	}
	e.ChangeProduct(ids[1], func(p *shopify.Product) { p.Tags = []string{"Only"} })
	e.DeleteProduct(ids[2], now)
	e.AddProduct(&shopify.Product{Product: shop.Product{ID: ids[1] + 1, Title: "New"}})
	got := map[shop.ID]string{}
	for p := range e.Products(now) {
		got[p.ID] = p.Title + " " + p.UpdatedAt.String()
		if p.ID == ids[1] && (len(p.Tags) != 1 || !p.UpdatedAt.Equal(now)) {
			t.Errorf("the changed product is %+v", p)
		}
	}
	if _, ok := got[ids[2]]; ok || len(got) != len(ids) || got[ids[1]+1] == "" {
		t.Errorf("products are %v", got)
	}
	if _, ok := e.Product(ids[2], now); ok {
		t.Error("the deleted product is still told of")
	}
}
