package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	got := run(nil, "version", "--json").want(t, done).stdout
	for member, mask := range map[string]string{"version": "VERSION", "revision": "", "go": "GO"} {
		replacement := `"` + member + `":"` + mask + `"`
		if mask == "" {
			replacement = ""
		}
		got = regexp.MustCompile(`"`+member+`":"[^"]*"`).ReplaceAllString(got, replacement)
	}
	golden(t, "version", strings.ReplaceAll(got, ",,", ","))
}

func TestConfig(t *testing.T) {
	t.Parallel()
	t.Run("the defaults as JSON", func(t *testing.T) {
		t.Parallel()
		got := run(nil, "config", "--json").want(t, done).stdout
		golden(t, "config", strings.ReplaceAll(got, "},{", "},\n{"))
	})
	t.Run("settings as text, secrets redacted", func(t *testing.T) {
		t.Parallel()
		got := run([]string{"MACRODATA_SHOPIFY_TOKEN=shpat_1234", "MACRODATA_DATABASE_URL=postgres://me:hunter2@db/x", "MACRODATA_SYNC_LAG=90s"},
			"config").want(t, done).stdout
		golden(t, "config-text", got)
	})
}

// madeUp are two runs: one that ended, with a record that could not be stored,
// and one that failed.
const madeUp = `
INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, step, window_since, window_until,
    counts, proof, bytes, error_code, error_text, remedy, created_at, started_at, finished_at) VALUES
('01900000-0000-7000-8000-000000000001', 'bulksync', 'cli', 'cli:op', '{"mode": "incremental"}', 'completed_with_rejects',
    'close', '2026-10-01T00:00:00Z', '2026-10-03T12:00:00Z',
    '{"orders": {"files": 1, "bytes": 2048, "roots": 1200, "children": 3400, "written": 12, "advanced": true}, "rejected": 1}',
    '{"holds": true, "checks": [{"name": "lines", "stream": "orders", "want": "4600", "got": "4600", "ok": true},
                                {"name": "bytes", "stream": "orders", "want": "2048", "got": "2047", "ok": false}]}',
    2048, NULL, NULL, NULL, '2026-10-03T12:05:00Z', '2026-10-03T12:05:01Z', '2026-10-03T12:06:02.5Z'),
('01900000-0000-7000-8000-000000000002', 'bulksync', 'cli', 'cli:op', '{"mode": "full"}', 'failed',
    'open', NULL, NULL, '{}', NULL, 0, 'denied', 'the token was refused', 'make a new token',
    '2026-10-04T12:05:00Z', '2026-10-04T12:05:01Z', '2026-10-04T12:05:02Z');
INSERT INTO rejected_record (run_id, source, line_no, subject_type, subject_id, reason, record) VALUES
('01900000-0000-7000-8000-000000000001', 'orders', 17, 'Order', 42, 'createdAt is no time', '{"id":"gid://shopify/Order/42"}')`

func TestRuns(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, pg.Config{URL: url, MaxConns: 1})
	if _, err := db.Exec(t.Context(), madeUp); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MACRODATA_DATABASE_URL=" + url}
	for name, args := range map[string][]string{
		"runs":          {"runs"},
		"runs-json":     {"runs", "--json"},
		"runs-one":      {"runs", "--limit", "1", "--json"},
		"run":           {"runs", "01900000-0000-7000-8000-000000000001"},
		"run-json":      {"runs", "01900000-0000-7000-8000-000000000001", "--json"},
		"run-failed":    {"runs", "01900000-0000-7000-8000-000000000002"},
		"runs-help":     {"runs", "--help"},
		"replay-help":   {"replay", "--help"},
		"migrate-again": {"migrate", "--json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, run(environ, args...).want(t, done).stdout)
		})
	}
	t.Run("a run that isn't there", func(t *testing.T) {
		t.Parallel()
		got := run(environ, "runs", "01900000-0000-7000-8000-00000000000f").want(t, failed)
		golden(t, "run-missing", got.stderr)
	})
}

// nonsense are command lines and settings that nobody can mean.
var nonsense = []struct {
	name    string
	environ []string
	args    []string
	code    int
}{
	{"an unknown command", nil, []string{"frobnicate"}, misuse},
	{"an unknown command below runs", nil, []string{"runs", "frobnicate", "x"}, misuse},
	{"an unknown flag", nil, []string{"sync", "--frob"}, misuse},
	{"a flag without its value", nil, []string{"runs", "--limit"}, misuse},
	{"a flag of another type", nil, []string{"demo", "--orders", "many"}, misuse},
	{"an argument that none takes", nil, []string{"sync", "orders"}, misuse},
	{"too many arguments", nil, []string{"runs", "a", "b"}, misuse},
	{"too few arguments", nil, []string{"runs", "cancel"}, misuse},
	{"a time that is none", nil, []string{"sync", "--since", "yesterday"}, misuse},
	{"a run that is no id", nil, []string{"runs", "latest"}, misuse},
	{"a run to cancel that is no id", nil, []string{"runs", "cancel", "latest"}, misuse},
	{"no runs at all", nil, []string{"runs", "--limit", "0"}, misuse},
	{"a setting that isn't", []string{"MACRODATA_SHOPIFY_SHPO=x"}, []string{"config"}, misuse},
	{"a duration that is none", []string{"MACRODATA_SYNC_LAG=shpat_pasted"}, []string{"config"}, misuse},
	{"a secret given twice", []string{"MACRODATA_SHOPIFY_TOKEN=shpat_1", "MACRODATA_SHOPIFY_TOKEN_FILE=f"}, []string{"config"}, misuse},
	{"a secret's file that is missing", []string{"MACRODATA_SHOPIFY_TOKEN_FILE=/nowhere/token"}, []string{"config"}, misuse},
	{"a sync without a shop", nil, []string{"sync"}, misuse},
	{"a sync of what is no shop", []string{"MACRODATA_SHOPIFY_SHOP=https://brand.example"}, []string{"sync"}, misuse},
	{"a sync without a token", []string{"MACRODATA_SHOPIFY_SHOP=brand.myshopify.com"}, []string{"sync"}, misuse},
	{"a database that can't be parsed", []string{"MACRODATA_DATABASE_URL=postgres://me:hunter2@db:port/x"}, []string{"runs"}, misuse},
	{"dev with a shop of one's own", []string{"MACRODATA_SHOPIFY_SHOP=brand.myshopify.com"}, []string{"dev"}, misuse},
	{"a shop of fewer than no orders", nil, []string{"sandbox", "--orders", "-1"}, misuse},
	{"a shop of no orders", nil, []string{"demo", "--orders", "0"}, misuse},
	{"a shop of no orders to keep", nil, []string{"dev", "--orders", "0"}, misuse},
	{"a setting out of its range", []string{"MACRODATA_SYNC_CHUNK_ROWS=0"}, []string{"config"}, misuse},
	{"an unknown command below lake", nil, []string{"lake", "frobnicate"}, misuse},
	{"compaction of an unknown table", nil, []string{"lake", "compact", "--table", "sales"}, misuse},
	{"expiry of an unknown table", nil, []string{"lake", "expire", "--table", "sales"}, misuse},
	{"a replay of nothing", nil, []string{"replay"}, misuse},
	{"a replay of what is no id", nil, []string{"replay", "latest"}, misuse},
	{"no query", nil, []string{"lake", "query"}, misuse},
	{"an unknown query", nil, []string{"lake", "query", "frobnicate"}, misuse},
	{"a query as SQL", nil, []string{"lake", "query", "SELECT", "1"}, misuse},
	{"a query without its values", nil, []string{"lake", "query", "sales_totals", "--arg", "since=2026-03-01"}, misuse},
	{"a query with a value that it doesn't take", nil, []string{"lake", "query", "sales_totals", "--arg", "month=2026-03"}, misuse},
	{"a query with a value twice", nil, []string{"lake", "query", "sales_totals", "--arg", "since=2026-03-01", "--arg", "since=2026-03-02"}, misuse},
	{"a query with a value of another type", nil, []string{"lake", "query", "sales_totals", "--arg", "since=March"}, misuse},
	{"a query with half a value", nil, []string{"lake", "query", "sales_totals", "--arg", "since"}, misuse},
	{"a query without its table", nil, []string{"lake", "query", "table_rows"}, misuse},
	{"a query of an unknown table", nil, []string{"lake", "query", "table_rows", "--table", "sales"}, misuse},
	{"a query with a table that it doesn't take", nil, []string{"lake", "query", "sales_totals", "--table", "measurement.sales"}, misuse},
	{"a catalog without a warehouse", []string{"MACRODATA_CATALOG_URL=https://catalog.example"}, []string{"lake", "status"}, misuse},
	{"a warehouse that is none", []string{"MACRODATA_WAREHOUSE=warehouse"}, []string{"lake", "status"}, misuse},
	{"a file that is missing", nil, []string{"sandbox", "--from", "missing.csv"}, failed},
}

func TestNonsenseGetsAClearError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var all strings.Builder
	for _, test := range nonsense {
		got := run(append([]string{"MACRODATA_DATA_DIR=" + dir}, test.environ...), test.args...)
		if got.code != test.code {
			t.Errorf("%s: exit code %d, want %d", test.name, got.code, test.code)
		}
		if got.stdout != "" {
			t.Errorf("%s: standard output has %q", test.name, got.stdout)
		}
		for _, value := range []string{"shpat_1", "shpat_pasted", "hunter2"} {
			if strings.Contains(got.stderr, value) {
				t.Errorf("%s: the error repeats the value: %s", test.name, got.stderr)
			}
		}
		all.WriteString("# " + test.name + "\n$ " + strings.Join(append([]string{"macrodata"}, test.args...), " ") + "\n" + got.stderr + "\n")
	}
	golden(t, "nonsense", all.String())
	if _, err := os.Stat(dir); err == nil {
		t.Error("a database was started for nonsense")
	}
}

func TestHelpIsNoError(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"without a command": {},
		"help":              {"help"},
		"--help":            {"--help"},
		"of a command":      {"sync", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := run(nil, args...).want(t, done); !strings.Contains(got.stdout, "Usage:") || got.stderr != "" {
				t.Errorf("help went wrong: %+v", got)
			}
		})
	}
}
