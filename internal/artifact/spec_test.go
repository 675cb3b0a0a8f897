package artifact_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func (s store) setSpec(match string, spec artifact.Spec) (before, after artifact.Artifact[artifact.Spec], err error) {
	err = s.try(func(ctx context.Context, tx pg.Tx) (err error) {
		before, after, err = artifact.SetSpec(ctx, tx, seen(match), spec)
		return err
	})
	return before, after, err
}

func TestTheDefaultSpecIsInForceUntilAnotherIs(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	now, err := artifact.SpecInForce(t.Context(), s.db)
	if err != nil || now.Version != 0 || now.Payload != artifact.DefaultSpec() {
		t.Fatalf("before anything was set it is %+v, %v", now, err)
	}
	mine := artifact.DefaultSpec()
	mine.Measure, mine.Winner30Day = artifact.NetSales, 500
	before, after, err := s.setSpec(`"0"`, mine)
	if err != nil || before.Payload != artifact.DefaultSpec() || after.Version != 1 || after.Payload != mine {
		t.Fatalf("it was set from %+v to %+v, %v", before, after, err)
	}
	if _, _, err := s.setSpec(`"0"`, artifact.DefaultSpec()); !errors.Is(err, errs.Stale) {
		t.Errorf("a write over the default gave %v", err)
	}
	s.do(func(ctx context.Context, tx pg.Tx) error { return artifact.RestoreSpec(ctx, tx, &after, &before) })
	if now, err = artifact.SpecInForce(t.Context(), s.db); err != nil || now.Payload != artifact.DefaultSpec() || now.Version != 2 {
		t.Errorf("after the undo it is %+v, %v", now, err)
	}
}

func TestOfTwoWhoSetTheFirstSpecOneWins(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	var writers sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		writers.Go(func() { _, _, results[i] = s.setSpec(`"0"`, artifact.DefaultSpec()) })
	}
	writers.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, errs.Stale):
			t.Errorf("a writer got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

func TestWhatASpecMustKeep(t *testing.T) {
	t.Parallel()
	s := store{t, pgtest.DB(t)}
	for name, c := range map[string]struct {
		change func(*artifact.Spec)
		want   []string
	}{
		"all faults come at once":    {func(p *artifact.Spec) { *p = artifact.Spec{Measure: "euros", BananaCount: -1} }, []string{"body.measure", "body.topRiser7Day", "body.topRiser14Day", "body.winner30Day", "body.bananaCount"}},
		"a threshold of nothing":     {func(p *artifact.Spec) { p.Winner30Day = 0 }, []string{"body.winner30Day"}},
		"a threshold beyond reach":   {func(p *artifact.Spec) { p.TopRiser7Day = 2_000_000_000 }, []string{"body.topRiser7Day"}},
		"no bananas at all are fine": {func(p *artifact.Spec) { p.BananaCount = 0 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec := artifact.DefaultSpec()
			c.change(&spec)
			_, _, err := s.setSpec("", spec)
			var faults api.Faults
			errors.As(err, &faults)
			var got []string
			for _, f := range faults {
				got = append(got, f.Location)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("faults are at %v, want %v (%v)", got, c.want, err)
			}
		})
	}
}
