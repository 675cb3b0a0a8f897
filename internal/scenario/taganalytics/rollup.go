package taganalytics

import (
	"slices"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// rollup is what the groups of a selection sold in a month of UTC, by shop day.
// It doesn't change. What isn't in it wasn't sold.
//
// An order was processed at one instant, at which all its lines count, so orders
// of days add up like units do. Products don't: one that sold on two days is one
// product. So it is kept of each on which days it sold.
type rollup struct {
	days []int   // numbers of the shop days that have a part in the month
	in   []inOne // by currency
}

// inOne is what a rollup has in one currency.
type inOne struct {
	currency string
	sums     []daySum // in the order of groups and days
	sold     []soldOn
}

// daySum is what a group sold on a day.
type daySum struct {
	group, day                int32 // numbered from 0; group 0 is all of them
	orders, lines, units, net int64
}

// soldOn says on which days a product sold: bit n stands for day n of the rollup.
type soldOn struct {
	product int // place among the products of the selection
	days    uint64
}

const (
	monthDays = 33 // that have a part in a month, at most
	sumBytes  = 40
	soldBytes = 16
)

// mostBytes is how many bytes the rollup of a month may take, in one currency.
func mostBytes(groups, products int) int64 {
	return int64(groups+1)*monthDays*sumBytes + int64(products)*soldBytes
}

func (r *rollup) bytes() int64 {
	n := int64(100 + 8*cap(r.days))
	for _, c := range r.in {
		n += int64(100 + sumBytes*cap(c.sums) + soldBytes*cap(c.sold))
	}
	return n
}

// of returns what the rollup has in a currency, for adding to it.
func (r *rollup) of(currency string) *inOne {
	i := slices.IndexFunc(r.in, func(c inOne) bool { return c.currency == currency })
	if i < 0 {
		i = len(r.in)
		r.in = append(r.in, inOne{currency: currency})
	}
	return &r.in[i]
}

// sum makes a table of rollups that follow one another.
func sum(rollups []*rollup, of products, q question) *table {
	t := newTable()
	shown := q.shown(len(q.members))
	parts := q.partsOf()
	for _, r := range rollups {
		for _, c := range r.in {
			t.addDays(c, r.days, parts, shown)
		}
	}
	for _, currency := range currenciesIn(rollups) {
		t.countProducts(rollups, currency, of, q, shown)
	}
	return t
}

// addDays adds what groups sold on the days of parts.
func (t *table) addDays(c inOne, days []int, parts map[int]int, shown []bool) {
	for i := 0; i < len(c.sums); {
		first := c.sums[i]
		part, ok := parts[days[first.day]]
		if !ok || !shown[first.group] {
			i++
			continue
		}
		at := cell{int(first.group), part, c.currency}
		s := t.at(at.group, at.part, at.currency)
		for ; i < len(c.sums) && c.sums[i].group == first.group; i++ {
			d := c.sums[i]
			if p, ok := parts[days[d.day]]; !ok || p != part {
				break
			}
			s.Orders += d.orders
			s.Lines += d.lines
			s.Units += d.units
			s.NetSales.Amount += shop.Amount(d.net)
		}
		t.put(at, s)
	}
}

// countProducts counts the products of each group that sold in each part.
func (t *table) countProducts(rollups []*rollup, currency string, of products, q question, shown []bool) {
	seen := make([]int32, len(of.ids)) // the last part in which it was, from 1
	count := make([]int64, len(q.members)+1)
	for part, p := range q.parts {
		clear(count)
		for _, r := range rollups {
			mask := r.mask(numberOf(p.From), numberOf(p.To))
			i := slices.IndexFunc(r.in, func(c inOne) bool { return c.currency == currency })
			if mask == 0 || i < 0 {
				continue
			}
			for _, sold := range r.in[i].sold {
				if sold.days&mask == 0 || seen[sold.product] == int32(part+1) {
					continue
				}
				seen[sold.product] = int32(part + 1)
				count[0]++
				for _, group := range of.groups[sold.product] {
					count[group]++
				}
			}
		}
		for group, n := range count {
			if n > 0 && shown[group] {
				at := cell{group, part, currency}
				s := t.at(group, part, currency)
				s.ProductsSold = n
				t.put(at, s)
			}
		}
	}
}

// mask has the bits of the rollup's days from one to another.
func (r *rollup) mask(from, to int) (mask uint64) {
	for i, day := range r.days {
		if day >= from && day <= to {
			mask |= 1 << i
		}
	}
	return mask
}

func currenciesIn(rollups []*rollup) (list []string) {
	for _, r := range rollups {
		for _, c := range r.in {
			list = append(list, c.currency)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// place finds a product among those of a selection.
func (p products) place(id int64) (int, bool) {
	return slices.BinarySearch(p.ids, id)
}
