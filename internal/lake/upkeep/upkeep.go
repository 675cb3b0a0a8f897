// Package upkeep keeps the lakehouse's tables in order: the durable workflow
// lakehouse.maintain removes what is too old, merges small files and the lists
// of files, forgets old snapshots, and sweeps up the files that nothing needs.
package upkeep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

const (
	// Scenario is the name by which the package's runs are listed.
	Scenario = "lakehouse"
	// Name is that of the workflow, and of the schedule that starts it.
	Name = Scenario + ".maintain"
)

// Lake is what upkeep needs of a lakehouse; *lake.Lake has it.
type Lake interface {
	Tables() []rows.Table
	Retain(ctx context.Context, table string) (lake.Retained, error)
	Compact(ctx context.Context, table string) (lake.Compacted, error)
	RewriteManifests(ctx context.Context, table string) (merged int, err error)
	Expire(ctx context.Context, table string) (forgotten int, err error)
	Sweep(ctx context.Context, table string, dryRun bool) (lake.Swept, error)
}

// Service runs upkeep, one run at a time.
type Service struct {
	lake     Lake
	runs     *runs.Store
	log      *slog.Logger
	workflow *workflow.Workflow[params, Result]
}

// New registers the workflow with the engine.
func New(engine *workflow.Engine, lakehouse Lake, store *runs.Store, log *slog.Logger) *Service {
	s := &Service{lake: lakehouse, runs: store, log: log}
	s.workflow = workflow.Register(engine, Name, s.maintain, workflow.Options{OneAtATime: true})
	return s
}

type params struct {
	Trigger     string `json:"trigger"`     // as in package runs
	RequestedBy string `json:"requestedBy"` // a mail address, a command, or the schedule
}

// Start starts a run, for what trigger (of package runs) and for whom. Where
// one is under way it returns that one's id and errs.Conflict.
func (s *Service) Start(ctx context.Context, trigger, by string) (id uuid.UUID, err error) {
	if id, err = uuid.NewV7(); err != nil {
		return uuid.Nil, err
	}
	if err = s.start(ctx, id, params{trigger, by}); err != nil {
		var busy *workflow.Busy
		if errors.As(err, &busy) {
			id, _ = uuid.Parse(busy.RunID)
		}
	}
	return id, err
}

// StartSlot starts the run of a schedule's slot, once however often it is
// called. It is what [workflow.Engine.Schedule] is to call.
func (s *Service) StartSlot(ctx context.Context, slot time.Time) error {
	return s.start(ctx, workflow.RunID(Name, slot), params{runs.Cron, "schedule"})
}

func (s *Service) start(ctx context.Context, id uuid.UUID, p params) (err error) {
	defer errs.Wrap(&err, "start upkeep of the lakehouse")
	if err := s.workflow.Start(ctx, id.String(), p); err != nil {
		return err
	}
	// The workflow writes the row too, so nothing hangs on who comes first.
	return s.create(ctx, id, p)
}

func (s *Service) create(ctx context.Context, id uuid.UUID, p params) error {
	return s.runs.Create(ctx, runs.Request{
		ID: id, Scenario: Scenario, Trigger: p.Trigger, RequestedBy: p.RequestedBy, Params: p,
	})
}

// Wait returns when a run has ended, with what it came to.
func (s *Service) Wait(ctx context.Context, id uuid.UUID) (Result, error) {
	return s.workflow.Result(ctx, id.String())
}
