package telemetry

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

const (
	query  = "telemetry_events"
	recent = 7 * 24 * time.Hour // is looked through where nothing says when
	// slack is how far the clocks of database and processes may be apart.
	slack = time.Hour
	// firstSpan is what is looked through at first for a page; the next spans
	// are twice as long each.
	firstSpan = 24 * time.Hour
)

//go:embed lake/*.sql
var files embed.FS

// Queries are the files of the lakehouse's queries.
func Queries() fs.FS {
	sub, err := fs.Sub(files, "lake")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Lakehouse answers named queries; see the method of duck.DB.
type Lakehouse interface {
	Query(ctx context.Context, name, asOf string, args map[string]any, row func(scan func(dest ...any) error) error) error
}

// Endpoint returns the list of events. Zero values are enough for its document.
func Endpoint(lake Lakehouse, store *runs.Store) api.Endpoint {
	r := &reader{lake, store}
	return api.ListOf("/api/ingest/telemetry", "listTelemetry", "Lists the events of workflows, oldest first.", r.list, eventEntry.position,
		api.Describe("They come from the lakehouse, so the newest may be missing for a minute; how a run stands now, "+
			"`GET /api/ingest/runs/{runId}` tells. Without `runId` and `from` the list begins seven days ago."))
}

type reader struct {
	lake Lakehouse
	runs *runs.Store
}

type listRequest struct {
	api.Page
	RunID    uuid.UUID `query:"runId" doc:"Of this run."`
	Scenario string    `query:"scenario" doc:"Of this scenario." example:"bulksync"`
	Step     string    `query:"step" doc:"Of this step."`
	Event    string    `query:"event" doc:"Of this name." example:"step_completed"`
	Level    string    `query:"level" enum:"info,warn,error" doc:"Of this level."`
	From     time.Time `query:"from" doc:"Then or later." example:"2026-11-01T00:00:00Z"`
	To       time.Time `query:"to" doc:"Before." example:"2026-12-01T00:00:00Z"`
}

// eventEntry is an event as the API tells it.
type eventEntry struct {
	EventID    string          `json:"eventId"`
	OccurredAt time.Time       `json:"occurredAt"`
	Scenario   string          `json:"scenario" example:"bulksync"`
	RunID      string          `json:"runId"`
	Step       string          `json:"step,omitempty" doc:"Left out where it is the run's."`
	Attempt    int64           `json:"attempt" doc:"0 where it is not an attempt's."`
	Event      string          `json:"event" example:"step_completed"`
	Level      string          `json:"level" enum:"info,warn,error"`
	Rows       int64           `json:"rows"`
	Bytes      int64           `json:"bytes"`
	DurationMS int64           `json:"durationMs"`
	ErrorCode  string          `json:"errorCode,omitempty"`
	Message    string          `json:"message,omitempty"`
	Attributes json.RawMessage `json:"attributes,omitempty" csv:"-"`
}

type position struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

func (e eventEntry) position() position { return position{e.OccurredAt, e.EventID} }

func (r *reader) list(ctx context.Context, req *listRequest, after *position, limit int) ([]eventEntry, error) {
	since, until, err := r.bounds(ctx, req)
	if err != nil {
		return nil, err
	}
	at := position{At: since}
	if after != nil {
		at = *after
	}
	var list []eventEntry
	// Partitions are days, so most pages are found in a few files.
	for span := firstSpan; at.At.Before(until) && len(list) < limit; span *= 2 {
		end := until
		if until.Sub(at.At) > span {
			end = at.At.Add(span)
		}
		if list, err = r.read(ctx, req, at, end, limit, list); err != nil {
			return nil, err
		}
		at = position{At: end}
	}
	return list, nil
}

// bounds returns the range that events are looked for in. Those of a run are
// between its beginning and its end.
func (r *reader) bounds(ctx context.Context, req *listRequest) (since, until time.Time, err error) {
	now := time.Now()
	since, until = req.From, req.To
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		var faults api.Faults
		faults.Add("query.to", "is not after from")
		return since, until, faults.Err()
	}
	first, last := now.Add(-recent), now.Add(slack)
	if req.RunID != uuid.Nil {
		run, err := r.runs.Get(ctx, req.RunID)
		switch {
		case errs.Kind(err) == "not_found":
			return now, now, nil // of no run there are no events
		case err != nil:
			return since, until, err
		}
		first = run.CreatedAt.Add(-slack)
		if run.FinishedAt != nil {
			last = run.FinishedAt.Add(slack)
		}
		if since.Before(first) {
			since = first
		}
		if until.IsZero() || until.After(last) {
			until = last
		}
	}
	if since.IsZero() {
		since = first
	}
	if until.IsZero() || until.After(now.Add(slack)) {
		until = last
	}
	return since, until, nil
}

func (r *reader) read(ctx context.Context, req *listRequest, at position, until time.Time, limit int, list []eventEntry) ([]eventEntry, error) {
	run := ""
	if req.RunID != uuid.Nil {
		run = req.RunID.String()
	}
	args := map[string]any{
		"since": at.At, "after": at.ID, "until": until, "row_limit": int64(limit - len(list)),
		"run": run, "scenario": req.Scenario, "step": req.Step, "event": req.Event, "level": req.Level,
	}
	err := r.lake.Query(ctx, query, "", args, func(scan func(...any) error) error {
		var e eventEntry
		var attributes string
		err := scan(&e.EventID, &e.OccurredAt, &e.Scenario, &e.RunID, &e.Step, &e.Attempt, &e.Event, &e.Level,
			&e.Rows, &e.Bytes, &e.DurationMS, &e.ErrorCode, &e.Message, &attributes)
		e.OccurredAt = e.OccurredAt.UTC()
		if attributes != "" {
			e.Attributes = json.RawMessage(attributes)
		}
		list = append(list, e)
		return err
	})
	return list, err
}
