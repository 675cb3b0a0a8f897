package bulksync

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// steps are the names that the engine records, frozen once deployed. A step
// that runs once for a stream or a chunk adds that to its name.
var steps = slices.Concat([]scenario.Step{
	{Name: "open", Where: "Shopify, PostgreSQL", What: "Checks shop and scopes, reads the watermarks, fixes the windows by Shopify's clock."},
}, bulk.Steps(), []scenario.Step{
	{Name: "products", Where: "PostgreSQL", What: "Merges a chunk of products with their tags."},
	{Name: "roots", Where: "PostgreSQL", What: "Merges a chunk of orders with their fulfillments."},
	{Name: "children", Where: "PostgreSQL", What: "Merges a chunk of lines, joined to their orders."},
	{Name: "compare", Where: "PostgreSQL", What: "Holds the files against the store, counts and money by shop day."},
	{Name: "refunds", Where: "Shopify, PostgreSQL", What: "Reads the refund lines of orders that show refunds."},
	{Name: "deletions", Where: "Shopify, PostgreSQL", What: "Marks what Shopify says was deleted."},
	{Name: "sweep", Where: "PostgreSQL", What: "Takes in a chunk of the ids that the index has afterwards."},
	{Name: "missing", Where: "Shopify, PostgreSQL", What: "Reads by id what the index has and the store lacks."},
	{Name: "gone", Where: "Shopify, PostgreSQL", What: "Reads by id what the store has and the index lacks."},
	{Name: "uneven", Where: "Shopify, PostgreSQL", What: "Reads whole the orders whose lines don't add up to Shopify's count."},
	{Name: "rejects", Where: "Shopify, PostgreSQL", What: "Reads by id what earlier runs could not load."},
	{Name: "summary", Where: "PostgreSQL", What: "Sums the days anew on which orders or fulfillments changed."},
	{Name: "wait-lake", Where: "lakehouse", What: "Waits until the lakehouse has the run's sales."},
	{Name: "performance", Where: "PostgreSQL", What: "Measures what a page of products sold, and tells the lakehouse."},
	{Name: "tag", Where: "lakehouse", What: "Waits until the lakehouse has the metrics, and names the tables' snapshots after the run."},
	{Name: "prove", Where: "PostgreSQL, lakehouse", What: "Holds the lakehouse against PostgreSQL by shop day, and gathers the proof."},
	{Name: "close", Where: "PostgreSQL", What: "Moves the watermarks, where all is proved, and closes the run."},
})

// sync reads what changed in each stream, stores it, proves that nothing is
// missing, and only then moves the watermarks.
//
// Every step may run twice, the last one that a killed process was in. What is
// written to the database is written in the transaction that records the step,
// so exactly once. A bulk operation carries the run in its name, so a second
// start finds the first; a part of a download replaces itself; everything else
// only reads.
func (s *Service) sync(r *workflow.Run, p Params) (_ Result, err error) {
	id, err := uuid.Parse(r.ID())
	if err != nil {
		return Result{}, err
	}
	j := &job{Service: s, run: r, id: id, params: p, progress: s.runs.Progress(id, s.log)}
	defer func() {
		s.runs.Fail(r.Context(), id, s.log.With("scenario", ID), runs.Outcome{Counts: j.counts, Bytes: j.bytes(), Err: err})
	}()

	// What is there to read, and from when to when?
	if j.plan, err = workflow.Tx(r, "open", j.open); err != nil {
		return Result{}, err
	}
	if j.zone, err = time.LoadLocation(j.plan.Zone); err != nil {
		return Result{}, err
	}
	j.orders = j.writer()
	j.bulk = bulk.New(bulk.Config{
		Run: r, DB: s.db, Shopify: s.shopify, Archive: s.archive, Progress: j.progress, Since: j.plan.Started,
		PollMin: s.set.PollMin, PollMax: s.set.PollMax, PartBytes: s.set.PartBytes,
	})

	if err := j.bring(); err != nil {
		return Result{}, err
	}

	// Before anything else touches them: does the store hold what the files held?
	stored, err := workflow.Do(r, "compare", j.compare)
	if err != nil {
		return Result{}, err
	}

	// What bulk files can't tell, and what they may have left out.
	if err := j.readRefunds(); err != nil {
		return Result{}, err
	}
	if !j.replays() { // what came since then is for the next sync
		if err := j.markDeletions(); err != nil {
			return Result{}, err
		}
		if err := j.sweepIndex(); err != nil {
			return Result{}, err
		}
	}
	if err := j.settleUneven(); err != nil {
		return Result{}, err
	}
	if !j.replays() {
		if err := j.retryRejects(); err != nil {
			return Result{}, err
		}
	}

	// What follows from the orders, and may be read as of this run from now on.
	if err := j.refreshDays(); err != nil {
		return Result{}, err
	}
	if _, err := workflow.Do(r, "wait-lake", j.waitLake); err != nil {
		return Result{}, err
	}
	if err := j.measure(); err != nil {
		return Result{}, err
	}
	if _, err := workflow.Do(r, "tag", j.tag); err != nil {
		return Result{}, err
	}

	proof, err := workflow.Do(r, "prove", func(ctx context.Context) (Proof, error) { return j.prove(ctx, stored) })
	if err != nil {
		return Result{}, err
	}
	return workflow.Tx(r, "close", func(context.Context) (applied[Result], error) { return j.close(proof), nil })
}

// applied is what a step writes in its transaction.
type applied[R any] = func(context.Context, pg.Tx) (R, error)

// job is one execution of a run. Everything in it comes from the parameters or
// from what steps returned.
type job struct {
	*Service
	run      *workflow.Run
	id       uuid.UUID
	params   Params
	progress *runs.Progress

	plan   plan
	zone   *time.Location // the shop's
	bulk   *bulk.Exporter
	orders *orders.Writer
	files  []file
	counts Counts
	sweeps []sweepResult
}

// plan is what the first step fixes for the whole run.
type plan struct {
	Streams  []streamPlan `json:"streams"`
	Zone     string       `json:"zone"` // the shop's, IANA
	Started  time.Time    `json:"started"`
	Degraded []string     `json:"degraded,omitempty"` // optional scopes that are missing

	// Horizon is set where the app sees only the orders made since then.
	Horizon *time.Time `json:"horizon,omitempty"`
}

// open asks Shopify who it is and what time it is there, and fixes the windows.
func (j *job) open(ctx context.Context) (applied[plan], error) {
	if err := j.runs.Create(ctx, j.params.request(j.id)); err != nil {
		return nil, err
	}
	if err := j.runs.Begin(ctx, j.id); err != nil {
		return nil, err
	}
	j.progress.Set(ctx, "open", 0, 0, "")
	of, err := j.replayed(ctx)
	if err != nil {
		return nil, err
	}
	pre, err := j.shopify.Preflight(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx pg.Tx) (plan, error) {
		q := pgdb.New(tx)
		out := plan{Zone: pre.Shop.TimeZone, Started: pre.Now, Degraded: pre.Degraded}
		if _, err := time.LoadLocation(out.Zone); err != nil {
			return out, err
		}
		if !pre.AllOrders {
			// A day less, for the horizon moves on while the run lasts.
			h := pre.Now.Add(-j.set.Horizon).AddDate(0, 0, 1)
			out.Horizon = &h
		}
		if err := orders.Rezone(ctx, tx, out.Zone); err != nil {
			return out, err
		}
		if err := catalog.AdoptShop(ctx, tx, pre.Shop); err != nil {
			return out, err
		}
		if err := forget(ctx, tx); err != nil {
			return out, err
		}
		for _, stream := range j.params.streams() {
			if j.replays() {
				out.Streams = append(out.Streams, planReplay(stream, of))
				continue
			}
			m, err := readMark(ctx, q, stream)
			if err != nil {
				return out, err
			}
			swept, err := readMark(ctx, q, stream+sweepMark)
			if err != nil {
				return out, err
			}
			out.Streams = append(out.Streams,
				planStream(stream, j.params, m, swept.Value, pre.Now, pre.AllOrders, j.set))
		}
		w := out.Streams[len(out.Streams)-1].Window
		return out, runs.SetWindow(ctx, tx, j.id, w.Since, w.Until)
	}, nil
}

// forget empties all working tables.
func forget(ctx context.Context, tx pg.Tx) error {
	if err := orders.Forget(ctx, tx); err != nil {
		return err
	}
	return pgdb.New(tx).ClearWorkingTables(ctx)
}

// close moves the watermarks and ends the run, in one transaction. Where the
// proof does not hold the marks stay, and the next run reads the same again.
func (j *job) close(proof Proof) applied[Result] {
	return func(ctx context.Context, tx pg.Tx) (Result, error) {
		q := pgdb.New(tx)
		hasGap := false
		for _, stream := range j.plan.Streams {
			if stream.Gap != nil {
				hasGap = true
				if err := j.keepGap(ctx, q, stream); err != nil {
					return Result{}, err
				}
			}
			if !proof.Holds || j.replays() {
				continue
			}
			moved, err := j.moveMarks(ctx, q, stream)
			if err != nil {
				return Result{}, err
			}
			j.counts.stream(stream.Stream).Advanced = moved
		}
		rejects, err := q.CountRejects(ctx, j.id)
		if err != nil {
			return Result{}, err
		}
		if err := forget(ctx, tx); err != nil {
			return Result{}, err
		}
		j.counts.Rejected, j.counts.Degraded = rejects, j.plan.Degraded
		out := Result{Status: closing(proof, rejects, hasGap), Counts: j.counts, Proof: proof}
		return out, runs.Close(ctx, tx, j.id, runs.Outcome{
			Status: out.Status, Counts: out.Counts, Proof: out.Proof, Bytes: j.bytes(),
		})
	}
}

// step names a step of a family.
func step(family string, parts ...any) string {
	for _, p := range parts {
		family += fmt.Sprintf("-%v", p)
	}
	return family
}
