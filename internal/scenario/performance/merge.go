package performance

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// merge fills a table with what an older one has, but of the products that have
// changed what fresh has, and takes over the orders that were asked of the older.
// changed are their ids, in order.
func (t *table) merge(old, fresh *table, changed []int64) {
	n := len(old.products) + len(fresh.products)
	t.products, t.about = make([]measured, 0, n), make([]about, 0, n)
	place := make([]int32, len(old.products)) // of an old product; -1 where it has changed
	is := products(changed)
	at := 0
	take := func(upto shop.ID) {
		for at < len(fresh.products) && fresh.products[at].id <= upto {
			t.products, t.about = append(t.products, fresh.products[at]), append(t.about, fresh.about[at])
			at++
		}
	}
	for i := range old.products {
		id := old.products[i].id
		take(id)
		if place[i] = -1; !is.has(id) {
			place[i] = int32(len(t.products))
			a := old.about[i]
			a.asOf = t.asOf
			t.products, t.about = append(t.products, old.products[i]), append(t.about, a)
		}
	}
	take(math.MaxInt64)
	for id, o := range old.beneath {
		if !is.has(id) {
			t.beneath[id] = o
		}
	}
	t.takeOrders(old, place, fresh)
}

// takeOrders sorts what is new into the orders of an older table.
func (t *table) takeOrders(old *table, place []int32, fresh *table) {
	old.mu.Lock()
	orders := maps.Clone(old.orders)
	old.mu.Unlock()
	if len(fresh.products) > len(t.products)/10 {
		return // sorting all is as quick
	}
	var added []int32
	for i := range fresh.products {
		n, _ := slices.BinarySearchFunc(t.products, fresh.products[i].id, func(p measured, id shop.ID) int { return cmp.Compare(p.id, id) })
		added = append(added, int32(n))
	}
	for by, order := range orders {
		t.orders[by] = t.insert(by, order, place, added)
	}
}

// insert makes an order of an older one, from whose places the new ones follow,
// and of the places that are to be added.
func (t *table) insert(by string, order, place, added []int32) []int32 {
	left := make([]int32, 0, len(order))
	for _, i := range order {
		if place[i] >= 0 {
			left = append(left, place[i])
		}
	}
	compare := func(a, b int32) int { return t.compare(by, t.place(by, int(a)), t.place(by, int(b))) }
	added = slices.SortedFunc(slices.Values(added), compare)
	all, from := make([]int32, 0, len(t.products)), 0
	for _, i := range added {
		to := from + sort.Search(len(left)-from, func(n int) bool { return compare(left[from+n], i) > 0 })
		all = append(append(all, left[from:to]...), i)
		from = to
	}
	return append(all, left[from:]...)
}
