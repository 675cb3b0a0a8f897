package bulksync

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// runEntry is a run as the API tells it.
type runEntry struct {
	RunID       uuid.UUID  `json:"runId"`
	Scenario    string     `json:"scenario" example:"bulksync"`
	Trigger     string     `json:"trigger" enum:"cron,manual,cli"`
	RequestedBy string     `json:"requestedBy" doc:"Mail address, name of a service token, or a command." example:"ops@example.com"`
	Status      string     `json:"status" enum:"queued,running,waiting,completed,completed_with_rejects,completed_with_gap,incomplete,failed,cancelled,lost"`
	Step        string     `json:"step" doc:"Under way, or the last one; empty before the first."`
	Done        int64      `json:"done" doc:"Of the step, in its unit."`
	Total       int64      `json:"total" doc:"0 where nobody knows."`
	Unit        string     `json:"unit"`
	Since       *time.Time `json:"since,omitempty" doc:"Where the window begins; left out where that is the beginning."`
	Until       *time.Time `json:"until,omitempty" doc:"Where the window ends; left out until it is fixed."`
	Bytes       int64      `json:"bytes" doc:"Archived."`
	ErrorCode   string     `json:"errorCode,omitempty"`
	ErrorText   string     `json:"errorText,omitempty" doc:"Why it failed."`
	Remedy      string     `json:"remedy,omitempty" doc:"What to do next."`
	RestartOf   *uuid.UUID `json:"restartOf,omitempty" doc:"The run that this one does anew."`
	CreatedAt   time.Time  `json:"createdAt"`
	StartedAt   *time.Time `json:"startedAt,omitempty"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty"`

	Counts   json.RawMessage `json:"counts" csv:"-" doc:"What it read and wrote, as its scenario counts."`
	Params   json.RawMessage `json:"params,omitempty" csv:"-" doc:"What it was asked for; told of one run alone."`
	Proof    *Proof          `json:"proof,omitempty" csv:"-" doc:"Why it may say that nothing is missing; told of one run alone, once it is made."`
	Steps    []stepEntry     `json:"steps,omitempty" csv:"-" doc:"In the order that it came to them; told of one run alone."`
	Rejected *rejectedList   `json:"rejected,omitempty" csv:"-" doc:"What it could not store; told of one run alone."`
}

func (r runEntry) position() runs.Position { return runs.Position{CreatedAt: r.CreatedAt, ID: r.RunID} }

func entryOf(r runs.Run) runEntry {
	return runEntry{
		RunID: r.ID, Scenario: r.Scenario, Trigger: r.Trigger, RequestedBy: r.RequestedBy,
		Status: r.Status, Step: r.Step, Done: r.Done, Total: r.Total, Unit: r.Unit,
		Since: r.Since, Until: r.Until, Bytes: r.Bytes,
		ErrorCode: r.ErrorCode, ErrorText: r.ErrorText, Remedy: r.Remedy,
		RestartOf: r.RestartOf, CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Counts: r.Counts,
	}
}

type stepEntry struct {
	Step        string     `json:"step"`
	Status      string     `json:"status" enum:"completed,waiting,failed" doc:"Waiting: between two attempts, or asleep."`
	Attempts    int        `json:"attempts"`
	ErrorCode   string     `json:"errorCode,omitempty" doc:"Of the last attempt."`
	ErrorText   string     `json:"errorText,omitempty"`
	Remedy      string     `json:"remedy,omitempty"`
	WaitSeconds float64    `json:"waitSeconds,omitempty" doc:"Until the next attempt."`
	StartedAt   time.Time  `json:"startedAt"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty"`
}

func stepOf(i workflow.StepInfo) stepEntry {
	e := stepEntry{
		Step: i.Step, Status: "completed", Attempts: i.Attempts,
		WaitSeconds: i.Wait.Seconds(), StartedAt: i.Started,
	}
	if i.Err != nil {
		e.Status, e.ErrorCode, e.ErrorText, e.Remedy = "failed", errs.Kind(i.Err), i.Err.Error(), errs.Remedy(i.Err)
	}
	if i.Finished.IsZero() {
		e.Status = "waiting"
	} else {
		e.FinishedAt = new(i.Finished)
	}
	return e
}

// shownRejects of a run are told; the table has them all.
const shownRejects = 100

type rejectedList struct {
	Total   int64           `json:"total"`
	Records []rejectedEntry `json:"records" doc:"The first 100, by file and line."`
}

type rejectedEntry struct {
	Source      string     `json:"source" doc:"The file, or by_id."`
	Line        int64      `json:"line" doc:"Of the file, from 1."`
	SubjectType string     `json:"subjectType" example:"Order"`
	SubjectID   *shop.ID   `json:"subjectId,omitempty" doc:"Left out where it can't be read."`
	Reason      string     `json:"reason"`
	Record      string     `json:"record" doc:"Its beginning. May hold personal data."`
	ResolvedBy  *uuid.UUID `json:"resolvedRunId,omitempty" doc:"The run that settled it; left out while it is open."`
}

func (s *Service) getRun(ctx context.Context, req *runRequest) (*api.One[runEntry], error) {
	r, err := s.runs.Get(ctx, req.RunID)
	if err != nil {
		return nil, err
	}
	e := entryOf(r)
	e.Params = r.Params
	if len(r.Proof) > 0 {
		if err := json.Unmarshal(r.Proof, &e.Proof); err != nil {
			return nil, fmt.Errorf("proof of run %s: %w: %w", r.ID, err, errs.Corrupt)
		}
	}
	if e.Steps, err = s.steps(ctx, r.ID); err != nil {
		return nil, err
	}
	e.Rejected, err = s.rejected(ctx, r.ID)
	return &api.One[runEntry]{Data: e}, err
}

// steps lists what the engine knows of a run: nothing once it is pruned.
func (s *Service) steps(ctx context.Context, id uuid.UUID) ([]stepEntry, error) {
	list, err := s.engine.Steps(ctx, id.String())
	if err != nil {
		return nil, err
	}
	entries := make([]stepEntry, len(list))
	for i, one := range list {
		entries[i] = stepOf(one)
	}
	return entries, nil
}

func (s *Service) rejected(ctx context.Context, id uuid.UUID) (*rejectedList, error) {
	q := pgdb.New(s.db)
	total, err := q.CountRejects(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := q.ListRejects(ctx, pgdb.ListRejectsParams{RunID: id, RowLimit: shownRejects})
	if err != nil {
		return nil, err
	}
	list := &rejectedList{Total: total, Records: make([]rejectedEntry, len(rows))}
	for i, r := range rows {
		list.Records[i] = rejectedEntry{
			Source: r.Source, Line: r.LineNo, SubjectType: r.SubjectType,
			Reason: r.Reason, Record: r.Record, ResolvedBy: r.ResolvedRunID,
		}
		if r.SubjectID != nil {
			list.Records[i].SubjectID = new(shop.ID(*r.SubjectID))
		}
	}
	return list, nil
}
