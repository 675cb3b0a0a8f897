package designers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// periodOf fills in what a request leaves out and finds what can't be meant.
func periodOf(p shop.Period, today shop.Day) (shop.Period, error) {
	var faults api.Faults
	p = p.Complete(today, func(end, why string) { faults.Add("query."+end, "%s", why) })
	return p, faults.Err()
}

// part returns what falls to one of so many designers, numbered from 0 by name,
// of lines that come to total and each of which leaves the same rest when it is
// divided by them. Each line is shared out by itself: equally, and its rest, one
// ten-thousandth each, to those who come first. A rest has the sign of its line.
func part(total, lines, rest int64, designers, number int) int64 {
	share := (total - lines*rest) / int64(designers)
	switch n := int64(number); {
	case n < rest:
		share += lines
	case n < -rest:
		share -= lines
	}
	return share
}

// sold is what was sold, in ten-thousandths of a unit and of a currency.
type sold struct{ units, net int64 }

// bundle is some lines of a team in one currency, of either their units or their
// net sales, which leave the same rest.
type bundle struct {
	team     int // of teams, numbered from 1; 0 is what is nobody's
	currency string
	units    bool // else it is net sales
	lines    int64
	rest     int64
	total    int64
}

// nobody stands for a designer where no tag of a product is with one.
const nobody = -1

// place is where sales fall.
type place struct {
	designer int // numbered from 0 by name, or nobody
	currency string
}

// attribute shares bundles out among the designers of their teams. Each team is
// the numbers of its designers, in order. No line is lost or counted twice: what
// falls to all places together is what the bundles come to.
func attribute(teams [][]int, bundles []bundle) map[place]sold {
	out := map[place]sold{}
	for _, b := range bundles {
		team := []int{nobody}
		if b.team > 0 {
			team = teams[b.team-1]
		}
		for number, designer := range team {
			at := place{designer, b.currency}
			s := out[at]
			share := part(b.total, b.lines, b.rest, len(team), number)
			if b.units {
				s.units += share
			} else {
				s.net += share
			}
			out[at] = s
		}
	}
	return out
}

// currencies returns those in which anything was sold, the shop's own first,
// and that one in any case.
func currencies(all map[place]sold, own string) []string {
	list := []string{own}
	for at := range all {
		if !slices.Contains(list, at.currency) {
			list = append(list, at.currency)
		}
	}
	slices.Sort(list[1:])
	return list
}

// whole is what was sold in a currency, by designers and by nobody.
func whole(all map[place]sold, currency string) (attributed, unattributed sold) {
	for at, s := range all {
		switch {
		case at.currency != currency:
		case at.designer == nobody:
			unattributed = s
		default:
			attributed = sold{attributed.units + s.units, attributed.net + s.net}
		}
	}
	return attributed, unattributed
}

// figures tells what was sold to people. Its share is of a whole, where that is
// more than nothing.
func figures(s, of sold, currency string) Sales {
	f := Sales{Units: float64(s.units) / shop.AmountScale, NetSales: shop.Money{Amount: shop.Amount(s.net), Currency: currency}}
	if of.net > 0 {
		f.Share = shop.Rounded(float64(s.net) / float64(of.net))
	}
	return f
}

// position is where a list goes on: designers by name, and last what is nobody's;
// each by currency.
type position struct {
	Name     string `json:"name"` // as names compare; "" is nobody
	Currency string `json:"currency"`
}

func (p position) compare(q position) int {
	return cmp.Or(boolAsInt(p.Name == "")-boolAsInt(q.Name == ""), strings.Compare(p.Name, q.Name), strings.Compare(p.Currency, q.Currency))
}

func boolAsInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
