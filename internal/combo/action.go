package combo

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// The actions that a template may have done, each once for the combo that is
// made of it.
const (
	CreateReport   = "create_report"   // logs the combo: always the first, and once
	AssignDesigner = "assign_designer" // gives tags to a designer
	TagProducts    = "tag_products"    // adds a tag to the products, in Shopify
	RequestAsset   = "request_asset"   // asks for a design asset of the products
	Note           = "note"            // adds to the report's notes
)

// MaxActions are in a template at most.
const MaxActions = 20

// ActionSpec is an action of a template.
type ActionSpec struct {
	Action string       `json:"action" enum:"create_report,assign_designer,tag_products,request_asset,note" doc:"What is done." example:"tag_products"`
	Params ActionParams `json:"params,omitempty" required:"false" doc:"How. Each action takes params of its own."`
}

// String is the action's name.
func (s ActionSpec) String() string { return s.Action }

// ActionParams are the params of all actions. One takes a few of them.
type ActionParams struct {
	Channel      string   `json:"channel,omitempty" maxLength:"100" doc:"Of create_report: where the test runs, unless the one who makes the combo says so."`
	DesignerName string   `json:"designerName,omitempty" maxLength:"100" doc:"Of assign_designer, which needs it." example:"Mara"`
	Tags         []string `json:"tags,omitempty" nullable:"false" maxItems:"100" doc:"Of assign_designer: the tags that the designer gets. Without them, those of the products that are classified as design."`
	Tag          string   `json:"tag,omitempty" maxLength:"255" doc:"Of tag_products, which needs it: the tag, without a comma." example:"spring test"`
	Title        string   `json:"title,omitempty" maxLength:"200" doc:"Of request_asset, which needs it: what the asset is to be."`
	Role         string   `json:"role,omitempty" maxLength:"100" doc:"Of request_asset: what the products use the asset for."`
	Text         string   `json:"text,omitempty" maxLength:"2000" doc:"Of note, which needs it."`
}

// action says which params an action takes, those that it needs first.
type action struct {
	name         string
	needs, takes []string
}

func actions() []action {
	return []action{
		{CreateReport, nil, []string{"channel"}},
		{AssignDesigner, []string{"designerName"}, []string{"designerName", "tags"}},
		{TagProducts, []string{"tag"}, []string{"tag"}},
		{RequestAsset, []string{"title"}, []string{"title", "role"}},
		{Note, []string{"text"}, []string{"text"}},
	}
}

// param is one of the params that an action was given.
type param struct {
	name  string
	given bool
	text  string
	most  int // characters
}

func (p ActionParams) list() []param {
	return []param{
		{"channel", p.Channel != "", p.Channel, 100},
		{"designerName", p.DesignerName != "", p.DesignerName, 100},
		{"tags", len(p.Tags) > 0, "", 0},
		{"tag", p.Tag != "", p.Tag, maxTag},
		{"title", p.Title != "", p.Title, 200},
		{"role", p.Role != "", p.Role, 100},
		{"text", p.Text != "", p.Text, 2000},
	}
}

const (
	maxTag  = 255 // characters: Shopify's limit
	maxTags = 100
)

// actionFaults lists all that is wrong with the actions of a template. Whatever
// else is done is done for a report, so create_report is the first, and there
// is one of it.
func actionFaults(specs []ActionSpec) (f api.Faults) {
	switch {
	case len(specs) == 0:
		f.Add("body.actionSpecs", "is empty: begin with the action %s", CreateReport)
	case len(specs) > MaxActions:
		f.Add("body.actionSpecs", "are more than %d actions", MaxActions)
		return f
	}
	for i, s := range specs {
		at := fmt.Sprintf("body.actionSpecs[%d]", i)
		switch {
		case i == 0 && s.Action != CreateReport:
			f.Add(at+".action", "is not %s, which comes first: the others are done for the report that it creates", CreateReport)
		case i > 0 && s.Action == CreateReport:
			f.Add(at+".action", "creates a second report: leave it out, one template makes one report")
		}
		s.faults(at, &f)
	}
	return f
}

func (s ActionSpec) faults(at string, f *api.Faults) {
	known := actions()
	i := slices.IndexFunc(known, func(a action) bool { return a.name == s.Action })
	if i < 0 {
		names := make([]string, len(known))
		for i, a := range known {
			names[i] = a.name
		}
		f.Add(at+".action", "is no action: take one of %s", strings.Join(names, ", "))
		return
	}
	for _, p := range s.Params.list() {
		at := at + ".params." + p.name
		switch needed := slices.Contains(known[i].needs, p.name); {
		case needed && !p.given:
			f.Add(at, "is missing, and %s needs it", s.Action)
		case p.given && !slices.Contains(known[i].takes, p.name):
			f.Add(at, "is no param of %s, which takes %s: leave it out", s.Action, strings.Join(known[i].takes, " and "))
		case utf8.RuneCountInString(p.text) > p.most && p.most > 0:
			f.Add(at, "is longer than %d characters", p.most)
		case p.name == "tag" && strings.Contains(p.text, ","):
			f.Add(at, "has a comma, at which Shopify would cut it in two: leave it out")
		}
	}
	if len(s.Params.Tags) > maxTags {
		f.Add(at+".params.tags", "are more than %d", maxTags)
	}
	for j, tag := range s.Params.Tags {
		if tag == "" || utf8.RuneCountInString(tag) > maxTag {
			f.Add(fmt.Sprintf("%s.params.tags[%d]", at, j), "is not 1 to %d characters long", maxTag)
		}
	}
}

// tidied returns the action without white space around its texts.
func (s ActionSpec) tidied() ActionSpec {
	p := &s.Params
	for _, text := range []*string{&p.Channel, &p.DesignerName, &p.Tag, &p.Title, &p.Role, &p.Text} {
		*text = strings.TrimSpace(*text)
	}
	p.Tags = slices.Clone(p.Tags)
	for i := range p.Tags {
		p.Tags[i] = strings.TrimSpace(p.Tags[i])
	}
	return s
}
