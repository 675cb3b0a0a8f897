// Package runs keeps ingest_run: one row for each execution of a scenario's
// workflow, with its progress while it works, and its counts and proof when it
// is done.
package runs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// The states of a run. One that is queued, running, waiting or lost is live.
const (
	Queued               = "queued"
	Running              = "running"
	Waiting              = "waiting"
	Completed            = "completed"
	CompletedWithRejects = "completed_with_rejects" // loaded, but for records that are listed
	CompletedWithGap     = "completed_with_gap"     // loaded, but could not reach back far enough
	Incomplete           = "incomplete"             // the proof failed: the watermark stays
	Failed               = "failed"
	Cancelled            = "cancelled"
	Lost                 = "lost" // nobody works on it, see Store.Beat
)

// What started a run.
const (
	Cron   = "cron"
	Manual = "manual"
	CLI    = "cli"
)

// Run is a row of ingest_run.
type Run struct {
	ID          uuid.UUID       `json:"runId"`
	Scenario    string          `json:"scenario"`
	Trigger     string          `json:"trigger"`
	RequestedBy string          `json:"requestedBy"`
	Params      json.RawMessage `json:"params"`
	Status      string          `json:"status"`
	Step        string          `json:"step"`
	Done        int64           `json:"done"` // of Total, in Unit, of the step
	Total       int64           `json:"total"`
	Unit        string          `json:"unit"`
	Since       *time.Time      `json:"since"` // nil: from the beginning
	Until       *time.Time      `json:"until"`
	Counts      json.RawMessage `json:"counts"`
	Proof       json.RawMessage `json:"proof,omitempty"`
	Bytes       int64           `json:"bytes"`
	ErrorCode   string          `json:"errorCode,omitempty"`
	ErrorText   string          `json:"errorText,omitempty"`
	Remedy      string          `json:"remedy,omitempty"`
	RestartOf   *uuid.UUID      `json:"restartOf,omitempty"`
	CreatedAt   time.Time       `json:"createdAt"`
	StartedAt   *time.Time      `json:"startedAt"`
	FinishedAt  *time.Time      `json:"finishedAt"`
}

// Live reports whether the run is not over. A lost one isn't: whoever takes it
// over goes on with it.
func (r Run) Live() bool {
	return r.Status == Queued || r.Status == Running || r.Status == Waiting || r.Status == Lost
}

// Store reads and writes runs.
type Store struct{ db *pg.DB }

// New returns the runs of a database.
func New(db *pg.DB) *Store { return &Store{db} }

// Request says what is to run, why and for whom.
type Request struct {
	ID          uuid.UUID
	Scenario    string
	Trigger     string // Cron, Manual or CLI
	RequestedBy string
	Params      any
	RestartOf   *uuid.UUID
}

// Create writes the row of a run. Who starts a run and the run itself both do;
// the second changes nothing.
func (s *Store) Create(ctx context.Context, r Request) (err error) {
	defer errs.Wrap(&err, "create run %s", r.ID)
	params, err := json.Marshal(r.Params)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) error {
		return q.CreateRun(ctx, pgdb.CreateRunParams{
			RunID: r.ID, Scenario: r.Scenario, Trigger: r.Trigger, RequestedBy: r.RequestedBy,
			Params: params, RestartOf: r.RestartOf,
		})
	})
}

// Begin marks a run as running. Beginning again, after a crash or when it is
// resumed, is harmless.
func (s *Store) Begin(ctx context.Context, id uuid.UUID) error {
	return s.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) error { return q.BeginRun(ctx, id) })
}

// SetWindow notes what time a run reads, within the caller's transaction.
func SetWindow(ctx context.Context, tx pg.Tx, id uuid.UUID, since, until time.Time) error {
	p := pgdb.SetRunWindowParams{RunID: id, Until: &until}
	if !since.IsZero() {
		p.Since = &since
	}
	return pgdb.New(tx).SetRunWindow(ctx, p)
}

// Outcome is how a run ended.
type Outcome struct {
	Status string
	Counts any
	Proof  any // nil where none was made
	Bytes  int64
	Err    error // nil unless it failed
}

// Close ends a run within the caller's transaction. A run that has been
// closed already keeps its first ending.
func Close(ctx context.Context, tx pg.Tx, id uuid.UUID, o Outcome) (err error) {
	defer errs.Wrap(&err, "close run %s", id)
	p := pgdb.CloseRunParams{RunID: id, Status: o.Status, Bytes: o.Bytes, Counts: []byte("{}")}
	if o.Counts != nil {
		if p.Counts, err = json.Marshal(o.Counts); err != nil {
			return err
		}
	}
	if o.Proof != nil {
		if p.Proof, err = json.Marshal(o.Proof); err != nil {
			return err
		}
	}
	if o.Err != nil {
		code, text := errs.Kind(o.Err), o.Err.Error()
		p.ErrorCode, p.ErrorText = &code, &text
		if remedy := errs.Remedy(o.Err); remedy != "" {
			p.Remedy = &remedy
		}
	}
	_, err = pgdb.New(tx).CloseRun(ctx, p)
	return err
}

// Close ends a run in a transaction of its own.
func (s *Store) Close(ctx context.Context, id uuid.UUID, o Outcome) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error { return Close(ctx, tx, id, o) })
}

// Fail writes down that a run failed, and why, with what it came to until then.
// ctx is that of the run: where it has ended, the run only stopped here. A
// cancelled run is closed by who cancelled it, and one of a closing process goes
// on elsewhere. It is to be called beside the steps and not as one, so that a
// resumed run that fails again says so again.
func (s *Store) Fail(ctx context.Context, id uuid.UUID, log *slog.Logger, o Outcome) {
	if o.Err == nil || ctx.Err() != nil {
		return
	}
	log.Error("run failed", "run", id, "error", o.Err)
	o.Status = Failed
	if err := s.Close(ctx, id, o); err != nil {
		log.Error("the failed run could not be closed", "run", id, "error", err)
	}
}

// Get returns a run, or errs.NotFound.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (Run, error) {
	row, err := pgdb.New(s.db).ReadRun(ctx, id)
	if pg.NoRows(err) {
		return Run{}, errs.WithRemedy(fmt.Errorf("run %s: %w", id, errs.NotFound), "`macrodata runs` and GET /api/ingest/runs list the runs there are")
	}
	return fromRow(row), err
}

// Live returns the id of the scenario's run that is not over, if there is one.
func (s *Store) Live(ctx context.Context, scenario string) (uuid.UUID, bool, error) {
	id, err := pgdb.New(s.db).LiveRun(ctx, scenario)
	if pg.NoRows(err) {
		return uuid.Nil, false, nil
	}
	return id, err == nil, err
}

func (s *Store) inTx(ctx context.Context, fn func(context.Context, *pgdb.Queries) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error { return fn(ctx, pgdb.New(tx)) })
}

func fromRow(r pgdb.IngestRun) Run {
	return Run{
		ID: r.RunID, Scenario: r.Scenario, Trigger: r.Trigger, RequestedBy: r.RequestedBy, Params: r.Params,
		Status: r.Status, Step: r.Step, Done: r.Done, Total: r.Total, Unit: r.Unit,
		Since: r.WindowSince, Until: r.WindowUntil, Counts: r.Counts, Proof: r.Proof, Bytes: r.Bytes,
		ErrorCode: text(r.ErrorCode), ErrorText: text(r.ErrorText), Remedy: text(r.Remedy),
		RestartOf: r.RestartOf, CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
