package workflow_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		os.Exit(child())
	}
	pgtest.Main(m)
}

// lab is an engine whose runs do what the test gives them.
type lab struct {
	*workflow.Engine
	db     *pg.DB
	any    *workflow.Workflow[string, string]
	single *workflow.Workflow[string, string] // one at a time
	does   *sync.Map                          // run id → script
}

type script = func(run *workflow.Run) (string, error)

// newLab launches an engine on db. Labs that share does run each other's runs.
func newLab(t testing.TB, db *pg.DB, does *sync.Map, change ...func(*workflow.Config)) *lab {
	t.Helper()
	cfg := fastConfig(db)
	for _, c := range change {
		c(&cfg)
	}
	ctx := t.Context()
	e, err := workflow.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Engine: e, db: db, does: does}
	do := func(run *workflow.Run, _ string) (string, error) {
		fn, ok := does.Load(run.ID())
		if !ok {
			return "", errors.New("no script for " + run.ID())
		}
		return fn.(script)(run)
	}
	l.any = workflow.Register(e, "any", do, workflow.Options{})
	l.single = workflow.Register(e, "single", do, workflow.Options{OneAtATime: true})
	t.Cleanup(func() { l.close(t) })
	if err := e.Launch(ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) close(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func fastConfig(db *pg.DB) workflow.Config {
	return workflow.Config{
		DB:       db,
		Log:      slog.New(slog.DiscardHandler),
		Retry:    workflow.Retry{Limit: 3, Delay: 10 * time.Millisecond, Max: 50 * time.Millisecond, Timeout: 20 * time.Second},
		LeaseTTL: 2 * time.Second, Renew: 100 * time.Millisecond, Poll: 20 * time.Millisecond,
	}
}

// start begins a run named after the test.
func (l *lab) start(t testing.TB, w *workflow.Workflow[string, string], fn script) string {
	t.Helper()
	id := t.Name()
	l.does.Store(id, fn)
	if err := w.Start(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	return id
}

// run is start and its result.
func (l *lab) run(t testing.TB, fn script) (string, error) {
	t.Helper()
	return l.any.Result(t.Context(), l.start(t, l.any, fn))
}

// state fails the test where the run doesn't reach the state in time.
func (l *lab) state(t testing.TB, id string, want workflow.State) workflow.Status {
	t.Helper()
	var st workflow.Status
	eventually(t, "run is "+string(want), func() bool {
		var err error
		if st, err = l.Status(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return st.State == want
	})
	return st
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 15 s it was not so that %s", what)
		}
	}
}

// count makes a step that counts its calls and succeeds.
func count(n *int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { *n++; return *n, nil }
}

func mustExec(t testing.TB, db *pg.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t testing.TB, db *pg.DB, sql string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
