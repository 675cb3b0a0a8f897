// Package telemetry writes down what happens to runs, steps and attempts: the
// events of the workflow engine become rows of sync.telemetry, by way of the
// outbox.
//
// An event has the same id however often it is told or written, so a reader
// takes each id once. That is what makes it simple to lose none: a batch whose
// fate is unknown is written again, and the process that goes on with the run
// of a killed one tells again what that took with it.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Options say how events are gathered. Zero values are good.
type Options struct {
	Every  time.Duration // at most between an event and its batch; 1 s
	Batch  int           // events of a batch, which is written at once when as many wait; 1,000
	Buffer int           // events that may wait while the database is away; 65,536

	// Secrets are words that messages must not contain, such as tokens. They
	// are blotted out.
	Secrets []string
}

func (o Options) withDefaults() Options {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Batch == 0 {
		o.Batch = 1000
	}
	if o.Buffer == 0 {
		o.Buffer = 1 << 16
	}
	return o
}

// Recorder writes events down in the background.
type Recorder struct {
	db   *pg.DB
	log  *slog.Logger
	opts Options
	row  func(workflow.Event) rows.Event
	pack *rows.Telemetry // of whoever flushes

	flushing sync.Mutex

	mu      sync.Mutex
	waiting []workflow.Event
	dropped int // since it was last said
	closed  bool

	hurry chan struct{} // holds one where there is reason not to wait
	stop  context.CancelFunc
	done  chan struct{} // closed when the background has ended
}

// New returns a recorder, which works until it is closed.
func New(db *pg.DB, log *slog.Logger, opts Options) *Recorder {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	r := &Recorder{
		db: db, log: log, opts: opts, row: rowMaker(opts.Secrets), pack: rows.NewTelemetry(),
		hurry: make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
	}
	go r.loop(ctx)
	return r
}

// Note takes an event in. It never waits: where the buffer is full the event is
// dropped, and the log says how many were. So are those that come after Close.
// It is what the engine's Config.Events is to be.
func (r *Recorder) Note(e workflow.Event) {
	r.mu.Lock()
	full := r.closed || len(r.waiting) >= r.opts.Buffer
	if full {
		r.dropped++
	} else {
		r.waiting = append(r.waiting, e)
	}
	hurry := !full && len(r.waiting) == r.opts.Batch
	r.mu.Unlock()
	if hurry {
		select {
		case r.hurry <- struct{}{}:
		default:
		}
	}
}

// Close takes no more events and writes those that wait, until ctx is done. The
// engine is to be closed before, and the database after. An error says how many
// events are lost.
func (r *Recorder) Close(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "close telemetry")
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	<-r.done
	err = r.Flush(ctx)
	r.complain()
	if err != nil {
		return fmt.Errorf("%d events are lost: %w", len(r.waiting), err)
	}
	return nil
}

func (r *Recorder) loop(ctx context.Context) {
	defer close(r.done)
	tick := time.NewTicker(r.opts.Every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.hurry:
			if failing {
				continue // the ticker is patient enough for a database that is away
			}
		}
		err := r.Flush(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.log.Warn("telemetry can't be written and waits", "error", err)
		}
		failing = err != nil
		r.complain()
	}
}

// complain says how many events were dropped since it last did.
func (r *Recorder) complain() {
	r.mu.Lock()
	n := r.dropped
	r.dropped = 0
	r.mu.Unlock()
	if n > 0 {
		r.log.Warn("telemetry was dropped: more came than could be written", "events", n)
	}
}

// Flush writes all that waits, a batch to a transaction. What couldn't be
// written waits on. It is what the engine's Config.Flush is to be: the last
// events of a run are told by nobody else.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	for {
		r.mu.Lock()
		n := min(len(r.waiting), r.opts.Batch)
		batch := r.waiting[:n] // which nobody changes: Note appends
		r.mu.Unlock()
		if n == 0 {
			return nil
		}
		if err := r.write(ctx, batch); err != nil {
			return err
		}
		r.mu.Lock()
		r.waiting = r.waiting[n:]
		r.mu.Unlock()
	}
}

func (r *Recorder) write(ctx context.Context, batch []workflow.Event) error {
	for _, e := range batch {
		r.pack.Add(r.row(e))
	}
	body, err := r.pack.Body()
	if err != nil {
		return err
	}
	return r.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		_, err := outbox.Append(ctx, tx, rows.TableTelemetry, len(batch), body)
		return err
	})
}
