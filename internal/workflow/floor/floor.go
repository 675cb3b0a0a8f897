// Package floor runs durable steps with DBOS alone, without the engine of
// package workflow. It is what that engine's steps are measured against, and
// serves nothing else.
package floor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// schema is DBOS's, apart from the engine's.
const schema = "floor"

// Steps runs one workflow of n plain steps and returns how long they took.
func Steps(ctx context.Context, db *pg.DB, n int) (time.Duration, error) {
	return run(ctx, db, func(ctx dbos.Context, _ *dbos.DataSource) error {
		for i := range n {
			_, err := dbos.RunAsStep(ctx, func(context.Context) (int, error) { return i, nil },
				dbos.WithStepName(fmt.Sprint("step-", i)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Transactions runs one workflow of n transactional steps, each of the
// statement with the step's number, and returns how long they took.
func Transactions(ctx context.Context, db *pg.DB, n int, statement string) (time.Duration, error) {
	return run(ctx, db, func(ctx dbos.Context, source *dbos.DataSource) error {
		for i := range n {
			_, err := dbos.RunAsTransaction(ctx, source, func(ctx context.Context, tx dbos.Tx) (int, error) {
				_, err := tx.Exec(ctx, statement, i)
				return i, err
			}, dbos.WithStepName(fmt.Sprint("step-", i)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func run(ctx context.Context, db *pg.DB, steps func(dbos.Context, *dbos.DataSource) error) (took time.Duration, err error) {
	defer errs.Wrap(&err, "DBOS alone")
	pool, err := pgxpool.NewWithConfig(ctx, db.Pool().Config())
	if err != nil {
		return 0, err
	}
	d, err := dbos.NewContext(ctx, dbos.Config{
		AppName: "floor", SystemDBPool: pool, DatabaseSchema: schema, ApplicationVersion: "1",
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		pool.Close()
		return 0, err
	}
	defer dbos.Shutdown(d, time.Second) //nolint:errcheck // the figure is taken
	source, err := dbos.NewDataSource(d, pool)
	if err != nil {
		return 0, err
	}
	workflow := func(ctx dbos.Context, _ string) (time.Duration, error) {
		began := time.Now()
		err := steps(ctx, source)
		return time.Since(began), err
	}
	dbos.RegisterWorkflow(d, workflow)
	if err := dbos.Launch(d); err != nil {
		return 0, err
	}
	handle, err := dbos.RunWorkflow(d, workflow, "")
	if err != nil {
		return 0, err
	}
	return handle.GetResult()
}
