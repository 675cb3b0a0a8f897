package runs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// reportEvery is how often a run writes its progress at most: often enough to
// look live, seldom enough to cost nothing.
const reportEvery = 500 * time.Millisecond

// Progress reports how far a run has come. It writes beside the run's own
// transactions, so that anybody can watch from any process.
type Progress struct {
	store *Store
	run   uuid.UUID
	log   *slog.Logger

	mu   sync.Mutex
	step string
	last time.Time
}

// Progress returns the reporter of a run.
func (s *Store) Progress(run uuid.UUID, log *slog.Logger) *Progress {
	return &Progress{store: s, run: run, log: log}
}

// Set says that done of total units of a step are done. total is 0 where
// nobody knows.
func (p *Progress) Set(ctx context.Context, step string, done, total int64, unit string) {
	p.set(ctx, step, done, total, unit, false)
}

// Wait says that the run waits for somebody else in a step.
func (p *Progress) Wait(ctx context.Context, step string, done, total int64, unit string) {
	p.set(ctx, step, done, total, unit, true)
}

func (p *Progress) set(ctx context.Context, step string, done, total int64, unit string, waiting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if step == p.step && time.Since(p.last) < reportEvery && (total == 0 || done < total) {
		return
	}
	p.step, p.last = step, time.Now()
	err := p.store.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) error {
		return q.SetRunProgress(ctx, pgdb.SetRunProgressParams{
			RunID: p.run, Step: step, Done: done, Total: total, Unit: unit, Waiting: waiting,
		})
	})
	if err != nil && ctx.Err() == nil {
		// Progress is for the eye; the run itself will notice a database that is away.
		p.log.Debug("progress was not written", "run", p.run, "error", err)
	}
}
