package bulksync_test

import (
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestFullAndIncrementalSyncsMakeTheStoreEqualToTheShop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options shops.Options
	}{
		{"of a shop with taxes on top", shops.Options{Seed: 1}},
		{"of a shop with taxes in its prices", shops.Options{Seed: 2, TaxesIncluded: true, Currency: "EUR", TimeZone: "Europe/Berlin"}},
		{"of a shop whose currency has no decimals", shops.Options{Seed: 3, TaxesIncluded: true, Currency: "JPY", TimeZone: "Asia/Tokyo"}},
		{"of a shop whose currency has three decimals", shops.Options{Seed: 4, Currency: "KWD", TimeZone: "Asia/Kuwait"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: c.options})
			w.run(full(), runs.Completed)
			w.same()
			for range 3 {
				w.clock.advance(31 * time.Hour)
				w.run(incremental(), runs.Completed)
				w.same()
			}
		})
	}
}
