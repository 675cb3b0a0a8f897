package bench

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	"github.com/macrodata-dev/macrodata/internal/workflow/floor"
)

// write is the statement of a transactional step.
const write = `INSERT INTO bench_effect VALUES ($1)`

// runSteps compares the engine's durable steps, with someone listening to its
// events, with those of DBOS alone: plain ones and those that write in the
// same transaction.
func runSteps(ctx context.Context, b *bench) (Result, error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	if _, err := s.db.Exec(ctx, `CREATE TABLE bench_effect (n integer)`); err != nil {
		return Result{}, err
	}
	n, rounds := 10_000, 3
	switch b.Size {
	case tiny:
		n, rounds = 50, 1
	case Small:
		n = 2_000
	case Medium, Full, Huge:
	}
	var plain, tx []round
	for i := range rounds {
		b.Say(fmt.Sprintf("Round %d of %d, %d steps a side", i+1, rounds, n))
		for _, c := range []struct {
			name   string
			to     *[]round
			ours   script
			theirs func(context.Context) (time.Duration, error)
		}{
			{"plain", &plain, plainSteps, func(ctx context.Context) (time.Duration, error) { return floor.Steps(ctx, s.db, n) }},
			{"tx", &tx, txSteps, func(ctx context.Context) (time.Duration, error) { return floor.Transactions(ctx, s.db, n, write) }},
		} {
			r, err := s.compare(ctx, fmt.Sprintf("%s-%d", c.name, i), n, c.ours, c.theirs)
			if err != nil {
				return Result{}, err
			}
			b.Say(fmt.Sprintf("  ours %s, DBOS %s", r.ours, r.theirs))
			*c.to = append(*c.to, r)
		}
	}
	p, t := best(plain), best(tx)
	r := Result{
		Ratio: p.ratio(), Goal: 1.5,
		WallSeconds: p.ours.wall.Seconds(), CPUSeconds: p.ours.cpu.Seconds(), PeakBytes: max(p.ours.peak, t.ours.peak),
		Against: fmt.Sprintf("%d plain steps of DBOS: %s; transactional ones %s, ours %s", n, p.theirs, t.theirs, t.ours),
	}
	r.check("transactional steps", t.ratio(), 1.3, "× DBOS")
	return r, nil
}

// compare runs n steps with the engine and then with DBOS. CPU time is of this
// process and the server's together, with the start and the end of either.
func (s *server) compare(ctx context.Context, id string, n int, ours script, theirs func(context.Context) (time.Duration, error)) (r round, err error) {
	side := func(run func(context.Context) (time.Duration, error)) (usage, error) {
		var took time.Duration
		before := serverCPU(s.postmaster)
		u, err := measure(func() (err error) { took, err = run(ctx); return err })
		u.wall, u.cpu = took, u.cpu+serverCPU(s.postmaster)-before
		return u, err
	}
	r.ours, err = side(func(ctx context.Context) (time.Duration, error) { return s.engineSteps(ctx, id, n, ours) })
	if err == nil {
		r.theirs, err = side(theirs)
	}
	return r, err
}

// script is n steps of a run.
type script func(run *workflow.Run, n int) error

func plainSteps(run *workflow.Run, n int) error {
	for i := range n {
		_, err := workflow.Do(run, fmt.Sprint("step-", i), func(context.Context) (int, error) { return i, nil })
		if err != nil {
			return err
		}
	}
	return nil
}

func txSteps(run *workflow.Run, n int) error {
	type apply = func(context.Context, pg.Tx) (int, error)
	for i := range n {
		_, err := workflow.Tx(run, fmt.Sprint("step-", i), func(context.Context) (apply, error) {
			return func(ctx context.Context, tx pg.Tx) (int, error) {
				_, err := tx.Exec(ctx, write, i)
				return i, err
			}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// engineSteps runs one workflow of n steps and returns how long they took.
func (s *server) engineSteps(ctx context.Context, id string, n int, steps script) (took time.Duration, err error) {
	var events atomic.Int64
	e, err := workflow.New(ctx, workflow.Config{
		DB: s.db, Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond,
		Events: func(workflow.Event) { events.Add(1) },
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		if closeErr := e.Close(context.WithoutCancel(ctx)); err == nil {
			err = closeErr
		}
	}()
	w := workflow.Register(e, "bench", func(run *workflow.Run, n int) (time.Duration, error) {
		began := time.Now()
		err := steps(run, n)
		return time.Since(began), err
	}, workflow.Options{})
	if err := e.Launch(ctx); err != nil {
		return 0, err
	}
	if err := w.Start(ctx, id, n); err != nil {
		return 0, err
	}
	if took, err = w.Result(ctx, id); err != nil {
		return 0, err
	}
	if got := events.Load(); got < 4*int64(n) {
		return 0, fmt.Errorf("%d events of %d steps: at least four of each were to come", got, n)
	}
	return took, nil
}
