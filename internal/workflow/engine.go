// Package workflow runs functions that survive the process: their steps are
// recorded in PostgreSQL, and a run goes on where it was, here or in another
// process, after any crash. It is the only importer of DBOS.
//
// DBOS keeps the runs: the queue, who owns a run, its outcome, cancel and
// resume. The steps are the package's own, for a step that writes to the
// database must have its record in the same pgx transaction, which DBOS does
// not offer. What this package adds beside is what DBOS leaves open: failover
// between processes, a time limit and a cancel that reach a running step, waits
// between attempts that survive, one run of a kind at a time, schedules by the
// database's clock, retention.
//
// A workflow is a function of its parameters and of what its steps return.
// Everything else that it reads or does belongs into a step, for after a crash
// the function runs again from the top: finished steps then return what they
// returned before. Steps are known by their names, which must not change while
// runs are under way and must differ within a run.
package workflow

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// MaxPayload is the largest JSON that parameters, a step's output or a run's
// output may have. Rows belong into tables; a step returns counts, ids, paths.
const MaxPayload = 1 << 20

// Config is what an [Engine] needs.
type Config struct {
	DB  *pg.DB       // migrated
	Log *slog.Logger // slog.Default where nil

	// Retry holds for every step that doesn't say otherwise.
	Retry Retry

	LeaseTTL time.Duration // how long a silent process keeps its runs; 15 s where 0
	Renew    time.Duration // how often leases are renewed and dead processes looked for; 3 s where 0
	Poll     time.Duration // how often new runs, cancels and results are looked for; 200 ms where 0
	Tick     time.Duration // how often schedules are looked at; 1 min where 0

	// Passive makes an engine that starts, watches and cancels runs but
	// executes none.
	Passive bool

	// Events, if not nil, is told what happens to runs and steps. It is called
	// from their goroutines and must not block.
	Events func(Event)

	// Flush, if not nil, is called when a run has ended and before that is
	// recorded: nobody goes on with it later, and tells again what is lost.
	Flush func(context.Context) error

	// Beat, if not nil, is called as often as leases are renewed with the ids of
	// the runs that execute here, for others to see that somebody works on them.
	// Passive engines call it too, without any.
	Beat func(ctx context.Context, runIDs []string) error

	// Fault, if not nil, is called "before" and "after" each step that really
	// runs, for tests that kill the process there.
	Fault func(step, where string)
}

const (
	queue      = "runs" // the one queue that all workflows share
	engineConn = 4      // connections beside the domain's pool; one of them listens
	bootLock   = 0x6d61_6372_6f01
)

// Engine runs workflows. The program makes one, registers all workflows, and
// launches it.
type Engine struct {
	cfg  Config
	log  *slog.Logger
	db   *pg.DB
	pool *pgxpool.Pool
	dbos dbos.Context
	id   string // of this engine's executor, never used before
	self process

	mu         sync.Mutex
	oneAtATime map[string]bool // by workflow name; written before Launch only
	schedules  []schedule      // as oneAtATime
	running    map[*Run]bool
	steps      int // attempts under way
	draining   bool
	idle       chan struct{} // closed when draining and no attempt is under way

	strays map[string]bool // runs that were ours without running here at the last look; the lease loop's

	stop       context.CancelFunc
	background sync.WaitGroup
}

// New connects an engine to the database, migrating DBOS's own schema "dbos"
// where needed. Any number of processes may do so at once.
func New(ctx context.Context, cfg Config) (_ *Engine, err error) {
	defer errs.Wrap(&err, "workflow engine")
	e := newEngine(cfg)
	// DBOS closes the pool it is given, so it gets one of its own.
	pc := cfg.DB.Pool().Config()
	pc.MaxConns, pc.MinConns, pc.ConnConfig.Tracer = engineConn, 0, nil
	if e.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, classify(err)
	}
	if err = e.connect(ctx); err != nil {
		e.pool.Close()
		return nil, classify(err)
	}
	return e, nil
}

func newEngine(cfg Config) *Engine {
	setDefault(&cfg.LeaseTTL, 15*time.Second)
	setDefault(&cfg.Renew, 3*time.Second)
	setDefault(&cfg.Poll, 200*time.Millisecond)
	setDefault(&cfg.Tick, time.Minute)
	cfg.Retry = cfg.Retry.withDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Fault == nil {
		cfg.Fault = func(string, string) {}
	}
	return &Engine{
		cfg: cfg, log: cfg.Log, db: cfg.DB, id: uuid.NewString(), self: thisProcess(),
		oneAtATime: map[string]bool{}, running: map[*Run]bool{}, strays: map[string]bool{},
		idle: make(chan struct{}),
	}
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// connect makes the DBOS context. Its migrations take no lock of their own and
// build indexes concurrently, which would deadlock with anyone blocked in
// pg_advisory_lock: so the lock is polled.
func (e *Engine) connect(ctx context.Context) error {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for locked := false; !locked; {
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(bootLock)).Scan(&locked); err != nil {
			return err
		}
		if !locked {
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	defer conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(bootLock)) //nolint:errcheck // closing the session unlocks too

	// Runs end by Close, not with the caller's context. The version is pinned:
	// by default it is the binary's hash, and each build would strand the runs
	// of the one before.
	e.dbos, err = dbos.NewContext(context.WithoutCancel(ctx), dbos.Config{
		AppName: "macrodata", SystemDBPool: e.pool, DatabaseSchema: "dbos",
		ApplicationVersion: "1", ExecutorID: e.id, Logger: slog.New(engineLog{e.log.Handler()}),
	})
	if err != nil {
		return err
	}
	if e.dbos.GetExecutorID() != e.id || e.dbos.GetApplicationVersion() != "1" {
		return errs.WithRemedy(fmt.Errorf("DBOS__VMID or DBOS__APPVERSION is set: %w", errs.Invalid),
			"unset both: executors that share an id run each other's runs twice")
	}
	return nil
}

// Launch starts to execute runs. It first takes over those of processes that
// died on this machine; those of other machines follow when their lease ends.
// All workflows must be registered before, in every process, also in those
// that never start them.
func (e *Engine) Launch(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "launch workflow engine")
	_, err = dbos.RegisterQueue(e.dbos, queue, dbos.WithQueueBasePollingInterval(e.cfg.Poll))
	if err != nil {
		return classify(err)
	}
	if e.cfg.Passive {
		e.keepUp(ctx, e.beatLoop)
		return nil
	}
	lease := &leaseKeeper{engine: e}
	if err := lease.renew(ctx); err != nil {
		return classify(err)
	}
	if err := dbos.Launch(e.dbos); err != nil {
		return classify(err)
	}
	if err := lease.reap(ctx); err != nil {
		return classify(err)
	}
	e.keepUp(ctx, lease.loop, e.beatLoop, e.watchLoop, e.scheduleLoop)
	return nil
}

// keepUp runs loops until Close.
func (e *Engine) keepUp(ctx context.Context, loops ...func(context.Context)) {
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, loop := range loops {
		e.background.Go(func() { loop(ctx) })
	}
}

// callLimit ends calls to DBOS, which by itself waits for the database for ever.
const callLimit = 3 * time.Second

// call returns the context for one call to DBOS.
func (e *Engine) call(ctx context.Context) (dbos.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	return dbos.From(e.dbos, ctx), cancel
}

// classify gives an error of the database the kind that retries go by.
func classify(err error) error {
	if err != nil && errs.Kind(err) == "internal" && pg.Retryable(err) {
		return fmt.Errorf("%w: %w", err, errs.Unavailable)
	}
	return err
}
