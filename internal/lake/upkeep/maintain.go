package upkeep

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Result is what a run came to. It is also the counts of the run's row.
type Result struct {
	Tables []Table `json:"tables"`
}

// Table is what the upkeep of a table came to.
type Table struct {
	Table     string         `json:"table"`
	Retained  lake.Retained  `json:"retained"`  // removed because of its age
	Compacted lake.Compacted `json:"compacted"` // merged into fewer files
	Manifests int            `json:"manifests"` // merged
	Forgotten int            `json:"forgotten"` // snapshots
	Swept     Swept          `json:"swept"`
}

// Swept is what a sweep removed from the warehouse.
type Swept struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// job is one execution of a run.
type job struct {
	*Service
	run         *workflow.Run
	id          uuid.UUID
	progress    *runs.Progress
	done, total int64 // steps of tables
	result      Result
}

// maintain does all upkeep of each table, in the order that makes the most of
// it. A table that fails doesn't keep the others from it; the run fails then.
//
// Every step may run twice. Each works on the table as it finds it: what is
// removed, merged or forgotten already is not there to be so again, and only
// the counts of what a killed process did are lost. That two processes do it
// at once is as harmless, for changes of a table are commits of which one goes
// first.
func (s *Service) maintain(r *workflow.Run, p params) (_ Result, err error) {
	id, err := uuid.Parse(r.ID())
	if err != nil {
		return Result{}, err
	}
	j := &job{Service: s, run: r, id: id, progress: s.runs.Progress(id, s.log)}
	defer func() {
		s.runs.Fail(r.Context(), id, s.log.With("scenario", Scenario), runs.Outcome{Counts: j.result, Err: err})
	}()

	// Which tables a run works on is fixed once, whatever program goes on with it.
	tables, err := workflow.Do(r, "open", func(ctx context.Context) (names []string, err error) {
		if err := s.create(ctx, id, p); err != nil {
			return nil, err
		}
		for _, t := range s.lake.Tables() {
			names = append(names, t.Name)
		}
		return names, s.runs.Begin(ctx, id)
	})
	if err != nil {
		return Result{}, err
	}
	j.total = int64(len(tables) * stepsPerTable)
	var failed error
	for i, name := range tables {
		j.done = int64(i * stepsPerTable)
		t, err := j.table(name)
		if err != nil && r.Context().Err() != nil {
			return Result{}, err
		}
		j.result.Tables = append(j.result.Tables, t)
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return Result{}, failed
	}
	return workflow.Tx(r, "close", func(context.Context) (apply, error) { return j.close, nil })
}

// apply is what the last step writes in its transaction.
type apply = func(context.Context, pg.Tx) (Result, error)

const stepsPerTable = 5

// table does the upkeep of one table.
func (j *job) table(name string) (t Table, err error) {
	t.Table = name
	if t.Retained, err = do(j, "retain-"+name, name, j.lake.Retain); err != nil {
		return t, err
	}
	if t.Compacted, err = do(j, "compact-"+name, name, j.lake.Compact); err != nil {
		return t, err
	}
	if t.Manifests, err = do(j, "manifests-"+name, name, j.lake.RewriteManifests); err != nil {
		return t, err
	}
	if t.Forgotten, err = do(j, "expire-"+name, name, j.lake.Expire); err != nil {
		return t, err
	}
	t.Swept, err = do(j, "sweep-"+name, name, j.sweep)
	return t, err
}

// sweep counts what it removed: the names of the files may be more than a step
// can return.
func (j *job) sweep(ctx context.Context, name string) (Swept, error) {
	s, err := j.lake.Sweep(ctx, name, false)
	return Swept{len(s.Files), s.Bytes}, err
}

// do runs a step of a table's upkeep. A large table takes its time, and what
// fails tonight can wait for tomorrow: so attempts have an hour each, and are few.
func do[R any](j *job, step, table string, upkeep func(context.Context, string) (R, error)) (R, error) {
	out, err := workflow.Do(j.run, step, func(ctx context.Context) (R, error) {
		j.progress.Set(ctx, step, j.done, j.total, "steps")
		return upkeep(ctx, table)
	}, workflow.Timeout(time.Hour), workflow.Limit(2))
	j.done++
	return out, err
}

// close ends the run's row.
func (j *job) close(ctx context.Context, tx pg.Tx) (Result, error) {
	return j.result, runs.Close(ctx, tx, j.id, runs.Outcome{Status: runs.Completed, Counts: j.result})
}
