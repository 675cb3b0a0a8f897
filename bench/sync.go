package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
)

// peakLoad and peakWhole are how much memory a sync may take, whatever the
// shop's size: until it has loaded, and with all that follows.
const (
	peakLoad  = 256 << 20
	peakWhole = 512 << 20
)

// runSync compares a full sync with psql loading the same rows: its load, and
// from medium size up also the whole of it, with the lakehouse, the summaries
// and the proof.
func runSync(ctx context.Context, b *bench) (Result, error) {
	shop, err := b.openShop(ctx)
	if err != nil {
		return Result{}, err
	}
	defer shop.server.Close() //nolint:errcheck // it keeps nothing
	rows := filepath.Join(b.dir, "rows")
	var loads, wholes []round
	for n := range b.rounds {
		b.Say(fmt.Sprintf("Round %d of %d", n+1, b.rounds))
		ours, counts, err := b.syncOnce(ctx, shop, rows, n == 0)
		if err != nil {
			return Result{}, err
		}
		theirs, err := b.floorOnce(ctx, rows, counts)
		if err != nil {
			return Result{}, err
		}
		b.Say(fmt.Sprintf("  load %s, whole %s, psql %s", ours.load, ours.whole, theirs))
		loads = append(loads, round{ours.load, theirs})
		wholes = append(wholes, round{ours.whole, theirs})
	}
	m, whole := best(loads), best(wholes)
	r := Result{
		Ratio: m.ratio(), Goal: 1.3,
		WallSeconds: m.ours.wall.Seconds(), CPUSeconds: m.ours.cpu.Seconds(), PeakBytes: m.ours.peak,
		Against: "psql: COPY and INSERT … ON CONFLICT of the same rows from CSV, 5,000 a transaction: " + m.theirs.String(),
	}
	r.check("peak memory of the load", float64(m.ours.peak)/(1<<20), peakLoad>>20, "MiB")
	r.check("peak memory of the whole", float64(whole.ours.peak)/(1<<20), peakWhole>>20, "MiB")
	if b.Size == Medium || b.Size == Full {
		r.check("whole sync against psql", whole.ratio(), 2, "×")
	}
	return r, nil
}

// syncOnce runs a full sync on a fresh server and measures its load. Where
// rows are wanted, it writes what was loaded to that folder.
func (b *bench) syncOnce(ctx context.Context, shop *shopFiles, rows string, wanted bool) (u syncUsage, c loaded, err error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return u, c, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	if u, err = b.load(ctx, s, shop); err != nil {
		return u, c, err
	}
	if wanted {
		if err := s.export(ctx, rows); err != nil {
			return u, c, err
		}
	}
	c, err = s.loaded(ctx)
	return u, c, err
}

// syncUsage is what a sync took: its load, from the first start to the last
// finish of the steps of each pass over a file, and all its steps.
type syncUsage struct{ load, whole usage }

// load runs a full sync and measures it.
func (b *bench) load(ctx context.Context, s *server, shop *shopFiles) (u syncUsage, err error) {
	rec, err := record(b.program(ctx, s, shop, "sync", "--full", "--json"), s)
	if err != nil {
		return u, err
	}
	var run runs.Run
	if err := json.Unmarshal(rec.output, &run); err != nil {
		return u, err
	}
	if run.Status != runs.Completed {
		return u, fmt.Errorf("the sync ended as %s", run.Status)
	}
	rows, err := s.db.Query(ctx, `
		SELECT substring(step FROM '^[a-z]+(?:-lake)?') AS family, min(started_at), max(finished_at) FROM step_done
		WHERE run_id = $1
		GROUP BY family, regexp_replace(step, '-[0-9]+$', '') ORDER BY 2`, run.ID.String())
	if err != nil {
		return u, err
	}
	defer rows.Close()
	var first, last time.Time
	var families []string
	for rows.Next() {
		var family string
		var begun, ended time.Time
		if err := rows.Scan(&family, &begun, &ended); err != nil {
			return u, err
		}
		if first.IsZero() {
			first = begun
		}
		if ended.After(last) {
			last = ended
		}
		pass := rec.between(begun, ended)
		families = append(families, fmt.Sprintf("%s %s", family, pass))
		if slices.Contains([]string{"products", "roots", "children"}, family) {
			u.load.wall += pass.wall
			u.load.cpu += pass.cpu
			u.load.peak = max(u.load.peak, pass.peak)
		}
	}
	if err := rows.Err(); err != nil {
		return u, err
	}
	if u.load.wall <= 0 {
		return u, fmt.Errorf("run %s has no steps that load", run.ID)
	}
	u.whole = rec.between(first, last)
	b.Say("  " + strings.Join(families, "; "))
	return u, nil
}

// runResync compares the load of a file that is stored already with its first
// load.
func runResync(ctx context.Context, b *bench) (Result, error) {
	shop, err := b.openShop(ctx)
	if err != nil {
		return Result{}, err
	}
	defer shop.server.Close() //nolint:errcheck // it keeps nothing
	var rounds []round
	for n := range b.rounds {
		b.Say(fmt.Sprintf("Round %d of %d", n+1, b.rounds))
		r, err := b.loadTwice(ctx, shop)
		if err != nil {
			return Result{}, err
		}
		b.Say(fmt.Sprintf("  again %s, first %s", r.ours, r.theirs))
		rounds = append(rounds, r)
	}
	m := best(rounds)
	return Result{
		Ratio: m.ratio(), Goal: 0.5,
		WallSeconds: m.ours.wall.Seconds(), CPUSeconds: m.ours.cpu.Seconds(), PeakBytes: m.ours.peak,
		Against: "the first load of the same file: " + m.theirs.String(),
	}, nil
}

func (b *bench) loadTwice(ctx context.Context, shop *shopFiles) (r round, err error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return r, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	first, err := b.load(ctx, s, shop)
	if err != nil {
		return r, err
	}
	again, err := b.load(ctx, s, shop)
	return round{ours: again.load, theirs: first.load}, err
}
