package pg

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Migration is one file of db/migrations.
type Migration struct {
	Version int64  `json:"version"`
	File    string `json:"file"`
}

// Migrate brings the schema up to date and returns what it applied. Any number
// of processes may call it at once: one works, the others wait.
func (db *DB) Migrate(ctx context.Context, files fs.FS) (applied []Migration, err error) {
	defer errs.Wrap(&err, "migrate")
	return withGoose(db, files, func(p *goose.Provider) ([]Migration, error) {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, Migration{r.Source.Version, r.Source.Path})
		}
		return applied, err
	})
}

// Pending returns the migrations that are not applied yet. A database that has
// migrations which this program doesn't know is an error: it belongs to a
// newer program.
func (db *DB) Pending(ctx context.Context, files fs.FS) (pending []Migration, err error) {
	defer errs.Wrap(&err, "list migrations")
	return withGoose(db, files, func(p *goose.Provider) ([]Migration, error) {
		current, target, err := p.GetVersions(ctx)
		if err != nil {
			return nil, err
		}
		if current > target {
			return nil, errs.WithRemedy(
				fmt.Errorf("database is at migration %d, this program ends at %d: %w", current, target, errs.Conflict),
				"run the newer program, or restore a backup from before the upgrade")
		}
		for _, s := range p.ListSources() {
			if s.Version > current {
				pending = append(pending, Migration{s.Version, s.Path})
			}
		}
		return pending, nil
	})
}

func withGoose(db *DB, files fs.FS, do func(*goose.Provider) ([]Migration, error)) ([]Migration, error) {
	// Who finds the lock taken looks again every second, for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	std := sql.OpenDB(stdlib.GetPoolConnector(db.pool))
	defer std.Close() //nolint:errcheck // it has no connections of its own
	p, err := goose.NewProvider(goose.DialectPostgres, std, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, err
	}
	migrations, err := do(p)
	return migrations, classify(err)
}
