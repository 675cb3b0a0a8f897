package bulksync

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/orders"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// Replay starts a run that loads again what an earlier one has archived. What is
// stored stays, unless the archive has it newer; what the store has lost is back.
// Of a replay the run is replayed that it replayed itself.
//
// A run that is not over, or that is of another scenario, is errs.Conflict.
func (s *Service) Replay(ctx context.Context, id uuid.UUID, trigger, by string) (_ uuid.UUID, err error) {
	defer errs.Wrap(&err, "replay %s", id)
	old, err := s.runs.Get(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	switch {
	case old.Scenario != ID:
		return uuid.Nil, errs.WithRemedy(fmt.Errorf("it is a run of %s, and only those of %s are archived: %w", old.Scenario, ID, errs.Conflict),
			"take a run of "+ID+" from `macrodata runs`")
	case old.Live():
		return uuid.Nil, errs.WithRemedy(fmt.Errorf("it is not over: %w", errs.Conflict), "wait until it has ended")
	}
	p, err := readParams(old.Params)
	if err != nil {
		return uuid.Nil, err
	}
	if p.Replay != nil {
		id = *p.Replay
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	return s.startAs(ctx, fresh, Params{
		Mode: Replay, Resources: p.Resources, Replay: &id, Trigger: trigger, RequestedBy: by,
	})
}

// IsReplay reports whether a run of this scenario loaded again what another had
// read.
func IsReplay(r runs.Run) bool {
	p, err := readParams(r.Params)
	return err == nil && p.Replay != nil
}

func (j *job) replays() bool { return j.params.Replay != nil }

// replayed is the run that is loaded again, or none.
func (j *job) replayed(ctx context.Context) (runs.Run, error) {
	if !j.replays() {
		return runs.Run{}, nil
	}
	return j.runs.Get(ctx, *j.params.Replay)
}

// writer writes the run's orders.
func (j *job) writer() *orders.Writer {
	if j.replays() {
		return orders.NewReplayer(j.id, j.zone)
	}
	return orders.NewWriter(j.id, j.zone)
}

// recall loads the files that the replayed run has archived.
func (j *job) recall() error {
	found := make([][]bulk.File, len(j.plan.Streams))
	for i, stream := range j.plan.Streams {
		m, err := j.bulk.Recall(j.params.Replay.String(), stream.Stream)
		if err != nil {
			return err
		}
		found[i] = m.Files
	}
	for i, stream := range j.plan.Streams {
		if err := j.loadAll(stream.Stream, found[i]); err != nil {
			return err
		}
	}
	return nil
}
