package runs

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Sight is how a run stands when it is looked at.
type Sight struct {
	Run
	Rate float64       // units a second of the step; 0 while nobody knows
	Left time.Duration // of the step, at that rate; 0 while nobody knows
}

// Watch looks at a run's row every so often, so it works from any process. It
// yields how the run stands at first, then each change, and ends with the run:
// its last sight is that of its end. An error ends it, too, and so does ctx.
func (s *Store) Watch(ctx context.Context, id uuid.UUID, every time.Duration) iter.Seq2[Sight, error] {
	return func(yield func(Sight, error) bool) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		var m Meter
		for last := (Run{}); ; {
			run, err := s.Get(ctx, id)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(Sight{}, err)
				return
			}
			if !run.standsLike(last) && !yield(m.Look(run, time.Now()), nil) || !run.Live() {
				return
			}
			last = run
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// standsLike reports whether nothing has changed that people watch.
func (r Run) standsLike(o Run) bool {
	return r.Status == o.Status && r.Step == o.Step && r.Done == o.Done && r.Total == o.Total
}

// Meter measures how fast a step goes, from when it was first seen. The zero
// Meter has seen none.
type Meter struct {
	step  string
	since time.Time
	from  int64
}

// Look returns how a run stands. A rate of less than a second is chance.
func (m *Meter) Look(r Run, now time.Time) Sight {
	if r.Step != m.step || r.Done < m.from {
		*m = Meter{r.Step, now, r.Done}
	}
	s := Sight{Run: r}
	seconds := now.Sub(m.since).Seconds()
	if !r.Live() || seconds < 1 || r.Done <= m.from {
		return s
	}
	s.Rate = float64(r.Done-m.from) / seconds
	if r.Total > r.Done {
		s.Left = time.Duration(float64(r.Total-r.Done) / s.Rate * float64(time.Second))
	}
	return s
}
