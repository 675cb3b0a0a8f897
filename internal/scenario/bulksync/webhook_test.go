package bulksync_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/webhook"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// TestAWebhookWakesTheSync: it would look at its operations once a minute, and
// they take a second and a half.
func TestAWebhookWakesTheSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		settings: bulksync.Settings{PollMin: time.Minute, PollMax: time.Minute},
		api:      func(c *simulator.Config) { c.BulkDelay, c.Secret = 1500*time.Millisecond, "shpss_hush" },
	})
	h, err := webhook.New(webhook.Config{DB: w.db, Secret: "shpss_hush", Shop: w.shop.Info().Domain, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	receiver := httptest.NewServer(h)
	t.Cleanup(receiver.Close)
	w.api.Subscribe(receiver.URL + webhook.Path)
	began := time.Now()
	w.run(full(), runs.Completed)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the sync took %s", took)
	}
	last, err := webhook.Last(t.Context(), w.db)
	if err != nil || last[webhook.BulkFinished].IsZero() {
		t.Errorf("received were %v, %v", last, err)
	}
}

// TestAWebhookThatComesTooEarlyWakesOnce: the operations are told to have finished
// before they began, and are looked at no more often for that.
func TestAWebhookThatComesTooEarlyWakesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		settings: bulksync.Settings{PollMin: 1100 * time.Millisecond, PollMax: 1100 * time.Millisecond},
		api:      func(c *simulator.Config) { c.BulkDelay = 4 * time.Second },
	})
	_, err := w.look.Exec(t.Context(), `INSERT INTO webhook_delivery (webhook_id, topic, shop, subject, handled_at, outcome)
		SELECT n::text, 'bulk_operations/finish', 'shop', 'gid://shopify/BulkOperation/' || 4800000000000 + n, now(), 'noted'
		FROM generate_series(1, 9) n`)
	must(t, err)
	id := w.run(full(), runs.Completed).ID
	steps, err := w.engine.Steps(t.Context(), id.String())
	must(t, err)
	looks := 0
	for _, s := range steps {
		if strings.HasPrefix(s.Step, "poll-products-") {
			looks++
		}
	}
	if looks < 3 || looks > 6 { // in four seconds, and one more
		t.Errorf("the operation was looked at %d times", looks)
	}
}
