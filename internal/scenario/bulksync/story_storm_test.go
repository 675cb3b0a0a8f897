package bulksync_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// storm are the answers that Shopify gives instead of good ones, as of a time by
// its clock.
func storm(now time.Time) []simulator.RequestFault {
	date := now.Add(time.Second).Format(http.TimeFormat)
	return []simulator.RequestFault{
		{Status: 429, RetryAfter: "0"}, {Status: 429, RetryAfter: "2.0"}, {Status: 429, RetryAfter: date}, {Status: 429},
		{Status: 429, Body: "<html>Too Many Requests</html>"}, {Status: 430},
		{Throttled: true}, {Status: 500}, {Status: 502, Body: "<html>Bad Gateway</html>"}, {Status: 503}, {Status: 504},
		{Code: "INTERNAL_SERVER_ERROR"}, {Beside: "INTERNAL_SERVER_ERROR"}, {Status: 200, Body: `{"data":{"shop"`}, {Status: 200, Body: "<html></html>"},
		{Lose: true}, {CutAfter: 40}, {Hang: true}, {Delay: 50 * time.Millisecond},
	}
}

const (
	stormShare = 0.3 // of the requests go wrong
	// stormPlan has a bucket of 1,200 points, which two questions by id fill.
	stormPlan = 60
)

func TestAStormIsSatOut(t *testing.T) {
	t.Parallel()
	for seed := range seeds(3, 20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{
				options: shops.Options{Seed: uint64(seed + 1)}, timeout: 500 * time.Millisecond,
				api: func(c *simulator.Config) { c.Plan = stormPlan },
			})
			began := time.Now()
			kinds := storm(w.clock.now())
			for i, fault := range kinds {
				// Each finds what those before it have left of the requests.
				part := stormShare / float64(len(kinds))
				fault.Share, fault.Seed = part/(1-part*float64(i)), uint64(100*seed+i)
				w.api.Faults().Request(simulator.Forever, fault)
			}
			w.run(full(), runs.Completed)
			w.shop.Change(w.ids(isPlain)[0], func(o *simulator.Order) { refund(o, 0, 1, 0, 0) })
			w.clock.advance(time.Hour)
			w.run(incremental(), runs.Completed)
			took := time.Since(began)

			stats, faults := w.api.Stats(), w.api.Faults().Happened()
			if most := 20*float64(stormPlan) + float64(stormPlan)*took.Seconds(); float64(stats.Spent) > most {
				t.Errorf("%d points were spent in %s, of %.0f", stats.Spent, took, most)
			}
			// What a request cost whose answer was lost, nobody learns before the next
			// answer.
			if stats.Overdrawn > 2 {
				t.Errorf("%d requests were made of an empty bucket", stats.Overdrawn)
			}
			answered := 0
			for _, n := range stats.Requests {
				answered += n
			}
			if all := float64(answered + faults); float64(faults) < all*0.1 {
				t.Errorf("only %d of %.0f requests went wrong", faults, all)
			}
			t.Logf("%d requests went wrong beside %d that were read; %d points in %s", faults, answered, stats.Spent, took.Round(time.Millisecond))
			w.api.Faults().Clear()
			w.ends(t, proof.Story{Family: 9, Name: fmt.Sprintf("storm, seed %d", seed), Faults: faults, Runs: 2})
		})
	}
}
