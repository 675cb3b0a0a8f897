package shops

import (
	"cmp"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// Edited is a shop laid over another, for tests: it changes, adds and deletes
// orders and products. Everything happens at the overlay's clock, so that the
// state of an earlier instant stays what it was.
type Edited struct {
	base  shopify.Shop
	clock func() time.Time

	mu       sync.Mutex
	orders   edits[shopify.Order]
	products edits[shopify.Product]
}

var _ shopify.Shop = (*Edited)(nil)

// Edit lays an overlay without edits over a shop.
func Edit(base shopify.Shop, clock func() time.Time) *Edited {
	return &Edited{base: base, clock: clock}
}

// edits are those of one kind of object.
type edits[T any] struct {
	added   []*T // ascending by id
	changes map[shop.ID][]change[T]
	deleted map[shop.ID]time.Time
}

type change[T any] struct {
	at    time.Time
	apply func(*T)
}

// Change changes an order from now on. Its UpdatedAt becomes now unless the
// function sets another one. The function is called for each reading, from
// several goroutines, with a copy of the order.
func (e *Edited) Change(id shop.ID, apply func(*shopify.Order)) {
	at := e.clock().UTC().Truncate(time.Second)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.orders.change(id, at, func(o *shopify.Order) {
		before := o.UpdatedAt
		if apply(o); o.UpdatedAt.Equal(before) {
			o.UpdatedAt = at
		}
	})
}

// Add adds an order, made now unless it says otherwise.
func (e *Edited) Add(o *shopify.Order) {
	o.CreatedAt = orNow(o.CreatedAt, e.clock)
	o.UpdatedAt, o.ProcessedAt = orElse(o.UpdatedAt, o.CreatedAt), orElse(o.ProcessedAt, o.CreatedAt)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.orders.add(o, func(o *shopify.Order) shop.ID { return o.ID })
}

// Delete deletes an order at an instant, leaving a destroy event.
func (e *Edited) Delete(id shop.ID, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.orders.remove(id, at)
}

// ChangeProduct changes a product as [Edited.Change] does an order.
func (e *Edited) ChangeProduct(id shop.ID, apply func(*shopify.Product)) {
	at := e.clock().UTC().Truncate(time.Second)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.products.change(id, at, func(p *shopify.Product) {
		before := p.UpdatedAt
		if apply(p); p.UpdatedAt.Equal(before) {
			p.UpdatedAt = at
		}
	})
}

// AddProduct adds a product, made now unless it says otherwise.
func (e *Edited) AddProduct(p *shopify.Product) {
	p.CreatedAt = orNow(p.CreatedAt, e.clock)
	p.UpdatedAt = orElse(p.UpdatedAt, p.CreatedAt)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.products.add(p, func(p *shopify.Product) shop.ID { return p.ID })
}

// DeleteProduct deletes a product at an instant, leaving a destroy event. The
// lines that sold it keep its id until they are changed too.
func (e *Edited) DeleteProduct(id shop.ID, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.products.remove(id, at)
}

func orNow(t time.Time, clock func() time.Time) time.Time {
	if t.IsZero() {
		return clock().UTC().Truncate(time.Second)
	}
	return t
}

func orElse(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// Info says who the shop is.
func (e *Edited) Info() shop.Info { return e.base.Info() }

// Orders yields the orders of an instant.
func (e *Edited) Orders(now time.Time) iter.Seq[*shopify.Order] {
	id := func(o *shopify.Order) shop.ID { return o.ID }
	exists := func(o *shopify.Order) bool { return !o.CreatedAt.After(now) }
	return e.snapshot(now).merge(e.base.Orders(now), id, exists)
}

// Order returns one order as of an instant.
func (e *Edited) Order(id shop.ID, now time.Time) (*shopify.Order, bool) {
	edits := e.snapshot(now)
	o, ok := e.base.Order(id, now)
	if !ok {
		o, ok = edits.find(id, func(o *shopify.Order) shop.ID { return o.ID })
		ok = ok && !o.CreatedAt.After(now)
	}
	if !ok {
		return nil, false
	}
	return edits.edit(id, o)
}

// Products yields the products of an instant.
func (e *Edited) Products(now time.Time) iter.Seq[*shopify.Product] {
	id := func(p *shopify.Product) shop.ID { return p.ID }
	exists := func(p *shopify.Product) bool { return !p.CreatedAt.After(now) }
	return e.productSnapshot(now).merge(e.base.Products(now), id, exists)
}

// Product returns one product as of an instant.
func (e *Edited) Product(id shop.ID, now time.Time) (*shopify.Product, bool) {
	edits := e.productSnapshot(now)
	p, ok := e.base.Product(id, now)
	if !ok {
		p, ok = edits.find(id, func(p *shopify.Product) shop.ID { return p.ID })
		ok = ok && !p.CreatedAt.After(now)
	}
	if !ok {
		return nil, false
	}
	return edits.edit(id, p)
}

// Deletions yields those of the shop beneath and then the overlay's.
func (e *Edited) Deletions(now time.Time) iter.Seq[shopify.Deletion] {
	own := append(e.snapshot(now).deletions("ORDER"), e.productSnapshot(now).deletions("PRODUCT")...)
	return func(yield func(shopify.Deletion) bool) {
		for d := range e.base.Deletions(now) {
			if !yield(d) {
				return
			}
		}
		for _, d := range own {
			if !yield(d) {
				return
			}
		}
	}
}

func (e *Edited) snapshot(now time.Time) view[shopify.Order] {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.orders.view(now, cloneOrder)
}

func (e *Edited) productSnapshot(now time.Time) view[shopify.Product] {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.products.view(now, cloneProduct)
}

// cloneOrder copies what a change may write to.
func cloneOrder(o *shopify.Order) *shopify.Order {
	c := *o
	c.Tags, c.Fulfillments = slices.Clone(o.Tags), slices.Clone(o.Fulfillments)
	c.Lines = slices.Clone(o.Lines)
	for i := range c.Lines {
		c.Lines[i].Discounts, c.Lines[i].Taxes = slices.Clone(c.Lines[i].Discounts), slices.Clone(c.Lines[i].Taxes)
	}
	c.Refunds = slices.Clone(o.Refunds)
	for i := range c.Refunds {
		c.Refunds[i].Lines = slices.Clone(c.Refunds[i].Lines)
	}
	return &c
}

func cloneProduct(p *shopify.Product) *shopify.Product {
	c := *p
	c.Tags = slices.Clone(p.Tags)
	return &c
}

func (e *edits[T]) change(id shop.ID, at time.Time, apply func(*T)) {
	if e.changes == nil {
		e.changes = map[shop.ID][]change[T]{}
	}
	e.changes[id] = append(e.changes[id], change[T]{at, apply})
}

func (e *edits[T]) add(v *T, id func(*T) shop.ID) {
	e.added = append(slices.Clone(e.added), v)
	slices.SortFunc(e.added, func(a, b *T) int { return cmp.Compare(id(a), id(b)) })
}

func (e *edits[T]) remove(id shop.ID, at time.Time) {
	if e.deleted == nil {
		e.deleted = map[shop.ID]time.Time{}
	}
	e.deleted[id] = at.UTC().Truncate(time.Second)
}
