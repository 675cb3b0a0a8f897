// Package bulksync is the daily Shopify bulk sync: it brings the orders and
// products that changed into PostgreSQL, and moves a stream's watermark only
// after it has proved that nothing is missing.
//
// Read workflow.go first: it is the sync from top to bottom. rules.go holds the
// decisions, load.go reads the files into chunks, stage.go merges a chunk, byid.go
// reads single orders again, prove.go holds what came against what is stored, and
// marks.go moves the watermarks. api.go is what the API offers, of this scenario
// and of the runs of all, and entry.go how a run looks there. The files come by
// package bulk; packages orders and catalog store what is in them.
package bulksync

import (
	"context"
	_ "embed" // of the document
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

const (
	// ID names the scenario.
	ID = "bulksync"
	// Name is that of its workflow, and of the schedule that starts it.
	Name = ID + ".sync"
)

//go:embed README.md
var document string

// Settings are the numbers that a sync goes by. The zero value of each means
// the default beside it.
type Settings struct {
	Overlap     time.Duration // read again before the watermark: 48 h, for Shopify's index lags behind
	Lag         time.Duration // left out before Shopify's clock: 5 min
	Floor       time.Duration // an incremental run reaches back no further: 128 days
	Horizon     time.Duration // an app without read_all_orders sees no further: 60 days
	SweepEvery  time.Duration // all ids are compared this often: 7 days
	PollMin     time.Duration // between looks at a bulk operation, growing to PollMax: 2 s
	PollMax     time.Duration // 60 s
	ChunkRows   int           // rows of a transaction: 5,000
	PartBytes   int64         // of the archive's objects: 64 MiB
	RejectShare float64       // more rejected lines than this fail the run: 0.01
}

func (s Settings) withDefaults() Settings {
	fill(&s.Overlap, 48*time.Hour)
	fill(&s.Lag, 5*time.Minute)
	fill(&s.Floor, 128*24*time.Hour)
	fill(&s.Horizon, 60*24*time.Hour)
	fill(&s.SweepEvery, 7*24*time.Hour)
	fill(&s.PollMin, 2*time.Second)
	fill(&s.PollMax, time.Minute)
	fill(&s.ChunkRows, 5000)
	fill(&s.PartBytes, 64<<20)
	fill(&s.RejectShare, 0.01)
	return s
}

func fill[T comparable](p *T, value T) {
	if zero := *new(T); *p == zero {
		*p = value
	}
}

// Service runs the scenario.
type Service struct {
	db          *pg.DB
	runs        *runs.Store
	archive     *blob.Store
	shopify     *shopify.Client
	lake        Lakehouse
	performance Performance
	engine      *workflow.Engine
	workflow    *workflow.Workflow[Params, Result]
	set         Settings
	log         *slog.Logger
}

// New makes the scenario and registers its workflow.
func New(engine *workflow.Engine, db *pg.DB, store *runs.Store, archive *blob.Store, client *shopify.Client, lake Lakehouse, performance Performance, set Settings, log *slog.Logger) *Service {
	s := &Service{db: db, runs: store, archive: archive, shopify: client, lake: lake, performance: performance, engine: engine, set: set.withDefaults(), log: log}
	s.workflow = workflow.Register(engine, Name, s.sync, workflow.Options{OneAtATime: true})
	return s
}

// Params are what a sync is asked to do.
type Params struct {
	Mode      string     `json:"mode"`                // Incremental, Full or Replay
	Resources []string   `json:"resources,omitempty"` // of Streams; all where empty
	Since     *time.Time `json:"since,omitempty"`     // instead of the watermark
	Replay    *uuid.UUID `json:"replay,omitempty"`    // in mode Replay, the run whose archive is loaded

	Trigger     string     `json:"trigger"`     // runs.Cron, Manual or CLI
	RequestedBy string     `json:"requestedBy"` // a mail address, a service token's name, or a command
	RestartOf   *uuid.UUID `json:"restartOf,omitempty"`
}

// What a sync reads.
const (
	Incremental = "incremental" // since the watermark
	Full        = "full"        // everything
	Replay      = "replay"      // what an earlier run has archived

	Orders   = "orders"
	Products = "products"
)

// Streams are what can be synced, in the order in which they are loaded:
// products first, so that lines find theirs.
func Streams() []string { return []string{Products, Orders} }

// Result is what a sync leaves behind, beside the rows.
type Result struct {
	Status string `json:"status"`
	Counts Counts `json:"counts"`
	Proof  Proof  `json:"proof"`
}

// Start starts a sync and returns its run. Where one is under way it returns
// that one's id and errs.Conflict.
func (s *Service) Start(ctx context.Context, p Params) (id uuid.UUID, err error) {
	if id, err = uuid.NewV7(); err != nil {
		return uuid.Nil, err
	}
	return s.startAs(ctx, id, p)
}

// startAs starts a sync under an id. The same id again is the same run.
func (s *Service) startAs(ctx context.Context, id uuid.UUID, p Params) (_ uuid.UUID, err error) {
	defer errs.Wrap(&err, "start sync")
	if err := p.check(time.Now()); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.latest(ctx); err != nil {
		return uuid.Nil, err
	}
	return s.start(ctx, id, p)
}

// latest is the run that was started last, if there is one. A run's row tells
// its ending a moment before the engine does: who has read it there and starts
// or resumes at once is not to be told that it is running, so latest waits.
func (s *Service) latest(ctx context.Context) (*runs.Run, error) {
	list, err := s.runs.List(ctx, ID, 1)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if list[0].FinishedAt == nil {
		return &list[0], nil
	}
	moment, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = s.engine.Wait(moment, list[0].ID.String())
	if err != nil && moment.Err() == nil && !errors.Is(err, errs.NotFound) { // the engine forgets earlier
		return nil, err
	}
	return &list[0], ctx.Err()
}

// StartSlot starts the sync of a schedule's slot, once however often it is
// called.
func (s *Service) StartSlot(ctx context.Context, slot time.Time) (err error) {
	defer errs.Wrap(&err, "start sync")
	p := Params{Mode: Incremental, Trigger: runs.Cron, RequestedBy: "schedule"}
	_, err = s.start(ctx, workflow.RunID(Name, slot), p)
	return err
}

func (s *Service) start(ctx context.Context, id uuid.UUID, p Params) (uuid.UUID, error) {
	if err := s.workflow.Start(ctx, id.String(), p); err != nil {
		var busy *workflow.Busy
		if errors.As(err, &busy) {
			id, _ = uuid.Parse(busy.RunID)
		}
		return id, err
	}
	// The workflow writes the row too, so nothing hangs on who comes first.
	return id, s.runs.Create(ctx, p.request(id))
}

// Wait returns when a run has ended, with its result.
func (s *Service) Wait(ctx context.Context, id uuid.UUID) (Result, error) {
	return s.workflow.Result(ctx, id.String())
}

// Cancel ends a run. Its finished steps stay, so that it can be resumed.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID) error {
	if err := s.engine.Cancel(ctx, id.String()); err != nil {
		return err
	}
	return s.runs.Close(ctx, id, runs.Outcome{Status: runs.Cancelled})
}

// Resume goes on with a run that failed or was cancelled, of whatever scenario. A
// sync that another has overtaken since can't: its work is done, or to be started
// anew.
func (s *Service) Resume(ctx context.Context, id uuid.UUID) (err error) {
	defer errs.Wrap(&err, "resume %s", id)
	r, err := s.runs.Get(ctx, id)
	if err != nil {
		return err
	}
	if r.Scenario == ID {
		latest, err := s.latest(ctx)
		if err != nil {
			return err
		}
		if latest == nil || latest.ID != id {
			return errs.WithRemedy(errs.Conflict, "a later run exists: start a new one, or restart this one")
		}
	}
	// What is not to be resumed must keep its ending, so the engine is asked first.
	st, err := s.engine.Status(ctx, id.String())
	if err != nil {
		return err
	}
	if st.State != workflow.Failed && st.State != workflow.Canceled {
		return errs.WithRemedy(fmt.Errorf("it is %s: %w", st.State, errs.Conflict), "resume what failed or was cancelled, and restart what is done")
	}
	if err := s.runs.Begin(ctx, id); err != nil {
		return err
	}
	return s.engine.Resume(ctx, id.String())
}

// Restart starts a new run with what an earlier one was asked for.
func (s *Service) Restart(ctx context.Context, id uuid.UUID, trigger, by string) (uuid.UUID, error) {
	fresh, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	return s.restartAs(ctx, fresh, id, trigger, by)
}

func (s *Service) restartAs(ctx context.Context, fresh, id uuid.UUID, trigger, by string) (uuid.UUID, error) {
	old, err := s.runs.Get(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	p, err := readParams(old.Params)
	if err != nil {
		return uuid.Nil, err
	}
	p.Trigger, p.RequestedBy, p.RestartOf = trigger, by, &id
	return s.startAs(ctx, fresh, p)
}

// Scenario declares what this package offers, with endpoints that serve.
func (s *Service) Scenario() scenario.Scenario {
	d := Scenario()
	d.Endpoints = endpoints(s)
	return d
}

// Scenario is the declaration without a service, for documents. Its endpoints
// can be documented, and not served.
func Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID:       ID,
		Title:    "Daily Shopify bulk sync",
		Document: document,
		Workflows: []scenario.Workflow{{
			Name: Name, Trigger: "macrodata sync, macrodata replay, POST /api/performance-metrics/sync, or the schedule", Steps: steps,
		}},
		Endpoints: endpoints(nil),
		Commands:  []string{"macrodata sync", "macrodata replay", "macrodata runs"},
		Writes: []string{
			"ingest_gap", "ingest_product", "ingest_sweep", "rejected_record", "watermark", "watermark_history",
		},
		Reads: []string{
			"fulfillment_daily_summary", "ingest_day", "ingest_root", "ingest_run", "ingest_told", "order_fulfillment",
			"order_header", "order_line_item", "order_refund_line", "product", "shop", "summary_hour",
		},
	}
}
