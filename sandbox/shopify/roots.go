package shopify

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// root answers a field of the query or mutation root: with a pointer, a
// []any, or nil for null.
type root struct {
	scope   string
	resolve func(r *request, args map[string]any) (any, error)
}

func rootFields() map[string]root {
	return map[string]root{
		"shop":                   {resolve: func(r *request, _ map[string]any) (any, error) { return &r.s.info, nil }},
		"currentAppInstallation": {resolve: func(r *request, _ map[string]any) (any, error) { return &installation{r.s.config.Scopes}, nil }},
		"publicApiVersions":      {resolve: publicVersions},
		"orders":                 {"read_orders", listOrders},
		"ordersCount":            {"read_orders", countOrders},
		"order":                  {"read_orders", func(r *request, args map[string]any) (any, error) { return r.node(args["id"], "Order") }},
		"refund":                 {"read_orders", func(r *request, args map[string]any) (any, error) { return r.node(args["id"], "Refund") }},
		"products":               {"read_products", listProducts},
		"productsCount":          {"read_products", countProducts},
		"product":                {"read_products", func(r *request, args map[string]any) (any, error) { return r.node(args["id"], "Product") }},
		"events":                 {resolve: listEvents},
		"node":                   {resolve: func(r *request, args map[string]any) (any, error) { return r.node(args["id"], "") }},
		"nodes":                  {resolve: nodes},
		"bulkOperation":          {resolve: func(r *request, args map[string]any) (any, error) { return r.node(args["id"], "BulkOperation") }},
		"bulkOperations":         {resolve: listOperations},
		"bulkOperationRunQuery":  {resolve: runBulkQuery},
		"bulkOperationCancel":    {resolve: cancelBulk},
		"tagsAdd":                {"write_products", addTags},
	}
}

func publicVersions(*request, map[string]any) (any, error) {
	var versions []any
	for _, handle := range accessible() {
		versions = append(versions, &apiVersion{handle, supported(handle)})
	}
	return versions, nil
}

func nodes(r *request, args map[string]any) (any, error) {
	ids, _ := args["ids"].([]any)
	if len(ids) > maxPage {
		return nil, fmt.Errorf("the input array size of %d is greater than the maximum allowed of %d", len(ids), maxPage)
	}
	values := make([]any, len(ids))
	found := 0
	for i, id := range ids {
		v, err := r.node(id, "")
		if err != nil {
			return nil, err
		}
		if values[i] = v; v != nil {
			found++
		}
	}
	r.s.stats.add(func(c *Stats) { c.Fetched += found })
	return values, nil
}

// node finds an object by its global id; nil where there is none, or where it
// is not of the type wanted, or its scope isn't granted.
func (r *request) node(gid any, want string) (any, error) {
	text, _ := gid.(string)
	kind, _, _ := strings.Cut(strings.TrimPrefix(text, "gid://shopify/"), "/")
	id, err := shop.ParseID(text)
	if err != nil || !strings.HasPrefix(text, "gid://") {
		return nil, fmt.Errorf("Invalid global id '%s'", text)
	}
	if want != "" && kind != want {
		return nil, fmt.Errorf("Invalid id: %s", text)
	}
	switch kind {
	case "Order":
		if o, ok := r.order(id); ok {
			return o, nil
		}
	case "Refund":
		return r.refund(id), nil
	case "Product":
		if p, ok := r.s.config.Shop.Product(id, r.now); ok && r.s.granted("read_products") {
			return p, nil
		}
	case "BulkOperation":
		if op, ok := r.s.look(id); ok {
			return &op, nil
		}
	}
	return nil, nil
}

// order returns an order that this app may see.
func (r *request) order(id shop.ID) (*Order, bool) {
	o, ok := r.s.config.Shop.Order(id, r.now)
	if !ok || !r.s.granted("read_orders") || o.CreatedAt.Before(r.s.horizon(r.now)) {
		return nil, false
	}
	if len(o.Refunds) > 0 {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		for _, f := range o.Refunds {
			r.s.refundOf[f.ID] = id
		}
	}
	return o, true
}

// refund returns a refund. A shop has no index of them: who asks for one has
// seen it with its order, and that is remembered; else all orders are read.
func (r *request) refund(id shop.ID) any {
	r.s.mu.Lock()
	orderID, ok := r.s.refundOf[id]
	r.s.mu.Unlock()
	same := func(f shop.Refund) bool { return f.ID == id }
	if !ok {
		for o := range r.s.orders(r.now) {
			if slices.ContainsFunc(o.Refunds, same) {
				orderID = o.ID
				break
			}
		}
	}
	o, ok := r.order(orderID)
	if !ok {
		return nil
	}
	i := slices.IndexFunc(o.Refunds, same)
	if i < 0 {
		return nil
	}
	r.w.order = o
	return &o.Refunds[i]
}

// horizon is how far back an app without read_all_orders sees: 60 days.
func (s *Server) horizon(now time.Time) time.Time {
	if s.granted("read_all_orders") {
		return time.Time{}
	}
	return now.AddDate(0, 0, -60)
}

// orders yields the orders that this app may see.
func (s *Server) orders(now time.Time) iter.Seq[*Order] {
	horizon := s.horizon(now)
	return func(yield func(*Order) bool) {
		for o := range s.config.Shop.Orders(now) {
			if !o.CreatedAt.Before(horizon) && !yield(o) {
				return
			}
		}
	}
}

func listOrders(r *request, args map[string]any) (any, error) {
	keys := map[string]func(*Order) time.Time{
		"CREATED_AT":   func(o *Order) time.Time { return o.CreatedAt },
		"UPDATED_AT":   func(o *Order) time.Time { return o.UpdatedAt },
		"PROCESSED_AT": func(o *Order) time.Time { return o.ProcessedAt },
	}
	return listPage(r, args, listing[Order]{
		all: r.s.orders(r.now), known: orderSearch(r.s.zone), keys: keys,
		id: func(o *Order) shop.ID { return o.ID },
		get: func(id shop.ID) any {
			o, _ := r.s.config.Shop.Order(id, r.now)
			return o
		},
	})
}

func listProducts(r *request, args map[string]any) (any, error) {
	keys := map[string]func(*Product) time.Time{
		"CREATED_AT":   func(p *Product) time.Time { return p.CreatedAt },
		"UPDATED_AT":   func(p *Product) time.Time { return p.UpdatedAt },
		"PUBLISHED_AT": func(p *Product) time.Time { return p.PublishedAt },
	}
	return listPage(r, args, listing[Product]{
		all: r.s.config.Shop.Products(r.now), known: productSearch(r.s.zone), keys: keys,
		id: func(p *Product) shop.ID { return p.ID },
		get: func(id shop.ID) any {
			p, _ := r.s.config.Shop.Product(id, r.now)
			return p
		},
	})
}

// listEvents tells of deletions, which are kept for one year.
func listEvents(r *request, args map[string]any) (any, error) {
	byID := map[shop.ID]*Deletion{}
	for d := range r.s.config.Shop.Deletions(r.now) {
		if d.At.After(r.now.AddDate(-1, 0, 0)) {
			byID[d.eventID()] = &d
		}
	}
	keys := map[string]func(*Deletion) time.Time{"CREATED_AT": func(d *Deletion) time.Time { return d.At }}
	return listPage(r, args, listing[Deletion]{
		all: ascending(byID), known: eventSearch(), keys: keys,
		id:  func(d *Deletion) shop.ID { return d.eventID() },
		get: func(id shop.ID) any { return byID[id] },
	})
}

func listOperations(r *request, args map[string]any) (any, error) {
	byID := map[shop.ID]*operation{}
	for _, op := range r.s.snapshot() {
		byID[op.id] = &op
	}
	keys := map[string]func(*operation) time.Time{
		"CREATED_AT":   func(o *operation) time.Time { return o.createdAt },
		"COMPLETED_AT": func(o *operation) time.Time { return o.completedAt },
	}
	return listPage(r, args, listing[operation]{
		all: ascending(byID), known: operationSearch(), keys: keys,
		id:  func(o *operation) shop.ID { return o.id },
		get: func(id shop.ID) any { return byID[id] },
	})
}

// ascending yields the values of a map in the order of its keys.
func ascending[K cmp.Ordered, V any](m map[K]V) iter.Seq[V] {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return func(yield func(V) bool) {
		for _, k := range keys {
			if !yield(m[k]) {
				return
			}
		}
	}
}
