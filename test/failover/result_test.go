package failover

import (
	"fmt"
	"slices"
	"testing"
)

// result is what a sync stores, table by table, as sorted rows without what
// differs between any two syncs.
type result map[string][]string

// stored are expressions for the rows of the tables that a sync fills.
var stored = map[string]string{
	"order_header": whole, "order_line_item": whole, "order_refund_line": whole, "order_fulfillment": whole,
	"product": whole, "fulfillment_daily_summary": whole, "summary_hour": whole, "ingest_gap": whole,
	"rejected_record": whole, "watermark": whole, "performance_metric": whole, "performance_day": whole,
	"shop":                     "domain || name || currency || time_zone",
	"product_tag":              "name || coalesce(category, '')",
	"link_product_product_tag": "product_id || (SELECT name FROM product_tag g WHERE g.tag_id = t.tag_id)",
}

// whole is a row without the columns that differ between runs.
const whole = `(to_jsonb(t) - '{run_id,first_seen_at,last_seen_at,first_stored_at,moved_at,refunds_read_at,filled_by,resolved_run_id,metric_id,recorded_at,recorded_by,computed_at}'::text[])::text`

func (l *stage) result(t *testing.T) result {
	t.Helper()
	r := result{}
	for table, row := range stored {
		r[table] = l.texts(t, fmt.Sprintf("SELECT %s FROM %s t ORDER BY 1", row, table))
	}
	return r
}

// check holds what a lab has come to against an undisturbed sync, once all runs
// have ended, of which the sandbox was asked for so many. It needs a process
// that lives, for the lakehouse takes over what waits for it.
func (l *stage) check(t *testing.T, want result, runs int) {
	t.Helper()
	lost, doubled := l.Check(t)
	l.lost, l.doubled = l.lost+lost, l.doubled+doubled
	got := l.result(t)
	for table, rows := range want {
		if !slices.Equal(got[table], rows) {
			t.Errorf("%s has %d rows, which are not the %d of an undisturbed sync", table, len(got[table]), len(rows))
		}
	}
	for stream, n := range l.Server.Stats().Bulk {
		if n != runs {
			t.Errorf("%d bulk operations of %s were started in %d runs", n, stream, runs)
		}
	}
}

// finished are the finished steps of a run as they were recorded.
func (l *stage) finished(t *testing.T, run string) []string {
	t.Helper()
	return l.texts(t, `SELECT to_jsonb(s)::text FROM step_done s WHERE run_id = $1 AND finished_at IS NOT NULL ORDER BY seq`, run)
}

// checkKept finds the records of finished steps as they were: none of them was
// run again.
func (l *stage) checkKept(t *testing.T, run string, before []string) {
	t.Helper()
	after := l.finished(t, run)
	if len(before) == 0 || len(after) <= len(before) || !slices.Equal(after[:len(before)], before) {
		t.Errorf("of %d steps that were finished, not all are as they were among the %d there are", len(before), len(after))
	}
}

// versions are the versions of all rows that runs write, by table. What
// telemetry tells of runs is left out: there is news of them also where nothing
// is written any more. So is xmax, which a transaction that was refused leaves.
func (l *stage) versions(t *testing.T) (list []string) {
	t.Helper()
	for _, table := range append(keys(stored), "ingest_run", "step_done", "watermark_history", "outbox_stream WHERE stream = 'measurement.sales'") {
		sql := `SELECT coalesce(string_agg(concat(ctid, xmin), ' ' ORDER BY ctid), '') FROM ` + table
		list = append(list, table+" "+l.texts(t, sql)[0])
	}
	return list
}

func keys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
