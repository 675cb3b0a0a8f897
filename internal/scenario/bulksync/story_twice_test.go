package bulksync_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/webhook"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

func TestAFileWhoseLinesComeTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.api.Faults().Bulk(2, simulator.BulkFault{Twice: 1}) // products and orders
	r := w.run(full(), runs.Incomplete)
	w.same()
	if !r.breaks("orders", "lines") || r.Counts.Orders.Duplicates < 1000 {
		t.Errorf("%d lines were counted as duplicates; broken are\n%s", r.Counts.Orders.Duplicates, r.broken())
	}
	w.wantMarks(time.Time{}, 0)
	before, began := w.prints(), w.transaction()
	w.run(full(), runs.Completed)
	if n := w.written(began); n != 0 {
		t.Errorf("%d rows were written of the file that came again: %v", n, before)
	}
	w.ends(t, proof.Story{Family: 6, Name: "each line of a file twice", Faults: int(r.Counts.Orders.Duplicates), Runs: 2})
}

// A result of yesterday is delivered again today, behind newer orders that came
// by another file, and behind a deletion.
func TestAnOlderFileNeverUndoesNewerOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 12}})
	w.run(full(), runs.Completed)
	stale := filepath.Join(t.TempDir(), "orders.jsonl")
	must(t, os.WriteFile(stale, w.exported(2), 0o600))
	changed := w.ids(isPlain)
	for i, edit := range orderEdits {
		w.shop.Change(changed[i], edit.edit)
	}
	w.clock.advance(2 * time.Hour)
	w.run(incremental(), runs.Completed)
	w.same()

	must(t, w.api.Prepare("lineItems", stale))
	began, told := w.transaction(), w.lake.at
	r := w.run(full(), runs.Completed)
	if n := w.written(began); n != 0 || w.lake.at != told {
		t.Errorf("%d rows were written, and %d batches told of", n, w.lake.at-told)
	}
	if r.Counts.Orders.Roots == 0 {
		t.Error("the older file was not read")
	}
	w.ends(t, proof.Story{Family: 6, Name: "an older file after newer ones", Faults: len(orderEdits), Runs: 3})
}

func TestFiftyDeliveriesOfAWebhookAtOnceAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	const secret, deliveries = "shpss_hush", 50
	h, err := webhook.New(webhook.Config{DB: w.db, Secret: secret, Shop: w.shop.Info().Domain, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	receiver := httptest.NewServer(h)
	t.Cleanup(receiver.Close)
	body := `{"admin_graphql_api_id":"gid://shopify/BulkOperation/1","status":"completed","type":"query"}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body)) //nolint:errcheck // a hash takes everything
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	var all sync.WaitGroup
	answers := make(chan string, deliveries)
	for range deliveries {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, receiver.URL+webhook.Path, strings.NewReader(body))
			if err == nil {
				for name, value := range map[string]string{
					"Content-Type": "application/json", "X-Shopify-Hmac-SHA256": signature,
					"X-Shopify-Topic": webhook.BulkFinished, "X-Shopify-Shop-Domain": w.shop.Info().Domain, "X-Shopify-Webhook-Id": "the same",
					"X-Shopify-Event-Id": "the same event", "X-Shopify-Triggered-At": time.Now().Format(time.RFC3339Nano),
				} {
					r.Header.Set(name, value)
				}
				var answer *http.Response
				if answer, err = http.DefaultClient.Do(r); err == nil {
					answer.Body.Close() //nolint:errcheck // nothing is read
					answers <- answer.Status
					return
				}
			}
			answers <- fmt.Sprint(err)
		})
	}
	all.Wait()
	close(answers)
	for answer := range answers {
		if answer != "200 OK" {
			t.Errorf("a delivery was answered %s", answer)
		}
	}
	if n := w.count("SELECT count(*) FROM webhook_delivery"); n != 1 {
		t.Errorf("%d deliveries were noted", n)
	}
	w.run(full(), runs.Completed)
	w.ends(t, proof.Story{Family: 6, Name: "a webhook fifty times at once", Faults: deliveries - 1, Runs: 1})
}
