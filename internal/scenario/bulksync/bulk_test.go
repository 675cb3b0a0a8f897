package bulksync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// Each of these begins with a full sync of a fresh shop whose first export of
// orders goes wrong, and ends with one that goes well.
func TestWhatAnExportOfOrdersMayLackOrHaveTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  func(w *world) simulator.BulkFault
		status string
		breaks string // the check that fails
		short  bool   // the store lacks something until the next run
		check  func(t *testing.T, r report)
	}{
		{
			name: "an order that the index didn't have yet is found by the sweep",
			fault: func(w *world) simulator.BulkFault {
				return simulator.BulkFault{Drop: only(w.ids(isPlain)[3]), Uncounted: true}
			},
			status: runs.Completed,
			check: func(t *testing.T, r report) {
				if n := r.Counts.Orders.Missing; n != 1 {
					t.Errorf("%d orders were missing", n)
				}
			},
		},
		{
			name: "an order that Shopify counted and didn't deliver is fetched, and the proof fails",
			fault: func(w *world) simulator.BulkFault {
				return simulator.BulkFault{Drop: only(w.ids(isPlain)[3])}
			},
			status: runs.Incomplete,
			breaks: "lines",
			check: func(t *testing.T, r report) {
				if !r.breaks("orders", "roots") {
					t.Error("the count of roots holds")
				}
			},
		},
		{
			name:   "orders whose lines were cut off are read whole",
			fault:  func(*world) simulator.BulkFault { return simulator.BulkFault{MaxChildren: 1} },
			status: runs.Completed,
			check: func(t *testing.T, r report) {
				if r.Counts.Orders.Uneven < 10 {
					t.Errorf("only %d orders were read whole", r.Counts.Orders.Uneven)
				}
			},
		},
		{
			name:   "a file without its last newline is whole",
			fault:  func(*world) simulator.BulkFault { return simulator.BulkFault{NoFinalNewline: true} },
			status: runs.Completed,
		},
		{
			name: "an order that comes twice is stored once, and the proof fails",
			fault: func(w *world) simulator.BulkFault {
				lines := linesOf(w.T, w.export(), w.ids(isPlain)[2])
				return simulator.BulkFault{Lines: lines}
			},
			status: runs.Incomplete,
			breaks: "lines",
			check: func(t *testing.T, r report) {
				if r.Counts.Orders.Duplicates < 1 {
					t.Error("no duplicate was counted")
				}
			},
		},
		{
			name: "an older version before the newer one loses",
			fault: func(w *world) simulator.BulkFault {
				return simulator.BulkFault{Lines: []string{w.older(w.ids(isPlain)[50])}}
			},
			status: runs.Incomplete,
			breaks: "lines",
		},
		{
			name: "an older version after the newer one loses",
			fault: func(w *world) simulator.BulkFault {
				// Blank lines would be rejected; orders that come again are not.
				again := linesOf(w.T, w.export(), w.ids(isPlain)[20])[0]
				return simulator.BulkFault{Lines: append(slices.Repeat([]string{again}, 250), w.older(w.ids(isPlain)[1]))}
			},
			status: runs.Incomplete,
			breaks: "lines",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			fault := c.fault(w)
			fault.Match = "lineItems"
			w.api.Faults().Bulk(1, fault)
			r := w.run(full(), c.status)
			w.same()
			if c.breaks != "" && !r.breaks("orders", c.breaks) {
				t.Errorf("the check %s holds; broken are\n%s", c.breaks, r.broken())
			}
			if c.check != nil {
				c.check(t, r)
			}
			if c.status == runs.Incomplete {
				w.wantMarks(time.Time{}, 0)
			}
			w.run(full(), runs.Completed)
			w.wantMarks(w.clock.now().Add(-lag), 1)
			w.same()
		})
	}
}

func only(id shop.ID) func(shop.ID) bool { return func(other shop.ID) bool { return other == id } }

// export writes all orders as the sync would get them.
func (w *world) export() []byte {
	w.Helper()
	other := newWorld(w.T, setup{shop: w.shop})
	other.clock.Store(w.clock.Load())
	other.run(full(), runs.Completed)
	return other.exported(2)
}

// older returns an order's own line as it was before its last change.
func (w *world) older(id shop.ID) string {
	w.Helper()
	line := linesOf(w.T, w.export(), id)[0]
	stamp := func(t time.Time) string { return `"updatedAt":"` + t.UTC().Format(time.RFC3339) + `"` }
	o := w.order(id)
	old := strings.Replace(line, stamp(o.UpdatedAt), stamp(o.UpdatedAt.Add(-time.Minute)), 1)
	old = strings.Replace(old, `"name":"#`, `"name":"#old`, 1)
	if old == line {
		w.Fatalf("nothing to age in %s", line)
	}
	return old
}

func TestABulkOperationThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		times  int
		fault  simulator.BulkFault
		status string
		starts int // operations for orders
		marks  int
		check  func(w *world, r report)
	}{
		{
			name:  "once is started again",
			times: 1, fault: simulator.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 20},
			status: runs.Completed, starts: 2, marks: 1,
		},
		{
			name:  "by being cancelled at Shopify is started again",
			times: 1, fault: simulator.BulkFault{Cancel: true, Roots: 20},
			status: runs.Completed, starts: 2, marks: 1,
		},
		{
			name:  "three times with a part of its data leaves that part and the watermark",
			times: 3, fault: simulator.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 120, Partial: true},
			status: runs.Incomplete, starts: 3,
			check: func(w *world, r report) {
				if !r.breaks("orders", "whole") {
					w.Error("the proof doesn't name the partial export")
				}
				if n := len(rootIDs(w.T, w.archived(r.ID, "orders"))); n != 120 {
					w.Errorf("%d orders are in the archive", n)
				}
				if r.Counts.Orders.Missing == 0 {
					w.Error("the sweep did not find what the part lacks")
				}
				w.same()
			},
		},
		{
			name:  "three times without data fails the run",
			times: 3, fault: simulator.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 20},
			status: runs.Failed, starts: 3,
			check: func(w *world, r report) {
				if r.Run.ErrorCode != "unavailable" {
					w.Errorf("the run says %s: %s", r.Run.ErrorCode, r.Run.ErrorText)
				}
			},
		},
		{
			name:  "by a timeout is split into halves",
			times: 1, fault: simulator.BulkFault{ErrorCode: "TIMEOUT", Roots: 20},
			status: runs.Completed, starts: 3, marks: 1,
			check: func(w *world, r report) { wantFiles(w, r, 2) },
		},
		{
			name:  "by timeouts of the halves too is split into quarters",
			times: 3, fault: simulator.BulkFault{ErrorCode: "TIMEOUT", Roots: 20},
			status: runs.Completed, starts: 7, marks: 1,
			check: func(w *world, r report) { wantFiles(w, r, 4) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			c.fault.Match = "lineItems"
			w.api.Faults().Bulk(c.times, c.fault)
			p := since(anchor.AddDate(-2, 0, 0))
			if c.marks > 0 {
				p = full()
			}
			r := w.run(p, c.status)
			if n := w.api.Stats().Bulk["orders"]; n != c.starts {
				t.Errorf("%d operations were started, want %d", n, c.starts)
			}
			w.wantMarks(w.clock.now().Add(-lag), c.marks)
			if c.check != nil {
				c.check(w, r)
			}
			if c.status != runs.Completed {
				w.run(full(), runs.Completed)
			}
			w.same()
		})
	}
}

func wantFiles(w *world, r report, n int) {
	w.Helper()
	if r.Counts.Orders.Files != n || r.Counts.Orders.Roots != int64(len(w.ids(func(*simulator.Order) bool { return true }))) {
		w.Errorf("%d files with %d orders", r.Counts.Orders.Files, r.Counts.Orders.Roots)
	}
}

func TestALostAnswerOfAStartIsAdoptedAndNotStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.api.Faults().Request(1, simulator.RequestFault{Match: "query macrodata_orders_1_", Lose: true})
	w.run(full(), runs.Completed)
	w.same()
	if n := w.api.Stats().Bulk["orders"]; n != 1 {
		t.Errorf("%d operations were started", n)
	}
}

func TestFiveOperationsElsewhereAreWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{api: func(c *simulator.Config) { c.BulkDelay = time.Second }})
	w.occupy(5)
	id, err := w.sync.Start(t.Context(), params(bulksync.Full, bulksync.Products))
	must(t, err)
	var waits time.Duration
	eventually(t, "the run waits", func() bool {
		steps, err := w.engine.Steps(t.Context(), id.String())
		must(t, err)
		i := slices.IndexFunc(steps, func(s workflow.StepInfo) bool { return s.Step == "start-products-1" })
		if i < 0 {
			return false
		}
		waits = steps[i].Wait
		return steps[i].Err != nil
	})
	if waits < time.Minute {
		t.Errorf("it waits %s", waits)
	}
	if run, err := w.runs.Get(t.Context(), id); err != nil || !run.Live() {
		t.Errorf("meanwhile the run is %s (%v)", run.Status, err)
	}
	// Nobody has to wait so long: a run that is resumed looks at once.
	must(t, w.sync.Cancel(t.Context(), id))
	eventually(t, "the others are done", func() bool { return w.underWay() == 0 })
	must(t, w.sync.Resume(t.Context(), id))
	if r, err := w.wait(id); err != nil || r.Run.Status != runs.Completed {
		t.Errorf("the run ended %s (%v)", r.Run.Status, err)
	}
}
