package shopify

import (
	"context"
	"sync"
	"time"
)

// cost is what Shopify says of a request's price in points, with every answer.
type cost struct {
	Requested float64  `json:"requestedQueryCost"`
	Actual    *float64 `json:"actualQueryCost"` // null where throttled
	Status    struct {
		Size      float64 `json:"maximumAvailable"`
		Available float64 `json:"currentlyAvailable"`
		Restore   float64 `json:"restoreRate"` // per second
	} `json:"throttleStatus"`
}

// wait returns how long the bucket needs until it holds the request.
func (c *cost) wait() time.Duration {
	if c == nil || c.Status.Restore <= 0 {
		return 0
	}
	return seconds(max(c.Requested-c.Status.Available, 0) / c.Status.Restore)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// bucket is our view of the shop's cost bucket, which all processes that use
// the same app drain: each answer corrects it. A request is sent only when the
// bucket should hold what the same document cost the last time.
type bucket struct {
	mu        sync.Mutex
	size      float64
	available float64 // as of at, less what is reserved
	restore   float64 // per second; 0 before the first answer
	at        time.Time
	reserved  float64 // by requests under way
	costs     map[Document]float64
}

// take reserves the points that doc should need, and waits until they are
// there. What it returns goes back by settle, after the answer or without one.
func (b *bucket) take(ctx context.Context, doc Document) (points float64, err error) {
	points, wait := b.reserve(doc)
	if wait <= 0 {
		return points, nil
	}
	if wait > longestWait {
		f := unavailable("the shop's request budget is used up for %v", wait.Round(time.Second))
		f.wait, f.undone = wait, true
		err = f
	} else {
		err = sleep(ctx, wait)
	}
	if err != nil {
		b.settle(doc, points, nil)
	}
	return points, err
}

func (b *bucket) reserve(doc Document) (points float64, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.restore <= 0 {
		return 0, 0
	}
	b.refill()
	points = min(b.costs[doc], b.size)
	b.available -= points
	b.reserved += points
	return points, seconds(-b.available / b.restore)
}

// refill brings available up to now.
func (b *bucket) refill() {
	now := time.Now()
	b.available = min(b.available+b.restore*now.Sub(b.at).Seconds(), b.size-b.reserved)
	b.at = now
}

// settle ends a reservation; c is the answer's cost, nil where there is none.
// Of our own reckoning and Shopify's the lower holds: answers may overtake each
// other, and other processes use the same bucket.
func (b *bucket) settle(doc Document, points float64, c *cost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	b.reserved -= points
	b.available += points
	if c == nil {
		return
	}
	if c.Requested > 0 {
		b.costs[doc] = c.Requested
	}
	if c.Actual != nil {
		b.available -= *c.Actual
	}
	if c.Status.Restore <= 0 {
		return
	}
	told := c.Status.Available - b.reserved
	if b.restore <= 0 {
		b.available = told
	}
	b.available = min(b.available, told)
	b.size, b.restore = c.Status.Size, c.Status.Restore
}
