package performance

import (
	"cmp"
	"slices"

	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// The tiers, in the order in which the first that holds is a product's primary.
const (
	TopRiser         = "top_riser"
	Winner           = "winner"
	ArchiveCandidate = "archive_candidate"
	Banana           = "banana"
	None             = "none"
)

// Tiers are all tiers, in order. A product's flags are bits by this order.
func Tiers() []string { return []string{TopRiser, Winner, ArchiveCandidate, Banana, None} }

const (
	topRiser flags = 1 << iota
	winner
	archiveCandidate
	banana
)

// flags are the tiers that hold for a product.
type flags uint8

// names lists them, in order; never nil.
func (f flags) names() []string {
	list := []string{}
	for i, name := range Tiers()[:4] {
		if f&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// primary is the first tier that holds.
func (f flags) primary() string { return Tiers()[f.primaryAt()] }

func (f flags) primaryAt() int {
	for i := range 4 {
		if f&(1<<i) != 0 {
			return i
		}
	}
	return 4
}

// The windows that are measured, as places in the arrays of measures.
const (
	first7 = iota
	first14
	last7
	last14
	last30
	total
)

// day is a shop day, counted from 1970-01-01.
type day int32

// measures are what is known of a product's sales as of a day.
type measures struct {
	firstSale    day // meaningless unless hasFirstSale
	hasFirstSale bool
	known        [2]bool // of first7 and first14: false while their orders may be missing
	units        [6]int64
	net          [6]shop.Amount
	active       bool
}

// measured is a product with what its tiers follow from.
type measured struct {
	id          shop.ID
	published   day  // else the day on which it was created
	isPublished bool // published now; one that was once has sold, or is
	measures
}

// sold is the measure that a specification goes by: units, or net sales in
// ten-thousandths of the currency's main unit.
func sold(s artifact.Spec, m *measures, window int) int64 {
	if s.Measure == artifact.NetSales {
		return int64(m.net[window])
	}
	return m.units[window]
}

// reaches says whether a window's sales are at least a threshold.
func reaches(s artifact.Spec, m *measures, window int, threshold int64) bool {
	if s.Measure == artifact.NetSales {
		threshold *= shop.AmountScale
	}
	return sold(s, m, window) >= threshold
}

// windowDays is how many days before as_of a first sale makes a riser, and a
// product is too young for a banana.
const windowDays = 30

// classify says which tiers hold for each product as of a day. Products come in
// order of their ids.
func classify(s artifact.Spec, asOf day, products []measured) []flags {
	out := make([]flags, len(products))
	var candidates []int
	for i := range products {
		p := &products[i]
		out[i] = p.flags(s, asOf)
		if p.active && asOf-p.published > windowDays {
			candidates = append(candidates, i)
		}
	}
	slices.SortStableFunc(candidates, func(a, b int) int {
		return cmp.Compare(sold(s, &products[a].measures, total), sold(s, &products[b].measures, total))
	})
	for _, i := range candidates[:min(len(candidates), int(s.BananaCount))] {
		out[i] |= banana
	}
	return out
}

// flags are the tiers that follow from the product alone.
func (p *measured) flags(s artifact.Spec, asOf day) (f flags) {
	m := &p.measures
	isNew := p.hasFirstSale && p.firstSale <= asOf && asOf-p.firstSale <= windowDays
	if isNew && (p.known[first7] && reaches(s, m, first7, s.TopRiser7Day) ||
		p.known[first14] && reaches(s, m, first14, s.TopRiser14Day)) {
		f |= topRiser
	}
	if reaches(s, m, last30, s.Winner30Day) {
		f |= winner
	}
	publishedOnce := p.isPublished || p.units[total] > 0
	if publishedOnce && !p.active && p.units[last30] == 0 {
		f |= archiveCandidate
	}
	return f
}

// How a product's sales move.
const (
	Rising  = "rising"
	Falling = "falling"
	Steady  = "steady"
)

// trend compares the last 7 days with the 7 before, by the spec's measure.
func trend(s artifact.Spec, m *measures) string {
	now := sold(s, m, last7)
	switch before := sold(s, m, last14) - now; {
	case now > before:
		return Rising
	case now < before:
		return Falling
	}
	return Steady
}
