package workflow_test

import (
	"sync"
	"syscall"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// startRelay starts relay where only the child can run it, and returns once the
// child stands before its second transaction.
func startRelay(t *testing.T, db *pg.DB, env ...string) (*process, *workflow.Workflow[string, string], *workflow.Engine) {
	t.Helper()
	mustExec(t, db, `CREATE TABLE effect (run text, n int); CREATE TABLE tried (run text, n int, by int)`)
	p := startChild(t, db, env...)
	e, err := workflow.New(t.Context(), fastConfig(db))
	if err != nil {
		t.Fatal(err)
	}
	w := registerRelay(e, db, func(string) {})
	if err := w.Start(t.Context(), t.Name(), ""); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "preparing")
	t.Cleanup(func() { (&lab{Engine: e}).close(t) })
	return p, w, e
}

func checkRelay(t *testing.T, db *pg.DB, w *workflow.Workflow[string, string]) {
	t.Helper()
	if out, err := w.Result(t.Context(), t.Name()); err != nil || out != "done" {
		t.Errorf("run ended with %q, %v", out, err)
	}
	if n := number(t, db, `SELECT count(*) * 100 + sum(n) FROM effect`); n != 303 {
		t.Errorf("rows and their sum are %d, not 3 and 3: each must be there once", n)
	}
	if n := number(t, db, `SELECT count(*) FROM tried WHERE n = 0`); n != 1 {
		t.Errorf("the first step ran %d times, not once", n)
	}
	if n := number(t, db, `SELECT count(*) FROM tried WHERE n = 1`); n != 2 {
		t.Errorf("the interrupted step ran %d times, not twice", n)
	}
}

func TestRunOfAKilledProcessIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	p, w, e := startRelay(t, db)
	p.signal(t, syscall.SIGKILL)
	p.Wait() //nolint:errcheck // it was killed
	// A lease longer than the test shows that it isn't waited for.
	mustExec(t, db, `UPDATE executor_lease SET expires_at = now() + interval '1 hour'`)
	if err := e.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkRelay(t, db, w)
}

func TestFrozenProcessLosesItsRunAndWritesNothingWhenItWakes(t *testing.T) {
	t.Parallel()
	for name, timeout := range map[string]string{
		"within the time of its attempt": "10m",
		"after the time of its attempt":  "100ms",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.DB(t)
			p, w, e := startRelay(t, db, childTimeout+"="+timeout)
			p.signal(t, syscall.SIGSTOP)
			if err := e.Launch(t.Context()); err != nil {
				t.Fatal(err)
			}
			checkRelay(t, db, w)
			p.signal(t, syscall.SIGCONT)
			if _, err := p.stdin.Write([]byte("go on\n")); err != nil {
				t.Fatal(err)
			}
			p.expect(t, "refused run was taken over by another process")
			checkRelay(t, db, w)
		})
	}
}

func TestErrorKindsReachAnotherProcess(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	l := newLab(t, db, &sync.Map{})
	id := l.start(t, l.any, func(*workflow.Run) (string, error) {
		return "", errs.WithRemedy(errs.Denied, "renew the token")
	})
	l.state(t, id, workflow.Failed)
	cfg := fastConfig(db)
	cfg.Passive = true
	other, err := workflow.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer (&lab{Engine: other}).close(t)
	if err := other.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := other.Status(t.Context(), id)
	if err != nil || errs.Kind(st.Err) != "denied" || errs.Remedy(st.Err) != "renew the token" || st.Err.Error() != "denied" {
		t.Errorf("status %+v, %v", st, err)
	}
}
