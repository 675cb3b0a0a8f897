package workflow_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Each benchmark's operation is one step of a run of b.N steps.

func BenchmarkDo(b *testing.B) {
	benchSteps(b, func(run *workflow.Run, n int) error {
		for i := range n {
			_, err := workflow.Do(run, fmt.Sprint("step-", i), func(context.Context) (int, error) { return i, nil })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkTx(b *testing.B) {
	benchSteps(b, func(run *workflow.Run, n int) error {
		for i := range n {
			_, err := tx(run, fmt.Sprint("step-", i), func(ctx context.Context, tx pg.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1)`, i)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func benchSteps(b *testing.B, steps func(run *workflow.Run, n int) error) {
	db := pgtest.DB(b)
	mustExec(b, db, `CREATE TABLE effect (n int)`)
	events := 0
	var mu sync.Mutex
	l := newLab(b, db, &sync.Map{}, func(c *workflow.Config) {
		c.Events = func(workflow.Event) { mu.Lock(); events++; mu.Unlock() }
	})
	id := b.Name()
	l.does.Store(id, script(func(run *workflow.Run) (string, error) {
		b.ResetTimer()
		err := steps(run, b.N)
		b.StopTimer()
		return "", err
	}))
	if err := l.any.Start(b.Context(), id, ""); err != nil {
		b.Fatal(err)
	}
	if _, err := l.any.Result(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	if events < 4*b.N {
		b.Errorf("%d events of %d steps", events, b.N)
	}
}
