package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// begun returns a store with a run that has begun.
func begun(t *testing.T) (*pg.DB, *runs.Store, uuid.UUID) {
	t.Helper()
	d := pgtest.DB(t)
	s := runs.New(d)
	id := uuid.New()
	r := runs.Request{ID: id, Scenario: "bulksync", Trigger: runs.CLI, RequestedBy: "cli:test", Params: map[string]string{"mode": "full"}}
	for range 2 { // who starts a run and the run itself both create it
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if live, ok, err := s.Live(t.Context(), "bulksync"); err != nil || !ok || live != id {
		t.Errorf("live %v %v %v", live, ok, err)
	}
	if err := s.Begin(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return d, s, id
}

func get(t *testing.T, s *runs.Store, id uuid.UUID) runs.Run {
	t.Helper()
	r, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARunsLife(t *testing.T) {
	t.Parallel()
	d, s, id := begun(t)
	since, until := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	err := d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { return runs.SetWindow(ctx, tx, id, since, until) })
	if err != nil {
		t.Fatal(err)
	}
	p := s.Progress(id, slog.New(slog.DiscardHandler))
	p.Set(t.Context(), "roots", 10, 100, "bytes")
	if r := get(t, s, id); r.Status != runs.Running || r.Step != "roots" || r.Done != 10 || r.Total != 100 || !r.Live() || !r.Since.Equal(since) || !r.Until.Equal(until) {
		t.Errorf("%+v", r)
	}
	p.Set(t.Context(), "roots", 20, 100, "bytes") // too soon to be written
	p.Wait(t.Context(), "poll", 5, 0, "objects")
	if r := get(t, s, id); r.Status != runs.Waiting || r.Step != "poll" || r.Done != 5 {
		t.Errorf("%+v", r)
	}
	p.Set(t.Context(), "poll", 7, 7, "objects") // the end is always written
	if r := get(t, s, id); r.Done != 7 {
		t.Errorf("%+v", r)
	}
	if err := s.Close(t.Context(), id, runs.Outcome{Status: runs.Completed, Counts: map[string]int{"orders": 3}, Bytes: 9}); err != nil {
		t.Fatal(err)
	}
	p.Set(t.Context(), "late", 1, 2, "bytes")
	if err := s.Close(t.Context(), id, runs.Outcome{Status: runs.Cancelled}); err != nil {
		t.Fatal(err)
	}
	r := get(t, s, id)
	if r.Status != runs.Completed || r.Step == "late" || r.FinishedAt == nil || r.Live() || string(r.Counts) != `{"orders": 3}` || r.Bytes != 9 {
		t.Errorf("a closed run was changed: %+v", r)
	}
	if _, ok, err := s.Live(t.Context(), "bulksync"); ok || err != nil {
		t.Errorf("a closed run is live, %v", err)
	}
}

func TestAFailedRunSaysWhyAndForgetsWhenItGoesOn(t *testing.T) {
	t.Parallel()
	_, s, id := begun(t)
	cause := errs.WithRemedy(fmt.Errorf("scope read_orders is missing: %w", errs.Denied), "grant it")
	if err := s.Close(t.Context(), id, runs.Outcome{Status: runs.Failed, Err: cause}); err != nil {
		t.Fatal(err)
	}
	if r := get(t, s, id); r.ErrorCode != "denied" || r.Remedy != "grant it" || r.ErrorText != cause.Error() {
		t.Errorf("%+v", r)
	}
	started := get(t, s, id).StartedAt
	if err := s.Begin(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := get(t, s, id); r.Status != runs.Running || r.ErrorCode != "" || r.FinishedAt != nil || !r.StartedAt.Equal(*started) {
		t.Errorf("%+v", r)
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	_, s, first := begun(t)
	second := uuid.New()
	err := s.Create(t.Context(), runs.Request{ID: second, Scenario: "other", Trigger: runs.Manual, RequestedBy: "a@b", RestartOf: &first})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), "", 10)
	if err != nil || len(list) != 2 || list[0].ID != second || *list[0].RestartOf != first {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = s.List(t.Context(), "bulksync", 10); err != nil || len(list) != 1 || list[0].ID != first {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = s.List(t.Context(), "", 1); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	filter := runs.Filter{Trigger: runs.CLI, Status: runs.Running, From: newest(t, s).CreatedAt.Add(-time.Hour)}
	if list, err = s.Find(t.Context(), filter, nil, 10); err != nil || len(list) != 1 || list[0].ID != first {
		t.Errorf("%+v, %v", list, err)
	}
	after := newest(t, s).Position()
	if list, err = s.Find(t.Context(), runs.Filter{}, &after, 10); err != nil || len(list) != 1 || list[0].ID != first {
		t.Errorf("after the newest come %+v, %v", list, err)
	}
	if _, err := s.Get(t.Context(), uuid.New()); !errors.Is(err, errs.NotFound) || errs.Remedy(err) == "" {
		t.Errorf("a run that isn't: %v", err)
	}
}

func newest(t *testing.T, s *runs.Store) runs.Run {
	t.Helper()
	list, err := s.List(t.Context(), "", 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0]
}

func TestRunsOfOneInstantAreListedOnceEach(t *testing.T) {
	t.Parallel()
	d, s, _ := begun(t)
	for range 4 {
		if err := s.Create(t.Context(), runs.Request{ID: uuid.New(), Scenario: "other", Trigger: runs.Manual, RequestedBy: "a@b"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Exec(t.Context(), `UPDATE ingest_run SET created_at = '2026-11-22 10:00:00.123456+00'`); err != nil {
		t.Fatal(err)
	}
	seen := map[uuid.UUID]int{}
	var after *runs.Position
	for range 5 {
		list, err := s.Find(t.Context(), runs.Filter{}, after, 1)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		seen[list[0].ID]++
		after = new(list[0].Position())
	}
	if rest, err := s.Find(t.Context(), runs.Filter{}, after, 1); len(seen) != 5 || len(rest) != 0 || err != nil {
		t.Errorf("%v were seen, and then %+v, %v", seen, rest, err)
	}
}

func TestWatchTellsEachChangeOnceUntilTheEnd(t *testing.T) {
	t.Parallel()
	_, s, id := begun(t)
	p := s.Progress(id, slog.New(slog.DiscardHandler))
	steps := []func(){
		func() { p.Set(t.Context(), "roots", 10, 100, "bytes") },
		func() { p.Set(t.Context(), "roots", 100, 100, "bytes") },
		func() { _ = s.Close(t.Context(), id, runs.Outcome{Status: runs.Completed}) }, // what fails is never seen
	}
	var seen []string
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for sight, err := range s.Watch(ctx, id, time.Millisecond) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%s %s %d", sight.Status, sight.Step, sight.Done))
		if len(steps) > 0 {
			steps[0]()
			steps = steps[1:]
		}
	}
	if want := []string{"running  0", "running roots 10", "running roots 100", "completed roots 100"}; !slices.Equal(seen, want) {
		t.Errorf("seen were %q, want %q", seen, want)
	}
	for _, err := range s.Watch(ctx, uuid.New(), time.Millisecond) {
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("a run that isn't was seen: %v", err)
		}
	}
}
