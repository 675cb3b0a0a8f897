package shopify

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// listing is what a connection of the root lists.
type listing[T any] struct {
	all   iter.Seq[*T] // ascending by id
	known searchFields[T]
	keys  map[string]func(*T) time.Time // by sort key; others sort by id
	id    func(*T) shop.ID
	get   func(shop.ID) any
}

// search compiles the argument query and notes its warnings.
func search[T any](r *request, args map[string]any, known searchFields[T]) (matcher[T], error) {
	query, _ := args["query"].(string)
	match, warnings, err := parseSearch(query, known)
	if err != nil {
		return nil, err
	}
	if len(warnings) > 0 {
		path, _ := args["path"].(string)
		r.searches = append(r.searches, searchNote{[]string{path}, query, warnings})
	}
	return match, nil
}

// listPage answers one page of a listing. Paging ends, without a word, after
// 25,000 objects.
func listPage[T any](r *request, args map[string]any, l listing[T]) (*page, error) {
	first, err := pageSize(args)
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, errors.New("you must provide one of first or last")
	}
	after, given, err := positionAfter(args)
	if err != nil {
		return nil, err
	}
	match, err := search(r, args, l.known)
	if err != nil {
		return nil, err
	}
	sortKey, _ := args["sortKey"].(string)
	reverse, _ := args["reverse"].(bool)
	direction := 1
	if reverse {
		direction = -1
	}
	key := l.keys[sortKey]
	var found []position
	for v := range l.all {
		at := position{ID: l.id(v)}
		if key != nil {
			at.Key = timeKey(key(v))
		}
		if given && at.compare(after)*direction <= 0 || !match(v) {
			continue
		}
		if found = append(found, at); key == nil && !reverse && len(found) > first {
			break
		}
	}
	slices.SortFunc(found, func(a, b position) int { return a.compare(b) * direction })
	p := &page{previous: given, next: len(found) > first && after.Number+first < maxPagination}
	for i, at := range found[:min(first, len(found))] {
		at.Number = after.Number + i + 1
		p.edges = append(p.edges, edge{l.get(at.ID), at.cursor()})
	}
	return p, nil
}

func countOrders(r *request, args map[string]any) (any, error) {
	return countMatches(r, args, r.s.orders(r.now), orderSearch(r.s.zone))
}

func countProducts(r *request, args map[string]any) (any, error) {
	return countMatches(r, args, r.s.config.Shop.Products(r.now), productSearch(r.s.zone))
}

// countMatches counts up to the argument limit, and without end where it is
// null.
func countMatches[T any](r *request, args map[string]any, all iter.Seq[*T], known searchFields[T]) (any, error) {
	match, err := search(r, args, known)
	if err != nil {
		return nil, err
	}
	limit, limited, err := integer(args["limit"])
	if err != nil {
		return nil, err
	}
	c := &count{exact: true}
	for v := range all {
		if !match(v) {
			continue
		}
		if limited && c.n == limit {
			c.exact = false
			break
		}
		c.n++
	}
	return c, nil
}
