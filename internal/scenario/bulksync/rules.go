package bulksync

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shopify"
)

// check refuses parameters that can't be meant.
func (p Params) check(now time.Time) error {
	if p.Mode == Replay {
		return p.checkReplay()
	}
	if p.Replay != nil {
		return errs.WithRemedy(fmt.Errorf("replay is given in mode %s: %w", p.Mode, errs.Invalid), "leave it out, or use mode replay")
	}
	if p.Mode != Incremental && p.Mode != Full {
		return errs.WithRemedy(fmt.Errorf("mode is neither %q nor %q: %w", Incremental, Full, errs.Invalid), "choose one of the two")
	}
	for _, r := range p.Resources {
		if !slices.Contains(Streams(), r) {
			return errs.WithRemedy(fmt.Errorf("resources holds something else than %q: %w", Streams(), errs.Invalid), "leave it out for all")
		}
	}
	if what, remedy := p.wrongSince(now); what != "" {
		return errs.WithRemedy(fmt.Errorf("since %s: %w", what, errs.Invalid), remedy)
	}
	return nil
}

func (p Params) checkReplay() error {
	switch {
	case p.Replay == nil:
		return errs.WithRemedy(fmt.Errorf("replay is missing: %w", errs.Invalid), "name the run whose archive is to be loaded")
	case p.Since != nil:
		return errs.WithRemedy(fmt.Errorf("since is given for a replay: %w", errs.Invalid), "leave it out: a replay loads what its run has read")
	}
	return nil
}

// wrongSince says what is wrong with since, and what to do; "" where it is right.
func (p Params) wrongSince(now time.Time) (what, remedy string) {
	switch {
	case p.Since == nil:
	case p.Mode == Full:
		return "is given for a full sync", "leave since out, or use mode incremental"
	case p.Since.After(now):
		return "is in the future", "give an instant of the past"
	}
	return "", ""
}

// streams are the ones asked for, in loading order.
func (p Params) streams() []string {
	if len(p.Resources) == 0 {
		return Streams()
	}
	return slices.DeleteFunc(Streams(), func(s string) bool { return !slices.Contains(p.Resources, s) })
}

func (p Params) request(id uuid.UUID) runs.Request {
	return runs.Request{ID: id, Scenario: ID, Trigger: p.Trigger, RequestedBy: p.RequestedBy, Params: p, RestartOf: p.RestartOf}
}

func readParams(raw json.RawMessage) (p Params, err error) {
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("parameters of the run: %w", err)
	}
	return p, nil
}

// mark is a stream's watermark; Version 0 means that there is none yet.
type mark struct {
	Value   time.Time `json:"value"`
	Version int64     `json:"version"`
}

// streamPlan is what a run does with a stream.
type streamPlan struct {
	Stream string      `json:"stream"`
	Window bulk.Window `json:"window"`
	Mark   mark        `json:"mark"`

	// Advance: the watermark may move to Window.Until when all is proved.
	Advance bool `json:"advance"`
	// Gap is a time that should have been read and can't be reached.
	Gap *gap `json:"gap,omitempty"`
	// SweepAll: the ids of all times are compared, not only the window's.
	SweepAll bool `json:"sweepAll"`
}

type gap struct {
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// planStream decides what to read of a stream.
//
// The window ends a lag before Shopify's clock and begins an overlap before
// the watermark, or where the run was told. It is cut at the floor, and for
// orders at the horizon of an app that may not see older ones: what is cut off
// is a gap. Such a run, and one that begins above watermark less overlap,
// loads and leaves the watermark alone; a full run has nothing before it and
// always moves it.
func planStream(stream string, p Params, m mark, lastSweep, shopifyNow time.Time, allOrders bool, set Settings) streamPlan {
	until := shopifyNow.Add(-set.Lag).Truncate(time.Second)
	plan := streamPlan{Stream: stream, Window: bulk.Window{Until: until}, Mark: m}
	want := m.Value.Add(-set.Overlap)
	if p.Mode == Full || m.Version == 0 {
		want = time.Time{}
	}
	if p.Since != nil {
		want = p.Since.UTC().Truncate(time.Second)
	}
	from := want
	if p.Mode != Full && p.Since == nil {
		from = later(from, until.Add(-set.Floor))
	}
	reason := fmt.Sprintf("an incremental sync reads back at most %d days", int(set.Floor.Hours()/24))
	if stream == Orders && !allOrders && from.Before(until.Add(-set.Horizon)) {
		from = until.Add(-set.Horizon)
		reason = fmt.Sprintf("without the scope read_all_orders the app sees orders of the last %d days only", int(set.Horizon.Hours()/24))
	}
	if from.After(want) {
		plan.Gap = &gap{Since: later(want, bulk.Beginning), Until: from, Reason: reason}
	}
	plan.Window.Since = from
	plan.Advance = p.Mode == Full || m.Version > 0 && !from.After(m.Value.Add(-set.Overlap))
	plan.SweepAll = plan.Window.Since.IsZero() || until.Sub(lastSweep) >= set.SweepEvery
	return plan
}

// planReplay loads what a run has read of a stream, and moves nothing.
func planReplay(stream string, of runs.Run) streamPlan {
	plan := streamPlan{Stream: stream}
	if of.Since != nil {
		plan.Window.Since = *of.Since
	}
	if of.Until != nil {
		plan.Window.Until = *of.Until
	}
	return plan
}

// export is what is read of the stream.
func (p streamPlan) export() bulk.Export {
	documents := map[string]shopify.Document{Orders: shopify.BulkOrders, Products: shopify.BulkProducts}
	return bulk.Export{Name: p.Stream, Document: documents[p.Stream], Window: p.Window}
}

// sweep is what its ids are compared by afterwards.
func (p streamPlan) sweep() bulk.Export {
	documents := map[string]shopify.Document{Orders: shopify.BulkOrderIDs, Products: shopify.BulkProductIDs}
	return bulk.Export{
		Name: p.Stream + sweepMark, Document: documents[p.Stream],
		Window: bulk.Window{Since: p.sweepSince(), Until: p.Window.Until},
	}
}

// sweepSince is where the comparison of ids begins.
func (p streamPlan) sweepSince() time.Time {
	if p.SweepAll {
		return time.Time{}
	}
	return p.Window.Since
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// closing decides how a run ends that got through all its steps.
func closing(proof Proof, rejects int64, gap bool) string {
	switch {
	case !proof.Holds:
		return runs.Incomplete
	case gap:
		return runs.CompletedWithGap
	case rejects > 0:
		return runs.CompletedWithRejects
	}
	return runs.Completed
}

// tooManyRejects says whether so much of a file is unreadable that it is
// rather the file that is wrong than its records. Up to ten lines are records.
func tooManyRejects(rejected, lines int64, share float64) bool {
	return rejected > 10 && float64(rejected) > share*float64(lines)
}

// historySince returns the time since when no order is missing, zero where none
// is: the end of the last gap, of those that are open and the run's own, but for
// those that it reads over. Until a full run has moved the watermark, there is no
// more than what this run reads. orders is nil where it reads none.
func historySince(orders *streamPlan, full, marked bool, open []gap, now time.Time) (since time.Time) {
	if orders == nil && !marked {
		return now
	}
	for _, g := range open {
		if orders == nil || orders.Gap != nil || g.Since.Before(orders.Window.Since) {
			since = later(since, g.Until)
		}
	}
	if orders == nil {
		return since
	}
	if orders.Gap != nil {
		since = later(since, orders.Gap.Until)
	}
	if !full && !marked {
		since = later(since, orders.Window.Since)
	}
	return since
}
