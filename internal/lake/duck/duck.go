// Package duck answers questions from the lakehouse with DuckDB, which runs
// inside of this process.
//
// What may be asked is a list of named queries; callers bind values to their
// parameters and can't bring SQL of their own. Which files a query reads is
// planned by package lake, so that an answer is of one snapshot. DuckDB itself
// is confined: it loads no extensions, reads nothing outside of the warehouse's
// folder and the cache, runs nothing but SELECT, and its settings are locked.
//
// Linking DuckDB takes long and needs a C++ library, which is why only package
// app imports this one. Others declare the method of [DB] that they need.
package duck

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
)

// Lake is the part of the lakehouse that queries need. *lake.Lake is one.
type Lake interface {
	// PlanBetween names the files of a snapshot that may have rows in
	// [from, until); a zero time is no bound.
	PlanBetween(ctx context.Context, table, asOf string, from, until time.Time) (lake.Plan, error)
	// OpenFile reads a file that a plan names by a URL.
	OpenFile(ctx context.Context, table, path string) (io.ReadCloser, error)
}

// Config says what may be read and used. Zero values are good where nothing
// else is said.
type Config struct {
	Lake      Lake    // required
	Warehouse string  // where it keeps its files, as in lake.Config
	Dir       string  // required: a folder of this process alone, for cached files and for what exceeds memory
	Queries   []fs.FS // further queries, one *.sql file each; names must not repeat

	MemoryLimit int64 // bytes that DuckDB may use for all queries together; 512 MiB
	SpillLimit  int64 // bytes that it may put into Dir beyond; 16 GiB
	CacheLimit  int64 // bytes of remote files to keep in Dir; 16 GiB
	Threads     int   // as many as processors

	Running int           // queries at once; 2
	Waiting int           // queries that may wait for their turn; 32
	MaxRows int           // of a result; 100,000
	MaxTime time.Duration // of a query, with its wait; 1 min
}

func (c Config) withDefaults() Config {
	c.MemoryLimit = cmp.Or(c.MemoryLimit, 512<<20)
	c.SpillLimit = cmp.Or(c.SpillLimit, 16<<30)
	c.CacheLimit = cmp.Or(c.CacheLimit, 16<<30)
	c.Threads = cmp.Or(c.Threads, runtime.GOMAXPROCS(0))
	c.Running = cmp.Or(c.Running, 2)
	c.Waiting = cmp.Or(c.Waiting, 32)
	c.MaxRows = cmp.Or(c.MaxRows, 100_000)
	c.MaxTime = cmp.Or(c.MaxTime, time.Minute)
	return c
}

// DB runs queries. It is safe for use by several goroutines.
type DB struct {
	cfg     Config
	engine  *sql.DB
	cache   *cache
	queries map[string]*query
	macros  []macro
	queue   queue
}

// Open starts DuckDB and reads the list of queries.
func Open(ctx context.Context, c Config) (_ *DB, err error) {
	defer errs.Wrap(&err, "open the query engine")
	d := &DB{cfg: c.withDefaults()}
	d.queue = newQueue(d.cfg.Running, d.cfg.Waiting)
	if d.queries, err = readQueries(append([]fs.FS{ownQueries()}, c.Queries...)); err != nil {
		return nil, err
	}
	if d.macros, err = readMacros(); err != nil {
		return nil, err
	}
	if d.cache, err = openCache(filepath.Join(c.Dir, "files"), d.cfg.CacheLimit, c.Lake.OpenFile); err != nil {
		return nil, err
	}
	readable := []string{d.cache.dir}
	if folder, ok := folderOf(c.Warehouse); ok {
		readable = append(readable, folder)
	}
	d.engine, err = openEngine(ctx, d.cfg, readable)
	return d, err
}

// Close ends DuckDB. Queries that run are cancelled.
func (d *DB) Close() error { return d.engine.Close() }

// Names returns the names of all queries, in order.
func (d *DB) Names() []string {
	names := make([]string, 0, len(d.queries))
	for name := range d.queries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// folderOf returns the folder of a warehouse, where it is one of this machine.
func folderOf(warehouse string) (string, bool) {
	u, err := url.Parse(warehouse)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return "", false
	}
	return filepath.Clean(u.Path), true
}

// makeDir makes a folder that only this user reads.
func makeDir(dir string) error {
	if dir == "" || !filepath.IsAbs(dir) {
		return errs.WithRemedy(fmt.Errorf("the query engine's folder %q is no absolute path: %w", dir, errs.Invalid),
			"give it a folder below MACRODATA_DATA_DIR")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
