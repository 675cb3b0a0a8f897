package bench

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// answerLimit is what a question of metrics may take, as p95.
const answerLimit = 200 * time.Millisecond

var (
	//go:embed sql/metrics.sql
	metricsSQL string
	//go:embed sql/metrics_duckdb.sql
	metricsDuckDB string
)

// metricsQuestion is asked of both sides. Each answers with a list of texts.
type metricsQuestion struct {
	name         string
	method, path string
	body         any
	read         func(*metricsAnswer) []string
	duck         string
}

// metricsAnswer is what the program answers, whatever the question.
type metricsAnswer struct {
	page    []string
	tiers   []int64
	preview struct {
		Preview struct{ Tiers []struct{ Primary int64 } }
	}
}

func metricsQuestions() []metricsQuestion {
	const root = "/api/performance-metrics"
	ofPage := func(a *metricsAnswer) []string { return a.page }
	counts := func(list []int64) (texts []string) {
		for _, n := range list {
			texts = append(texts, strconv.FormatInt(n, 10))
		}
		return texts
	}
	const byTier = `SELECT count(t.tier)::VARCHAR FROM (VALUES (1, 'top_riser'), (2, 'winner'), (3, 'archive_candidate'), (4, 'banana'), (5, 'none')) v(n, tier)
		LEFT JOIN tiers(%s) t USING (tier) GROUP BY v.n ORDER BY v.n`
	return []metricsQuestion{
		{
			"list", http.MethodGet, root + "?limit=100&sort=-netSalesTotal", nil, ofPage,
			"SELECT product_id::VARCHAR FROM metric ORDER BY net_sales_total DESC, product_id LIMIT 100",
		},
		{
			"filter", http.MethodGet, root + "?limit=100&sort=-unitsLast30Days&tier=winner&q=bloom&tag=" + url.QueryEscape("Tag 1"), nil, ofPage,
			"SELECT product_id::VARCHAR FROM tiers(10, 15, 20, 25) JOIN link USING (product_id) WHERE winner AND title ILIKE '%bloom%' AND tag = 'Tag 1' " +
				"ORDER BY units_last_30_days DESC, product_id LIMIT 100",
		},
		{
			"summary", http.MethodGet, root + "/stats/summary", nil, func(a *metricsAnswer) []string { return counts(a.tiers) },
			fmt.Sprintf(byTier, "10, 15, 20, 25"),
		},
		{
			"preview", http.MethodPut, root + "/settings/classification?preview=true",
			map[string]any{"measure": "units", "topRiser7Day": 3, "topRiser14Day": 5, "winner30Day": 4, "bananaCount": 100},
			func(a *metricsAnswer) (texts []string) {
				for _, t := range a.preview.Preview.Tiers {
					texts = append(texts, strconv.FormatInt(t.Primary, 10))
				}
				return texts
			},
			fmt.Sprintf(byTier, "3, 5, 4, 100"),
		},
	}
}

// ask has the program answer.
func (q *metricsQuestion) ask(ctx context.Context, d *door) (texts []string, took time.Duration, err error) {
	var a metricsAnswer
	switch q.name {
	case "summary":
		var s struct{ Tiers []struct{ Primary int64 } }
		took, err = d.ask(ctx, q.method, q.path, q.body, &s)
		for _, t := range s.Tiers {
			a.tiers = append(a.tiers, t.Primary)
		}
	case "preview":
		took, err = d.ask(ctx, q.method, q.path, q.body, &a.preview)
	default:
		var list []struct{ ProductID string }
		took, err = d.ask(ctx, q.method, q.path, q.body, &list)
		for _, p := range list {
			a.page = append(a.page, p.ProductID)
		}
	}
	return q.read(&a), took, err
}

// askDuckDB answers the same from DuckDB.
func (q *metricsQuestion) askDuckDB(ctx context.Context, db *sql.DB) (texts []string, took time.Duration, err error) {
	began := time.Now()
	found, err := db.QueryContext(ctx, q.duck)
	if err != nil {
		return nil, 0, err
	}
	defer found.Close() //nolint:errcheck // Err tells
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			return nil, 0, err
		}
		texts = append(texts, text)
	}
	return texts, time.Since(began), found.Err()
}

// runMetrics asks the program and DuckDB for a page of metrics, one by filters,
// the summary and a preview of thresholds, and the program for a page after a
// metric changed. The goal is a limit of time.
func runMetrics(ctx context.Context, b *bench) (Result, error) {
	products := min(b.orders, 100_000)
	s, err := b.newServer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	if _, err := s.psql(ctx, fmt.Sprintf(metricsSQL, products)); err != nil {
		return Result{}, err
	}
	duck, err := s.openMetrics(ctx)
	if err != nil {
		return Result{}, err
	}
	defer duck.Close() //nolint:errcheck // it only reads
	d, err := b.openDoor(ctx, s, "MACRODATA_WAREHOUSE=file://"+filepath.Join(s.dir, "warehouse"))
	if err != nil {
		return Result{}, err
	}
	defer d.close() //nolint:errcheck // what counts is read
	cpu, asks := processCPU(d.cmd.Process.Pid), map[Size]int{tiny: 3}[b.Size]
	if asks == 0 {
		asks = 100
	}
	var worst time.Duration
	var all times
	r := Result{Goal: 1, Against: fmt.Sprintf("%s as p95 of the slowest question, of %d products; DuckDB, in its own table:", millis(answerLimit), products)}
	for _, q := range metricsQuestions() {
		ours, theirs, err := q.both(ctx, d, duck, asks)
		if err != nil {
			return r, fmt.Errorf("%s: %w", q.name, err)
		}
		b.Say(fmt.Sprintf("  %s: ours %s; DuckDB %s", q.name, ours, theirs))
		worst, all = max(worst, ours.at(0.95)), append(all, ours...)
		r.Against += fmt.Sprintf(" %s p50 %s (ours %s),", q.name, millis(theirs.at(0.5)), millis(ours.at(0.5)))
	}
	changed, err := changedMetrics(ctx, d, min(asks, 20))
	if err != nil {
		return r, err
	}
	b.Say(fmt.Sprintf("  list after a change: %s", changed))
	r.Against += fmt.Sprintf(" list after a change ours %s", changed)
	r.Ratio = worst.Seconds() / answerLimit.Seconds()
	r.WallSeconds, r.PeakBytes = all.at(0.5).Seconds(), memory(d.cmd.Process.Pid, "VmHWM")
	r.CPUSeconds = (processCPU(d.cmd.Process.Pid) - cpu).Seconds() / float64(len(all)+len(changed))
	r.check("p95 after a change", changed.at(0.95).Seconds()*1e3, float64(answerLimit.Milliseconds()), "ms")
	return r, nil
}

// both asks both sides in turn, and compares what they answer.
func (q *metricsQuestion) both(ctx context.Context, d *door, duck *sql.DB, n int) (ours, theirs times, err error) {
	for range n {
		got, took, err := q.ask(ctx, d)
		if err != nil {
			return nil, nil, err
		}
		want, tookThem, err := q.askDuckDB(ctx, duck)
		if err != nil {
			return nil, nil, err
		}
		if !slices.Equal(got, want) || len(want) == 0 {
			return nil, nil, fmt.Errorf("ours is %q, and DuckDB's %q: %w", got, want, errs.Corrupt)
		}
		ours, theirs = append(ours, took), append(theirs, tookThem)
	}
	return ours, theirs, nil
}

// changedMetrics records a metric by hand and asks for the list, so many times.
func changedMetrics(ctx context.Context, d *door, n int) (t times, err error) {
	for i := range n {
		id := strconv.Itoa(8_000_000_000_000 + i*32_768)
		metric := map[string]any{"productId": id, "units": map[string]any{"total": 1_000_000 + i}}
		if _, err := d.ask(ctx, http.MethodPost, "/api/performance-metrics", metric, nil); err != nil {
			return nil, err
		}
		var list []struct{ ProductID string }
		took, err := d.ask(ctx, http.MethodGet, "/api/performance-metrics?limit=1&sort=-unitsTotal", nil, &list)
		if err != nil {
			return nil, err
		}
		if len(list) != 1 || list[0].ProductID != id {
			return nil, fmt.Errorf("a metric of product %s isn't read back: %w", id, errs.Corrupt)
		}
		t = append(t, took)
	}
	return t, nil
}

// openMetrics opens DuckDB on the same metrics in tables of its own.
func (s *server) openMetrics(ctx context.Context) (*sql.DB, error) {
	metrics, links := filepath.Join(s.dir, "metrics.csv"), filepath.Join(s.dir, "links.csv")
	_, err := s.psql(ctx, `\copy (SELECT p.title, p.product_line, (p.published_at AT TIME ZONE 'America/New_York')::date AS published_day, p.status = 'ACTIVE' AS active, m.* `+
		`FROM product p JOIN performance_metric m USING (product_id)) TO '`+metrics+`' (FORMAT csv, HEADER)`+"\n"+
		`\copy (SELECT t.name AS tag, l.product_id FROM product_tag t JOIN link_product_product_tag l USING (tag_id)) TO '`+links+`' (FORMAT csv, HEADER)`)
	if err != nil {
		return nil, err
	}
	db, err := openDuckDB("")
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"CREATE TABLE metric AS SELECT * REPLACE (active = 't' AS active) FROM read_csv('" + metrics + "')",
		"CREATE TABLE link AS SELECT * FROM read_csv('" + links + "')",
		metricsDuckDB,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}
