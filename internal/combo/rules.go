package combo

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// What a combo may have.
const (
	MaxProducts = 50
	maxNotes    = 10_000        // characters
	maxText     = 100           // characters of a role or channel
	maxCounted  = 1_000_000_000 // impressions, clicks, purchases
)

// Outcomes are how a combo can have come out.
func Outcomes() []string { return []string{"win", "lose", "inconclusive"} }

// Check lists all that is wrong with a combo: by itself, and by the settings and
// the products that there are. Type and audience may stay what they were before,
// also where the settings have lost them since.
func (r Report) Check(set settings.Values, known map[shop.ID]bool, before *Report) api.Faults {
	return append(r.faults(), r.misfits(set, known, before)...)
}

// Tidied returns a combo as it is stored: without white space around its texts,
// and with the line ends that a CSV keeps.
func (r Report) Tidied() Report {
	r.Products = slices.Clone(r.Products)
	for i := range r.Products {
		r.Products[i].Role = strings.TrimSpace(r.Products[i].Role)
	}
	r.Channel = strings.TrimSpace(r.Channel)
	r.Notes = strings.TrimSpace(lineEnds.Replace(r.Notes))
	return r
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// faults lists what is wrong with a combo by itself.
func (r Report) faults() (f api.Faults) {
	if n := len(r.Products); n < 1 || n > MaxProducts {
		f.Add("body.products", "are not 1 to %d", MaxProducts)
	}
	first := map[shop.ID]int{}
	for i, p := range r.Products {
		at := fmt.Sprintf("body.products[%d]", i)
		if j, twice := first[p.ProductID]; twice {
			f.Add(at+".productId", "is that of products[%d] already", j)
		} else {
			first[p.ProductID] = i
		}
		if p.Position != i+1 {
			f.Add(at+".position", "is not %d: positions count from 1 in the order of the list", i+1)
		}
		if utf8.RuneCountInString(p.Role) > maxText {
			f.Add(at+".role", "has more than %d characters", maxText)
		}
		if strings.ContainsAny(p.Role, "|\r\n") {
			f.Add(at+".role", "has a | or a line end, which divide roles in a CSV: leave it out")
		}
	}
	if _, err := shop.ParseDay(string(r.StartedOn)); err != nil {
		f.Add("body.startedOn", "is no day: write it as 2006-01-02")
	}
	if r.EndedOn != nil {
		if _, err := shop.ParseDay(string(*r.EndedOn)); err != nil {
			f.Add("body.endedOn", "is no day: write it as 2006-01-02")
		} else if *r.EndedOn < r.StartedOn {
			f.Add("body.endedOn", "is before startedOn")
		}
	}
	return append(f, r.measured()...)
}

// measured lists what is wrong with what was measured and said of a combo.
func (r Report) measured() (f api.Faults) {
	for _, a := range []struct {
		name  string
		value *shop.Amount
	}{{"spend", r.Spend}, {"revenue", r.Revenue}} {
		if a.value != nil && *a.value < 0 {
			f.Add("body."+a.name, "is negative")
		}
	}
	for _, n := range []struct {
		name  string
		value *int64
	}{{"impressions", r.Impressions}, {"clicks", r.Clicks}, {"purchases", r.Purchases}} {
		if n.value != nil && (*n.value < 0 || *n.value > maxCounted) {
			f.Add("body."+n.name, "is not between 0 and %d", maxCounted)
		}
	}
	if r.Outcome != nil && !slices.Contains(Outcomes(), *r.Outcome) {
		f.Add("body.outcome", "is none of %s, nor null", strings.Join(Outcomes(), ", "))
	}
	if utf8.RuneCountInString(r.Channel) > maxText {
		f.Add("body.channel", "has more than %d characters", maxText)
	}
	if utf8.RuneCountInString(r.Notes) > maxNotes {
		f.Add("body.notes", "have more than %d characters", maxNotes)
	}
	if !slices.Contains([]string{Manual, Import, Suggestion}, r.Source) {
		f.Add("body.source", "is none of %s, %s, %s", Manual, Import, Suggestion)
	}
	return f
}

// misfits lists what of a combo there is not: types, audiences, products.
func (r Report) misfits(set settings.Values, known map[shop.ID]bool, before *Report) (f api.Faults) {
	var types []string
	for _, t := range set.ComboTypes {
		types = append(types, t.Code)
	}
	if !slices.Contains(types, r.Type) && (before == nil || before.Type != r.Type) {
		f.Add("body.type", "is none of the settings' combo types: take one of %s", strings.Join(types, ", "))
	}
	if !slices.Contains(set.Audiences, r.Audience) && (before == nil || before.Audience != r.Audience) {
		f.Add("body.audience", "is none of the settings' audiences: take one of %s", strings.Join(set.Audiences, ", "))
	}
	for i, p := range r.Products {
		if !known[p.ProductID] {
			f.Add(fmt.Sprintf("body.products[%d].productId", i), "there is no such product: correct the id, or sync the product first")
		}
	}
	return f
}
