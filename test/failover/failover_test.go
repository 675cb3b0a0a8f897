// Package failover proves that processes which share a database make one
// program: the built program is killed, frozen, replaced, and started five times
// at once, and each time a sync ends with what an undisturbed one leaves, in
// PostgreSQL and in the lakehouse, without running a finished step again.
package failover

import (
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/macrodata-dev/macrodata/internal/cli" // what is built belongs to what is tested
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/test/lab"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// inTheMiddle is a request that a sync makes when it has loaded the files and
// has much to do still.
const inTheMiddle = "OrderRefunds"

// takeover is how long a run may be without a process that works on it.
const takeover = 20 * time.Second

func TestFailover(t *testing.T) {
	w := world{lab.New(t, 300)}
	want := w.undisturbed(t)
	for name, story := range map[string]func(*testing.T, result){
		"a killed process's run is finished by another": w.killed,
		"a frozen process wakes and writes nothing":     w.frozen,
		"five processes start at once":                  w.five,
		"the leader of five is frozen and woken":        w.leader,
		"a process is replaced in mid-run":              w.replaced,
		"web processes and workers share the work":      w.roles,
		"a run that nobody works on is lost and found":  w.lost,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); story(t, want) })
	}
}

// undisturbed syncs with one process.
func (w world) undisturbed(t *testing.T) result {
	t.Helper()
	l := w.lab(t, pgtest.EmptyURL(t))
	p := l.Serve(t)
	p.Completes(t, p.Sync(t))
	r := l.result(t)
	l.check(t, r, 1)
	if len(r["order_header"]) == 0 || len(r["order_refund_line"]) == 0 || len(r["product"]) == 0 {
		t.Fatal("the shop has too little for a story")
	}
	p.Signal(t, syscall.SIGTERM)
	p.EndsWell(t)
	return r
}

// held starts a sync through a process, and returns once some process waits in
// the middle of it.
func (l *stage) held(t *testing.T, p *lab.Process) (run string) {
	t.Helper()
	reached := l.Front.Hold(inTheMiddle)
	run = p.Sync(t)
	l.reaches(t, reached)
	return run
}

func (l *stage) reaches(t *testing.T, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("in 30 s the sync did not come to its middle")
	}
}

// takenOver waits until a run executes in a process, and says how long that took.
func (l *stage) takenOver(t *testing.T, run string, by *lab.Process, since time.Time) (took time.Duration) {
	t.Helper()
	lab.Eventually(t, "another process has the run", func() bool { return l.worker(t, run) == by.Process.Pid })
	took = time.Since(since)
	t.Logf("another process took over after %.1f s", took.Seconds())
	if took > takeover {
		t.Errorf("it took %s, and may take %s", took, takeover)
	}
	return took
}

func (w world) killed(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	a, b := l.Begin(t), l.Begin(t)
	run := l.held(t, a.Ready(t))
	it, other := l.worksOn(t, run, a, b.Ready(t))
	before := l.finished(t, run)
	it.Signal(t, syscall.SIGKILL)
	killed := time.Now()
	took := l.takenOver(t, run, other, killed)
	other.Completes(t, run)
	l.checkKept(t, run, before)
	l.check(t, want, 1)
	l.note(t, 1, took)
}

func (w world) frozen(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	a, b := l.Begin(t), l.Begin(t)
	run := l.held(t, a.Ready(t))
	it, other := l.worksOn(t, run, a, b.Ready(t))
	before := l.finished(t, run)
	it.Signal(t, syscall.SIGSTOP)
	frozen := time.Now()
	took := l.takenOver(t, run, other, frozen)
	other.Completes(t, run)
	l.checkKept(t, run, before)
	l.check(t, want, 1)

	// It wakes up to the answer that it waited for.
	versions := l.versions(t)
	l.Front.LetGo()
	it.Signal(t, syscall.SIGCONT)
	lab.Eventually(t, "the woken process notices", func() bool {
		return strings.Contains(it.Log.String(), "taken over by another process")
	})
	lab.Eventually(t, "the woken process serves", it.IsReady)
	if status := it.Run(t, run).Status; status != "completed" {
		t.Errorf("the woken process says that the run is %s", status)
	}
	for i, v := range l.versions(t) {
		if v != versions[i] {
			table, _, _ := strings.Cut(v, " ")
			t.Errorf("the woken process wrote into %s", table)
		}
	}
	// And it goes on working.
	other.Signal(t, syscall.SIGTERM)
	other.EndsWell(t)
	again := it.Sync(t)
	it.Completes(t, again)
	l.check(t, without(want, "watermark"), 2)
	l.note(t, 1, took)
}

// without leaves a table out that another sync changes.
func without(r result, table string) result {
	rest := result{}
	for name, rows := range r {
		if name != table {
			rest[name] = rows
		}
	}
	return rest
}

func (w world) five(t *testing.T, want result) {
	l := w.lab(t, pgtest.EmptyURL(t))
	all := func(settings ...string) (list [5]*lab.Process) {
		for i := range list {
			list[i] = l.Begin(t, settings...)
		}
		for _, p := range list {
			p.Ready(t)
		}
		return list
	}
	begun := time.Now()
	first := all("MACRODATA_SYNC_SCHEDULE=0 6 * * *")
	t.Logf("five processes were ready on an empty database after %.1f s", time.Since(begun).Seconds())
	if n := l.Number(t, `SELECT count(*) FROM ingest_run`); n > 0 {
		t.Errorf("%d runs were started before their time", n)
	}
	first[0].Completes(t, first[4].Sync(t))
	l.check(t, want, 1)
	if n := l.Number(t, `SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version`); n > 0 {
		t.Errorf("%d migrations were applied twice", n)
	}
	for _, p := range first {
		p.Signal(t, syscall.SIGTERM)
	}
	for _, p := range first {
		p.EndsWell(t)
	}

	// Two days later a slot is due when they start, and they find it all at once.
	l.exec(t, `UPDATE schedule_slot SET slot = slot - interval '2 days'`)
	second := all("MACRODATA_SYNC_SCHEDULE=0 6 * * *")
	var run string
	lab.Eventually(t, "the slot is started", func() bool {
		list := l.texts(t, `SELECT run_id::text FROM ingest_run WHERE trigger = 'cron'`)
		if len(list) > 0 {
			run = list[0]
		}
		return len(list) > 0
	})
	second[0].Completes(t, run)
	l.check(t, without(want, "watermark"), 2)
	if n := l.Number(t, `SELECT count(*) FROM ingest_run WHERE trigger = 'cron'`); n != 1 {
		t.Errorf("the slot was run %d times", n)
	}
	l.note(t, 10)
}

func (w world) replaced(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	old := l.Serve(t)
	run := l.held(t, old)
	fresh := l.Serve(t)
	before := l.finished(t, run)
	old.Signal(t, syscall.SIGTERM)
	lab.Eventually(t, "the old process takes no requests", func() bool { return !old.IsReady() })
	l.Front.LetGo() // the step under way may finish where it is
	old.EndsWell(t)
	ended := time.Now()
	fresh.Completes(t, run)
	t.Logf("the run was finished %.1f s after the old process had ended", time.Since(ended).Seconds())
	l.checkKept(t, run, before)
	took := time.Since(ended)
	for _, step := range l.texts(t, `SELECT step FROM step_done WHERE attempts > 1`) {
		t.Errorf("step %s was begun again", step)
	}
	if n := l.Number(t, `SELECT recovery_attempts FROM dbos.workflow_status WHERE workflow_uuid = $1`, run); n != 2 {
		t.Errorf("the run began %d times, want once in each process", n)
	}
	l.check(t, want, 1)
	l.note(t, 1, took)
}

func (w world) roles(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	web := l.Serve(t, "MACRODATA_ROLE=web")
	reached := l.Front.Hold(inTheMiddle)
	run := web.Sync(t)
	events := web.Watch(t, run)
	events.Until(t, "queued")
	worker := l.Serve(t, "MACRODATA_ROLE=worker")
	if worker.API != "" {
		t.Errorf("a worker serves the API at %s", worker.API)
	}
	l.reaches(t, reached)
	if pid := l.worker(t, run); pid != worker.Process.Pid {
		t.Errorf("the run executes in process %d, the worker is %d", pid, worker.Process.Pid)
	}
	events.Until(t, "running")

	web.Post(t, run, "cancel", 200)
	events.Until(t, "cancelled")
	lab.Eventually(t, "the worker has let go of the run", func() bool { return l.worker(t, run) == 0 })
	before := l.finished(t, run)
	web.Post(t, run, "resume", 202)
	web.Completes(t, run)
	l.checkKept(t, run, before)
	l.check(t, want, 1)

	again := web.Post(t, run, "restart", 202)
	web.Completes(t, again)
	if of := web.Run(t, again).RestartOf; again == run || of != run {
		t.Errorf("run %s restarts %q, want %s", again, of, run)
	}
	l.check(t, without(want, "watermark"), 2)
	l.note(t, 1)
}

func (w world) lost(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	web, worker := l.Begin(t, "MACRODATA_ROLE=web"), l.Begin(t, "MACRODATA_ROLE=worker")
	worker.Ready(t)
	run := l.held(t, web.Ready(t))
	events := web.Watch(t, run)
	events.Until(t, "running")
	worker.Signal(t, syscall.SIGKILL)
	lab.Eventually(t, "the worker is dead", worker.HasEnded)
	l.exec(t, `UPDATE ingest_run SET heartbeat_at = now() - interval '61 seconds'`)
	events.Until(t, "lost")
	if status := web.Run(t, run).Status; status != "lost" {
		t.Errorf("the run is %s", status)
	}
	reached := l.Front.Hold(inTheMiddle)
	l.Serve(t, "MACRODATA_ROLE=worker")
	l.reaches(t, reached)
	events.Until(t, "running")
	l.Front.LetGo()
	events.Until(t, "completed")
	l.check(t, want, 1)
	l.note(t, 1)
}
