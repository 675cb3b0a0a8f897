// Package analytics_test holds what the program tells of sales against the orders
// that it stores: a simulated shop is synced, the lakehouse is asked over HTTP,
// and PostgreSQL is asked the same in other words.
package analytics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/sandbox/access"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const shopToken = "shpat_of_the_sandbox"

// world is a shop and the program that serves its numbers.
type world struct {
	*testing.T
	shop  *shops.Edited
	now   *atomic.Int64 // the shop's clock, in Unix seconds
	app   *app.App
	url   string
	token string
	look  *pgxpool.Pool // the test's own
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open serves a shop whose clock begins at an instant. Nothing is synced yet.
func open(t *testing.T, base simulator.Shop, at time.Time) *world {
	t.Helper()
	w := &world{T: t, now: new(atomic.Int64)}
	w.now.Store(at.Unix())
	clock := func() time.Time { return time.Unix(w.now.Load(), 0).UTC() }
	w.shop = shops.Edit(base, clock)
	server, err := simulator.New(simulator.Config{Shop: w.shop, Token: shopToken, Clock: clock, Dir: t.TempDir(), Plan: 1_000_000})
	must(t, err)
	must(t, server.Listen("127.0.0.1:0"))
	t.Cleanup(func() { server.Close() }) //nolint:errcheck // it keeps nothing
	issuer, err := access.NewIssuer(access.Config{})
	must(t, err)
	must(t, issuer.Listen("127.0.0.1:0"))
	t.Cleanup(func() { issuer.Close() }) //nolint:errcheck // it keeps nothing
	w.token = issuer.Sign(issuer.UserClaims("creative@example.com"), nil)

	database := pgtest.URL(t)
	w.look, err = pgxpool.New(t.Context(), database)
	must(t, err)
	t.Cleanup(w.look.Close)
	c, err := app.Load([]string{
		"MACRODATA_DATABASE_URL=" + database, "MACRODATA_BLOB_URL=mem://", "MACRODATA_DATA_DIR=" + t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP=" + w.shop.Info().Domain, "MACRODATA_SHOPIFY_TOKEN=" + shopToken, "MACRODATA_SHOPIFY_URL=" + server.URL(),
		"MACRODATA_SYNC_POLL_MIN=10ms", "MACRODATA_RETRY_DELAY=10ms", "MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=off",
		"MACRODATA_ACCESS_TEAM=" + issuer.URL(), "MACRODATA_ACCESS_AUD=" + issuer.Audience(),
	})
	must(t, err)
	w.start(c)
	return w
}

// start runs the program until the test ends.
func (w *world) start(c app.Config) {
	w.Helper()
	p, err := app.OpenPlatform(w.Context(), c, app.Options{})
	must(w.T, err)
	w.Cleanup(func() { p.Close() }) //nolint:errcheck // the database is dropped
	w.app, err = app.Open(w.Context(), p)
	must(w.T, err)
	w.Cleanup(func() {
		if err := w.app.Close(context.Background()); err != nil {
			w.Error(err)
		}
	})
	must(w.T, w.app.Launch(w.Context()))
	s, err := app.NewServer(w.app)
	must(w.T, err)
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.Cleanup(func() { cancel(); <-ended })
	w.url = s.URL()
}

// sync brings the shop in, and returns the run.
func (w *world) sync(mode string) uuid.UUID {
	w.Helper()
	id, err := w.app.Scenarios.BulkSync.Start(w.Context(), bulksync.Params{Mode: mode, Trigger: runs.CLI, RequestedBy: "test"})
	must(w.T, err)
	r, err := w.app.Scenarios.BulkSync.Wait(w.Context(), id)
	must(w.T, err)
	if r.Status != runs.Completed {
		w.Fatalf("the sync ended as %+v", r)
	}
	return id
}

// send sends a request and expects a status; out takes the answer's JSON, or as
// a *string its text.
func (w *world) send(method, path string, body, out any, status int) {
	w.Helper()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(w.T, err)
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, in)
	must(w.T, err)
	r.Header.Set("Cf-Access-Jwt-Assertion", w.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	must(w.T, err)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	must(w.T, err)
	if answer.StatusCode != status {
		w.Fatalf("%s %s %v is answered %d, want %d: %s", method, path, body, answer.StatusCode, status, all)
	}
	if text, ok := out.(*string); ok {
		*text = string(all)
	} else if out != nil {
		must(w.T, json.Unmarshal(all, out))
	}
}

// exec changes the database behind the program's back.
func (w *world) exec(sql string, args ...any) {
	w.Helper()
	_, err := w.look.Exec(w.Context(), sql, args...)
	must(w.T, err)
}
