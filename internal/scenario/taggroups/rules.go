package taggroups

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
)

// state is all that can be changed of a group, as the record of changes keeps it.
type state struct {
	GroupID     uuid.UUID `json:"groupId"`
	Name        string    `json:"name"`
	Category    string    `json:"category,omitempty"` // left out where tags of any may be in it
	Description string    `json:"description"`
	Tags        []string  `json:"tags"` // as Shopify spells them
}

// maxFaults are told at most.
const maxFaults = 100

// check lists all that is wrong with a group that somebody wants, and returns its
// category as the settings spell it and the ids of its tags, each once. tags has
// for each name the tag, nil for none.
func check(want state, tags []*catalog.Tag, categories []string) (category string, ids []int64, faults api.Faults) {
	if want.Name == "" {
		faults.Add("body.name", "is empty: give the group a name, or name one by its groupId")
	}
	if want.Category != "" {
		i := slices.IndexFunc(categories, func(c string) bool { return strings.EqualFold(c, want.Category) })
		if i < 0 {
			faults.Add("body.category", "is none of the settings' tag categories: take one of %s, or leave it out for tags of any", strings.Join(categories, ", "))
		} else {
			category = categories[i]
		}
	}
	for i, tag := range tags {
		at := fmt.Sprintf("body.tags[%d]", i)
		switch {
		case tag == nil:
			faults.Add(at, "there is no such tag: correct its spelling, or sync the product that has it")
		case category != "" && tag.Category != category:
			faults.Add(at, "is %s, and the group takes only tags of %s: classify the tag first, or leave it out", orNone(tag.Category), category)
		case !slices.Contains(ids, tag.ID):
			ids = append(ids, tag.ID)
		}
	}
	if n := len(faults) - maxFaults; n > 0 {
		faults = slices.Clip(faults[:maxFaults])
		faults.Add("body.tags", "%d more are wrong: correct these first", n)
	}
	return category, ids, faults
}

func orNone(category string) string {
	if category == "" {
		return "unclassified"
	}
	return "of " + category
}

// same reports whether a group is what somebody wants, whose category is spelled
// as the settings do, and whose tags are these.
func same(now, want state, tags []*catalog.Tag) bool {
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return now.Name == want.Name && now.Category == want.Category && now.Description == want.Description &&
		slices.Equal(slices.Sorted(slices.Values(now.Tags)), slices.Compact(names))
}
