package runs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// silent makes as if the heartbeat of a run were some seconds old.
func silent(t *testing.T, d *pg.DB, id uuid.UUID, seconds int) {
	t.Helper()
	_, err := d.Exec(t.Context(), `UPDATE ingest_run SET heartbeat_at = now() - $2 * interval '1 second' WHERE run_id = $1`, id, seconds)
	if err != nil {
		t.Fatal(err)
	}
}

func beat(t *testing.T, s *runs.Store, ids ...string) {
	t.Helper()
	if err := s.Beat(t.Context(), ids); err != nil {
		t.Fatal(err)
	}
}

func TestARunWithoutHeartbeatIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before  func(*testing.T, *pg.DB, *runs.Store, uuid.UUID)
		seconds int
		alive   bool // somebody works on it
		want    string
	}{
		"a minute without one is too long":      {nil, 61, false, runs.Lost},
		"less than a minute isn't":              {nil, 50, false, runs.Running},
		"one that is worked on is not lost":     {nil, 61, true, runs.Running},
		"one that waits for others can be lost": {wait, 61, false, runs.Lost},
		"one that waits goes on waiting":        {wait, 61, true, runs.Waiting},
		"one that has ended can't be lost": {func(t *testing.T, _ *pg.DB, s *runs.Store, id uuid.UUID) {
			if err := s.Close(t.Context(), id, runs.Outcome{Status: runs.Completed}); err != nil {
				t.Fatal(err)
			}
		}, 61, true, runs.Completed},
		"one that nobody has begun is only queued": {func(t *testing.T, d *pg.DB, _ *runs.Store, id uuid.UUID) {
			if _, err := d.Exec(t.Context(), `UPDATE ingest_run SET status = 'queued' WHERE run_id = $1`, id); err != nil {
				t.Fatal(err)
			}
		}, 3600, false, runs.Queued},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s, id := begun(t)
			if c.before != nil {
				c.before(t, d, s, id)
			}
			silent(t, d, id, c.seconds)
			ids := []string{"no id", uuid.NewString()}
			if c.alive {
				ids = append(ids, id.String())
			}
			beat(t, s, ids...)
			if r := get(t, s, id); r.Status != c.want {
				t.Errorf("it is %s, want %s", r.Status, c.want)
			}
		})
	}
}

func wait(t *testing.T, _ *pg.DB, s *runs.Store, id uuid.UUID) {
	s.Progress(id, slog.New(slog.DiscardHandler)).Wait(t.Context(), "poll", 1, 0, "objects")
}

func TestALostRunIsNotOver(t *testing.T) {
	t.Parallel()
	lost := func(t *testing.T) (*runs.Store, uuid.UUID) {
		d, s, id := begun(t)
		silent(t, d, id, 61)
		beat(t, s)
		if live, ok, err := s.Live(t.Context(), "bulksync"); err != nil || !ok || live != id || !get(t, s, id).Live() {
			t.Errorf("live is %v %v %v", live, ok, err)
		}
		return s, id
	}
	for name, c := range map[string]struct {
		do   func(*testing.T, *runs.Store, uuid.UUID)
		want string
	}{
		"who takes it over goes on with it": {func(t *testing.T, s *runs.Store, id uuid.UUID) { beat(t, s, id.String()) }, runs.Running},
		"so does who reports progress": {func(t *testing.T, s *runs.Store, id uuid.UUID) {
			s.Progress(id, slog.New(slog.DiscardHandler)).Set(t.Context(), "roots", 1, 2, "bytes")
		}, runs.Running},
		"it can be cancelled": {func(t *testing.T, s *runs.Store, id uuid.UUID) {
			if err := s.Close(t.Context(), id, runs.Outcome{Status: runs.Cancelled}); err != nil {
				t.Fatal(err)
			}
		}, runs.Cancelled},
		"it can begin again": {func(t *testing.T, s *runs.Store, id uuid.UUID) {
			if err := s.Begin(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, runs.Running},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, id := lost(t)
			c.do(t, s, id)
			beat(t, s) // nobody else changes that
			if r := get(t, s, id); r.Status != c.want {
				t.Errorf("it is %s, want %s", r.Status, c.want)
			}
		})
	}
	t.Run("who watches sees it lost and stays", func(t *testing.T) {
		t.Parallel()
		s, id := lost(t)
		var seen []string
		for sight, err := range s.Watch(t.Context(), id, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if seen = append(seen, sight.Status); sight.Status == runs.Lost {
				s.Fail(t.Context(), id, slog.New(slog.DiscardHandler), runs.Outcome{Err: errs.Denied})
			}
		}
		if len(seen) != 2 || seen[0] != runs.Lost || seen[1] != runs.Failed {
			t.Errorf("seen were %q", seen)
		}
	})
}

func TestFailWritesDownOnlyWhatFailed(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	_, s, id := begun(t)
	ended, end := context.WithCancel(t.Context())
	end()
	s.Fail(ended, id, quiet, runs.Outcome{Err: errors.New("the process ends")})
	s.Fail(t.Context(), id, quiet, runs.Outcome{})
	if r := get(t, s, id); r.Status != runs.Running {
		t.Errorf("a run that only stopped here is %s", r.Status)
	}
	s.Fail(t.Context(), id, quiet, runs.Outcome{Counts: map[string]int{"orders": 3}, Err: errs.WithRemedy(errs.Denied, "grant it")})
	if r := get(t, s, id); r.Status != runs.Failed || r.ErrorCode != "denied" || r.Remedy != "grant it" || string(r.Counts) != `{"orders": 3}` {
		t.Errorf("%+v", r)
	}
}
