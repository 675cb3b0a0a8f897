package bulksync_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

const (
	overlap = 48 * time.Hour
	lag     = 5 * time.Minute
)

// wantMarks expects the watermarks of both streams.
func (w *world) wantMarks(value time.Time, version int) {
	w.Helper()
	for _, stream := range bulksync.Streams() {
		if got, v := w.mark(stream); v != version || version > 0 && !got.Equal(value) {
			w.Errorf("the watermark of %s is %s in version %d, want %s in version %d", stream, got, v, value, version)
		}
	}
}

func TestTheWatermarkMovesToTheEndOfTheWindowAndNeverBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	first := w.clock.now().Add(-lag)
	w.run(full(), runs.Completed)
	w.wantMarks(first, 1)

	w.clock.advance(24 * time.Hour)
	w.run(incremental(), runs.Completed)
	w.wantMarks(first.Add(24*time.Hour), 2)

	t.Run("a second run at the same moment leaves it", func(t *testing.T) {
		w := w.in(t)
		r := w.run(incremental(), runs.Completed)
		w.wantMarks(first.Add(24*time.Hour), 2)
		if r.Counts.Orders.Advanced || r.Counts.Products.Advanced {
			t.Error("the run says that it moved a watermark")
		}
	})
	t.Run("a run by a clock that was set back leaves it", func(t *testing.T) {
		w := w.in(t)
		w.clock.advance(-time.Hour)
		w.run(incremental(), runs.Completed)
		w.run(full(), runs.Completed)
		w.wantMarks(first.Add(24*time.Hour), 2)
	})
	t.Run("a run of one stream moves that stream's", func(t *testing.T) {
		w := w.in(t)
		w.clock.advance(2 * time.Hour)
		w.run(params(bulksync.Incremental, bulksync.Products), runs.Completed)
		if got, v := w.mark(bulksync.Products); v != 3 || !got.Equal(first.Add(25*time.Hour)) {
			t.Errorf("products: %s in version %d", got, v)
		}
		if _, v := w.mark(bulksync.Orders); v != 2 {
			t.Errorf("orders: version %d", v)
		}
	})
	t.Run("each move is in the history", func(t *testing.T) {
		w := w.in(t)
		got := w.stored(`SELECT ARRAY[stream || ' ' || version, value::text] FROM watermark_history WHERE stream IN ('orders', 'products')`)
		want := table{}
		want.put("orders 1", instant(first))
		want.put("products 1", instant(first))
		want.put("orders 2", instant(first.Add(24*time.Hour)))
		want.put("products 2", instant(first.Add(24*time.Hour)))
		want.put("products 3", instant(first.Add(25*time.Hour)))
		w.equal("watermark_history", want, got)
	})
}

func TestARunSinceAboveTheOverlapLoadsAndNeverAdvances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	mark := w.clock.now().Add(-lag)
	w.clock.advance(24 * time.Hour)
	changed := w.ids(isPlain)[0]
	w.shop.Change(changed, func(o *simulator.Order) { o.Tags = []string{"seen"} })
	w.clock.advance(2 * time.Hour)

	w.run(since(mark.Add(-overlap+time.Second)), runs.Completed)
	w.wantMarks(mark, 1)
	w.same()
	w.run(since(mark.Add(-overlap)), runs.Completed)
	w.wantMarks(mark.Add(26*time.Hour), 2)
}

func TestAnIncrementFetchesTheWindowAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	began := w.clock.now().Add(-lag).Add(-overlap)
	before := w.api.Stats()
	w.clock.advance(3 * time.Hour)
	for _, id := range w.ids(isPlain)[:5] {
		w.shop.Change(id, func(o *simulator.Order) { o.Tags = []string{"changed"} })
	}
	w.clock.advance(time.Hour)
	until := w.clock.now().Add(-lag)
	want := w.ids(func(o *simulator.Order) bool { return !o.UpdatedAt.Before(began) && o.UpdatedAt.Before(until) })
	r := w.run(incremental(), runs.Completed)
	w.same()

	if got := rootIDs(t, w.archived(r.ID, "orders")); !slices.Equal(got, want) {
		t.Errorf("the file has the orders %v, want those of the window, %v", got, want)
	}
	if len(want) > 40 || r.Counts.Orders.Roots != int64(len(want)) {
		t.Errorf("%d orders were counted, of %d in the window", r.Counts.Orders.Roots, len(want))
	}
	if sent := w.api.Stats().DownloadedBytes - before.DownloadedBytes; sent*5 > before.DownloadedBytes {
		t.Errorf("%d bytes were downloaded, after %d for everything", sent, before.DownloadedBytes)
	}
	for kind, n := range w.api.Stats().Bulk {
		if n != 2 {
			t.Errorf("%d bulk operations for %s in two runs", n, kind)
		}
	}
}

// rootIDs returns the orders of a file, ascending.
func rootIDs(t *testing.T, file []byte) (ids []shop.ID) {
	t.Helper()
	for line := range bytes.Lines(file) {
		var l struct {
			ID     shop.ID
			Parent string `json:"__parentId"`
		}
		must(t, json.Unmarshal(line, &l))
		if l.Parent == "" {
			ids = append(ids, l.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestAGapIsRecordedUntilAFullRunFillsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(full(), runs.Completed)
	mark := w.clock.now().Add(-lag)
	gaps := func() table {
		return w.stored(`SELECT ARRAY[stream, since::text, until::text, (filled_by IS NOT NULL)::text] FROM ingest_gap`)
	}
	want := func(until time.Time, filled bool) table {
		all := table{}
		for _, stream := range bulksync.Streams() {
			all.put(stream, instant(mark.Add(-overlap)), instant(until), fmt.Sprint(filled))
		}
		return all
	}
	const floor = 128 * 24 * time.Hour

	w.clock.advance(200 * 24 * time.Hour)
	w.run(incremental(), runs.CompletedWithGap)
	w.wantMarks(mark, 1)
	w.equal("ingest_gap", want(w.clock.now().Add(-lag).Add(-floor), false), gaps())

	w.clock.advance(24 * time.Hour)
	w.run(incremental(), runs.CompletedWithGap)
	until := w.clock.now().Add(-lag).Add(-floor)
	w.equal("ingest_gap after a second run", want(until, false), gaps())

	w.run(since(mark.Add(-overlap).Add(time.Hour)), runs.Completed)
	w.equal("ingest_gap after a run that begins within it", want(until, false), gaps())

	w.run(full(), runs.Completed)
	w.equal("ingest_gap after a full run", want(until, true), gaps())
	w.wantMarks(w.clock.now().Add(-lag), 2)
	w.same()
	w.clock.advance(time.Hour)
	w.run(incremental(), runs.Completed)
}

func TestOrdersBeyondTheHorizonOfTheAppAreAGapAndStayStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{api: func(c *simulator.Config) {
		c.Scopes = []string{"read_orders", "read_products", "read_customers"}
	}})
	w.run(full(), runs.CompletedWithGap)
	visible := w.ids(func(o *simulator.Order) bool { return !o.CreatedAt.Before(w.clock.now().AddDate(0, 0, -60)) })
	if n := w.count("SELECT count(*) FROM order_header"); n != len(visible) {
		t.Errorf("%d orders are stored, %d are visible", n, len(visible))
	}
	// Orders that grow too old to be seen are not deleted.
	for range 4 {
		w.clock.advance(8 * 24 * time.Hour)
		w.run(incremental(), runs.Completed)
	}
	deleted := w.count("SELECT count(*) FROM order_header WHERE deleted_at IS NOT NULL")
	for _, id := range visible {
		if _, ok := w.shop.Order(id, w.clock.now()); !ok {
			deleted--
		}
	}
	if deleted != 0 {
		t.Errorf("%d orders are marked as deleted that the shop has", deleted)
	}
	w.clock.advance(70 * 24 * time.Hour)
	w.run(incremental(), runs.CompletedWithGap)
}
