package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	_, err := s.app.DB.Exec(t.Context(), `INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, started_at, finished_at)
		VALUES (gen_random_uuid(), 'bulksync', 'cli', 'cli:test', '{}', 'completed', '2026-11-23 06:00:00+00', '2026-11-23 06:00:42+00')`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.app.DB.Exec(t.Context(), `INSERT INTO webhook_delivery (webhook_id, topic, shop, outcome, received_at, handled_at)
		VALUES ('w', 'app/uninstalled', 's', 'noted', '2026-11-23 06:00:00+00', now())`)
	if err != nil {
		t.Fatal(err)
	}
	token := s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil)
	get(t, s.URL()+"/api/me", token)
	get(t, s.URL()+"/api/ingest/runs/"+uuid.NewString(), token)
	get(t, s.URL()+"/api/me", "")
	status, body := get(t, s.OpsURL()+"/metrics", "")
	for _, line := range []string{
		`macrodata_http_request_duration_seconds_count{code="200",method="GET",route="/api/me"} 1`,
		`macrodata_http_request_duration_seconds_count{code="404",method="GET",route="/api/ingest/runs/{runId}"} 1`,
		`macrodata_runs{scenario="bulksync",status="completed"} 1`,
		`macrodata_run_duration_seconds_sum{scenario="bulksync",status="completed"} 42`,
		`macrodata_sync_last_success_timestamp_seconds{scenario="bulksync"} 1.795413642e+09`,
		`macrodata_webhook_last_received_timestamp_seconds{topic="app/uninstalled"} 1.7954136e+09`,
		`macrodata_database_up 1`, `macrodata_build_info{`, `go_goroutines `,
	} {
		if status != http.StatusOK || !strings.Contains(body, "\n"+line) {
			t.Errorf("/metrics is answered %d without %s", status, line)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestAScrapeDoesNotNeedTheDatabase: what the process knows of itself is told.
func TestAScrapeDoesNotNeedTheDatabase(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	d.Close()
	w := httptest.NewRecorder()
	newMetrics(d, slog.New(slog.DiscardHandler)).handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "\nmacrodata_database_up 0\n") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("without a database /metrics is answered %d %s", w.Code, body)
	}
}

// TestWebhooksComeInAtTheirOwnAddress: nothing else is there, and they are
// nowhere else.
func TestWebhooksComeInAtTheirOwnAddress(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll, "MACRODATA_WEBHOOK_LISTEN=127.0.0.1:0", "MACRODATA_SHOPIFY_CLIENT_SECRET=shpss_hush")
	shop, err := shops.Generate(shops.Options{Orders: 1, Products: 1})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(secret, address string) int {
		box, err := shopify.New(shopify.Config{Shop: shop, Token: "t", Domain: "brand.myshopify.com", Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()                                                      //nolint:errcheck // it keeps nothing
		ctx, cancel := context.WithTimeout(t.Context(), 1600*time.Millisecond) // in the middle of a pause, where it is refused
		defer cancel()
		return box.Deliver(ctx, address, "app/uninstalled", struct{}{})
	}
	if status := deliver("shpss_hush", s.WebhookURL()); status != http.StatusOK {
		t.Errorf("a webhook is answered %d", status)
	}
	if status := deliver("shpss_other", s.WebhookURL()); status != http.StatusUnauthorized {
		t.Errorf("a webhook with another signature is answered %d", status)
	}
	if status := deliver("shpss_hush", s.URL()+"/webhooks/shopify"); status != http.StatusUnauthorized {
		t.Errorf("a webhook at the API's address is answered %d", status)
	}
	if status, _ := get(t, strings.TrimSuffix(s.WebhookURL(), "/webhooks/shopify")+"/api/me", ""); status != http.StatusNotFound {
		t.Errorf("the API at the webhooks' address is answered %d", status)
	}
	token := s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil)
	if _, body := get(t, s.URL()+"/api/health", token); !strings.Contains(body, "The app was removed from the shop") {
		t.Errorf("health is %s", body)
	}
}

func TestAlertsAreToldByProcessesThatWork(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
	}))
	t.Cleanup(chat.Close)
	p := platform(t, pgtest.URL(t), "brand.myshopify.com")
	p.Config.AlertWebhook, p.Config.PublicURL = Secret(chat.URL+"/hush"), "https://ops.example.com/"
	id := endedRun(t, p, "failed", 1)
	for _, role := range []Role{RoleWeb, RoleWorker} {
		p.Config.Role = role
		a, err := Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if role == RoleWorker {
			if body := <-got; !strings.Contains(body, `"url":"https://ops.example.com/runs/`+id.String()+`"`) || strings.Contains(body, "hush") {
				t.Errorf("told was %s", body)
			}
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(got) != 0 {
		t.Errorf("told was also %s", <-got)
	}
}

// endedRun writes a run that ended so many days ago.
func endedRun(t *testing.T, p *Platform, status string, days int) uuid.UUID {
	t.Helper()
	id := uuid.New()
	_, err := p.DB.Exec(t.Context(), `INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, finished_at)
		VALUES ($1, 'bulksync', 'cli', 'cli:test', '{}', $2, now() - ($3 - 0.5) * interval '1 day')`, id, status, days)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func put(t *testing.T, store *blob.Store, key string) {
	t.Helper()
	err := store.Put(t.Context(), key, func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func TestRetentionDeletesWhatIsTooOldAndNothingElse(t *testing.T) {
	t.Parallel()
	p := platform(t, pgtest.URL(t), "brand.myshopify.com")
	a, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := a.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	old, young, unknown := endedRun(t, p, "completed", 190), endedRun(t, p, "completed", 100), uuid.New()
	for _, key := range []string{
		"archives/ingest/" + old.String() + "/orders-00001.jsonl", "archives/ingest/" + old.String() + "/orders-00002.jsonl",
		"archives/ingest/" + young.String() + "/orders-00001.jsonl", "archives/ingest/" + unknown.String() + "/x", "archives/ingest/odd", "assets/x",
	} {
		put(t, a.Blob, key)
	}
	const change = `INSERT INTO change (change_id, at, principal_kind, principal_name, operation, subject, subject_ids, request_id, undoes) VALUES `
	for _, sql := range []string{
		`INSERT INTO rejected_record SELECT r.run_id, 'orders', n, 'Order', n, 'bad', 'text', CASE WHEN n <= 2 THEN r.run_id END
			FROM ingest_run r, generate_series(1, 3) n`, // of both runs, which are over for more than 90 days
		change + `('01900000-0000-7000-8000-000000000001', now() - interval '8 years', 'user', 'a', 'o', 's', '{}', '', NULL),
			('01900000-0000-7000-8000-000000000002', now() - interval '7.5 years', 'user', 'a', 'o', 's', '{}', '', '01900000-0000-7000-8000-000000000001'),
			('01900000-0000-7000-8000-000000000003', now() - interval '8 years', 'user', 'a', 'o', 's', '{}', '', NULL),
			('01900000-0000-7000-8000-000000000004', now() - interval '1 year', 'user', 'a', 'o', 's', '{}', '', '01900000-0000-7000-8000-000000000003')`,
		`INSERT INTO webhook_delivery (webhook_id, topic, shop, outcome, handled_at)
			VALUES ('1', 't', 's', 'noted', now() - interval '31 days'), ('2', 't', 's', 'noted', now()), ('3', 't', 's', 'open', NULL)`,
		`INSERT INTO alert (key, event, cause, at, created_at, sent_at)
			VALUES ('1', 'e', 'c', now(), now() - interval '91 days', now()), ('2', 'e', 'c', now(), now(), now())`,
		`INSERT INTO idempotency_key (principal, operation, key, request, owner, leased_until, created_at)
			VALUES ('a', 'o', '1', '', gen_random_uuid(), now(), now() - interval '25 hours'), ('a', 'o', '2', '', gen_random_uuid(), now(), now())`,
	} {
		if _, err := p.DB.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	slot := time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)
	for range 2 { // as two processes do
		if err := a.retention.StartSlot(t.Context(), slot); err != nil {
			t.Fatal(err)
		}
	}
	id := workflow.RunID(retentionName, slot)
	d, err := a.retention.workflow.Result(t.Context(), id.String())
	if want := (Deleted{Archives: 2, Rejects: 6, Changes: 2, Webhooks: 1, Alerts: 1, Keys: 1}); err != nil || d != want {
		t.Errorf("deleted were %+v, %v, want %+v", d, err, want)
	}
	var left [6]int
	err = p.DB.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM rejected_record), (SELECT count(*) FROM rejected_record WHERE record = ''),
		(SELECT count(*) FROM change), (SELECT count(*) FROM webhook_delivery), (SELECT count(*) FROM alert), (SELECT count(*) FROM idempotency_key)`).
		Scan(&left[0], &left[1], &left[2], &left[3], &left[4], &left[5])
	if want := [6]int{2, 2, 2, 2, 1, 1}; err != nil || left != want {
		t.Errorf("left are %v, %v, want %v", left, err, want)
	}
	var keys []string
	err = a.Blob.List(t.Context(), "", func(key string, _ int64) error { keys = append(keys, key); return nil })
	if err != nil || len(keys) != 4 || strings.Contains(strings.Join(keys, " "), old.String()) {
		t.Errorf("left are the objects %q, %v", keys, err)
	}
	if run, err := a.Runs.Get(t.Context(), id); err != nil || run.Status != runs.Completed || run.Scenario != retentionScenario {
		t.Errorf("the run is %+v, %v", run, err)
	}
}

func TestLoadRefusesSettingsOfTheOutside(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"an alert webhook in the open":               {"MACRODATA_ALERT_WEBHOOK=http://chat.example.com/hush"},
		"an alert webhook that is no address":        {"MACRODATA_ALERT_WEBHOOK=hush"},
		"webhooks at no address":                     {"MACRODATA_WEBHOOK_LISTEN=hush"},
		"archives that are deleted at once":          {"MACRODATA_KEEP_ARCHIVES=1h"},
		"alerts that are forgotten before a duty":    {"MACRODATA_KEEP_ALERTS=240h"},
		"an audit log for a time that is before now": {"MACRODATA_KEEP_AUDIT=-1h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Load(environ); errs.Kind(err) != "invalid" || errs.Remedy(err) == "" || strings.Contains(err.Error(), "hush") {
				t.Errorf("Load gave %v with the remedy %q", err, errs.Remedy(err))
			}
		})
	}
	for _, url := range []string{"http://127.0.0.1:99/x", "http://localhost:99/x", "https://hooks.example.com/x"} {
		if _, err := Load([]string{"MACRODATA_ALERT_WEBHOOK=" + url}); err != nil {
			t.Errorf("Load refused %s: %v", url, err)
		}
	}
}
