package duck_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
)

var (
	// endless is a query that takes hours.
	endless = with("endless", "-- reads: measurement.sales\nSELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = 7")
	// large needs a few times the memory that the tests allow it.
	large = with("large", "-- reads: measurement.sales\nSELECT count(*) FROM (SELECT DISTINCT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) FROM range(500000))")
	small = with("small", "-- reads: measurement.sales\nSELECT count(*) FROM range(10)")
	long  = with("long", "-- reads: measurement.sales\nSELECT * FROM range(11)")
)

func TestResultsAreLimited(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t, small, long, func(c *duck.Config) { c.MaxRows = 10 })
	if _, err := d.Table(t.Context(), duck.Request{Name: "long"}); !errors.Is(err, errs.TooLarge) || errs.Remedy(err) == "" {
		t.Errorf("11 rows: %v, want too large, with a remedy", err)
	}
	rows := 0
	err := d.Query(t.Context(), "long", "", nil, func(func(...any) error) error { rows++; return nil })
	if !errors.Is(err, errs.TooLarge) || rows != 10 {
		t.Errorf("11 rows, one by one: %d rows, %v", rows, err)
	}
	stop := errors.New("stop")
	if err := d.Query(t.Context(), "long", "", nil, func(func(...any) error) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller comes back as %v", err)
	}
	if _, err := d.Table(t.Context(), duck.Request{Name: "small"}); err != nil {
		t.Error(err)
	}
}

func TestQueriesEndInTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t, small, endless, func(c *duck.Config) { c.MaxTime = 300 * time.Millisecond })
	begun := time.Now()
	if _, err := d.Table(t.Context(), duck.Request{Name: "endless"}); !errors.Is(err, errs.TooLarge) {
		t.Errorf("%v, want too large", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Table(ctx, duck.Request{Name: "endless"}); !errors.Is(err, errs.Canceled) {
		t.Errorf("the caller gives up: %v, want canceled", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	if _, err := d.Table(t.Context(), duck.Request{Name: "small"}); err != nil {
		t.Errorf("the next query: %v", err)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	t.Run("what exceeds it goes to the disk", func(t *testing.T) {
		t.Parallel()
		d := l.engine(t, large, dir(t), func(c *duck.Config) { c.MemoryLimit = 32 << 20 })
		got, err := d.Table(t.Context(), duck.Request{Name: "large"})
		if err != nil || got.Rows[0][0] != int64(500_000) {
			t.Errorf("%v, %v", got.Rows, err)
		}
	})
	t.Run("without room on the disk the query fails and others go on", func(t *testing.T) {
		t.Parallel()
		d := l.engine(t, large, small, dir(t), func(c *duck.Config) { c.MemoryLimit, c.SpillLimit = 32<<20, 1<<20 })
		if _, err := d.Table(t.Context(), duck.Request{Name: "large"}); !errors.Is(err, errs.Unavailable) || errs.Remedy(err) == "" {
			t.Errorf("%v, want unavailable, with a remedy", err)
		}
		if _, err := d.Table(t.Context(), duck.Request{Name: "small"}); err != nil {
			t.Error(err)
		}
	})
}

// dir gives an engine a folder of its own.
func dir(t testing.TB) func(*duck.Config) {
	folder := t.TempDir()
	return func(c *duck.Config) { c.Dir = folder }
}

func TestQueriesQueue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.engine(t, small, endless, func(c *duck.Config) { c.Running, c.Waiting = 2, 3 })
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 50)
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			_, err := d.Table(ctx, duck.Request{Name: "endless"})
			results <- err
		})
	}
	for range 45 { // five run or wait, whichever they are
		if err := <-results; !errors.Is(err, errs.Unavailable) || errs.Remedy(err) == "" {
			t.Errorf("%v, want unavailable, with a remedy", err)
		}
	}
	cancel()
	running.Wait()
	for range 5 {
		if err := <-results; !errors.Is(err, errs.Canceled) {
			t.Errorf("%v, want canceled", err)
		}
	}
	if _, err := d.Table(t.Context(), duck.Request{Name: "small"}); err != nil {
		t.Errorf("a query after the storm: %v", err)
	}
}
