package lake

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// parallel calls do for 0 to n-1 from a number of goroutines, and returns the
// first error, which ends the context of the others.
func parallel(ctx context.Context, goroutines, n int, do func(ctx context.Context, i int) error) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(goroutines)
	for i := range n {
		all.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return do(ctx, i)
		})
	}
	return all.Wait()
}
