package taggroups

import (
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/catalog"
)

func TestWhatAGroupMustKeep(t *testing.T) {
	t.Parallel()
	categories := []string{"design", "season"}
	moth, owl, plain := &catalog.Tag{ID: 1, Name: "Moth", Category: "design"}, &catalog.Tag{ID: 2, Name: "Owl", Category: "season"}, &catalog.Tag{ID: 3, Name: "plain"}
	for name, c := range map[string]struct {
		want   state
		tags   []*catalog.Tag
		ids    []int64
		faults []string // locations
	}{
		"without a category it takes any tags":    {state{Name: "a"}, []*catalog.Tag{moth, owl, plain}, []int64{1, 2, 3}, nil},
		"with a category it takes those":          {state{Name: "a", Category: "DESIGN"}, []*catalog.Tag{moth}, []int64{1}, nil},
		"with a category it takes no others":      {state{Name: "a", Category: "design"}, []*catalog.Tag{moth, owl, plain}, nil, []string{"body.tags[1]", "body.tags[2]"}},
		"a tag that comes twice is in it once":    {state{Name: "a"}, []*catalog.Tag{moth, owl, moth}, []int64{1, 2}, nil},
		"no tags at all are fine":                 {state{Name: "a", Category: "season"}, nil, nil, nil},
		"tags that there are not are named":       {state{Name: "a"}, []*catalog.Tag{nil, moth, nil}, nil, []string{"body.tags[0]", "body.tags[2]"}},
		"all faults come at once":                 {state{Category: "colour"}, []*catalog.Tag{nil}, nil, []string{"body.name", "body.category", "body.tags[0]"}},
		"of a category that there is not, no tag": {state{Name: "a", Category: "colour"}, []*catalog.Tag{moth}, nil, []string{"body.category"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ids, faults := check(c.want, c.tags, categories)
			var got []string
			for _, f := range faults {
				got = append(got, f.Location)
			}
			if !slices.Equal(got, c.faults) || len(faults) == 0 && !slices.Equal(ids, c.ids) {
				t.Errorf("it has the tags %v and faults at %v, want %v and %v", ids, got, c.ids, c.faults)
			}
		})
	}
	_, _, faults := check(state{Name: "a"}, make([]*catalog.Tag, 1000), categories)
	if len(faults) != maxFaults+1 || !strings.Contains(faults[maxFaults].Message, "900 more") {
		t.Errorf("of a thousand faults %d are told, and at last %v", len(faults), faults[len(faults)-1])
	}
}
