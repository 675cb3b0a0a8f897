package combolog

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// When a name that is nobody's title is taken for a product's: where its likeness
// is so high, and so much higher than the next product's.
const (
	sure      = 0.8
	ahead     = 0.1
	worth     = 0.3 // below that, a product is not worth proposing
	proposals = 5
)

// Candidate is a product that a reference may mean.
type Candidate struct {
	ProductID shop.ID `json:"productId"`
	Title     string  `json:"title"`
	Handle    string  `json:"handle"`
	Score     float64 `json:"score" minimum:"0" maximum:"1" doc:"How like the title is to what was written: of the three-letter pieces of both, the share that they have in common (Dice's coefficient)."`
}

// ProductMatch says which product a reference means.
type ProductMatch struct {
	Reference  string      `json:"reference" doc:"As written in the file."`
	By         string      `json:"by" enum:"id,handle,title,likeness,none" doc:"How it was found; none where it wasn't, or where several may be meant."`
	Product    *Candidate  `json:"product,omitempty" doc:"That it means."`
	Candidates []Candidate `json:"candidates" doc:"That it may mean, the likeliest first, where by is none."`
}

// index finds products by titles, exactly and by likeness, for one at a time.
type index struct {
	products []Candidate
	living   []bool
	titles   map[string][]int // normalized titles
	pieces   map[string][]int // of normalized titles
	sizes    []int            // how many pieces a title has
	common   []int32          // how many pieces a product has in common with what is looked for; zeros between
}

func newIndex() *index { return &index{titles: map[string][]int{}, pieces: map[string][]int{}} }

func (x *index) add(c Candidate, living bool) {
	n := len(x.products)
	title := normalized(c.Title)
	pieces := piecesOf(title)
	x.products, x.living, x.sizes = append(x.products, c), append(x.living, living), append(x.sizes, len(pieces))
	x.titles[title] = append(x.titles[title], n)
	for _, p := range pieces {
		x.pieces[p] = append(x.pieces[p], n)
	}
}

// find matches a reference by title. Of products of one title those that are still
// in Shopify are meant.
func (x *index) find(reference string) ProductMatch {
	m := ProductMatch{Reference: reference, By: "none", Candidates: []Candidate{}}
	title := normalized(reference)
	if title == "" { // nothing that could be like anything
		return m
	}
	same := x.titles[title]
	if living := slices.DeleteFunc(slices.Clone(same), func(i int) bool { return !x.living[i] }); len(living) > 0 {
		same = living
	}
	if len(same) == 1 {
		m.By, m.Product = "title", x.candidate(same[0], 1)
		return m
	}
	if len(same) > 1 {
		for _, i := range same[:min(len(same), proposals)] {
			m.Candidates = append(m.Candidates, *x.candidate(i, 1))
		}
		return m
	}
	like := x.like(title)
	if len(like) > 0 && like[0].Score >= sure && (len(like) == 1 || like[0].Score-like[1].Score >= ahead) {
		m.By, m.Product = "likeness", &like[0]
		return m
	}
	m.Candidates = append(m.Candidates, like...)
	return m
}

func (x *index) candidate(i int, score float64) *Candidate {
	c := x.products[i]
	c.Score = score
	return &c
}

// like lists the products whose titles are most like one, the likest first.
func (x *index) like(title string) (list []Candidate) {
	pieces := piecesOf(title)
	x.common = slices.Grow(x.common[:0], len(x.products))[:len(x.products)]
	var touched []int
	for _, p := range pieces {
		for _, i := range x.pieces[p] {
			if x.common[i]++; x.common[i] == 1 {
				touched = append(touched, i)
			}
		}
	}
	for _, i := range touched {
		score := float64(2*x.common[i]) / float64(len(pieces)+x.sizes[i])
		x.common[i] = 0
		if score < worth || !x.living[i] || len(list) == proposals && score < list[proposals-1].Score {
			continue
		}
		c := x.candidate(i, math.Round(score*1000)/1000)
		at, _ := slices.BinarySearchFunc(list, *c, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ProductID, b.ProductID))
		})
		list = slices.Insert(list, at, *c)
		list = list[:min(len(list), proposals)]
	}
	return list
}

// normalized is a title as it is compared: words of small letters and digits.
func normalized(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, " ")
}

// piecesOf cuts a normalized title into all of its runs of three letters, each
// once. Its ends count as two letters and one, so that beginnings weigh more.
func piecesOf(title string) []string {
	if title == "" {
		return nil
	}
	letters := []rune("  " + title + " ")
	var pieces []string
	for i := range len(letters) - 2 {
		pieces = append(pieces, string(letters[i:i+3]))
	}
	slices.Sort(pieces)
	return slices.Compact(pieces)
}

// idOf reads the id that a reference names, 0 where it names none: a number, a gid
// of a product, or a title with # and the number behind it, as the export has it.
func idOf(reference string) shop.ID {
	if strings.HasPrefix(reference, "gid://") && !strings.HasPrefix(reference, "gid://shopify/Product/") {
		return 0
	}
	digits := reference
	if i := strings.LastIndex(reference, "#"); i >= 0 {
		digits = strings.TrimSpace(reference[i+1:])
	}
	id, err := shop.ParseID(digits)
	if err != nil {
		return 0
	}
	return id
}
