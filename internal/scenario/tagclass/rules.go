package tagclass

import (
	"fmt"
	"slices"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
)

// Mapping says what category a tag is to have.
type Mapping struct {
	Tag      string  `json:"tag" maxLength:"255" doc:"In any spelling of its case." example:"Luna Moth"`
	Category *string `json:"category" maxLength:"100" doc:"One of the settings' tag categories; null takes it off." example:"design"`
}

// Change is what becomes of a tag.
type Change struct {
	Tag  string  `json:"tag" doc:"As Shopify spells it."`
	From *string `json:"from" doc:"Its category before; null for none."`
	To   *string `json:"to" doc:"Its category afterwards; null for none."`
}

// move is a change of a stored tag. Unlike [Change] it has "" for no category.
type move struct {
	tag catalog.Tag // as it is
	to  string
}

func (m move) change() Change { return Change{m.tag.Name, given(m.tag.Category), given(m.to)} }

// given returns nil for "".
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// maxFaults are told at most: a request may have as many as mappings.
const maxFaults = 100

// plan returns what mappings change. tags has for each mapping the tag of that
// name, nil for none; bound names, by tag, a group that only takes tags of their
// present category. Either all can be done, or the faults say why not.
func plan(mappings []Mapping, tags []*catalog.Tag, categories []string, bound map[int64]string) (moves []move, faults api.Faults) {
	seen := map[int64]int{}
	for i, m := range mappings {
		at := fmt.Sprintf("body.mappings[%d]", i)
		category, known := categoryOf(m.Category, categories)
		if !known {
			faults.Add(at+".category", "is none of the settings' tag categories: take one of %s, or add it there", strings.Join(categories, ", "))
		}
		tag := tags[i]
		if tag == nil {
			faults.Add(at+".tag", "there is no such tag: correct its spelling, or sync the product that has it")
			continue
		}
		if before, again := seen[tag.ID]; again {
			faults.Add(at+".tag", "is the tag of mappings[%d]: leave one of them out", before)
			continue
		}
		seen[tag.ID] = i
		if category == tag.Category || !known {
			continue
		}
		if group := bound[tag.ID]; group != "" {
			faults.Add(at+".tag", "is in the group %q, which has only tags of %s: take it out of that group first", group, tag.Category)
		}
		moves = append(moves, move{*tag, category})
	}
	return moves, atMost(faults)
}

func atMost(faults api.Faults) api.Faults {
	if n := len(faults) - maxFaults; n > 0 {
		faults = slices.Clip(faults[:maxFaults])
		faults.Add("body.mappings", "%d more are wrong: correct these first", n)
	}
	return faults
}

// categoryOf returns a category as the settings spell it, "" for none, and
// whether it is one.
func categoryOf(asked *string, categories []string) (string, bool) {
	if asked == nil {
		return "", true
	}
	i := slices.IndexFunc(categories, func(c string) bool { return strings.EqualFold(c, strings.TrimSpace(*asked)) })
	if i < 0 {
		return "", false
	}
	return categories[i], true
}

// counts says what moves come to, of so many mappings.
func counts(mappings int, moves []move) (c Counts) {
	c.Mappings = mappings
	for _, m := range moves {
		switch {
		case m.to == "":
			c.Cleared++
		case m.tag.Category == "":
			c.Classified++
		default:
			c.Reclassified++
		}
	}
	c.Unchanged = mappings - len(moves)
	return c
}

// Counts are what mappings come to.
type Counts struct {
	Mappings     int `json:"mappings"`
	Classified   int `json:"classified" doc:"Had no category."`
	Reclassified int `json:"reclassified" doc:"Had another."`
	Cleared      int `json:"cleared" doc:"Have none any more."`
	Unchanged    int `json:"unchanged" doc:"Were like that already."`
}
