package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestConnectionsCutAllThroughARun(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, `CREATE TABLE effect (n int)`)
	// The test's own pool is cut as little as it cuts.
	c := db.Pool().Config().ConnString()
	l := newLab(t, pgtest.Open(t, pg.Config{URL: c, AppName: "cut"}), &sync.Map{})
	const rows = 100
	id := l.start(t, l.any, func(run *workflow.Run) (string, error) {
		for i := range rows {
			_, err := tx(run, fmt.Sprint("row-", i), func(ctx context.Context, tx pg.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1)`, i)
				return err
			}, workflow.Limit(100))
			if err != nil {
				return "", err
			}
		}
		return "done", nil
	})
	for i := 0; i < rows; i += 5 {
		eventually(t, fmt.Sprint(i, " rows are there"), func() bool {
			return number(t, db, `SELECT count(*) FROM effect`) >= i
		})
		number(t, db, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'cut'`)
	}
	out, err := l.any.Result(t.Context(), id)
	n := number(t, db, `SELECT count(*) * 1000 + count(DISTINCT n) FROM effect`)
	if err != nil || out != "done" || n != 1001*rows {
		t.Errorf("%q, %v with rows and distinct rows %d", out, err, n)
	}
}

func TestWithoutDatabaseCallsFailSoonAsUnavailable(t *testing.T) {
	t.Parallel()
	cut := newCutter(t, pgtest.DB(t), false)
	l := newLab(t, cut.db, &sync.Map{})
	cut.stop()
	if err := l.any.Start(t.Context(), "a", ""); !errors.Is(err, errs.Unavailable) {
		t.Errorf("start: %v", err)
	}
	if err := l.single.Start(t.Context(), "b", ""); !errors.Is(err, errs.Unavailable) {
		t.Errorf("start of one at a time: %v", err)
	}
	if _, err := l.Status(t.Context(), "a"); !errors.Is(err, errs.Unavailable) {
		t.Errorf("status: %v", err)
	}
	cut.listen(t)
	// Connections that were cut may still be in the pool, and cost a call each.
	id := t.Name()
	l.does.Store(id, script(func(*workflow.Run) (string, error) { return "here", nil }))
	eventually(t, "runs can be started again", func() bool { return l.any.Start(t.Context(), id, "") == nil })
	if out, err := l.any.Result(t.Context(), id); err != nil || out != "here" {
		t.Errorf("once it is back: %q, %v", out, err)
	}
}
