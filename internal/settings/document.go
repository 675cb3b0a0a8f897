package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// Values are all settings of staff.
type Values struct {
	ProductLines  []LineRule  `json:"productLines" doc:"In order: the first rule that is about a product says its line. NOLINE where none is."`
	TagCategories []string    `json:"tagCategories" doc:"What tags are classified by." example:"[\"design\",\"season\"]"`
	ComboTypes    []ComboType `json:"comboTypes" doc:"Formats of combos."`
	Audiences     []string    `json:"audiences" doc:"Of combos: 1 to 16 capital letters and digits each." example:"[\"MEN\",\"WOMEN\"]"`
}

// ComboType is a format of combos.
type ComboType struct {
	Code string `json:"code" doc:"Begins identifiers of combos: 1 to 16 capital letters and digits." example:"SP"`
	Name string `json:"name" example:"static post"`
}

// Defaults are the values until somebody has set others.
func Defaults() Values {
	return Values{
		ProductLines:  []LineRule{},
		TagCategories: []string{"design", "product line", "season", "designer", "collection", "other"},
		ComboTypes: []ComboType{
			{"SP", "static post"}, {"CT", "carousel"}, {"NT", "new template"}, {"UGC", "user-generated content"}, {"ST", "story"},
		},
		Audiences: []string{"ALL", "MEN", "WOMEN"},
	}
}

// Limits of the document.
const (
	maxRules = 500
	maxList  = 100
	maxText  = 100 // characters
)

var code = regexp.MustCompile(`^[A-Z0-9]{1,16}$`)

const codeRule = "is not 1 to 16 capital letters and digits"

// trimmed returns the values without space around texts.
func (v Values) trimmed() Values {
	out := Values{
		ProductLines: slices.Clone(v.ProductLines), TagCategories: slices.Clone(v.TagCategories),
		ComboTypes: slices.Clone(v.ComboTypes), Audiences: slices.Clone(v.Audiences),
	}
	var all []*string
	for i := range out.ProductLines {
		r := &out.ProductLines[i]
		all = append(all, &r.Code, &r.Match.ProductType, &r.Match.Vendor, &r.Match.Tag, &r.Match.TitleContains)
	}
	for i := range out.TagCategories {
		all = append(all, &out.TagCategories[i])
	}
	for i := range out.ComboTypes {
		all = append(all, &out.ComboTypes[i].Code, &out.ComboTypes[i].Name)
	}
	for i := range out.Audiences {
		all = append(all, &out.Audiences[i])
	}
	for _, s := range all {
		*s = strings.TrimSpace(*s)
	}
	return out
}

// faults lists all that is wrong with trimmed values. The categories in use are
// the tags of each, by category.
func (v Values) faults(used map[string]int64) (f api.Faults) {
	v.lineFaults(&f)
	v.categoryFaults(&f, used)
	bounds(&f, "body.comboTypes", len(v.ComboTypes), 1, maxList)
	names := map[string]int{}
	for i, t := range v.ComboTypes {
		at := fmt.Sprintf("body.comboTypes[%d]", i)
		checkCode(&f, at+".code", t.Code)
		once(&f, names, at+".code", "body.comboTypes", i, t.Code)
		checkText(&f, at+".name", t.Name, 1)
	}
	bounds(&f, "body.audiences", len(v.Audiences), 1, maxList)
	names = map[string]int{}
	for i, a := range v.Audiences {
		at := fmt.Sprintf("body.audiences[%d]", i)
		checkCode(&f, at, a)
		once(&f, names, at, "body.audiences", i, a)
	}
	return f
}

func (v Values) lineFaults(f *api.Faults) {
	bounds(f, "body.productLines", len(v.ProductLines), 0, maxRules)
	for i, r := range v.ProductLines {
		at := fmt.Sprintf("body.productLines[%d]", i)
		if checkCode(f, at+".code", r.Code); r.Code == NoLine {
			f.Add(at+".code", "is what products are in that no rule is about")
		}
		if r.Match == (LineMatch{}) {
			f.Add(at+".match", "gives no condition")
		}
		checkText(f, at+".match.productType", r.Match.ProductType, 0)
		checkText(f, at+".match.vendor", r.Match.Vendor, 0)
		checkText(f, at+".match.tag", r.Match.Tag, 0)
		checkText(f, at+".match.titleContains", r.Match.TitleContains, 0)
		before := slices.IndexFunc(v.ProductLines[:i], func(b LineRule) bool { return b.Match.folded() == r.Match.folded() })
		if before >= 0 && r.Match != (LineMatch{}) {
			f.Add(at+".match", "is that of productLines[%d], which comes first", before)
		}
	}
}

func (m LineMatch) folded() LineMatch {
	return LineMatch{fold(m.ProductType), fold(m.Vendor), fold(m.Tag), fold(m.TitleContains)}
}

func (v Values) categoryFaults(f *api.Faults, used map[string]int64) {
	bounds(f, "body.tagCategories", len(v.TagCategories), 1, maxList)
	names := map[string]int{}
	for i, c := range v.TagCategories {
		at := fmt.Sprintf("body.tagCategories[%d]", i)
		checkText(f, at, c, 1)
		once(f, names, at, "body.tagCategories", i, fold(c))
	}
	var tags int64
	for category, n := range used {
		if !slices.Contains(v.TagCategories, category) {
			tags += n
		}
	}
	if tags > 0 {
		f.Add("body.tagCategories", "lacks categories that %d tags have: classify these tags anew first", tags)
	}
}

func bounds(f *api.Faults, at string, n, low, high int) {
	if n < low {
		f.Add(at, "is empty")
	} else if n > high {
		f.Add(at, "has more than %d", high)
	}
}

func checkCode(f *api.Faults, at, s string) {
	if !code.MatchString(s) {
		f.Add(at, codeRule)
	}
}

func checkText(f *api.Faults, at, s string, low int) {
	if n := utf8.RuneCountInString(s); n < low || n > maxText {
		f.Add(at, "is not %d to %d characters long", low, maxText)
	}
}

// once refuses what stood at an earlier place of a list already.
func once(f *api.Faults, seen map[string]int, at, list string, i int, s string) {
	if before, ok := seen[s]; ok {
		f.Add(at, "is that of %s[%d]", strings.TrimPrefix(list, "body."), before)
		return
	}
	seen[s] = i
}
