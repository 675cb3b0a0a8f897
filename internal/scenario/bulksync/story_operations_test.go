package bulksync_test

import (
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/test/proof"
)

func TestOddBulkOperationsBringEachExportInOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{api: func(c *simulator.Config) { c.BulkDelay = 20 * time.Millisecond }})
	w.run(full(), runs.Completed)
	story := proof.Story{Family: 10, Name: "odd bulk operations"}
	for _, c := range []struct {
		name   string
		times  int
		fault  simulator.BulkFault
		lose   bool // the answer to the start
		starts int
		files  int
	}{
		{name: "done without having been seen to run", times: 1, fault: simulator.BulkFault{Jump: true}, starts: 1},
		{name: "failed", times: 1, fault: simulator.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 20}, starts: 2},
		{name: "failed twice, with partial data", times: 2, fault: simulator.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 20, Partial: true}, starts: 3},
		{name: "cancelled by Shopify", times: 1, fault: simulator.BulkFault{Cancel: true, Roots: 20}, starts: 2},
		{name: "being cancelled for long", times: 1, fault: simulator.BulkFault{Canceling: 300 * time.Millisecond, Roots: 20}, starts: 2},
		{name: "expired before it was downloaded", times: 2, fault: simulator.BulkFault{Expire: true}, starts: 3},
		{name: "too long for Shopify", times: 1, fault: simulator.BulkFault{ErrorCode: "TIMEOUT", Roots: 20}, starts: 3, files: 2},
		{name: "started without an answer", lose: true, starts: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			before := w.api.Faults().Happened()
			w.lose(w.ids(isPlain)[:5])
			c.fault.Match = "lineItems"
			w.api.Faults().Bulk(c.times, c.fault)
			if c.lose {
				w.api.Faults().Request(1, simulator.RequestFault{Match: "query macrodata_orders_1_", Lose: true})
			}
			r, took := w.heals(c.starts)
			if n := r.Counts.Orders.Files; n != max(c.files, 1) {
				t.Errorf("%d files were loaded", n)
			}
			w.same()
			story.Faults += w.api.Faults().Happened() - before
			story.Runs++
			story.Recovery = append(story.Recovery, took)
		})
	}
	w.ends(t, story)
}

func TestPartialDataThatComeLateAreLoaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.api.Faults().Bulk(3, simulator.BulkFault{
		Match: "lineItems", ErrorCode: "INTERNAL_SERVER_ERROR", Roots: 120, Partial: true, Late: 4,
	})
	r := w.run(full(), runs.Incomplete)
	if n := len(rootIDs(t, w.archived(r.ID, "orders"))); n != 120 || !r.breaks("orders", "whole") {
		t.Errorf("%d orders are in the archive; broken are\n%s", n, r.broken())
	}
	w.wantMarks(time.Time{}, 0)
	w.ends(t, proof.Story{Family: 10, Name: "partial data that come late", Faults: w.api.Faults().Happened(), Runs: 1})
}

func TestAnExportOfNothingHasNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	r := w.run(since(w.clock.now().Add(-lag-time.Minute)), runs.Completed)
	if r.Counts.Orders.Bytes+r.Counts.Products.Bytes != 0 || r.Counts.Orders.Files != 1 {
		t.Errorf("%d and %d bytes came, in %d files", r.Counts.Orders.Bytes, r.Counts.Products.Bytes, r.Counts.Orders.Files)
	}
	again := w.replay(r.ID, runs.Completed)
	if again.Counts.Orders.Roots != 0 {
		t.Errorf("replayed, it has %d orders", again.Counts.Orders.Roots)
	}
	w.ends(t, proof.Story{Family: 10, Name: "exports of nothing", Faults: w.api.Faults().Happened(), Runs: 1})
}
