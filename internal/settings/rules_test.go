package settings

import (
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestProductLine(t *testing.T) {
	t.Parallel()
	rules := []LineRule{
		{"IPHP", LineMatch{ProductType: "Phone Case", TitleContains: "iPhone 15 Pro"}},
		{"IPH", LineMatch{ProductType: "phone case ", TitleContains: "iphone"}},
		{"TEE", LineMatch{Tag: "T-Shirt"}},
		{"ACME", LineMatch{Vendor: "Acme"}},
	}
	for name, c := range map[string]struct {
		product shop.Product
		want    string
	}{
		"the first rule that is about a product decides": {shop.Product{ProductType: "Phone Case", Title: "Waves iPhone 15 Pro"}, "IPHP"},
		"a rule needs all of its conditions":             {shop.Product{ProductType: "Poster", Title: "Waves iPhone 15 Pro"}, NoLine},
		"case and space around don't matter":             {shop.Product{ProductType: " PHONE CASE", Title: "WAVES IPHONE 14"}, "IPH"},
		"one of the tags is enough":                      {shop.Product{Tags: []string{"sale", "t-shirt"}}, "TEE"},
		"a tag is compared whole":                        {shop.Product{Tags: []string{"t-shirts"}}, NoLine},
		"the vendor counts":                              {shop.Product{Vendor: "ACME"}, "ACME"},
		"a product without anything has no line":         {shop.Product{}, NoLine},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ProductLine(rules, c.product); got != c.want {
				t.Errorf("its line is %s, want %s", got, c.want)
			}
		})
	}
	if got := ProductLine(nil, shop.Product{Title: "a"}); got != NoLine {
		t.Errorf("without rules its line is %s", got)
	}
	if got := ProductLine([]LineRule{{Code: "ALL"}}, shop.Product{Title: "a"}); got != NoLine {
		t.Errorf("a rule without conditions is about everything: %s", got)
	}
}

func TestWhatSettingsMustKeep(t *testing.T) {
	t.Parallel()
	if err := Defaults().faults(nil).Err(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*Values)
		used   map[string]int64
		want   []string // locations
	}{
		"all faults come at once": {func(v *Values) {
			v.ProductLines = []LineRule{{"iph", LineMatch{}}, {NoLine, LineMatch{Tag: "a"}}}
			v.ComboTypes, v.Audiences = nil, []string{"MEN", "MEN", "all men"}
		}, nil, []string{"body.productLines[0].code", "body.productLines[0].match", "body.productLines[1].code", "body.comboTypes", "body.audiences[1]", "body.audiences[2]"}},
		"a rule that another hides": {func(v *Values) {
			v.ProductLines = []LineRule{{"A", LineMatch{Tag: "a"}}, {"B", LineMatch{Tag: "A"}}}
		}, nil, []string{"body.productLines[1].match"}},
		"two rules of one line are fine": {func(v *Values) {
			v.ProductLines = []LineRule{{"A", LineMatch{Tag: "a"}}, {"A", LineMatch{Tag: "b"}}}
		}, nil, nil},
		"categories that differ in case alone": {func(v *Values) { v.TagCategories = []string{"design", "Design"} }, nil, []string{"body.tagCategories[1]"}},
		"a category that tags have is left out": {func(v *Values) { v.TagCategories = []string{"design"} },
			map[string]int64{"design": 3, "season": 2}, []string{"body.tagCategories"}},
		"texts without end": {func(v *Values) {
			v.ComboTypes = []ComboType{{"SP", strings.Repeat("ä", maxText+1)}, {"SP", strings.Repeat("ä", maxText)}}
		}, nil, []string{"body.comboTypes[0].name", "body.comboTypes[1].code"}},
		"lists without end": {func(v *Values) {
			v.Audiences = nil
			for i := range maxList + 1 {
				v.Audiences = append(v.Audiences, "A"+strings.Repeat("B", i%15)+string(rune('A'+i/15)))
			}
		}, nil, []string{"body.audiences"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Defaults()
			c.change(&v)
			if got := locations(v.faults(c.used)); !slices.Equal(got, c.want) {
				t.Errorf("faults are at %v, want %v", got, c.want)
			}
		})
	}
}

func locations(faults api.Faults) (list []string) {
	for _, f := range faults {
		if !slices.Contains(list, f.Location) {
			list = append(list, f.Location)
		}
	}
	return list
}
