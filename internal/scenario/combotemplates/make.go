package combotemplates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// Make stores a combo that is made of a template and notes, in the same
// transaction, that a run is to do the template's actions, in the name of the
// request's principal. The caller calls [Service.Start] once that is committed. See
// [combo.CreateFrom] for what the combo may leave open, and for faults.
func (s *Service) Make(ctx context.Context, tx pg.Tx, run, template uuid.UUID, r combo.Report) (combo.Combo, error) {
	c, t, err := combo.CreateFrom(ctx, tx, template, r)
	if err != nil {
		return c, err
	}
	actions, err := json.Marshal(t.ActionSpecs)
	if err != nil {
		return c, err
	}
	who := api.PrincipalOf(ctx)
	return c, pgdb.New(tx).NoteMaking(ctx, pgdb.NoteMakingParams{
		RunID: run, ComboID: c.ID, Actions: actions, PrincipalKind: who.Kind, PrincipalName: who.Name,
	})
}

// Start starts the run that was noted. Starting it again changes nothing. Where it
// fails, or the process ends before it, [Service.StartWaiting] does it within two
// minutes.
func (s *Service) Start(ctx context.Context, run uuid.UUID) (err error) {
	defer errs.Wrap(&err, "start the actions of run %s", run)
	m, err := pgdb.New(s.db).ReadMaking(ctx, run)
	if err != nil {
		return err
	}
	p := params{ComboID: m.ComboID, Principal: principal{m.PrincipalKind, m.PrincipalName}}
	if err := json.Unmarshal(m.Actions, &p.Actions); err != nil {
		return fmt.Errorf("%w: %w", err, errs.Corrupt)
	}
	if err := s.workflow.Start(ctx, run.String(), p); err != nil {
		return err
	}
	if err := s.open(ctx, run, p); err != nil { // the workflow does, too
		return err
	}
	return pgdb.New(s.db).StartedMaking(ctx, run)
}

// grace is how long a process has to start what it noted.
const grace = 30 * time.Second

// StartWaiting starts the runs that were noted and that nobody started. It is what
// a schedule calls.
func (s *Service) StartWaiting(ctx context.Context, _ time.Time) error {
	waiting, err := pgdb.New(s.db).WaitingMakings(ctx, grace.Seconds())
	for _, run := range waiting {
		err = errors.Join(err, s.Start(ctx, run))
	}
	return err
}

func (s *Service) open(ctx context.Context, run uuid.UUID, p params) error {
	return s.runs.Create(ctx, runs.Request{ID: run, Scenario: ID, Trigger: runs.Manual, RequestedBy: p.Principal.Name, Params: p})
}
