package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/alert"
	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/webhook"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

const (
	retentionScenario = "retention" // by which its runs are listed
	retentionName     = retentionScenario + ".sweep"

	leastKept = 24 * time.Hour      // what is needed for work stays
	leastTold = 31 * 24 * time.Hour // alerts are kept longer than the duties that they tell of
)

func (c Config) checkRetention() error {
	for _, k := range []struct {
		name        string
		keep, least time.Duration
	}{
		{"RUNS", c.KeepRuns, leastKept},
		{"ARCHIVES", c.KeepArchives, leastKept},
		{"REJECTS", c.KeepRejects, leastKept},
		{"AUDIT", c.KeepAudit, leastKept},
		{"WEBHOOKS", c.KeepWebhooks, leastKept},
		{"ALERTS", c.KeepAlerts, leastTold},
	} {
		if k.keep < k.least {
			return fmt.Errorf("%sKEEP_%s is less than %s: %w", envPrefix, k.name, k.least, errs.Invalid)
		}
	}
	return nil
}

// retention deletes what is too old, in a durable run.
type retention struct {
	app      *App
	workflow *workflow.Workflow[struct{}, Deleted]
}

// Deleted is how much of each kind a run of the retention deleted: rows, runs or
// objects.
type Deleted struct {
	Runs     int64 `json:"runs"`
	Archives int64 `json:"archives"`
	Rejects  int64 `json:"rejects"` // deleted, or only blanked
	Changes  int64 `json:"changes"`
	Webhooks int64 `json:"webhooks"`
	Alerts   int64 `json:"alerts"`
	Keys     int64 `json:"keys"`
}

func newRetention(a *App) *retention {
	r := &retention{app: a}
	r.workflow = workflow.Register(a.Engine, retentionName, r.sweep, workflow.Options{OneAtATime: true})
	return r
}

// StartSlot starts the run of a schedule's slot, once however often it is called.
func (r *retention) StartSlot(ctx context.Context, slot time.Time) (err error) {
	defer errs.Wrap(&err, "start retention")
	id := workflow.RunID(retentionName, slot)
	if err := r.workflow.Start(ctx, id.String(), struct{}{}); err != nil {
		return err
	}
	return r.create(ctx, id)
}

func (r *retention) create(ctx context.Context, id uuid.UUID) error {
	return r.app.Runs.Create(ctx, runs.Request{
		ID: id, Scenario: retentionScenario, Trigger: runs.Cron, RequestedBy: "schedule", Params: struct{}{},
	})
}

// sweep deletes one kind after the other. One that can't be deleted doesn't keep
// the others from it; the run fails then.
//
// Every step may run twice: what is deleted already isn't there to be so again,
// and only the count of what a killed process did is lost.
func (r *retention) sweep(run *workflow.Run, _ struct{}) (d Deleted, err error) {
	a := r.app
	id, err := uuid.Parse(run.ID())
	if err != nil {
		return d, err
	}
	defer func() {
		a.Runs.Fail(run.Context(), id, a.Log.With("scenario", retentionScenario), runs.Outcome{Counts: d, Err: err})
	}()
	now, err := workflow.Do(run, "open", func(ctx context.Context) (time.Time, error) {
		if err := r.create(ctx, id); err != nil {
			return time.Time{}, err
		}
		return time.Now(), a.Runs.Begin(ctx, id)
	})
	if err != nil {
		return d, err
	}
	var failed error
	for _, k := range a.tooOld(&d) {
		*k.n, err = workflow.Do(run, k.step, func(ctx context.Context) (int64, error) {
			return k.prune(ctx, now.Add(-k.keep))
		}, workflow.Timeout(time.Hour), workflow.Limit(2))
		if err != nil && run.Context().Err() != nil {
			return d, err
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return d, failed
	}
	a.Log.Info("what was too old is deleted", "run", id, "deleted", d)
	return workflow.Tx(run, "close", func(context.Context) (func(context.Context, pg.Tx) (Deleted, error), error) {
		return func(ctx context.Context, tx pg.Tx) (Deleted, error) {
			return d, runs.Close(ctx, tx, id, runs.Outcome{Status: runs.Completed, Counts: d})
		}, nil
	})
}

// kind is something that is kept for a time.
type kind struct {
	step  string
	keep  time.Duration
	prune func(ctx context.Context, before time.Time) (int64, error)
	n     *int64 // how many were deleted
}

// tooOld lists what goes in time, and where to count it.
func (a *App) tooOld(d *Deleted) []kind {
	c := a.Config
	rows := func(prune func(context.Context, *pg.DB, time.Time) (int64, error)) func(context.Context, time.Time) (int64, error) {
		return func(ctx context.Context, before time.Time) (int64, error) { return prune(ctx, a.DB, before) }
	}
	return []kind{
		{"archives", c.KeepArchives, a.pruneArchives, &d.Archives},
		{"rejects", c.KeepRejects, rows(bulksync.PruneRejects), &d.Rejects},
		{"changes", c.KeepAudit, rows(api.PruneChanges), &d.Changes},
		{"webhooks", c.KeepWebhooks, rows(webhook.Prune), &d.Webhooks},
		{"alerts", c.KeepAlerts, rows(alert.Prune), &d.Alerts},
		{"keys", 0, a.pruneKeys, &d.Keys},
		{"runs", c.KeepRuns, a.pruneRuns, &d.Runs},
	}
}

// pruneKeys knows by itself how long a key is good.
func (a *App) pruneKeys(ctx context.Context, _ time.Time) (int64, error) {
	return api.PruneKeys(ctx, a.DB)
}

// pruneRuns forgets the steps of runs that ended before a time. What staff see of
// a run stays.
func (a *App) pruneRuns(ctx context.Context, before time.Time) (int64, error) {
	n, err := a.Engine.Prune(ctx, before)
	return int64(n), err
}

const archivePrefix = "archives/ingest/"

// pruneArchives deletes the files of runs that ended before a time, and returns
// how many. Those of a run that nobody knows stay: to be too old they need an end.
func (a *App) pruneArchives(ctx context.Context, before time.Time) (deleted int64, err error) {
	all := []uuid.UUID{}
	err = a.Blob.List(ctx, archivePrefix, func(key string, _ int64) error {
		name, _, _ := strings.Cut(strings.TrimPrefix(key, archivePrefix), "/")
		// Keys come in order, so those of a run one after the other.
		if id, err := uuid.Parse(name); err == nil && (len(all) == 0 || all[len(all)-1] != id) {
			all = append(all, id)
		}
		return nil
	})
	const batch = 1000
	for len(all) > 0 && err == nil {
		n := min(batch, len(all))
		var old []uuid.UUID
		if old, err = pgdb.New(a.DB).RunsEndedBefore(ctx, pgdb.RunsEndedBeforeParams{RunIds: all[:n], Before: before}); err != nil {
			break
		}
		for _, id := range old {
			gone, err := deleteAll(ctx, a.Blob, archivePrefix+id.String()+"/")
			if deleted += gone; err != nil {
				return deleted, err
			}
		}
		all = all[n:]
	}
	return deleted, err
}

// deleteAll deletes the objects below a prefix. They are listed first, for a
// listing that is changed under way may skip some.
func deleteAll(ctx context.Context, store *blob.Store, prefix string) (deleted int64, err error) {
	var keys []string
	err = store.List(ctx, prefix, func(key string, _ int64) error { keys = append(keys, key); return nil })
	for _, key := range keys {
		if err == nil {
			err = store.Delete(ctx, key)
		}
		if err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, err
}
