package designer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
)

// What a request may hold.
const (
	MaxName = 100    // characters of a designer's name
	MaxTags = 10_000 // tags of a request, and of a designer
)

// maxFaults are told at most.
const maxFaults = 100

// isReserved says whether the API has a path of its own where a name would stand.
func isReserved(folded string) bool {
	return slices.Contains([]string{"assign", "names", "names.csv", "summary", "unassign"}, folded)
}

// Fold returns a designer's name as names compare: trimmed, with single spaces,
// without regard to case.
func Fold(name string) string { return strings.ToLower(clean(name)) }

func clean(name string) string { return strings.Join(strings.Fields(name), " ") }

// Check lists all that is wrong with a name and tags before anybody looks which
// tags there are. at is the place of the object that has them as designerName
// and tags, such as "body".
func Check(at, name string, tags []string) (f api.Faults) {
	if fault := faultOf(clean(name)); fault != "" {
		f.Add(at+".designerName", "%s", fault)
	}
	switch n := len(tags); {
	case n == 0:
		f.Add(at+".tags", "is empty: name at least one tag")
	case n > MaxTags:
		f.Add(at+".tags", "are %d, and may be %d: send the rest by themselves", n, MaxTags)
	}
	return f
}

// faultOf says what is wrong with a cleaned name, "" for nothing. A name has to
// fit into an address, where one of dots alone means something else.
func faultOf(name string) string {
	switch {
	case name == "":
		return "is empty: name the designer"
	case utf8.RuneCountInString(name) > MaxName:
		return fmt.Sprintf("is longer than %d characters: shorten it", MaxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "has characters that can't be shown: leave them out"
	case !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return "has neither a letter nor a digit: name the designer"
	case isReserved(strings.ToLower(name)):
		return "is a word of the API's own: take another, such as one with a surname"
	}
	return ""
}

// faults holds what is stored to the same.
func (a Assignment) faults() (f api.Faults) {
	if fault := faultOf(a.DesignerName); fault != "" {
		f.Add("body.designerName", "%s", fault)
	}
	if n := len(a.Tags); n > MaxTags {
		f.Add("body.tags", "would be %d of this designer, and may be %d: take some off first", n, MaxTags)
	}
	return f
}

// unknown lists the places of tags that there are not.
func unknown(at string, found []*string) (f api.Faults) {
	n := 0
	for i, tag := range found {
		if tag != nil {
			continue
		}
		if n++; n <= maxFaults {
			f.Add(fmt.Sprintf("%s.tags[%d]", at, i), "there is no such tag: correct its spelling, or sync the product that has it")
		}
	}
	if n > maxFaults {
		f.Add(at+".tags", "%d more are wrong: correct these first", n-maxFaults)
	}
	return f
}

// parted splits tags by whether a designer has them, each once, in their order.
func parted(has, tags []string) (with, without []string) {
	seen := map[string]bool{}
	known := map[string]bool{}
	for _, tag := range has {
		known[strings.ToLower(tag)] = true
	}
	with, without = []string{}, []string{}
	for _, tag := range tags {
		key := strings.ToLower(tag)
		switch {
		case seen[key]:
		case known[key]:
			with = append(with, tag)
		default:
			without = append(without, tag)
		}
		seen[key] = true
	}
	return with, without
}

// joined returns the tags of two lists by name.
func joined(a, b []string) []string {
	return slices.SortedFunc(slices.Values(slices.Concat(a, b)), func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	})
}

func content(a Assignment) artifact.Content[Assignment] {
	return artifact.Content[Assignment]{Title: a.DesignerName, Status: "assigned", Payload: a}
}
