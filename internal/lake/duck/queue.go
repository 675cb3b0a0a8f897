package duck

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// queue lets a few queries run, some wait and turns the rest away: each that
// runs needs its share of the memory.
type queue struct {
	slots   chan struct{}
	waiting *atomic.Int64
	most    int64
}

func newQueue(running, waiting int) queue {
	return queue{make(chan struct{}, running), new(atomic.Int64), int64(running + waiting)}
}

// enter waits for a turn. The caller leaves with the function it gets.
func (q queue) enter(ctx context.Context) (leave func(), err error) {
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		return nil, busy(fmt.Errorf("%d queries run or wait already: %w", q.most, errs.Unavailable))
	}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; q.waiting.Add(-1) }, nil
	case <-ctx.Done():
		q.waiting.Add(-1)
		return nil, busy(fmt.Errorf("waited in vain for other queries: %w: %w", ctx.Err(), errs.Unavailable))
	}
}

func busy(err error) error { return errs.WithRemedy(err, "try again in a few seconds") }
