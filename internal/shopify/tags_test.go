package shopify

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func tagShelf() *shelf {
	many := make([]string, 250)
	for i := range many {
		many[i] = fmt.Sprint("tag ", i)
	}
	return &shelf{products: []sandbox.Product{
		{Product: shop.Product{ID: 1, Title: "Case", Handle: "case", Status: "ACTIVE", CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Hour), Tags: []string{"Moth"}}},
		{Product: shop.Product{ID: 2, Title: "Full", UpdatedAt: noon.Add(-time.Hour), Tags: many}},
	}}
}

func TestTagsAreAddedOnceHoweverOftenAsked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tags.json")
	change := func(c *sandbox.Config) { c.Clock, c.TagsFile = func() time.Time { return noon }, file }
	server, c := simulator(t, tagShelf(), change)
	for range 3 {
		if err := c.TagsAdd(t.Context(), 1, []string{" Spring test", "moth"}); err != nil {
			t.Fatal(err)
		}
	}
	if server.Stats().Tagged != 1 || len(server.Tagged(1)) != 1 {
		t.Errorf("of three calls %d changed something: %v", server.Stats().Tagged, server.Tagged(1))
	}
	_, later := simulator(t, tagShelf(), change)
	for name, c := range map[string]*Client{"this simulator": c, "the next one": later} {
		found, err := c.Products(t.Context(), []shop.ID{1})
		if err != nil || len(found.Items) != 1 {
			t.Fatalf("%s tells of %+v, %v", name, found, err)
		}
		if p := found.Items[0]; !slices.Equal(p.Tags, []string{"Moth", "Spring test"}) || !p.UpdatedAt.Equal(noon) {
			t.Errorf("%s tells of %v, updated at %s", name, p.Tags, p.UpdatedAt)
		}
	}
}

func TestTagsThatShopifyDoesNotTake(t *testing.T) {
	t.Parallel()
	server, c := simulator(t, tagShelf(), nil)
	for name, test := range map[string]struct {
		id   shop.ID
		tag  string
		says string
	}{
		"of a product that there is not":   {9, "x", "does not exist"},
		"longer than 255 characters":       {1, strings.Repeat("ü", 256), "too long"},
		"one more than a product may have": {2, "x", "maximum of 250"},
	} {
		if err := c.TagsAdd(t.Context(), test.id, []string{test.tag}); errs.Kind(err) != "invalid" || !strings.Contains(err.Error(), test.says) {
			t.Errorf("a tag %s: %v", name, err)
		}
	}
	if server.Stats().Tagged != 0 {
		t.Error("something was tagged")
	}
	_, c = simulator(t, tagShelf(), func(c *sandbox.Config) { c.Scopes = []string{"read_orders", "read_products"} })
	if err := c.TagsAdd(t.Context(), 1, []string{"x"}); errs.Kind(err) != "denied" || !strings.Contains(errs.Remedy(err), "write_products") {
		t.Errorf("without the scope: %v", err)
	}
}
