package bulksync_test

import (
	"flag"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// long makes the stories of faults as long as `make faults LONG=1` wants them.
var long = flag.Bool("long", false, "tell the stories of faults at length")

// seeds are how many a story takes.
func seeds(short, atLength int) int {
	if *long {
		return atLength
	}
	return short
}

// ends is the end of each story of faults: the store is the shop's, and what the
// story came to is noted.
func (w *world) ends(t *testing.T, s proof.Story) {
	t.Helper()
	w.in(t).same()
	s.Lost, s.Doubled = proof.Store{DB: w.db, Shop: w.shop, Now: w.clock.now()}.Check(t)
	proof.Note(t, s)
}

// heals runs a sync beside faults that it has to get over, and returns how long
// that took.
func (w *world) heals(operations int) (report, time.Duration) {
	w.Helper()
	before, began := w.api.Stats().Bulk["orders"], time.Now()
	r := w.run(full(), runs.Completed)
	if n := w.api.Stats().Bulk["orders"] - before; n != operations {
		w.Errorf("%d operations were started for the orders, want %d", n, operations)
	}
	return r, time.Since(began)
}
