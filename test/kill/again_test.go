package kill

import (
	"flag"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

var (
	orders = flag.Int("kill.orders", 3000, "orders of the shop whose one sync is killed again and again")
	times  = flag.Int("kill.times", 10, "how often it is killed")
)

// TestOneSyncIsKilledAgainAndAgain kills each program that goes on with a sync,
// at a random moment, until the sync has ended all the same.
func TestOneSyncIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	shop, err := shops.Generate(shops.Options{Seed: 7, Orders: *orders, Products: *orders / 10})
	if err != nil {
		t.Fatal(err)
	}
	w := world{binary: built(t), shop: shop, clock: shop.Anchor, args: []string{"sync", "--full", "--json"}}
	calm := w.lab(t, 0)
	begun := time.Now()
	calm.finish(t)
	took := time.Since(begun)
	want := calm.toil(t)
	t.Logf("undisturbed, %d orders in %s: %+v", *orders, took.Round(time.Millisecond), want)

	l := w.lab(t, 0)
	luck := luck(t)
	done := map[string]string{}
	var recovery []time.Duration
	killed := 0
	for ; killed < *times && l.provedRuns(t) == 0; killed++ {
		p := l.start(t)
		recovery = append(recovery, l.resumes(t, p))
		// So that what is left to do is done in the lives that are left.
		left := time.Duration(float64(took) * max(0.01, 1-float64(len(done))/float64(want.Steps)))
		life := time.Duration(luck.Int64N(int64(2*left) / int64(*times-killed)))
		kill := time.AfterFunc(life, func() { p.Process.Kill() }) //nolint:errcheck // it may have ended
		ended := p.wait()
		kill.Stop()
		if ended != syscall.SIGKILL {
			t.Fatalf("the sync ended after %d kills with %v: %s", killed, p.ProcessState, p.stderr.String())
		}
		done = l.kept(t, done)
	}
	proved := l.provedRuns(t)
	if !l.cutAtTheEnd(t) {
		l.finish(t)
	}
	l.kept(t, done)
	lakehouse := l.checkLakehouse(t, false)
	runs := l.checkRuns(t, proved)
	if runs == 1 {
		l.compareAll(t, calm, want, killed)
	}
	lost, doubled := l.store(lakehouse).Check(t)
	proof.Note(t, proof.Story{
		Family: 1, Name: fmt.Sprintf("one sync of %d orders, killed at random moments", *orders),
		Faults: killed, Runs: runs, Lost: lost, Doubled: doubled, Recovery: recovery[1:],
	})
}

// resumes waits until a program works on a run, and returns how long that took.
func (l *lab) resumes(t *testing.T, p *program) time.Duration {
	t.Helper()
	begun := time.Now()
	for {
		select {
		case <-p.ended:
			return time.Since(begun)
		case <-time.After(5 * time.Millisecond):
		}
		// The first program makes the tables.
		if l.number(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'dbos' AND tablename = 'workflow_status'`) > 0 &&
			l.number(t, fmt.Sprintf(`SELECT count(*) FROM dbos.workflow_status JOIN executor_lease USING (executor_id)
				WHERE pid = %d AND status = 'PENDING'`, p.Process.Pid)) > 0 {
			return time.Since(begun)
		}
	}
}

// kept finds the steps that were finished before as they were, and returns all
// that are finished now.
func (l *lab) kept(t *testing.T, before map[string]string) map[string]string {
	t.Helper()
	now := l.doneSteps(t)
	for step, record := range before {
		if now[step] != record {
			t.Errorf("a finished step was run again:\n was %s\n now %s", record, now[step])
		}
	}
	return now
}

// toil is what a sync cost.
type toil struct {
	Steps    int   // that are finished
	Attempts int   // at them
	Rows     int   // inserted, changed or deleted, also in vain
	Requests int   // but for pages by id
	Pages    int   // requests for pages by id, some of them ahead of their step
	Bytes    int64 // downloaded
	Bulk     map[string]int
}

func (l *lab) toil(t *testing.T) toil {
	t.Helper()
	work := l.server.Stats()
	requests, pages := asked(work), 0
	for _, what := range readAhead {
		pages += requests[what]
		delete(requests, what)
	}
	return toil{
		Steps:    l.number(t, `SELECT count(*) FROM step_done`),
		Attempts: l.number(t, `SELECT sum(attempts) FROM step_done`),
		Rows: l.number(t, `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
			WHERE relname LIKE 'order_%' OR relname LIKE '%product%'`),
		Requests: sum(requests), Pages: pages, Bytes: work.DownloadedBytes, Bulk: work.Bulk,
	}
}

// lostAhead is how many requests for pages by id a kill may lose: four pages of
// 50 ids, in requests of four ids and more.
const lostAhead = 4 * 50 / 4

// compareAll holds what a sync left and cost after so many kills against an
// undisturbed one.
func (l *lab) compareAll(t *testing.T, calm *lab, want toil, kills int) {
	t.Helper()
	got := l.toil(t)
	t.Logf("killed: %+v", got)
	for what, n := range map[string][2]int{
		"rows written": {got.Rows, want.Rows}, "requests": {got.Requests, want.Requests},
		"bytes downloaded": {int(got.Bytes), int(want.Bytes)}, "attempts at steps": {got.Attempts, want.Attempts},
	} {
		if n[0] >= 2*n[1] || n[1] == 0 {
			t.Errorf("%d %s, undisturbed are %d", n[0], what, n[1])
		}
	}
	if got.Pages > want.Pages+kills*lostAhead {
		t.Errorf("%d pages by id were asked for, undisturbed are %d", got.Pages, want.Pages)
	}
	for stream, n := range got.Bulk {
		if n != 1 {
			t.Errorf("%d bulk operations of %s were started", n, stream)
		}
	}
	for table, print := range calm.prints(t) {
		if p := l.prints(t)[table]; p != print {
			t.Errorf("%s is %s, undisturbed it is %s", table, p, print)
		}
	}
	if files, wanted := l.files(t), calm.files(t); !slices.Equal(files, wanted) {
		t.Errorf("the archive holds %d files, undisturbed %d", len(files), len(wanted))
	}
}

// prints are fingerprints of the tables that a sync fills.
func (l *lab) prints(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range []string{"order_header", "order_line_item", "order_refund_line", "order_fulfillment", "product", "watermark", "rejected_record", "ingest_gap"} {
		all[table] = l.texts(t, fmt.Sprintf(
			`SELECT count(*) || ' rows ' || coalesce(sum(hashtextextended((to_jsonb(t) - '%s'::text[])::text, 0)), 0) FROM %s t`, perRun, table))[0]
	}
	return all
}

// lag is what a sync leaves out before the shop's clock.
const lag = 5 * time.Minute

// store is what is checked at the end of each story.
func (l *lab) store(lakehouse []string) proof.Store {
	now := l.clock()
	return proof.Store{DB: l.db, Shop: l.shop, Now: now, Until: now.Add(-lag), Lakehouse: lakehouse}
}
