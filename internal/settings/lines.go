package settings

import (
	"slices"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// NoLine is the product line of products that no rule is about.
const NoLine = "NOLINE"

// LineRule puts products into a product line.
type LineRule struct {
	Code  string    `json:"code" doc:"Of the product line: 1 to 16 capital letters and digits." example:"IPH"`
	Match LineMatch `json:"match" doc:"Which products. All that is given must hold, and something must be given."`
}

// LineMatch is a condition on a product. Texts are compared without regard to
// case, trimmed; what is empty doesn't matter.
type LineMatch struct {
	ProductType   string `json:"productType,omitempty" doc:"Shopify's product type is this." example:"Phone Case"`
	Vendor        string `json:"vendor,omitempty" doc:"The vendor is this."`
	Tag           string `json:"tag,omitempty" doc:"One of the tags is this."`
	TitleContains string `json:"titleContains,omitempty" doc:"The title has this in it." example:"iPhone"`
}

// ProductLine returns the code of the first rule that is about a product, and
// [NoLine] where none is.
func ProductLine(rules []LineRule, p shop.Product) string {
	for _, r := range rules {
		if r.Match.holds(p) {
			return r.Code
		}
	}
	return NoLine
}

func (m LineMatch) holds(p shop.Product) bool {
	return m != LineMatch{} &&
		(m.ProductType == "" || same(m.ProductType, p.ProductType)) &&
		(m.Vendor == "" || same(m.Vendor, p.Vendor)) &&
		(m.Tag == "" || slices.ContainsFunc(p.Tags, func(tag string) bool { return same(m.Tag, tag) })) &&
		(m.TitleContains == "" || strings.Contains(fold(p.Title), fold(m.TitleContains)))
}

func same(a, b string) bool { return fold(a) == fold(b) }

// fold returns what of a text counts in comparisons.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
