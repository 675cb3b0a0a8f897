// Package lab is what stories of the whole program happen in: a shop, an issuer
// of tokens, a database, an archive and a lakehouse, and any number of processes
// of the built program on them.
package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/sandbox/access"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

const token = "shpat_of_the_sandbox"

// World is what several labs have in common.
type World struct {
	Binary string // path of the program
	Shop   *shops.Generated
	Issuer *access.Issuer
}

// New builds the program and makes a shop of so many orders.
func New(t *testing.T, orders int) World {
	t.Helper()
	shop, err := shops.Generate(shops.Options{Orders: orders, Products: orders / 2})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := access.NewIssuer(access.Config{})
	if err == nil {
		err = issuer.Listen("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuer.Close() }) //nolint:errcheck // it keeps nothing
	return World{built(t), shop, issuer}
}

// built returns the program's path.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "macrodata")
	out, err := exec.Command("go", "build", "-o", path, "github.com/macrodata-dev/macrodata/cmd/macrodata").CombinedOutput()
	if err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}

// Lab is one shop, database, archive and lakehouse.
type Lab struct {
	World
	DB     *pg.DB          // the test's own way to the database
	Server *shopify.Server // of the shop
	Front  *Front          // before it
	Env    []string        // of the program
}

// Lab makes one on a database. Where a setting is given twice, the last counts.
func (w World) Lab(t *testing.T, url string, settings ...string) *Lab {
	t.Helper()
	server, err := shopify.New(shopify.Config{
		Shop: w.Shop, Token: token, Clock: w.Shop.Anchor, Dir: t.TempDir(),
		Plan: 100_000, // no time is to be spent on the rate limit
	})
	if err == nil {
		err = server.Listen("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() }) //nolint:errcheck // it keeps nothing
	db, err := pg.Open(t.Context(), pg.Config{URL: url, MaxConns: 2, AppName: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	l := &Lab{World: w, Server: server, Front: &Front{server: server}, DB: db}
	admin := httptest.NewServer(l.Front)
	t.Cleanup(func() { l.Front.LetGo(); admin.Close() })
	l.Env = append([]string{
		"MACRODATA_DATABASE_URL=" + url,
		"MACRODATA_DATA_DIR=" + t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP=" + w.Shop.Info().Domain,
		"MACRODATA_SHOPIFY_TOKEN=" + token,
		"MACRODATA_SHOPIFY_URL=" + admin.URL,
		"MACRODATA_ACCESS_TEAM=" + w.Issuer.URL(),
		"MACRODATA_ACCESS_AUD=" + w.Issuer.Audience(),
		"MACRODATA_LISTEN=127.0.0.1:0",
		"MACRODATA_OPS_LISTEN=127.0.0.1:0",
		"MACRODATA_SYNC_SCHEDULE=off",
		"MACRODATA_LAKE_SCHEDULE=off",
		"MACRODATA_RETENTION_SCHEDULE=off",
		"MACRODATA_LAKE_FLUSH_AGE=1s",
		"MACRODATA_SYNC_CHUNK_ROWS=200",
		"MACRODATA_SYNC_PART_BYTES=262144",
		"MACRODATA_SYNC_POLL_MIN=20ms",
		"MACRODATA_RETRY_DELAY=20ms",
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(),
	}, settings...)
	return l
}

// Check holds what a lab has come to against the shop, once all runs have ended.
// It needs a process that lives, for the lakehouse takes over what waits for it.
func (l *Lab) Check(t *testing.T) (lost, doubled int) {
	t.Helper()
	for what, sql := range map[string]string{
		"no run is live":           `SELECT count(*) FROM ingest_run WHERE finished_at IS NULL OR status IN ('queued', 'running', 'waiting', 'lost')`,
		"the engine has no run":    `SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')`,
		"nothing is in the outbox": `SELECT count(*) FROM outbox`,
	} {
		Eventually(t, what, func() bool { return l.Number(t, sql) == 0 })
	}
	now := l.Shop.Anchor()
	store := proof.Store{DB: l.DB, Shop: l.Shop, Now: now, Until: now.Add(-5 * time.Minute), Lakehouse: l.Lakehouse(t)}
	return store.Check(t)
}

// Lakehouse has the program sum the sales of all time there.
func (l *Lab) Lakehouse(t *testing.T) (list []string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), l.Binary, "lake", "query", "sales_proof", "--arg", "since=2015-01-01", "--arg", "until=2030-01-01", "--json")
	var stderr bytes.Buffer
	c.Env, c.Stderr = l.Env, &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var answer struct{ Rows [][]any }
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, row := range answer.Rows {
		list = append(list, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	return list
}

// Eventually waits for something to be so, and returns how long that took.
func Eventually(t *testing.T, what string, so func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for ; !so(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("in a minute this was not so: %s", what)
		}
	}
	return time.Since(begun)
}

// Number reads one number.
func (l *Lab) Number(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := l.DB.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}
