package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Found is what was fetched by ids. Each id is in exactly one of its lists.
type Found[T any] struct {
	Items    []T        // in the order of the ids
	Missing  []shop.ID  // deleted, or not visible to the app
	Rejected []Rejected // delivered, but not as an object that can be stored
}

// Rejected is an object that was delivered and can't be read.
type Rejected struct {
	ID     shop.ID
	Reason string // names the field
}

// unreadable marks an error that concerns one object and not the call.
type unreadable struct{ error }

// byID fetches objects by id, in batches that keep to Shopify's limit for the
// cost of one request, and reads each with read. The documents differ in the
// variables for the page size of their connections, which all are set alike.
func byID[T any](ctx context.Context, c *Client, doc Document, objectType string, ids []shop.ID, pageVars []string,
	read func(context.Context, json.RawMessage) (shop.ID, T, error),
) (found Found[T], err error) {
	defer errs.Wrap(&err, "shopify: %d objects by id", len(ids))
	page := 10
	for len(ids) > 0 {
		n := min(c.batches.size(doc), len(ids))
		vars := map[string]any{"ids": gids(ids[:n], objectType)}
		for _, v := range pageVars {
			vars[v] = page
		}
		var data struct {
			Nodes []json.RawMessage `json:"nodes"`
		}
		reply, err := c.do(ctx, request{doc: doc, vars: vars}, &data)
		switch {
		case errors.Is(err, errs.TooLarge) && n > 1:
			c.batches.tooLarge(doc, n)
			continue
		case errors.Is(err, errs.TooLarge) && len(pageVars) > 0 && page > 1:
			page /= 2
			continue
		case err != nil:
			return found, err
		case len(data.Nodes) != n:
			return found, fmt.Errorf("%d objects delivered for %d ids: %w", len(data.Nodes), n, errs.Corrupt)
		}
		c.batches.learn(doc, n, reply.cost)
		for i, raw := range data.Nodes {
			if err := found.add(ctx, ids[i], raw, read); err != nil {
				return found, err
			}
		}
		ids = ids[n:]
	}
	return found, nil
}

func (f *Found[T]) add(ctx context.Context, id shop.ID, raw json.RawMessage,
	read func(context.Context, json.RawMessage) (shop.ID, T, error),
) error {
	if len(raw) == 0 || string(raw) == "null" {
		f.Missing = append(f.Missing, id)
		return nil
	}
	got, item, err := read(ctx, raw)
	var u unreadable
	switch {
	case errors.As(err, &u):
		f.Rejected = append(f.Rejected, Rejected{id, u.Error()})
		return nil
	case err != nil:
		return err
	case got != id:
		return fmt.Errorf("asked for %d, got %d: %w", id, got, errs.Corrupt)
	}
	f.Items = append(f.Items, item)
	return nil
}

func gids(ids []shop.ID, objectType string) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.GID(objectType)
	}
	return list
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// drain reads the pages of an object's connection that follow cursor. read
// takes a page and returns the cursor of the next, "" at the end.
func (c *Client) drain(ctx context.Context, doc Document, gid, object, connection, cursor string,
	read func(json.RawMessage) (next string, err error),
) error {
	vars := map[string]any{"id": gid}
	for first := 50; cursor != ""; {
		vars["first"], vars["after"] = first, cursor
		var data map[string]map[string]json.RawMessage
		_, err := c.do(ctx, request{doc: doc, vars: vars}, &data)
		if errors.Is(err, errs.TooLarge) && first > 1 {
			first /= 2
			continue
		}
		if err != nil {
			return err
		}
		page := data[object][connection]
		if page == nil {
			return unreadable{fmt.Errorf("%s vanished while its %s were read: %w", gid, connection, errs.NotFound)}
		}
		next, err := read(page)
		if err != nil {
			return unreadable{fmt.Errorf("%s.%w", connection, err)}
		}
		if next == cursor {
			return fmt.Errorf("%s of %s: the next page is the same page: %w", connection, gid, errs.Corrupt)
		}
		cursor = next
	}
	return nil
}

// batches remembers how many ids of a document fit in one request. What an id
// costs depends on the document and is known from the answers only.
type batches struct {
	mu  sync.Mutex
	doc map[Document]batch
}

type batch struct {
	size    int
	tooMany int // refused once; 0 while none was
}

const (
	firstBatch  = 5
	largestSize = 100
	costAim     = 900 // points of one request; Shopify refuses more than 1,000
)

func (b *batches) size(doc Document) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.doc[doc].size; s > 0 {
		return s
	}
	return firstBatch
}

func (b *batches) learn(doc Document, n int, c *cost) {
	if c == nil || c.Requested <= 0 {
		return
	}
	b.update(doc, func(e *batch) { e.size = int(costAim / c.Requested * float64(n)) })
}

func (b *batches) tooLarge(doc Document, n int) {
	b.update(doc, func(e *batch) { e.size, e.tooMany = n/2, n })
}

func (b *batches) update(doc Document, change func(*batch)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.doc[doc]
	change(&e)
	if e.tooMany > 0 {
		e.size = min(e.size, e.tooMany-1)
	}
	e.size = max(1, min(e.size, largestSize))
	if b.doc == nil {
		b.doc = map[Document]batch{}
	}
	b.doc[doc] = e
}
