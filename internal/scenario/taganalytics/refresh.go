package taganalytics

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

type params struct {
	RequestedBy string `json:"requestedBy"`
}

// Refreshed is what a refresh came to. It is also the counts of the run's row.
type Refreshed struct {
	Batch  int64 `json:"batch"`  // of sales: the lakehouse has all up to and with this one
	Months int   `json:"months"` // of which the process that did it has rollups of all tags
}

func (s *Service) startRefresh(ctx context.Context, _ *struct{}) (*api.Started, error) {
	id, p := api.KeyID(ctx), params{RequestedBy: api.PrincipalOf(ctx).Name}
	if err := s.workflow.Start(ctx, id.String(), p); err != nil {
		var busy *workflow.Busy
		if errors.As(err, &busy) {
			err = errs.WithRemedy(err, "the refresh under way is run "+busy.RunID+": GET /api/ingest/runs/"+busy.RunID+" tells when it is done")
		}
		return nil, err
	}
	// The workflow writes the row too, so nothing hangs on who comes first.
	if err := s.create(ctx, id, p); err != nil {
		return nil, err
	}
	return &api.Started{Data: api.Start{RunID: id, StatusURL: "/api/ingest/runs/" + id.String()}}, nil
}

func (s *Service) create(ctx context.Context, id uuid.UUID, p params) error {
	return s.runs.Create(ctx, runs.Request{
		ID: id, Scenario: ID, Trigger: runs.Manual, RequestedBy: p.RequestedBy, Params: p,
	})
}

// rolledMonths are those of which a refresh makes the rollups, this one besides:
// what staff look at, half a year or so against the half before it.
const rolledMonths = 12

// refresh has the lakehouse take in the sales that waited when it began, and
// makes the rollups that this process lacks.
//
// Every step may run twice: batches up to a number are in the lakehouse once,
// whoever brings them; rollups are made from what doesn't change, and another
// process makes its own when it is asked; and the rest is written in the transaction of its step or
// is there already.
func (s *Service) refresh(r *workflow.Run, p params) (done Refreshed, err error) {
	id, err := uuid.Parse(r.ID())
	if err != nil {
		return done, err
	}
	defer func() { s.runs.Fail(r.Context(), id, s.log, runs.Outcome{Counts: done, Err: err}) }()
	done.Batch, err = workflow.Do(r, "open", func(ctx context.Context) (int64, error) {
		if err := s.create(ctx, id, p); err != nil {
			return 0, err
		}
		if err := s.runs.Begin(ctx, id); err != nil {
			return 0, err
		}
		return outbox.Last(ctx, s.db, rows.TableSales)
	})
	if err != nil {
		return done, err
	}
	_, err = workflow.Do(r, "drain", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.lake.Drain(ctx, rows.TableSales, done.Batch)
	})
	if err != nil {
		return done, err
	}
	done.Months, err = workflow.Do(r, "rollup", s.rollUp)
	if err != nil {
		return done, err
	}
	_, err = workflow.Tx(r, "close", func(context.Context) (func(context.Context, pg.Tx) (struct{}, error), error) {
		return func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			return struct{}{}, runs.Close(ctx, tx, id, runs.Outcome{Status: runs.Completed, Counts: done})
		}, nil
	})
	return done, err
}

// rollUp makes the rollups of all tags of the last months, and returns how many
// months those are.
func (s *Service) rollUp(ctx context.Context) (int, error) {
	c, err := catalog.ReadCalendar(ctx, s.db)
	if s.rollups == nil || errs.Kind(err) == "conflict" {
		return 0, nil // there are none, or nothing to roll up
	}
	if err != nil {
		return 0, err
	}
	all := selection{every: true}
	tags, err := s.tags(ctx, all)
	if err != nil {
		return 0, err
	}
	today := c.Today()
	first := shop.DayOf(today.Date().AddDate(0, -rolledMonths, 1-today.Date().Day()), time.UTC)
	r, err := s.readAs(ctx, c, first, today, &request{sel: all})
	if err != nil || r.snapshot.ID == 0 {
		return 0, err
	}
	sold, err := r.roll(ctx, question{parts: []Period{{first, today}}, members: membersOf(tags)})
	if sold == nil {
		return 0, err // they would exceed their memory
	}
	return rolledMonths + 1, err
}
