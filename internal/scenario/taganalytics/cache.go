package taganalytics

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// cache keeps what was worked out, within a number of bytes: what wasn't asked
// for the longest goes first. What it keeps doesn't change.
type cache struct {
	limit int64

	mu      sync.Mutex
	bytes   int64
	entries map[any]*list.Element
	used    *list.List                    // of entries, the last used first
	working map[fingerprint]chan struct{} // closed when the work on something is done
}

type entry struct {
	key, value any
	bytes      int64
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, entries: map[any]*list.Element{}, used: list.New(), working: map[fingerprint]chan struct{}{}}
}

// get returns what is kept by a key, or nil.
func (c *cache) get(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(entry).value
}

func (c *cache) put(key, value any, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		c.drop(e)
	}
	c.entries[key] = c.used.PushFront(entry{key, value, bytes})
	c.bytes += bytes
	for c.bytes > c.limit {
		c.drop(c.used.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	gone := c.used.Remove(e).(entry)
	delete(c.entries, gone.key)
	c.bytes -= gone.bytes
}

// alone waits until nobody else works on something. The caller ends its own work
// with the function it gets.
func (c *cache) alone(ctx context.Context, what fingerprint) (done func(), err error) {
	for {
		c.mu.Lock()
		other := c.working[what]
		if other == nil {
			mine := make(chan struct{})
			c.working[what] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.working, what)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for who works on the same: %w: %w", ctx.Err(), errs.Canceled)
		}
	}
}
