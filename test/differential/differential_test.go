// Package differential holds three answers to the same question against each
// other: what sold, by product and by tag. One comes from the archived files, by
// DuckDB, one from PostgreSQL, one from the lakehouse, and each is asked in words
// of its own.
package differential

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

var seeds = flag.Int("seeds", 3, "how many shops are compared")

func TestMain(m *testing.M) { pgtest.Main(m) }

// total is what sold of something: cancelled, deleted and test orders and gift
// cards left out, refunds taken off, taxes not counted.
type total struct {
	Orders, Units int64
	Net           int64 // ten-thousandths of the shop's currency
}

// answer is the totals by product and by tag, as it is today.
type answer struct {
	Products map[int64]total
	Tags     map[string]total // in lower case
}

func TestThreeAnswersToWhatSold(t *testing.T) {
	t.Parallel()
	for seed := 1; seed <= *seeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, uint64(seed))
			l.sync(bulksync.Full)
			for range 3 {
				l.live()
				l.sync(bulksync.Incremental)
			}
			files, stored, told := l.files(), l.stored(), l.told()
			if diff := cmp.Diff(files, stored); diff != "" {
				t.Errorf("the archived files and PostgreSQL differ (- files, + PostgreSQL): %.2000s", diff)
			}
			if diff := cmp.Diff(files, told); diff != "" {
				t.Errorf("the archived files and the lakehouse differ (- files, + lakehouse): %.2000s", diff)
			}
			if len(files.Products) < 10 || len(files.Tags) < 10 {
				t.Errorf("%d products and %d tags have sold", len(files.Products), len(files.Tags))
			}
		})
	}
}

// lab is the program over a shop that lives on.
type lab struct {
	*testing.T
	shop    *shops.Edited
	now     time.Time // in the shop
	luck    luck
	archive string
	app     *app.App
	gone    []int64 // orders that were deleted
}

func newLab(t *testing.T, seed uint64) *lab {
	t.Helper()
	o := shops.Options{Seed: seed, Orders: 400, Products: 80, Anchor: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), TaxesIncluded: seed%2 == 0}
	base, err := shops.Generate(o)
	must(t, err)
	l := &lab{T: t, now: o.Anchor, luck: newLuck(seed), archive: t.TempDir()}
	clock := func() time.Time { return l.now }
	l.shop = shops.Edit(base, clock)
	api, err := shopify.New(shopify.Config{Shop: l.shop, Token: "shpat_1", Clock: clock, Dir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, api.Close()) })
	must(t, api.Listen("127.0.0.1:0"))
	config, err := app.Load([]string{
		"MACRODATA_DATABASE_URL=" + pgtest.URL(t), "MACRODATA_BLOB_URL=file://" + l.archive, "MACRODATA_DATA_DIR=" + t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP=" + l.shop.Info().Domain, "MACRODATA_SHOPIFY_TOKEN=shpat_1", "MACRODATA_SHOPIFY_URL=" + api.URL(),
		"MACRODATA_SYNC_POLL_MIN=10ms", "MACRODATA_RETRY_DELAY=10ms",
	})
	must(t, err)
	platform, err := app.OpenPlatform(t.Context(), config, app.Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { must(t, platform.Close()) })
	l.app, err = app.Open(t.Context(), platform)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(t, l.app.Close(ctx))
	})
	must(t, l.app.Launch(t.Context()))
	return l
}

// sync brings in what has happened until now.
func (l *lab) sync(mode string) {
	l.Helper()
	sync := l.app.Scenarios.BulkSync
	id, err := sync.Start(l.Context(), bulksync.Params{Mode: mode, Trigger: runs.CLI, RequestedBy: "test"})
	must(l, err)
	r, err := sync.Wait(l.Context(), id)
	must(l, err)
	if r.Status != runs.Completed {
		l.Fatalf("the %s sync ended %s: %+v", mode, r.Status, r.Proof)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
