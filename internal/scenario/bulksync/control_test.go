package bulksync_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// gate holds a run before a step, once.
type gate struct {
	step          string
	once          sync.Once
	reached, open chan struct{}
}

func newGate(step string) *gate {
	return &gate{step: step, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) fault(step, where string) {
	if step == g.step && where == "before" {
		g.once.Do(func() {
			close(g.reached)
			<-g.open
		})
	}
}

func (g *gate) wait(t testing.TB) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(20 * time.Second):
		t.Fatalf("the step %s was not reached", g.step)
	}
}

func TestASecondStartIsRefusedAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	g := newGate("compare")
	w := newWorld(t, setup{fault: g.fault})
	first, err := w.sync.Start(t.Context(), full())
	must(t, err)
	g.wait(t)
	second, err := w.sync.Start(t.Context(), incremental())
	close(g.open)
	if !errors.Is(err, errs.Conflict) || second != first || !strings.Contains(err.Error(), first.String()) || errs.Remedy(err) == "" {
		t.Errorf("got %s, %v (%q), want the conflict with %s", second, err, errs.Remedy(err), first)
	}
	if r, err := w.wait(first); err != nil || r.Run.Status != runs.Completed {
		t.Errorf("the first ended %s (%v)", r.Run.Status, err)
	}
	if n := w.count("SELECT count(*) FROM ingest_run"); n != 1 {
		t.Errorf("there are %d runs", n)
	}
	w.run(incremental(), runs.Completed)
}

func TestACancelledRunGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	g := newGate("children-orders-4")
	w := newWorld(t, setup{fault: g.fault, settings: bulksync.Settings{ChunkRows: 100}})
	id, err := w.sync.Start(t.Context(), full())
	must(t, err)
	g.wait(t)
	must(t, w.sync.Cancel(t.Context(), id))
	close(g.open)
	if _, err := w.wait(id); !errors.Is(err, errs.Canceled) {
		t.Errorf("the cancelled run ended with %v", err)
	}
	if run, err := w.runs.Get(t.Context(), id); err != nil || run.Status != runs.Cancelled {
		t.Errorf("the run is %s (%v)", run.Status, err)
	}
	w.wantMarks(time.Time{}, 0)
	finished := w.finished(id)
	if !slices.Contains(finished, "children-orders-3") || slices.Contains(finished, "children-orders-4") {
		t.Fatalf("finished are %v", finished)
	}
	lines := w.count("SELECT count(*) FROM order_line_item")
	if lines != 300 {
		t.Errorf("%d lines are stored after three chunks of 100", lines)
	}

	must(t, w.sync.Resume(t.Context(), id))
	if r, err := w.wait(id); err != nil || r.Run.Status != runs.Completed {
		t.Fatalf("the resumed run ended %s (%v)\n%s", r.Run.Status, err, r.broken())
	}
	w.same()
	w.wantMarks(w.clock.now().Add(-lag), 1)
	for _, step := range finished {
		if n := w.begun.count(id, step); n != 1 && !strings.HasPrefix(step, "pause") {
			t.Errorf("%s was run %d times", step, n)
		}
	}
	for kind, n := range w.api.Stats().Bulk {
		if n != 1 {
			t.Errorf("%d bulk operations for %s", n, kind)
		}
	}
	if err := w.sync.Cancel(t.Context(), id); !errors.Is(err, errs.Conflict) {
		t.Errorf("a completed run was cancelled: %v", err)
	}
}

// finished lists the finished steps of a run.
func (w *world) finished(id uuid.UUID) (names []string) {
	w.Helper()
	steps, err := w.engine.Steps(w.Context(), id.String())
	must(w, err)
	for _, s := range steps {
		if !s.Finished.IsZero() {
			names = append(names, s.Step)
		}
	}
	return names
}

func TestARunThatWasOvertakenIsNotResumedButRestarted(t *testing.T) {
	t.Parallel()
	g := newGate("sweep-orders.ids-1")
	w := newWorld(t, setup{fault: g.fault})
	first, err := w.sync.Start(t.Context(), full())
	must(t, err)
	g.wait(t)
	must(t, w.sync.Cancel(t.Context(), first))
	close(g.open)
	eventually(t, "it is cancelled", func() bool {
		st, err := w.engine.Status(t.Context(), first.String())
		must(t, err)
		return st.State == workflow.Canceled
	})
	w.clock.advance(time.Hour)
	w.run(full(), runs.Completed)
	if err := w.sync.Resume(t.Context(), first); !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "" {
		t.Errorf("resumed: %v (%q)", err, errs.Remedy(err))
	}
	w.clock.advance(time.Hour)
	again, err := w.sync.Restart(t.Context(), first, runs.Manual, "somebody@example.com")
	must(t, err)
	r, err := w.wait(again)
	must(t, err)
	if r.Run.Status != runs.Completed || r.Run.RestartOf == nil || *r.Run.RestartOf != first || r.Run.Since != nil {
		t.Errorf("the restarted run is %+v", r.Run)
	}
	w.same()
}

func TestTheDataOfAnotherShopAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (7, 'other.myshopify.com', 'Other', 'EUR', 'Europe/Paris')`)
	r := w.run(full(), runs.Failed)
	if r.Run.ErrorCode != "conflict" || !strings.Contains(r.Run.ErrorText, "other.myshopify.com") || r.Run.Remedy == "" {
		t.Errorf("the run says %s, %q, %q", r.Run.ErrorCode, r.Run.ErrorText, r.Run.Remedy)
	}
	if n := w.count("SELECT (SELECT count(*) FROM order_header) + (SELECT count(*) FROM product) + (SELECT count(*) FROM watermark)"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	if n := len(w.api.Stats().Bulk); n != 0 {
		t.Errorf("%d kinds of bulk operations were started", n)
	}
}

func TestWithoutReadCustomersTheirDataAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{api: func(c *simulator.Config) {
		c.Scopes = []string{"read_orders", "read_all_orders", "read_products"}
	}})
	r := w.run(full(), runs.Completed)
	if len(r.Counts.Degraded) != 1 || !strings.HasPrefix(r.Counts.Degraded[0], "read_customers") {
		t.Errorf("degraded: %q", r.Counts.Degraded)
	}
	w.sameAs(func(o *simulator.Order) { o.CustomerID, o.Email, o.Country = 0, "", "" })
}

func TestWhatAPersonHasToMendFailsAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		api  func(*simulator.Config)
		arm  simulator.RequestFault
		says string
	}{
		{
			name: "a scope that is missing",
			api:  func(c *simulator.Config) { c.Scopes = []string{"read_products", "read_customers"} },
			says: "read_orders",
		},
		{name: "a token that was revoked", arm: simulator.RequestFault{Status: 401}, says: "token"},
		{name: "a shop that is frozen", arm: simulator.RequestFault{Status: 402}, says: "frozen"},
		{name: "an app that may not", arm: simulator.RequestFault{Status: 403}, says: "store admin"},
		{name: "a shop that isn't there", arm: simulator.RequestFault{Status: 404}, says: "MACRODATA_SHOPIFY_SHOP"},
		{name: "a shop that is locked", arm: simulator.RequestFault{Status: 423}, says: "owner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{api: c.api})
			if c.arm != (simulator.RequestFault{}) {
				w.api.Faults().Request(simulator.Forever, c.arm)
			}
			r := w.run(full(), runs.Failed)
			if r.Run.ErrorCode != "denied" || !strings.Contains(r.Run.ErrorText+r.Run.Remedy, c.says) || r.Run.Remedy == "" {
				t.Errorf("the run says %s, %q, %q", r.Run.ErrorCode, r.Run.ErrorText, r.Run.Remedy)
			}
			if strings.Contains(r.Run.ErrorText+r.Run.Remedy, token) {
				t.Error("the token is in the error")
			}
			if n := w.begun.count(r.ID, "open"); n != 1 {
				t.Errorf("%d attempts", n)
			}
			if n := w.api.Faults().Happened(); n > 1 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}
