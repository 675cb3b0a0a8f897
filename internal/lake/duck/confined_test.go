package duck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake/duck"
)

// TestQueriesAreConfined runs what a query must never do, as if somebody had
// put it among the named ones.
func TestQueriesAreConfined(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.add(t, sale(1, 0))
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.csv")
	if err := os.WriteFile(secret, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(l.folder, "x")
	cases := map[string]string{
		"reads a file elsewhere":             "SELECT * FROM read_text('" + secret + "')",
		"reads a file elsewhere by its name": "SELECT * FROM '" + secret + "'",
		"climbs out of the warehouse":        "SELECT * FROM read_text('" + l.folder + "/../" + filepath.Base(outside) + "/secret.csv')",
		"lists a folder elsewhere":           "SELECT * FROM glob('" + outside + "/*')",
		"reads the process's environment":    "SELECT * FROM read_text('/proc/self/environ')",
		"reads an object of a bucket":        "SELECT * FROM read_parquet('s3://bucket/key')",
		"reads a page":                       "SELECT * FROM read_csv('http://127.0.0.1:1/x')",
		"writes a file into the warehouse":   "COPY (SELECT 1) TO '" + inside + ".parquet'",
		"writes a file elsewhere":            "COPY (SELECT 1) TO '" + outside + "/x.parquet'",
		"makes a database in the warehouse":  "ATTACH '" + inside + ".db' AS x",
		"exports all":                        "EXPORT DATABASE '" + inside + "'",
		"installs an extension":              "INSTALL httpfs",
		"loads an extension":                 "LOAD httpfs",
		"raises the memory limit":            "SET memory_limit = '100GB'",
		"opens other folders":                "SET allowed_directories = ['/']",
		"allows external access":             "SET enable_external_access = true",
		"unlocks the settings":               "RESET lock_configuration",
		"sets by a pragma":                   "PRAGMA threads = 64",
		"makes a table":                      "CREATE TABLE t AS SELECT 1",
		"hides a statement before a SELECT":  "COPY (SELECT 1) TO '" + inside + ".csv'; SELECT 1",
		"hides a statement behind a SELECT":  "SELECT 1; COPY (SELECT 1) TO '" + inside + ".csv'",
		"runs a prepared statement":          "PREPARE p AS SELECT 1",
		"runs a COPY within a SELECT":        "SELECT * FROM query('COPY (SELECT 1) TO ''" + inside + ".csv''')",
	}
	var changes []func(*duck.Config)
	names := map[string]string{}
	for what, text := range cases {
		names[what] = strings.ReplaceAll(what, " ", "_")
		changes = append(changes, with(names[what], "-- reads: measurement.sales\n"+text))
	}
	d := l.engine(t, append(changes, with("allowed", "-- reads: measurement.sales\nSELECT count(*) FROM sales"))...)
	before := append(tree(t, l.folder), tree(t, outside)...)
	for what := range cases {
		if got, err := d.Table(t.Context(), duck.Request{Name: names[what]}); err == nil {
			t.Errorf("a query %s and gets %v", what, got.Rows)
		}
	}
	if diff := gocmp.Diff(before, append(tree(t, l.folder), tree(t, outside)...)); diff != "" {
		t.Errorf("files were changed (-before +after):\n%s", diff)
	}
	if got, err := d.Table(t.Context(), duck.Request{Name: "allowed"}); err != nil || got.Rows[0][0] != int64(1) {
		t.Errorf("the engine answers %v, %v afterwards", got.Rows, err)
	}
}
