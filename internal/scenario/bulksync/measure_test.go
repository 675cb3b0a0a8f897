package bulksync_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// measurer notes what it is asked to measure. It has three pages.
type measurer struct {
	mu    sync.Mutex
	pages []page
}

type page struct {
	Run     uuid.UUID
	AsOf    shop.Day
	History time.Time
	After   shop.ID
}

func (m *measurer) Refresh(_ context.Context, _ pg.Tx, run uuid.UUID, asOf shop.Day, history time.Time, after shop.ID) (shop.ID, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pages = append(m.pages, page{run, asOf, history.UTC(), after})
	return (after + 10) % 30, 1, nil
}

// TestProductsAreMeasuredPageByPage as of the day in the shop's zone in which
// the window ends.
func TestProductsAreMeasuredPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{TimeZone: "America/New_York"}})
	r := w.run(full(), runs.Completed)
	if want := []page{{r.ID, "2025-05-31", time.Time{}, 0}, {r.ID, "2025-05-31", time.Time{}, 10}, {r.ID, "2025-05-31", time.Time{}, 20}}; !slices.Equal(w.measured.pages, want) {
		t.Errorf("measured was %v, want %v", w.measured.pages, want)
	}
}

// TestHowFarHistoryReaches is what first days of sale are known by.
func TestHowFarHistoryReaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{Floor: 10 * 24 * time.Hour}})
	last := func() time.Time { return w.measured.pages[len(w.measured.pages)-1].History }
	w.run(bulksync.Params{Mode: bulksync.Incremental, Trigger: runs.CLI, Resources: []string{bulksync.Products}}, runs.CompletedWithGap)
	if got := last(); got.Before(anchor) {
		t.Errorf("without any orders history reaches back to %s", got)
	}
	w.run(incremental(), runs.CompletedWithGap)
	if got, want := last(), anchor.Add(-5*time.Minute-10*24*time.Hour); !got.Equal(want) {
		t.Errorf("after a sync to the floor history reaches back to %s, want %s", got, want)
	}
	w.run(full(), runs.Completed)
	if got := last(); !got.IsZero() {
		t.Errorf("after a full sync history reaches back to %s", got)
	}
	w.clock.advance(time.Hour)
	w.run(incremental(), runs.Completed)
	if got := last(); !got.IsZero() {
		t.Errorf("after another increment history reaches back to %s", got)
	}
}
