package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
)

// peakLimit is how much memory a sync may take, whatever the shop's size.
const peakLimit = 256 << 20

// runSync compares the load of a full sync with psql loading the same rows.
func runSync(ctx context.Context, b *bench) (Result, error) {
	shop, err := b.openShop(ctx)
	if err != nil {
		return Result{}, err
	}
	defer shop.server.Close() //nolint:errcheck // it keeps nothing
	rows := filepath.Join(b.dir, "rows")
	var rounds []round
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
		b.Say(fmt.Sprintf("  load %s, psql %s", ours, theirs))
		rounds = append(rounds, round{ours, theirs})
	}
	m := best(rounds)
	r := Result{
		Ratio: m.ratio(), Goal: 1.3,
		WallSeconds: m.ours.wall.Seconds(), CPUSeconds: m.ours.cpu.Seconds(), PeakBytes: m.ours.peak,
		Against: "psql: COPY and INSERT … ON CONFLICT of the same rows from CSV, 5,000 a transaction: " + m.theirs.String(),
	}
	r.check("peak memory of the load", float64(m.ours.peak)/(1<<20), peakLimit>>20, "MiB")
	return r, nil
}

// syncOnce runs a full sync on a fresh server and measures its load. Where
// rows are wanted, it writes what was loaded to that folder.
func (b *bench) syncOnce(ctx context.Context, shop *shopFiles, rows string, wanted bool) (u usage, c loaded, err error) {
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

// load runs a full sync and measures its load: from the first start to the
// last finish of the steps of each pass over a file.
func (b *bench) load(ctx context.Context, s *server, shop *shopFiles) (u usage, err error) {
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
		SELECT min(started_at), max(finished_at) FROM step_done
		WHERE run_id = $1 AND step ~ '^(products|roots|children)-'
		GROUP BY regexp_replace(step, '-[0-9]+$', '')`, run.ID.String())
	if err != nil {
		return u, err
	}
	defer rows.Close()
	for rows.Next() {
		var begun, ended time.Time
		if err := rows.Scan(&begun, &ended); err != nil {
			return u, err
		}
		pass := rec.between(begun, ended)
		u.wall += pass.wall
		u.cpu += pass.cpu
		u.peak = max(u.peak, pass.peak)
	}
	if err := rows.Err(); err != nil {
		return u, err
	}
	if u.wall <= 0 {
		return u, fmt.Errorf("run %s has no steps that load", run.ID)
	}
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
	if r.theirs, err = b.load(ctx, s, shop); err != nil {
		return r, err
	}
	r.ours, err = b.load(ctx, s, shop)
	return r, err
}
