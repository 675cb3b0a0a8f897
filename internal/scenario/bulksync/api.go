package bulksync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// endpoints lists what the API offers of this scenario, and of the runs of all.
// Without a service it can be documented.
func endpoints(s *Service) []api.Endpoint {
	const ingest, run = "ingest", "/api/ingest/runs/{runId}"
	return []api.Endpoint{
		api.Post("/api/performance-metrics/sync", "startSync", "Starts a sync.", s.startSync, api.Tag(ingest),
			api.Describe("One sync runs at a time: while one is under way, the answer is a conflict that names it.")),
		api.ListOf("/api/ingest/runs", "listRuns", "Lists the runs of all scenarios, newest first.", s.listRuns, runEntry.position),
		api.Get(run, "getRun", "Tells a run, with its steps, its proof and its rejected records.", s.getRun),
		api.Events(run+"/events", "watchRun", "Tells how a run comes along, until it has ended.", s.watchRun,
			api.Describe("The event `progress` comes first and with each change, and `ended` when the run is over.")),
		api.Post(run+"/cancel", "cancelRun", "Stops a run; its finished steps stay.", s.cancelRun),
		api.Post(run+"/resume", "resumeRun", "Goes on with a failed or cancelled run where it was.", s.resumeRun),
		api.Post(run+"/restart", "restartRun", "Starts a new sync with what an earlier one was asked for.", s.restartRun),
	}
}

type startSyncRequest struct {
	Body struct {
		Mode      string     `json:"mode" enum:"incremental,full" doc:"What changed since the watermark, or everything."`
		Resources []string   `json:"resources,omitempty" enum:"products,orders" maxItems:"2" uniqueItems:"true" doc:"All where it is left out."`
		Since     *time.Time `json:"since,omitempty" doc:"Where an incremental sync begins, instead of the watermark."`
	}
}

func (s *Service) startSync(ctx context.Context, req *startSyncRequest) (*api.Started, error) {
	p := Params{
		Mode: req.Body.Mode, Resources: req.Body.Resources, Since: req.Body.Since,
		Trigger: runs.Manual, RequestedBy: api.PrincipalOf(ctx).Name,
	}
	if what, remedy := p.wrongSince(time.Now()); what != "" {
		var faults api.Faults
		faults.Add("body.since", "%s", what)
		return nil, errs.WithRemedy(faults.Err(), remedy)
	}
	return started(s.startAs(ctx, api.KeyID(ctx), p))
}

// started is the answer of what started a run, or went on with one.
func started(id uuid.UUID, err error) (*api.Started, error) {
	if err != nil {
		return nil, err
	}
	return &api.Started{Data: api.Start{RunID: id, StatusURL: "/api/ingest/runs/" + id.String()}}, nil
}

type listRunsRequest struct {
	api.Page
	Scenario string    `query:"scenario" doc:"Of this scenario." example:"bulksync"`
	Status   string    `query:"status" enum:"queued,running,waiting,completed,completed_with_rejects,completed_with_gap,incomplete,failed,cancelled,lost" doc:"In this state."`
	Trigger  string    `query:"trigger" enum:"cron,manual,cli" doc:"Started by this."`
	From     time.Time `query:"from" doc:"Created then or later." example:"2026-11-01T00:00:00Z"`
	To       time.Time `query:"to" doc:"Created before." example:"2026-12-01T00:00:00Z"`
}

func (s *Service) listRuns(ctx context.Context, req *listRunsRequest, after *runs.Position, limit int) ([]runEntry, error) {
	if !req.From.IsZero() && !req.To.IsZero() && !req.From.Before(req.To) {
		var faults api.Faults
		faults.Add("query.to", "is not after from")
		return nil, faults.Err()
	}
	list, err := s.runs.Find(ctx, runs.Filter{
		Scenario: req.Scenario, Status: req.Status, Trigger: req.Trigger, From: req.From, To: req.To,
	}, after, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]runEntry, len(list))
	for i, r := range list {
		entries[i] = entryOf(r)
	}
	return entries, nil
}

type runRequest struct {
	RunID uuid.UUID `path:"runId"`
}

// lookEvery is how often a run is looked at for those who watch it: as often as
// it writes down its progress.
const lookEvery = 500 * time.Millisecond

type runEvent struct {
	Status     string  `json:"status"`
	Step       string  `json:"step" doc:"Under way; empty before the first."`
	Done       int64   `json:"done" doc:"Of the step, in its unit."`
	Total      int64   `json:"total" doc:"0 where nobody knows."`
	Unit       string  `json:"unit"`
	Rate       float64 `json:"rate,omitempty" doc:"Units a second."`
	ETASeconds float64 `json:"etaSeconds,omitempty" doc:"Until the step is done, at this rate."`
	ErrorText  string  `json:"errorText,omitempty"`
	Remedy     string  `json:"remedy,omitempty"`
}

// watchRun's ids name how the run stands, so that a client that comes back is
// told only of what has changed since.
func (s *Service) watchRun(ctx context.Context, req *runRequest, lastID string) (iter.Seq2[api.Event[runEvent], error], error) {
	if _, err := s.runs.Get(ctx, req.RunID); err != nil {
		return nil, err
	}
	return func(yield func(api.Event[runEvent], error) bool) {
		for sight, err := range s.runs.Watch(ctx, req.RunID, lookEvery) {
			e := eventOf(sight)
			if err == nil && e.ID == lastID {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}, nil
}

func eventOf(s runs.Sight) api.Event[runEvent] {
	name := "progress"
	if !s.Live() {
		name = "ended"
	}
	return api.Event[runEvent]{
		ID: fmt.Sprintf("%s/%s/%d/%d", s.Status, s.Step, s.Done, s.Total), Name: name,
		Data: runEvent{
			Status: s.Status, Step: s.Step, Done: s.Done, Total: s.Total, Unit: s.Unit,
			Rate: math.Round(s.Rate*10) / 10, ETASeconds: math.Round(s.Left.Seconds()),
			ErrorText: s.ErrorText, Remedy: s.Remedy,
		},
	}
}

func (s *Service) cancelRun(ctx context.Context, req *runRequest) (*api.One[runEntry], error) {
	if _, err := s.runs.Get(ctx, req.RunID); err != nil {
		return nil, err
	}
	err := s.Cancel(ctx, req.RunID)
	if errors.Is(err, errs.Conflict) {
		err = errs.WithRemedy(err, "nothing is left to stop; restart the run to do it anew")
	}
	if err != nil {
		return nil, err
	}
	r, err := s.runs.Get(ctx, req.RunID)
	return &api.One[runEntry]{Data: entryOf(r)}, err
}

func (s *Service) resumeRun(ctx context.Context, req *runRequest) (*api.Started, error) {
	return started(req.RunID, s.Resume(ctx, req.RunID))
}

func (s *Service) restartRun(ctx context.Context, req *runRequest) (*api.Started, error) {
	if err := s.mine(ctx, req.RunID); err != nil {
		return nil, err
	}
	return started(s.restartAs(ctx, api.KeyID(ctx), req.RunID, runs.Manual, api.PrincipalOf(ctx).Name))
}

// mine refuses runs of other scenarios, whose parameters are not known here.
func (s *Service) mine(ctx context.Context, id uuid.UUID) error {
	r, err := s.runs.Get(ctx, id)
	if err == nil && r.Scenario != ID {
		err = errs.WithRemedy(fmt.Errorf("it is a run of %s, and only those of %s are restarted here: %w", r.Scenario, ID, errs.Conflict),
			"start its scenario anew")
	}
	return err
}
