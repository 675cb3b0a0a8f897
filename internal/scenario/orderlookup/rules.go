package orderlookup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// MaxQueries is how many queries a request may have.
const MaxQueries = 200

const (
	maxOfQuery = 20    // orders that a query is answered with
	minOfQuery = 5     // as above, however many queries there are
	maxOrders  = 1_000 // of all queries together
	maxRows    = 50_000
)

// What a query may be taken for.
const (
	byName  = "name"
	byID    = "orderId"
	byEmail = "email"
)

// meaning is what a query may mean: the orders of any of these names, and those
// of the id or the address. It may mean nothing.
type meaning struct {
	names []string
	id    shop.ID // 0 for none
	email string  // "" for none
}

// kinds tells what the query is taken for.
func (m meaning) kinds() []string {
	list := []string{}
	if len(m.names) > 0 {
		list = append(list, byName)
	}
	if m.id != 0 {
		list = append(list, byID)
	}
	if m.email != "" {
		list = append(list, byEmail)
	}
	return list
}

// read finds out what each query may mean. One that is empty, or holds nothing
// that can be seen, is a fault.
func read(queries []string) ([]meaning, error) {
	var faults api.Faults
	list := make([]meaning, len(queries))
	for i, q := range queries {
		text := clean(q)
		if text == "" {
			faults.Add(fmt.Sprintf("body.queries[%d]", i), "is empty: leave it out, or give an order's name, id or mail address")
			continue
		}
		list[i] = meaningOf(text)
	}
	return list, faults.Err()
}

// What people paste is seldom the bare thing: it comes out of spreadsheets,
// mails and address bars, and from keyboards with wide characters.
const pasted = " \"'`“”‘’«»,;<>()[]"

// clean takes off what is only around a query. Wide forms of ASCII become plain
// ones, all kinds of space one space, and what can't be seen goes.
func clean(q string) string {
	q = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, q)
	return strings.Trim(strings.Join(strings.Fields(q), " "), pasted)
}

var (
	orderPage = regexp.MustCompile(`(?i)/orders/(\d+)(?:\D|$)`)
	orderGID  = regexp.MustCompile(`(?i)^gid://shopify/Order/(\d+)(?:\?.*)?$`)
	orderWord = regexp.MustCompile(`(?i)^order\s*(?:no\.?|number)?\s*:?\s*(#?\s*\d.*)$`)
	digits    = regexp.MustCompile(`^\d+$`)
)

// meaningOf says what a clean query may mean. Addresses of pages and gids mean
// the order that they name, or nothing where they are of something else. What
// has an @ is a mail address. All else may be a name, with or without # and
// spaces, and digits may be an id as well.
func meaningOf(q string) meaning {
	if strings.Contains(q, "://") || orderPage.MatchString(q) {
		for _, pattern := range []*regexp.Regexp{orderGID, orderPage} {
			if m := pattern.FindStringSubmatch(q); m != nil {
				return meaning{id: idOf(m[1])}
			}
		}
		return meaning{}
	}
	compact := strings.ReplaceAll(q, " ", "")
	if strings.Contains(compact, "@") {
		return meaning{email: strings.TrimPrefix(compact, "mailto:")}
	}
	m := meaning{names: namesOf(q)}
	if digits.MatchString(compact) {
		m.id = idOf(compact)
	}
	if said := orderWord.FindStringSubmatch(q); said != nil {
		m.names = append(m.names, namesOf(said[1])...)
	}
	slices.Sort(m.names)
	m.names = slices.Compact(m.names)
	return m
}

// namesOf are the ways in which a shop may write the name that somebody typed:
// Shopify puts # before the number unless the shop has set another prefix.
func namesOf(q string) (names []string) {
	for _, n := range []string{q, strings.ReplaceAll(q, " ", "")} {
		names = append(names, n)
		if bare, ok := strings.CutPrefix(n, "#"); !ok && n[0] >= '0' && n[0] <= '9' {
			names = append(names, "#"+n)
		} else if bare = strings.TrimSpace(bare); ok && bare != "" {
			names = append(names, bare)
		}
	}
	return names
}

// idOf returns 0 for digits that are too many for an id.
func idOf(text string) shop.ID {
	id, err := shop.ParseID(text)
	if err != nil {
		return 0
	}
	return id
}

// perQuery is how many orders each of some queries is answered with: 20, and
// fewer where there are more than 50 queries, so that an answer stays within
// 1,000 orders.
func perQuery(queries int) int {
	return max(minOfQuery, min(maxOfQuery, maxOrders/max(queries, 1)))
}
