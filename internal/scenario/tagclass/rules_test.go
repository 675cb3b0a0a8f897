package tagclass

import (
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
)

func to(category string) *string { return &category }

func TestPlan(t *testing.T) {
	t.Parallel()
	categories := []string{"design", "season"}
	moth, owl := &catalog.Tag{ID: 1, Name: "Luna Moth"}, &catalog.Tag{ID: 2, Name: "Owl", Category: "design"}
	for name, c := range map[string]struct {
		mappings []Mapping
		tags     []*catalog.Tag
		bound    map[int64]string
		want     Counts
		faults   []string // locations
	}{
		"a tag without a category gets one":        {[]Mapping{{"luna moth", to("design")}}, []*catalog.Tag{moth}, nil, Counts{Mappings: 1, Classified: 1}, nil},
		"a category is spelled as in the settings": {[]Mapping{{"owl", to(" DESIGN ")}}, []*catalog.Tag{owl}, nil, Counts{Mappings: 1, Unchanged: 1}, nil},
		"a category is changed":                    {[]Mapping{{"owl", to("season")}}, []*catalog.Tag{owl}, nil, Counts{Mappings: 1, Reclassified: 1}, nil},
		"null takes a category off":                {[]Mapping{{"owl", nil}, {"luna moth", nil}}, []*catalog.Tag{owl, moth}, nil, Counts{Mappings: 2, Cleared: 1, Unchanged: 1}, nil},
		"a tag that there is not":                  {[]Mapping{{"luna moth", to("design")}, {"lunamoth", to("design")}}, []*catalog.Tag{moth, nil}, nil, Counts{}, []string{"body.mappings[1].tag"}},
		"a category that there is not":             {[]Mapping{{"owl", to("colour")}}, []*catalog.Tag{owl}, nil, Counts{}, []string{"body.mappings[0].category"}},
		"the empty category is none":               {[]Mapping{{"owl", to("")}}, []*catalog.Tag{owl}, nil, Counts{}, []string{"body.mappings[0].category"}},
		"a tag that comes twice":                   {[]Mapping{{"owl", nil}, {"OWL", to("season")}}, []*catalog.Tag{owl, owl}, nil, Counts{}, []string{"body.mappings[1].tag"}},
		"all faults come at once":                  {[]Mapping{{"x", to("colour")}, {"owl", to("")}}, []*catalog.Tag{nil, owl}, nil, Counts{}, []string{"body.mappings[0].category", "body.mappings[0].tag", "body.mappings[1].category"}},
		"a group keeps its tags":                   {[]Mapping{{"owl", to("season")}}, []*catalog.Tag{owl}, map[int64]string{2: "Birds"}, Counts{}, []string{"body.mappings[0].tag"}},
		"a group doesn't mind what stays":          {[]Mapping{{"owl", to("design")}}, []*catalog.Tag{owl}, map[int64]string{2: "Birds"}, Counts{Mappings: 1, Unchanged: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			moves, faults := plan(c.mappings, c.tags, categories, c.bound)
			if got := locations(faults); !slices.Equal(got, c.faults) {
				t.Fatalf("faults are at %v, want %v", got, c.faults)
			}
			if got := counts(len(c.mappings), moves); len(c.faults) == 0 && got != c.want {
				t.Errorf("it comes to %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestPlanTellsAHundredFaultsAtMost(t *testing.T) {
	t.Parallel()
	_, faults := plan(make([]Mapping, 10_000), make([]*catalog.Tag, 10_000), []string{"design"}, nil)
	if last := faults[len(faults)-1]; len(faults) != maxFaults+1 || !strings.Contains(last.Message, "9900 more") {
		t.Errorf("there are %d faults, and the last is %v", len(faults), last)
	}
}

func locations(faults api.Faults) (list []string) {
	for _, f := range faults {
		list = append(list, f.Location)
	}
	return list
}

// TestSuggest is the table of what is plain about a tag.
func TestSuggest(t *testing.T) {
	t.Parallel()
	categories := []string{"design", "product line", "season", "designer", "other"}
	classified := []catalog.Tag{
		{Name: "Luna Moth", Category: "design"}, {Name: "Death's-head Moth", Category: "design"},
		{Name: "drop:march", Category: "season"}, {Name: "drop:may", Category: "season"},
		{Name: "by:ada", Category: "designer"}, {Name: "by:grace", Category: "designer"}, {Name: "by:hand", Category: "other"},
		{Name: "fit:snug", Category: "other"},
		{Name: "Bees", Category: "design"}, {Name: "bee's", Category: "other"},
	}
	twin := func(category string, shared, products, of int64) Twin {
		return Twin{"Summer Sale", category, shared, products, of}
	}
	for _, c := range []struct {
		name, tag string
		twins     []Twin
		want      string // "" for none
		reason    string // has this in it
	}{
		{"a prefix that is a category", "Season: Summer 24", nil, "season", "begins with the category's name, “season”"},
		{"with another sign behind it", "designer_ada", nil, "designer", "“designer”"},
		{"a category of two words", "Product-Line: grips", nil, "product line", "“product line”"},
		{"a category without anything behind it is no prefix", "Season:", nil, "", ""},
		{"a word that only contains a category's name", "designers pick", nil, "", ""},
		{"a tag that is spelled another way", "luna-moth", nil, "design", "is “Luna Moth” in another spelling, which is design"},
		{"a spelling of two categories says nothing", "BEES!", nil, "", ""},
		{"a prefix whose tags have one category", "Drop: June", nil, "season", "begins like “drop:march”, and all 2 tags that do are season"},
		{"a prefix whose tags have two categories", "by:linus", nil, "", ""},
		{"a prefix of one tag alone", "fit:loose", nil, "", ""},
		{"a tag on the same products as another", "SS24", []Twin{twin("season", 12, 12, 12)}, "season", "“Summer Sale”, which is season: 12 of 12"},
		{"nearly the same products will do", "SS24", []Twin{twin("season", 18, 20, 20)}, "season", "18 of 20"},
		{"sharing most products is not enough", "SS24", []Twin{twin("season", 17, 20, 20)}, "", ""},
		{"being on part of another's products is not enough", "SS24", []Twin{twin("product line", 12, 12, 400)}, "", ""},
		{"two products may be chance", "SS24", []Twin{twin("season", 2, 2, 2)}, "", ""},
		{"twins of two categories say nothing", "SS24", []Twin{twin("season", 12, 12, 12), twin("design", 12, 12, 12)}, "", ""},
		{"spelling says more than products do", "season:ss24", []Twin{twin("design", 12, 12, 12)}, "season", "category's name"},
		{"a tag of signs alone", "★★★", nil, "", ""},
		{"a tag like no other", "gift idea", nil, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := newGuide(categories, classified).suggest(c.tag, c.twins)
			if got == nil {
				got = &Suggestion{}
			}
			if got.Category != c.want || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("%q is %q because it %s, want %q because it … %s …", c.tag, got.Category, got.Reason, c.want, c.reason)
			}
		})
	}
}
