package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// runLookup measures how orders are looked up by what staff paste.
func runLookup(ctx context.Context, b *bench) (Result, error) {
	return b.inquire(ctx, inquiry{"lookup", "a name, an id and a mail address at once, and every tenth time a beginning and nonsense", askLookup})
}

// askLookup makes requests that name other orders each time. Two orders share a
// mail address.
func askLookup(_ context.Context, orders int, _ func(question) ([]byte, error)) (func(i int) question, error) {
	const path = "/api/orders/lookup"
	return func(i int) question {
		n := func(salt int) int { return (i*7919 + salt) % orders }
		name := fmt.Sprintf("#%d", 1001+n(0))
		queries := []string{name, fmt.Sprint(6_000_000_000_000 + n(orders/3)*32_768), fmt.Sprintf("customer%d@example.com", n(orders/2)/2)}
		if i%10 == 0 {
			queries = append(queries, fmt.Sprintf("#1%d", n(0)%100), "nonsense")
		}
		body, _ := json.Marshal(map[string]any{"queries": queries}) // strings always can be
		return question{ours: path, theirs: path, body: string(body), want: `"` + name + `"`}
	}, nil
}

// bareHandler answers with the same SQL as the program, and nothing beside it.
func bareHandler(name string, db pgdb.DBTX) http.Handler {
	answer := map[string]func(*http.Request, *pgdb.Queries) (any, error){"lookup": bareLookup, "read": bareRead}[name]
	q := pgdb.New(db)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := answer(r, q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(found) //nolint:errcheck // who asked has gone
	})
}

// perLookup is how many orders a query finds at most, and one.
const perLookup = 21

// bareLookup takes each query for what it plainly is.
func bareLookup(r *http.Request, q *pgdb.Queries) (any, error) {
	var asked struct{ Queries []string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	p := pgdb.FindOrdersParams{PerQuery: perLookup}
	for i, text := range asked.Queries {
		place, id := int32(i), int64(0)
		switch {
		case strings.Contains(text, "@"):
			p.EmailPlaces, p.Emails = append(p.EmailPlaces, place), append(p.Emails, text)
			continue
		case !strings.HasPrefix(text, "#"):
			if _, err := fmt.Sscan(text, &id); err == nil {
				p.IDPlaces, p.Ids = append(p.IDPlaces, place), append(p.Ids, id)
				p.NamePlaces, p.Names = append(p.NamePlaces, place), append(p.Names, "#"+text)
			}
		}
		p.NamePlaces, p.Names = append(p.NamePlaces, place), append(p.Names, strings.TrimPrefix(text, "#"))
		if text[0] == '#' {
			p.NamePlaces, p.Names = append(p.NamePlaces, place), append(p.Names, text)
		}
	}
	exact, err := q.FindOrders(r.Context(), p)
	if err != nil {
		return nil, err
	}
	var ids []int64
	found := make([]bool, len(asked.Queries))
	for _, o := range exact {
		ids, found[o.Place] = append(ids, o.OrderID), true
	}
	begin := pgdb.FindOrdersByPrefixParams{PerQuery: perLookup}
	for i, place := range p.NamePlaces {
		if !found[place] {
			begin.Places, begin.Names = append(begin.Places, place), append(begin.Names, p.Names[i])
		}
	}
	if len(begin.Places) > 0 {
		first, err := q.FindOrdersByPrefix(r.Context(), begin)
		if err != nil {
			return nil, err
		}
		for _, o := range first {
			ids = append(ids, o.OrderID)
		}
	}
	return bareOrders(r.Context(), q, ids)
}

// foundOrders are rows as the database has them.
type foundOrders struct {
	Orders       []pgdb.OrdersFoundRow
	Lines        []pgdb.LinesOfOrdersRow
	Fulfillments []pgdb.OrderFulfillment
	Refunds      []pgdb.OrderRefundLine
}

func bareOrders(ctx context.Context, q *pgdb.Queries, ids []int64) (all foundOrders, err error) {
	const limit = 50_000
	if all.Orders, err = q.OrdersFound(ctx, ids); err != nil {
		return all, err
	}
	if all.Lines, err = q.LinesOfOrders(ctx, pgdb.LinesOfOrdersParams{OrderIds: ids, RowLimit: limit}); err != nil {
		return all, err
	}
	if all.Fulfillments, err = q.FulfillmentsOfOrders(ctx, pgdb.FulfillmentsOfOrdersParams{OrderIds: ids, RowLimit: limit}); err != nil {
		return all, err
	}
	all.Refunds, err = q.RefundLinesOfOrders(ctx, pgdb.RefundLinesOfOrdersParams{OrderIds: ids, RowLimit: limit})
	return all, err
}
