package tagclass

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/macrodata-dev/macrodata/internal/catalog"
)

// Twin is a classified tag that shares products with an unclassified one.
type Twin struct {
	Tag          string
	Category     string
	Shared       int64 // products that have both
	Products     int64 // that have the unclassified one
	TwinProducts int64 // that have this one
}

// Suggestion is a category that a tag plainly belongs to.
type Suggestion struct {
	Category string `json:"category" example:"season"`
	Reason   string `json:"reason" doc:"Why, in words." example:"begins with the category's name, “season”"`
}

// Thresholds of suggestions: what is plain.
const (
	fewPrefix   = 2 // classified tags that begin alike
	fewProducts = 3 // that two tags share
	nearlyAll   = 9 // of ten
)

// guide is what suggestions are made by: the spelling of categories and of all
// classified tags.
type guide struct {
	byPrefix map[string][]string // categories that are spelled so
	begin    map[string]*agreed  // classified tags that begin so
	spelled  map[string]*agreed  // classified tags of the same letters
}

// agreed counts tags, and keeps their category as long as they have the same.
type agreed struct {
	n             int
	tag, category string // "" where they differ
}

func newGuide(categories []string, classified []catalog.Tag) guide {
	g := guide{map[string][]string{}, map[string]*agreed{}, map[string]*agreed{}}
	for _, c := range categories {
		g.byPrefix[letters(c)] = append(g.byPrefix[letters(c)], c)
	}
	for _, t := range classified {
		if prefix := prefixOf(t.Name); prefix != "" {
			agree(g.begin, prefix, t)
		}
		agree(g.spelled, letters(t.Name), t)
	}
	return g
}

func agree(by map[string]*agreed, key string, t catalog.Tag) {
	a := by[key]
	if a == nil {
		by[key] = &agreed{1, t.Name, t.Category}
		return
	}
	a.n++
	if a.category != t.Category {
		a.category = ""
	}
}

// suggest returns the category that an unclassified tag plainly belongs to, nil
// where that isn't plain. Spelling says more than products do: which tags share
// products hangs on how the shop tags.
func (g guide) suggest(tag string, twins []Twin) *Suggestion {
	prefix := prefixOf(tag)
	if c := g.byPrefix[prefix]; prefix != "" && len(c) == 1 {
		return &Suggestion{c[0], fmt.Sprintf("begins with the category's name, “%s”", c[0])}
	}
	if a := g.spelled[letters(tag)]; a != nil && a.category != "" && letters(tag) != "" {
		return &Suggestion{a.category, fmt.Sprintf("is “%s” in another spelling, which is %s", a.tag, a.category)}
	}
	if a := g.begin[prefix]; prefix != "" && a != nil && a.n >= fewPrefix && a.category != "" {
		return &Suggestion{a.category, fmt.Sprintf("begins like “%s”, and all %d tags that do are %s", a.tag, a.n, a.category)}
	}
	return ofTwins(twins)
}

// ofTwins goes by tags on nearly the same products, where all of these have one
// category. Sharing some products says nothing: a product has a design, a season
// and a designer at once.
func ofTwins(twins []Twin) *Suggestion {
	var s *Suggestion
	for _, t := range twins {
		if t.Shared < fewProducts || t.Shared*10 < t.Products*nearlyAll || t.Shared*10 < t.TwinProducts*nearlyAll {
			continue
		}
		if s == nil {
			s = &Suggestion{t.Category, fmt.Sprintf("is on nearly the same products as “%s”, which is %s: %d of %d", t.Tag, t.Category, t.Shared, t.Products)}
		} else if s.Category != t.Category {
			return nil
		}
	}
	return s
}

// prefixOf returns the letters of a tag before its first colon, underscore or
// equals sign, "" where nothing stands before or behind it.
func prefixOf(tag string) string {
	i := strings.IndexAny(tag, ":_=")
	if i < 0 || letters(tag[i:]) == "" {
		return ""
	}
	return letters(tag[:i])
}

// letters returns the letters and digits of a text, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
