package workflow_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestScheduleRefusesNonsense(t *testing.T) {
	t.Parallel()
	e, err := workflow.New(t.Context(), fastConfig(pgtest.DB(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { (&lab{Engine: e}).close(t) })
	start := func(context.Context, time.Time) error { return nil }
	for name, spec := range map[string]string{
		"six fields":             "0 0 6 * * *",
		"four fields":            "0 6 * *",
		"a word":                 "@daily",
		"a time zone":            "TZ=Europe/Berlin 0 6 * * *",
		"a broken time zone":     "CRON_TZ=",
		"an hour that isn't":     "0 24 * * *",
		"a day that never comes": "0 6 30 2 *",
		"a step of nothing":      "*/0 * * * *",
		"blanks":                 "   ",
	} {
		if err := e.Schedule("s", spec, start); !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 2 {
		if err := e.Schedule("off", "", start); err != nil {
			t.Errorf("off: %v", err)
		}
	}
	if err := e.Schedule("s", "0 6 * * *", start); err != nil {
		t.Error(err)
	}
	if err := e.Schedule("s", "0 7 * * *", start); !errors.Is(err, errs.Invalid) {
		t.Errorf("a schedule of the same name: %v", err)
	}
}

// scheduled launches a lab with a schedule that starts runs, and counts those.
func scheduled(t *testing.T, db *pg.DB, name string, tick time.Duration, start func(l *lab, slot time.Time) error) *lab {
	t.Helper()
	cfg := fastConfig(db)
	cfg.Tick = tick
	e, err := workflow.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Engine: e, db: db}
	done := func(*workflow.Run, string) (string, error) { return "", nil }
	l.any = workflow.Register(e, "any", done, workflow.Options{})
	l.single = workflow.Register(e, "single", func(run *workflow.Run, _ string) (string, error) {
		return "", run.Sleep("long", time.Hour)
	}, workflow.Options{OneAtATime: true})
	err = e.Schedule(name, "* * * * *", func(_ context.Context, slot time.Time) error { return start(l, slot) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close(t) })
	if err := e.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// behind sets a schedule back, as if time had passed.
func behind(t *testing.T, db *pg.DB, by string) {
	t.Helper()
	mustExec(t, db, `UPDATE schedule_slot SET slot = date_trunc('minute', now()) - $1::interval`, by)
}

func slotIsNow(t *testing.T, db *pg.DB) bool {
	t.Helper()
	return number(t, db, `SELECT count(*) FROM schedule_slot WHERE slot BETWEEN date_trunc('minute', now()) AND now()`) == 1
}

func TestTwoEnginesStartEachSlotOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	var mu sync.Mutex
	slots := map[time.Time]uuid.UUID{}
	start := func(l *lab, slot time.Time) error {
		id := workflow.RunID("s", slot)
		mu.Lock()
		slots[slot.UTC()] = id
		mu.Unlock()
		return l.any.Start(t.Context(), id.String(), "")
	}
	for range 2 {
		scheduled(t, db, "s", 2*time.Millisecond, start)
	}
	eventually(t, "the schedule is seen", func() bool {
		return number(t, db, `SELECT count(*) FROM schedule_slot`) == 1
	})
	for _, by := range []string{"1 minute", "90 minutes", "400 days", "2 minutes"} {
		behind(t, db, by)
		eventually(t, "the slot is started after "+by, func() bool { return slotIsNow(t, db) })
	}
	// Many slots were missed and few minutes passed: one run for each of these.
	mu.Lock()
	defer mu.Unlock()
	if n := len(slots); n < 1 || n > 2 {
		t.Errorf("slots %v were started, want the newest alone", slots)
	}
	for slot, id := range slots {
		if st, err := watcher(t, db).Wait(t.Context(), id.String()); err != nil || st.State != workflow.Succeeded || st.Executions != 1 {
			t.Errorf("run of %v: %+v, %v", slot, st, err)
		}
	}
	if n := number(t, db, `SELECT count(*) FROM dbos.workflow_status`); n != len(slots) {
		t.Errorf("%d runs of %d slots", n, len(slots))
	}
}

// watcher is an engine that only looks.
func watcher(t *testing.T, db *pg.DB) *workflow.Engine {
	t.Helper()
	cfg := fastConfig(db)
	cfg.Passive = true
	e, err := workflow.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { (&lab{Engine: e}).close(t) })
	return e
}

func TestScheduleBeginsWhenItIsSeenFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	var started atomic.Int32
	l := scheduled(t, db, "s", time.Hour, func(*lab, time.Time) error {
		started.Add(1)
		return nil
	})
	eventually(t, "the schedule is seen", func() bool {
		return number(t, db, `SELECT count(*) FROM schedule_slot WHERE slot <= now()`) == 1
	})
	l.close(t)
	if n := started.Load(); n > 0 {
		t.Errorf("%d slots of the past were started", n)
	}
}

func TestFailedStartIsTriedAgainAndABusyOneIsNot(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	var calls, failures atomic.Int32
	failures.Store(3)
	l := scheduled(t, db, "s", 5*time.Millisecond, func(l *lab, slot time.Time) error {
		calls.Add(1)
		if failures.Add(-1) >= 0 {
			return errs.Unavailable
		}
		return l.single.Start(t.Context(), workflow.RunID("s", slot).String(), "")
	})
	eventually(t, "the schedule is seen", func() bool {
		return number(t, db, `SELECT count(*) FROM schedule_slot`) == 1
	})
	for _, c := range []struct {
		by    string
		calls int32
	}{{"1 minute", 4}, {"5 days", 1}} { // the second slot finds the first one's run
		before := calls.Load()
		behind(t, db, c.by)
		eventually(t, "the slot counts as started", func() bool { return slotIsNow(t, db) })
		if got := calls.Load() - before; got < c.calls || got > c.calls+1 { // a minute may end meanwhile
			t.Errorf("%s behind, start was called %d times, want %d", c.by, got, c.calls)
		}
	}
	if n := number(t, db, `SELECT count(*) FROM dbos.workflow_status`); n != 1 {
		t.Errorf("%d runs, want the first alone", n)
	}
	// A clock that was far ahead must not silence the schedule for ever.
	behind(t, db, "-400 days")
	eventually(t, "the schedule is back", func() bool { return slotIsNow(t, db) })
	if err := l.Cancel(t.Context(), oneRun(t, db)); err != nil {
		t.Error(err)
	}
}

func oneRun(t *testing.T, db *pg.DB) (id string) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT workflow_uuid FROM dbos.workflow_status`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
