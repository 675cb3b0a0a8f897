package failover

import (
	"flag"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/test/lab"
)

var freeze = flag.Duration("failover.freeze", 20*time.Second, "how long the leader of five is frozen; longer than its lease")

// leader freezes that of five processes which does what the schedule started, and
// finds one run of the slot. At length it has the slot come up again while the
// process is frozen and when it is woken; schedules are looked at once a minute.
func (w world) leader(t *testing.T, want result) {
	l := w.lab(t, pgtest.URL(t))
	l.exec(t, `INSERT INTO schedule_slot (name, slot) VALUES ('bulksync.sync', now() - interval '2 days')`)
	reached := l.Front.Hold(inTheMiddle)
	var all []*lab.Process
	for range 5 {
		all = append(all, l.Begin(t, "MACRODATA_SYNC_SCHEDULE=0 6 * * *"))
	}
	for _, p := range all {
		p.Ready(t)
	}
	l.reaches(t, reached)
	run := l.texts(t, `SELECT run_id::text FROM ingest_run WHERE trigger = 'cron'`)[0]
	first := l.leaderOf(t, run, all)
	before := l.finished(t, run)
	first.Signal(t, syscall.SIGSTOP)
	frozen := time.Now()
	var next *lab.Process
	lab.Eventually(t, "another process has the run", func() bool {
		pid := l.worker(t, run)
		next = processOf(all, pid)
		return next != nil && next != first || l.ended(t, run)
	})
	took := time.Since(frozen)
	if took > takeover {
		t.Errorf("another process took over after %s, and may take %s", took, takeover)
	}
	lab.Eventually(t, "the run has ended", func() bool { return l.ended(t, run) })
	if *freeze > time.Minute/2 {
		l.dueAgain(t) // nobody runs it twice
	}
	// A first increment reads the newest months and says what it left out, and its
	// metrics say since when the orders are known.
	for _, table := range []string{"watermark", "ingest_gap", "performance_metric", "performance_day"} {
		want = without(want, table)
	}
	l.check(t, want, 1)
	lab.Eventually(t, "it was frozen for long enough", func() bool { return time.Since(frozen) > *freeze })

	versions := l.versions(t)
	l.Front.LetGo()
	first.Signal(t, syscall.SIGCONT)
	lab.Eventually(t, "the woken process notices", func() bool {
		return strings.Contains(first.Log.String(), "taken over by another process")
	})
	lab.Eventually(t, "the woken process serves", first.IsReady)
	for i, v := range l.versions(t) {
		if v != versions[i] {
			table, _, _ := strings.Cut(v, " ")
			t.Errorf("the woken process wrote into %s", table)
		}
	}
	if *freeze > time.Minute/2 {
		l.dueAgain(t) // now it looks too
	}
	l.checkKept(t, run, before)
	l.check(t, want, 1)
	if n := l.Number(t, `SELECT count(*) FROM ingest_run`); n != 1 {
		t.Errorf("the slot was run %d times", n)
	}
	l.note(t, 1, took)
}

// dueAgain has a slot come up that passed, and waits until it was looked at.
func (l *stage) dueAgain(t *testing.T) {
	t.Helper()
	l.exec(t, `UPDATE schedule_slot SET slot = slot - interval '2 days'`)
	started := func() bool {
		return l.Number(t, `SELECT count(*) FROM schedule_slot WHERE slot < now() - interval '1 day 1 minute'`) == 0
	}
	for deadline := time.Now().Add(90 * time.Second); !started(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in 90 s nobody looked at the schedule")
		}
	}
}

// ended says whether a run is over.
func (l *stage) ended(t *testing.T, run string) bool {
	t.Helper()
	return l.Number(t, `SELECT count(*) FROM ingest_run WHERE run_id::text = $1 AND finished_at IS NOT NULL`, run) == 1
}

// leaderOf is the process that works on a run.
func (l *stage) leaderOf(t *testing.T, run string, all []*lab.Process) *lab.Process {
	t.Helper()
	p := processOf(all, l.worker(t, run))
	if p == nil {
		t.Fatal("no process works on the run")
	}
	return p
}

func processOf(all []*lab.Process, pid int) *lab.Process {
	for _, p := range all {
		if p.Process.Pid == pid {
			return p
		}
	}
	return nil
}
