package taganalytics

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// stateless says of a run why the lakehouse has no state of it, which is missing
// where it isn't nil, and what to do. A run of a lakehouse without sales is none
// to complain of.
func (s *Service) stateless(ctx context.Context, run uuid.UUID, where string, missing error) error {
	var faults api.Faults
	r, err := s.runs.Get(ctx, run)
	switch {
	case errs.Kind(err) == "not_found":
		faults.Add(where, "is no run")
		return errs.WithRemedy(faults.Err(), "leave it out for the present, or name a sync from GET /api/ingest/runs; `macrodata replay` loads what an older one left into a new database")
	case err != nil || missing == nil:
		return err
	case live(r.Status):
		faults.Add(where, "is a run that is under way, and the sales as they will be after it aren't known")
		return errs.WithRemedy(faults.Err(), fmt.Sprintf("leave it out for the present, or wait until GET /api/ingest/runs/%s tells that it is over", run))
	case r.Scenario == ID:
		faults.Add(where, "is a refresh, which leaves no state of its own")
		return errs.WithRemedy(faults.Err(), "leave it out for the present, or name a sync from GET /api/ingest/runs")
	}
	faults.Add(where, "is a run of which no state is kept: it left none, or more than 90 days ago")
	return errs.WithRemedy(faults.Err(),
		"leave it out for the present, name a later sync from GET /api/ingest/runs, or load the archive of this one into a new database with `macrodata replay`")
}

func live(status string) bool {
	switch status {
	case runs.Queued, runs.Running, runs.Waiting, runs.Lost:
		return true
	}
	return false
}
