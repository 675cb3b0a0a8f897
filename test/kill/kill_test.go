// Package kill proves that a sync can be killed anywhere: the built program is
// ended by SIGKILL at each step boundary, between Shopify's deed and its
// answer, at random moments, and in its commits to the lakehouse. The next start
// must end the same run with the same rows, without running a finished step again
// or asking Shopify for a second bulk operation, and PostgreSQL and the lakehouse
// must agree.
package kill

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/macrodata-dev/macrodata/internal/cli" // what is built belongs to what is tested
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
	"github.com/macrodata-dev/macrodata/test/proof"
)

var (
	moments = flag.Int("kill.n", 5, "random moments to kill at")
	commits = flag.Int("kill.commits", 5, "how often the program is killed while it commits to the lakehouse")
	every   = flag.Bool("kill.all", false, "kill at all boundaries and answers, not only at those of each kind")
	seed    = flag.Uint64("kill.seed", 0, "of the random moments; 0: another each time")
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestKilledSync(t *testing.T) {
	shop, err := shops.Generate(shops.Options{Orders: 400, Products: 250})
	if err != nil {
		t.Fatal(err)
	}
	full := world{
		binary: built(t), shop: shop, clock: shop.Anchor, args: []string{"sync", "--full", "--json"}, lines: 4,
	}
	all, requests := full.undisturbed(t)
	later := full.later()
	some, laterRequests := later.undisturbed(t)
	for name, story := range map[string]func(*testing.T){
		"at a step boundary":              func(t *testing.T) { full.atBoundaries(t, all) },
		"before an answer":                func(t *testing.T) { full.beforeAnswers(t, all, requests) },
		"at a random moment":              func(t *testing.T) { full.atRandom(t, all) },
		"asked to end":                    func(t *testing.T) { full.asked(t, all) },
		"while it commits":                full.whileItCommits,
		"incremental, at a random moment": func(t *testing.T) { later.atRandom(t, some) },
		"incremental, while it measures":  func(t *testing.T) { later.whileItMeasures(t, some) },
		"incremental, at a step boundary": func(t *testing.T) { onlyAtLength(t); later.atBoundaries(t, some) },
		"incremental, before an answer":   func(t *testing.T) { onlyAtLength(t); later.beforeAnswers(t, some, laterRequests) },
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); story(t) })
	}
}

func onlyAtLength(t *testing.T) {
	if !*every {
		t.Skip("only with -kill.all")
	}
}

// undisturbed runs the sync without a kill.
func (w world) undisturbed(t *testing.T) (result, []request) {
	t.Helper()
	l := w.lab(t, 0)
	begun := time.Now()
	l.finish(t)
	took := time.Since(begun)
	l.checkLakehouse(t, true)
	r := l.result(t)
	r.took = took
	r.compare(t, r, 1) // nothing is left behind, and each operation was started once
	t.Logf("%v: undisturbed %d steps and %d requests in %s", w.args, len(r.steps), len(l.front.requests()), r.took)
	return r, l.front.requests()
}

// later is the world of an incremental sync: the store holds the shop as it was
// two months before.
func (w world) later() world {
	before := w
	before.clock = func() time.Time { return w.clock().AddDate(0, -2, 0) }
	// A file that lacks lines which are stored already is no proof.
	w.args, w.lines, w.before = []string{"sync", "--json"}, 0, &before
	return w
}

// atBoundaries kills before and after each step.
func (w world) atBoundaries(t *testing.T, want result) {
	for _, step := range w.chosen(want.steps) {
		for _, where := range []string{"before", "after"} {
			// What follows a step precedes the next, so one of the two is enough
			// for all steps but the first.
			if !*every && where == "before" && step != want.steps[0] {
				continue
			}
			w.at(t, want, step, where)
		}
	}
	t.Run("by number", func(t *testing.T) {
		t.Parallel()
		l := w.lab(t, 0)
		if sig := l.start(t, "MACRODATA_FAULT_POINT=4").wait(); sig != syscall.SIGKILL {
			t.Fatal("the fault point didn't kill the program")
		}
		if n := l.number(t, `SELECT count(*) FROM step_done WHERE run_id = `+l.ours()); n != 2 {
			t.Errorf("%d steps are done after the second one", n)
		}
		l.goOn(t, want, true)
	})
}

// at kills before or after a step.
func (w world) at(t *testing.T, want result, step, where string) {
	t.Run(where+" "+step, func(t *testing.T) {
		t.Parallel()
		l := w.lab(t, 0)
		p := l.start(t, "MACRODATA_FAULT_POINT="+step+":"+where)
		if sig := p.wait(); sig != syscall.SIGKILL {
			t.Fatalf("the fault point didn't kill the program: %v: %s", p.ProcessState, p.stderr.String())
		}
		done := l.number(t, fmt.Sprintf(`SELECT count(*) FROM step_done WHERE step = '%s' AND run_id = `, step)+l.ours())
		if (done == 1) != (where == "after") {
			t.Errorf("the step is recorded %d times when killed %s it", done, where)
		}
		l.goOn(t, want, true)
	})
}

// whileItMeasures kills around the first page of products that are measured. The
// metric that somebody recorded by hand before must be as it was.
func (w world) whileItMeasures(t *testing.T, want result) {
	if n := strings.Count(strings.Join(want.tables["performance_metric"], "\n"), `"source": "manual"`); n != 1 {
		t.Fatalf("the undisturbed sync left %d metrics by hand", n)
	}
	for _, where := range []string{"before", "after"} {
		w.at(t, want, "performance-1", where)
	}
}

// chosen are the steps to kill at: all of them, or the first of each family.
func (w world) chosen(steps []string) (chosen []string) {
	if *every {
		return steps
	}
	known := map[string]bool{}
	for _, step := range steps {
		family, _, _ := strings.Cut(step, "-")
		if !known[family] {
			known[family] = true
			chosen = append(chosen, step)
		}
	}
	return chosen
}

// beforeAnswers kills when Shopify has carried out a request and the program
// doesn't know yet.
func (w world) beforeAnswers(t *testing.T, want result, requests []request) {
	for _, q := range requests {
		if q.operation == "BulkPoll" && q.n > 1 {
			continue // their number is a matter of time
		}
		if !*every && q.n > 1 && q.operation != "BulkStart" {
			continue
		}
		t.Run(fmt.Sprint(q.operation, " ", q.n), func(t *testing.T) {
			t.Parallel()
			l := w.lab(t, 0)
			started := make(chan *program, 1)
			l.front.killAt(q, func() { (<-started).Process.Kill() }) //nolint:errcheck // wait tells
			p := l.start(t)
			started <- p
			if sig := p.wait(); sig != syscall.SIGKILL {
				t.Fatalf("the program ended with %v: %s", p.ProcessState, p.stderr.String())
			}
			l.goOn(t, want, false)
		})
	}
}

// luck returns random numbers that can be had again.
func luck(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-kill.seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// atRandom kills anywhere between the program's start and its end.
func (w world) atRandom(t *testing.T, want result) {
	luck := luck(t)
	for i := range *moments {
		after := time.Duration(luck.Int64N(int64(want.took)))
		t.Run(fmt.Sprint(i+1, " after ", after), func(t *testing.T) {
			t.Parallel()
			l := w.lab(t, 0)
			p := l.start(t)
			kill := time.AfterFunc(after, func() { p.Process.Kill() }) //nolint:errcheck // it may have ended
			defer kill.Stop()
			p.wait()
			l.goOn(t, want, false)
		})
	}
}

// goOn starts the program again after a kill, which was between two steps or
// anywhere, and checks what it leaves.
func (l *lab) goOn(t *testing.T, want result, between bool) {
	t.Helper()
	before := l.doneSteps(t)
	proved := l.provedRuns(t)
	var recovery []time.Duration
	if !l.cutAtTheEnd(t) { // else there is nothing to go on with
		p := l.start(t)
		recovery = append(recovery, l.resumes(t, p))
		l.succeeded(t, p)
	}
	l.kept(t, before)
	runs := l.checkRuns(t, proved)
	if n := l.number(t, `SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'`); n > 0 {
		t.Errorf("%d runs have not ended", n)
	}
	lakehouse := l.checkLakehouse(t, false)
	got := l.result(t)
	got.compare(t, want, runs)
	if runs == 1 {
		got.compareWork(t, want, between)
	}
	lost, doubled := l.store(lakehouse).Check(t)
	_, story, _ := strings.Cut(t.Name(), "/")
	story, _, _ = strings.Cut(story, "/")
	proof.Note(t, proof.Story{
		Family: 1, Name: strings.ReplaceAll(story, "_", " "),
		Faults: 1, Runs: runs, Lost: lost, Doubled: doubled, Recovery: recovery,
	})
}

// provedRuns counts the runs that had proved their completeness, without those
// before.
func (l *lab) provedRuns(t *testing.T) int {
	t.Helper()
	if l.number(t, `SELECT count(*) FROM pg_tables WHERE tablename = 'step_done'`) == 0 {
		return 0
	}
	return l.number(t, `SELECT count(*) FROM step_done WHERE step = 'prove'`) - l.earlier
}

// checkRuns returns how many runs there are: one, except where proved runs were
// killed. After the last step but one nothing is left of a run but to close it,
// and who starts next may have done so before it looks for one to follow.
func (l *lab) checkRuns(t *testing.T, proved int) int {
	t.Helper()
	runs := l.number(t, `SELECT count(*) FROM ingest_run`) - l.earlier
	if runs != 1 && (proved == 0 || runs != 2) {
		t.Errorf("there are %d runs", runs)
	}
	return runs
}

// cutAtTheEnd reports whether the program that was killed had recorded the end of
// its run. Nobody goes on with that one.
func (l *lab) cutAtTheEnd(t *testing.T) bool {
	t.Helper()
	if l.number(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'dbos' AND tablename = 'workflow_status'`) == 0 {
		return false
	}
	run := l.lastRun(t)
	_, lived := l.left[run]
	return !lived && l.number(t, `SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS' AND workflow_uuid = '`+run+`'`) > 0
}

// asked ends the program as a person or a supervisor does.
func (w world) asked(t *testing.T, want result) {
	for name, signal := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "Ctrl-C": syscall.SIGINT} {
		t.Run("by "+name+" it ends in order and the next start goes on", func(t *testing.T) {
			t.Parallel()
			l := w.lab(t, time.Second)
			p := l.start(t)
			l.until(t, `SELECT count(*) FROM step_done WHERE step LIKE 'poll-%'`)
			took := p.end(t, signal)
			if took > 3*time.Second {
				t.Errorf("the program took %s to end", took)
			}
			l.goOn(t, want, false)
		})
	}
	t.Run("it does not wait long for a step that hangs", func(t *testing.T) {
		t.Parallel()
		l := w.lab(t, 0)
		p := l.startAndHang(t, "OrderRefunds")
		if took := p.end(t, syscall.SIGTERM); took > 9*time.Second {
			t.Errorf("the program took %s to end", took)
		}
		l.goOn(t, want, false)
	})
	t.Run("a second Ctrl-C ends it at once", func(t *testing.T) {
		t.Parallel()
		l := w.lab(t, 0)
		p := l.startAndHang(t, "OrderRefunds")
		begun := time.Now()
		stop := p.repeat(syscall.SIGINT)
		sig := p.wait()
		stop()
		if took := time.Since(begun); sig != syscall.SIGINT || took > 3*time.Second {
			t.Errorf("the program ended with %v after %s", p.ProcessState, took)
		}
		l.goOn(t, want, false)
	})
}

// end sends a signal once and checks that the program ends in order by it.
func (p *program) end(t *testing.T, signal syscall.Signal) (took time.Duration) {
	t.Helper()
	begun := time.Now()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if sig := p.wait(); sig != 0 || p.ProcessState.ExitCode() != 1 {
		t.Errorf("the program ended with %v", p.ProcessState)
	}
	if text := p.stderr.String(); !strings.Contains(text, "the run goes on where it was at the next start") {
		t.Errorf("the program said %q", text)
	}
	return time.Since(begun)
}

// repeat sends a signal again and again, as an impatient person does.
func (p *program) repeat(signal syscall.Signal) (stop func()) {
	tick, done := time.NewTicker(50*time.Millisecond), make(chan struct{})
	go func() {
		for {
			p.Process.Signal(signal) //nolint:errcheck // it may have ended
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done) }
}

// until waits for a query to return more than 0.
func (l *lab) until(t *testing.T, sql string) {
	t.Helper()
	eventually(t, sql, func() bool { return l.number(t, sql) > 0 })
}

// startAndHang begins a sync and returns once it waits for an answer that never
// comes.
func (l *lab) startAndHang(t *testing.T, operation string) *program {
	t.Helper()
	l.server.Faults().Request(1, shopify.RequestFault{Match: operation, Hang: true})
	p := l.start(t)
	eventually(t, operation, func() bool { return l.front.heard(operation) })
	return p
}

// eventually waits for something to be so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 20 s this was not so: %s", what)
		}
	}
}
