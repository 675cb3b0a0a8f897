package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/webhook"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	secret = "shpss_hush"
	shop   = "brand.myshopify.com"
)

// lab is a receiver on a database of its own.
type lab struct {
	*testing.T
	db     *pg.DB
	server *httptest.Server
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{T: t, db: pgtest.DB(t)}
	h, err := webhook.New(webhook.Config{DB: l.db, Secret: secret, Shop: shop, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l.server = httptest.NewServer(h)
	t.Cleanup(l.server.Close)
	return l
}

func sign(body, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body)) //nolint:errcheck // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// delivery is a good one, to be spoiled.
func delivery(id, topic, body string) (http.Header, string) {
	return http.Header{
		"X-Shopify-Hmac-Sha256": {sign(body, secret)}, "X-Shopify-Shop-Domain": {shop}, "X-Shopify-Topic": {topic},
		"X-Shopify-Webhook-Id": {id}, "X-Shopify-Triggered-At": {"2026-11-23T06:00:00.123456789Z"},
	}, body
}

// send posts a delivery and returns status and body of the answer.
func (l *lab) send(method string, h http.Header, body string) (int, string) {
	l.Helper()
	r, err := http.NewRequestWithContext(l.Context(), method, l.server.URL+webhook.Path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	r.Header = h
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Error(err)
		return 0, ""
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		l.Error(err)
	}
	return answer.StatusCode, string(text)
}

// deliver posts a good one, which has to be taken.
func (l *lab) deliver(id, topic, body string) {
	l.Helper()
	h, body := delivery(id, topic, body)
	if status, text := l.send(http.MethodPost, h, body); status != http.StatusOK {
		l.Errorf("%s is answered %d %s", topic, status, text)
	}
}

func (l *lab) count(where string) (n int) {
	l.Helper()
	if err := l.db.QueryRow(l.Context(), "SELECT count(*) FROM webhook_delivery WHERE "+where).Scan(&n); err != nil {
		l.Fatal(err)
	}
	return n
}

func TestWhatIsNotShopifysGetsOneConstantAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const body = `{"admin_graphql_api_id":"gid://shopify/BulkOperation/1"}`
	for name, spoil := range map[string]func(http.Header, string) string{
		"no signature":            func(h http.Header, b string) string { h.Del("X-Shopify-Hmac-Sha256"); return b },
		"a signature of another":  func(h http.Header, b string) string { h.Set("X-Shopify-Hmac-Sha256", sign(b, "other")); return b },
		"a signature in hex":      func(h http.Header, b string) string { h.Set("X-Shopify-Hmac-Sha256", "zz"); return b },
		"an empty signature":      func(h http.Header, b string) string { h.Set("X-Shopify-Hmac-Sha256", ""); return b },
		"two signatures":          func(h http.Header, b string) string { h.Add("X-Shopify-Hmac-Sha256", sign(b, secret)); return b },
		"a body with a byte more": func(_ http.Header, b string) string { return b + " " },
		"no body":                 func(_ http.Header, _ string) string { return "" },
		"another shop":            func(h http.Header, b string) string { h.Set("X-Shopify-Shop-Domain", "other.myshopify.com"); return b },
		"a shop that looks alike": func(h http.Header, b string) string { h.Set("X-Shopify-Shop-Domain", shop+".evil.com"); return b },
		"no shop":                 func(h http.Header, b string) string { h.Del("X-Shopify-Shop-Domain"); return b },
		"no id":                   func(h http.Header, b string) string { h.Del("X-Shopify-Webhook-Id"); return b },
		"no topic":                func(h http.Header, b string) string { h.Del("X-Shopify-Topic"); return b },
		"an id that can't be kept": func(h http.Header, b string) string {
			h.Set("X-Shopify-Webhook-Id", strings.Repeat("x", 201))
			return b
		},
		"a body over its size": func(h http.Header, _ string) string {
			b := strings.Repeat("x", 1<<20+1)
			h.Set("X-Shopify-Hmac-Sha256", sign(b, secret))
			return b
		},
		"a topic that is not UTF-8": func(h http.Header, b string) string { h.Set("X-Shopify-Topic", "\xff"); return b },
	} {
		h, text := delivery("w-1", webhook.BulkFinished, body)
		if status, answer := l.send(http.MethodPost, h, spoil(h, text)); status != http.StatusUnauthorized || answer != "unauthorized\n" {
			t.Errorf("%s is answered %d %q", name, status, answer)
		}
	}
	h, text := delivery("w-1", webhook.BulkFinished, body)
	if status, _ := l.send(http.MethodGet, h, text); status != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered %d", status)
	}
	if n := l.count("true"); n != 0 {
		t.Errorf("%d deliveries were noted", n)
	}
	l.deliver("w-1", webhook.BulkFinished, body)
	l.deliver("w-2", "orders/create", strings.Repeat("x", 1<<20))
}

func TestADeliveryIsNotedOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const body = `{"admin_graphql_api_id":"gid://shopify/BulkOperation/7","status":"completed"}`
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { l.deliver("w-7", webhook.BulkFinished, body) })
	}
	all.Wait()
	if n := l.count("topic = 'bulk_operations/finish' AND handled_at IS NOT NULL AND payload IS NULL AND triggered_at = '2026-11-23 06:00:00.123456+00'"); n != 1 || l.count("true") != 1 {
		t.Errorf("%d deliveries were noted as they should", n)
	}
	for id, want := range map[string]bool{"gid://shopify/BulkOperation/7": true, "gid://shopify/BulkOperation/8": false} {
		if got, err := webhook.Finished(t.Context(), l.db, id); got != want || err != nil {
			t.Errorf("%s has finished: %v, %v", id, got, err)
		}
	}
}

func TestWhatDeliveriesLeave(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, topic, body, where string }{
		{"an unknown topic is noted, and its content is not", "orders/create", `{"email":"a@example.com"}`, "outcome = 'ignored' AND payload IS NULL AND handled_at IS NOT NULL"},
		{"a finish of nothing that can be named", webhook.BulkFinished, "\x00no JSON", "outcome = 'noted' AND subject IS NULL"},
		{"a finish with an id that can't be stored", webhook.BulkFinished, `{"admin_graphql_api_id":"gid://shopify/BulkOperation/\u0000"}`, "outcome = 'noted' AND subject IS NULL"},
		{"a request is open for thirty days, with its content", webhook.DataRequest, `{"customer":{"id":1}}`, "outcome = 'open' AND due_at = received_at + interval '30 days' AND payload = '{\"customer\":{\"id\":1}}'"},
		{"so is one to forget a customer, whatever it holds", webhook.CustomerRedact, "\xff\x00", "outcome = 'open' AND handled_at IS NULL AND length(payload) = 2"},
		{"and one to forget a shop", webhook.ShopRedact, `{}`, "outcome = 'open' AND handled_at IS NULL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.deliver("w", c.topic, c.body)
			if l.count(c.where) != 1 {
				t.Errorf("there is no delivery where %s", c.where)
			}
		})
	}
}

func TestADutyIsOpenUntilItIsSettled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.deliver("w-1", webhook.DataRequest, `{"customer":{"email":"a@example.com"}}`)
	l.deliver("w-2", "orders/create", `{}`)
	if _, err := l.db.Exec(t.Context(), "UPDATE webhook_delivery SET received_at = received_at - interval '1 year', handled_at = handled_at - interval '1 year'"); err != nil {
		t.Fatal(err)
	}
	if n, err := webhook.Prune(t.Context(), l.db, time.Now().AddDate(0, 0, -30)); n != 1 || err != nil {
		t.Errorf("%d were pruned, %v", n, err)
	}
	list, err := webhook.Duties(t.Context(), l.db)
	if err != nil || len(list) != 1 || list[0].ID != "w-1" || list[0].Topic != webhook.DataRequest {
		t.Fatalf("open are %+v, %v", list, err)
	}
	settle := func() error {
		return l.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			return webhook.Settle(ctx, tx, "w-1", "answered")
		})
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	if err := settle(); !errors.Is(err, errs.NotFound) {
		t.Errorf("settled again: %v", err)
	}
	if l.count("payload IS NULL AND outcome = 'answered'") != 1 {
		t.Error("the payload is still there")
	}
	if list, err := webhook.Duties(t.Context(), l.db); len(list) != 0 || err != nil {
		t.Errorf("open are %+v, %v", list, err)
	}
}

func TestTheAppIsRemovedUntilARunGoesWell(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	removed := func(want bool) {
		t.Helper()
		if at, got, err := webhook.Removed(t.Context(), l.db, "bulksync"); got != want || err != nil {
			t.Errorf("removed: %v at %v, %v", got, at, err)
		}
	}
	removed(false)
	l.deliver("w-1", webhook.Uninstalled, `{}`)
	removed(true)
	run := func(status, started string) {
		t.Helper()
		_, err := l.db.Exec(t.Context(), `INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, started_at, finished_at)
			VALUES (gen_random_uuid(), 'bulksync', 'cli', 'cli:test', '{}', $1, $2, '2026-11-24 00:00:00+00')`, status, started)
		if err != nil {
			t.Fatal(err)
		}
	}
	run("completed", "2026-11-23 05:59:59+00")
	run("failed", "2026-11-23 07:00:00+00")
	removed(true)
	run("completed_with_gap", "2026-11-23 07:00:00+00")
	removed(false)
	last, err := webhook.Last(t.Context(), l.db)
	if err != nil || len(last) != 1 || time.Since(last[webhook.Uninstalled]) > time.Minute {
		t.Errorf("last received: %v, %v", last, err)
	}
}

func TestADeliveryThatCanNotBeNotedComesAgain(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	h, err := webhook.New(webhook.Config{DB: d, Secret: secret, Shop: shop, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	l := &lab{T: t, server: httptest.NewServer(h)}
	t.Cleanup(l.server.Close)
	header, body := delivery("w", webhook.Uninstalled, `{}`)
	if status, _ := l.send(http.MethodPost, header, body); status != http.StatusServiceUnavailable {
		t.Errorf("it is answered %d", status)
	}
}

func TestNewRefusesToVerifyWithoutASecret(t *testing.T) {
	t.Parallel()
	for _, c := range []webhook.Config{{Shop: shop}, {Secret: secret}} {
		if _, err := webhook.New(c); !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" {
			t.Errorf("New gave %v", err)
		}
	}
}
