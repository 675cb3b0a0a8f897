package kill

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// result is what a sync leaves behind, without what differs between any two.
type result struct {
	tables map[string][]string // rows, sorted
	files  []string            // of the archive: name without run, and length
	steps  []string            // in order, without looks at operations
	run    string              // how the first run ended
	work   shopify.Stats
	took   time.Duration
}

// perRun are columns that differ between runs that store the same.
const perRun = `{run_id,first_seen_at,last_seen_at,first_stored_at,moved_at,refunds_read_at,filled_by,resolved_run_id,metric_id,recorded_at,recorded_by,computed_at}`

// engineTable says that a table holds how a run was executed, not what it
// stored.
func engineTable(name string) bool {
	switch name {
	case "step_done", "executor_lease", "lease", "ingest_run",
		"outbox_stream",     // what came of a stream is in the lakehouse
		"performance_state": // counts how often metrics were looked at
		return true
	}
	return strings.HasPrefix(name, "goose_")
}

func (l *lab) result(t *testing.T) result {
	t.Helper()
	r := result{tables: map[string][]string{}, files: l.files(t), work: l.server.Stats()}
	for _, table := range l.texts(t, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'`) {
		if engineTable(table) {
			continue
		}
		row := fmt.Sprintf("(to_jsonb(t) - '%s'::text[])::text", perRun)
		from := fmt.Sprintf("%q t", table)
		switch table {
		case "shop":
			row = "shop_id || domain || name || currency || time_zone"
		case "setting":
			row = "name || version || value"
		case "product_tag": // a chunk that was rolled back used up numbers
			row = "name || coalesce(category, '')"
		case "link_product_product_tag":
			row, from = "t.product_id || ' ' || g.name", from+" JOIN product_tag g USING (tag_id)"
		}
		r.tables[table] = l.texts(t, "SELECT "+row+" FROM "+from+" ORDER BY 1")
	}
	r.steps = l.texts(t, `SELECT step FROM step_done WHERE run_id = `+l.ours()+` ORDER BY seq`)
	r.steps = slices.DeleteFunc(r.steps, looking.MatchString)
	runs := l.texts(t, `SELECT (to_jsonb(r) - '{run_id,created_at,started_at,heartbeat_at,finished_at,step,done,total,unit}'::text[])::text
		FROM ingest_run r WHERE run_id::text = `+l.ours())
	if len(runs) == 1 {
		r.run = runs[0]
	}
	return r
}

// ours is an expression for the run that is killed and goes on. Ids of runs
// ascend with time.
func (l *lab) ours() string {
	return fmt.Sprintf(`(SELECT DISTINCT run_id FROM step_done ORDER BY 1 OFFSET %d LIMIT 1)`, l.earlier)
}

// looking matches the steps whose number depends on the time that Shopify takes.
var looking = regexp.MustCompile(`^(poll|pause)-`)

// files lists the archive.
func (l *lab) files(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(l.archive, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		// What a killed process had written of an object is no object.
		if strings.HasSuffix(d.Name(), ".tmp") {
			return nil
		}
		info, err := d.Info()
		files = append(files, fmt.Sprint(d.Name(), " ", info.Size()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// compare reports where r is not what an undisturbed sync leaves behind. Where
// the kill came after the last step, the next start may have begun another run.
func (r result) compare(t *testing.T, want result, runs int) {
	t.Helper()
	for table, rows := range want.tables {
		got := r.tables[table]
		if strings.HasPrefix(table, "watermark") && runs > 1 {
			continue
		}
		if i := firstDifference(got, rows); i >= 0 {
			t.Errorf("%s has %d rows and should have %d; the first that differs:\n got %s\nwant %s",
				table, len(got), len(rows), at(got, i), at(rows, i))
		}
	}
	for _, working := range []string{"ingest_root", "ingest_day", "ingest_sweep", "ingest_told", "ingest_product", "outbox"} {
		if rows, known := r.tables[working]; !known || len(rows) > 0 {
			t.Errorf("the working table %s holds %d rows", working, len(rows))
		}
	}
	if r.run != want.run {
		t.Errorf("the run ended as\n     %s\nwant %s", r.run, want.run)
	}
	if runs == 1 && !slices.Equal(r.files, want.files) {
		t.Errorf("the archive holds\n     %q\nwant %q", r.files, want.files)
	}
	if !slices.Equal(r.steps, want.steps) {
		t.Errorf("the run had the steps\n     %q\nwant %q", r.steps, want.steps)
	}
	for _, stream := range slices.Collect(maps.Keys(want.work.Bulk)) {
		if r.work.Bulk[stream] != runs {
			t.Errorf("%d bulk operations of %s were started in %d runs", r.work.Bulk[stream], stream, runs)
		}
	}
}

// readAhead are the requests for pages by id. Some pages are asked for before
// the step that stores them begins, and these a killed process loses.
var readAhead = []string{"OrdersByID", "OrderLinesPage", "OrderRefunds", "RefundLinesPage", "ProductsByID"}

// compareWork reports what was asked of Shopify beyond what an undisturbed sync
// asks: nothing but pages ahead where the kill was between two steps; else less
// than all again.
func (r result) compareWork(t *testing.T, want result, between bool) {
	t.Helper()
	ours, theirs := asked(r.work), asked(want.work)
	for _, what := range slices.Sorted(maps.Keys(theirs)) {
		if between && ours[what] != theirs[what] && !slices.Contains(readAhead, what) {
			t.Errorf("Shopify was asked for %s %d times, want %d", what, ours[what], theirs[what])
		}
	}
	for what, n := range map[string][2]int{
		"requests":         {sum(ours), sum(theirs)},
		"bytes downloaded": {int(r.work.DownloadedBytes), int(want.work.DownloadedBytes)},
	} {
		if n[0] >= 2*n[1] {
			t.Errorf("%d %s, undisturbed are %d", n[0], what, n[1])
		}
	}
}

// asked counts requests and downloads, without the looks at operations, whose
// number is a matter of time, and what each process asks once: its scopes.
func asked(work shopify.Stats) map[string]int {
	counts := maps.Clone(work.Requests)
	delete(counts, "BulkPoll")
	delete(counts, "Preflight")
	counts["downloads"] = work.Downloads
	return counts
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return i
		}
	}
	return -1
}

func at(rows []string, i int) string {
	if i >= len(rows) {
		return "no row"
	}
	return rows[i]
}

// doneSteps are the finished steps of all runs as they were recorded.
func (l *lab) doneSteps(t *testing.T) map[string]string {
	t.Helper()
	steps := map[string]string{}
	for _, text := range l.texts(t, `SELECT to_jsonb(s)::text FROM step_done s WHERE finished_at IS NOT NULL`) {
		var s struct {
			Run  string `json:"run_id"`
			Step string `json:"step"`
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		steps[s.Run+" "+s.Step] = text
	}
	return steps
}

// number reads one number.
func (l *lab) number(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := l.db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (l *lab) texts(t *testing.T, sql string) (list []string) {
	t.Helper()
	rows, err := l.db.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
