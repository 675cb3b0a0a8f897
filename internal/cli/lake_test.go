package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const (
	taggedRun   = "0198c0de-0000-7000-8000-000000000001"
	untaggedRun = "0198c0de-0000-7000-8000-000000000002"
)

// lakeSettings are those of a lakehouse of its own.
func lakeSettings(t *testing.T) (environ []string, dir string) {
	t.Helper()
	dir = t.TempDir()
	return []string{"MACRODATA_DATABASE_URL=" + pgtest.URL(t), "MACRODATA_DATA_DIR=" + dir}, dir
}

// lakehouse opens what settings name, for the test to fill.
func lakehouse(t *testing.T, environ []string, fill func(*app.Platform, *app.Lakehouse) error) {
	t.Helper()
	c, err := app.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.OpenPlatform(t.Context(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.OpenLakehouse(t.Context())
	if err == nil {
		err = closeAfter(fill(p, h), h.Close)
	}
	if err = closeAfter(err, p.Close); err != nil {
		t.Fatal(err)
	}
}

// tell brings versions of a line of 10.00 into the lakehouse, one a commit.
func tell(ctx context.Context, p *app.Platform, h *app.Lakehouse, line, versions int) error {
	for v := range versions {
		seq, err := wait(ctx, p, line, v)
		if err == nil {
			err = h.Lake.Drain(ctx, rows.TableSales, seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wait leaves a version of a line waiting in the outbox.
func wait(ctx context.Context, p *app.Platform, line, version int) (seq int64, err error) {
	b := rows.NewSales()
	b.Add(rows.Sale{
		LineItemID: shop.ID(line), OrderID: shop.ID(line), SKU: "sku", Quantity: version + 1,
		GrossSales: shop.Amount(100_000 * (version + 1)), NetSales: shop.Amount(100_000 * (version + 1)), Currency: "USD",
		// An hour before midnight in New York.
		OccurredAt:     time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC).AddDate(0, 0, line),
		OrderUpdatedAt: time.Date(2026, 4, 1, version, 0, 0, 0, time.UTC),
		RunID:          taggedRun,
	})
	body, err := b.Body()
	if err != nil {
		return 0, err
	}
	err = p.DB.InTx(ctx, func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableSales, 1, body)
		return err
	})
	return seq, err
}

var changing = regexp.MustCompile(`\d{15,}|"bytes":[1-9]\d*|"waiting(Seconds|Bytes)":[\d.e-]+|20\d\d-\d\d-\d\dT[\d:.]*Z|` +
	`\d+(\.\d+)? (B|KiB)\b|for [\d.]+m?s\b|after [\d.]+m?s\b`)

// masked hides what differs from run to run, and from machine to machine.
func masked(s, dir string) string {
	s = regexp.MustCompile(` {2,}`).ReplaceAllString(strings.ReplaceAll(s, dir, "DIR"), "  ")
	return changing.ReplaceAllStringFunc(s, func(found string) string {
		if name, _, ok := strings.Cut(found, ":"); ok && strings.HasPrefix(name, `"`) {
			return name + ":N"
		}
		return "N"
	})
}

func TestLake(t *testing.T) {
	t.Parallel()
	environ, dir := lakeSettings(t)
	ctx := t.Context()
	lakehouse(t, environ, func(p *app.Platform, h *app.Lakehouse) error {
		_, err := p.DB.Exec(ctx, `INSERT INTO shop (shop_id, domain, name, currency, time_zone)
			VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York')`)
		if err == nil {
			err = tell(ctx, p, h, 1, 8)
		}
		if err == nil {
			err = h.Lake.Tag(ctx, taggedRun)
		}
		if err == nil {
			err = tell(ctx, p, h, 2, 1)
		}
		if err == nil {
			_, err = wait(ctx, p, 3, 0)
		}
		return err
	})
	folders, err := filepath.Glob(filepath.Join(dir, "warehouse", "measurement.sales-*", "data"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("folders of sales: %q, %v", folders, err)
	}
	orphan := filepath.Join(folders[0], "of-a-dead-committer.parquet")
	old := time.Now().AddDate(0, 0, -4)
	if err := os.WriteFile(orphan, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(orphan, old, old); err != nil {
		t.Fatal(err)
	}
	march := []string{"--arg", "since=2026-03-01", "--arg", "until=2026-04-01"}
	for _, test := range []struct {
		golden string
		args   []string
	}{
		{"lake-status", []string{"lake", "status"}},
		{"lake-status-json", []string{"lake", "status", "--json"}},
		{"lake-list", []string{"lake", "query", "--list"}},
		{"lake-list-json", []string{"lake", "query", "--list", "--json"}},
		{"lake-days", append([]string{"lake", "query", "sales_by_day"}, march...)},
		{"lake-days-json", append([]string{"lake", "query", "sales_by_day", "--json"}, march...)},
		{"lake-proof", append([]string{"lake", "query", "sales_proof"}, march...)},
		{"lake-totals", append([]string{"lake", "query", "sales_totals"}, march...)},
		{"lake-totals-of-run", append([]string{"lake", "query", "sales_totals", "--as-of", taggedRun}, march...)},
		{"lake-totals-of-tag", append([]string{"lake", "query", "sales_totals", "--as-of", "run-" + taggedRun, "--json"}, march...)},
		{"lake-rows", []string{"lake", "query", "table_rows", "--table", "measurement.sales", "--json"}},
		{"lake-rows-none", []string{"lake", "query", "table_rows", "--table", "measurement.performance"}},
		{"lake-expire-dry", []string{"lake", "expire", "--dry-run"}},
		{"lake-compact", []string{"lake", "compact"}},
		{"lake-compact-json", []string{"lake", "compact", "--table", "measurement.performance", "--json"}},
		{"lake-rows-after", []string{"lake", "query", "table_rows", "--table", "measurement.sales"}},
		{"lake-expire", []string{"lake", "expire", "--table", "measurement.sales"}},
		{"lake-expire-json", []string{"lake", "expire", "--table", "measurement.sales", "--json"}},
	} {
		got := run(environ, test.args...).want(t, done)
		text := strings.ReplaceAll(got.stderr+got.stdout, filepath.Dir(folders[0]), "DIR/measurement.sales-ID")
		golden(t, test.golden, masked(text, dir))
	}
	if _, err := os.Stat(orphan); err == nil {
		t.Error("the file that no snapshot has is still there")
	}
}

func TestLakeRefuses(t *testing.T) {
	t.Parallel()
	environ, _ := lakeSettings(t)
	lakehouse(t, environ, func(p *app.Platform, h *app.Lakehouse) error { return tell(t.Context(), p, h, 1, 1) })
	march := []string{"--arg", "since=2026-03-01", "--arg", "until=2026-04-01"}
	var all strings.Builder
	for _, test := range []struct {
		name string
		args []string
		code int
	}{
		{"a run that left nothing", append([]string{"lake", "query", "sales_totals", "--as-of", untaggedRun}, march...), failed},
		{"a tag that isn't there", append([]string{"lake", "query", "sales_totals", "--as-of", "yesterday"}, march...), failed},
		{"a snapshot that isn't there", append([]string{"lake", "query", "sales_totals", "--as-of", "42"}, march...), failed},
		{"an end before the start", []string{"lake", "query", "sales_by_day", "--arg", "since=2026-04-01", "--arg", "until=2026-03-01"}, misuse},
		{"no time at all", []string{"lake", "query", "sales_totals", "--arg", "since=2026-04-01", "--arg", "until=2026-04-01T00:00:00Z"}, misuse},
		{"an end before the start without days", []string{"lake", "query", "sales_totals", "--arg", "since=2026-04-01", "--arg", "until=2026-03-01"}, misuse},
		{"days of a thousand years", []string{"lake", "query", "sales_by_day", "--arg", "since=1026-04-01", "--arg", "until=2026-03-01"}, misuse},
	} {
		got := run(environ, test.args...)
		if got.code != test.code || got.stdout != "" {
			t.Errorf("%s: exit code %d, want %d; standard output has %q", test.name, got.code, test.code, got.stdout)
		}
		all.WriteString("# " + test.name + "\n" + got.stderr + "\n")
	}
	golden(t, "lake-refuses", all.String())
}

// Each question is one that the engine knows with just these values.
func TestQuestionsCanBeAnswered(t *testing.T) {
	t.Parallel()
	environ, _ := lakeSettings(t)
	for _, q := range questions() {
		args := []string{"lake", "query", q.Name}
		if q.Table {
			args = append(args, "--table", rows.TableSales)
		}
		for i, a := range q.Args {
			args = append(args, "--arg", a+"="+[]string{"2026-03-01", "2026-04-01"}[i])
		}
		run(environ, args...).want(t, done)
	}
}

func TestDaysOf(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	// The 8th has 23 hours. A day that is not whole counts from its beginning.
	since, until := time.Date(2026, 3, 7, 12, 0, 0, 0, zone), time.Date(2026, 3, 9, 0, 0, 1, 0, zone)
	got, err := daysOf(since, until, zone)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i].Format(time.RFC3339) != want[i] {
			t.Fatalf("the days begin at %v, want %v", got, want)
		}
	}
}
