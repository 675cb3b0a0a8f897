// Package lake keeps the lakehouse: Apache Iceberg tables that follow
// PostgreSQL through the outbox.
//
// Facts travel one way. Whoever changes PostgreSQL appends a batch to the
// outbox in the same transaction; one committer a table writes the batches into
// data files and commits these together with the number of the last batch, as a
// property of the table. The number in the table is what counts: a committer
// that died, lost its lease or never heard what came of its commit is continued
// from it, so each batch is in the table exactly once.
//
// Readers ask for a [Plan]: the data files of a snapshot. Files never change
// once they are written.
package lake

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Config says where the lakehouse is and how it is kept. Zero values are good.
type Config struct {
	DB  *pg.DB // with the outbox, and the catalog where CatalogURL is empty
	Log *slog.Logger

	CatalogURL string // of a REST catalog; empty: in DB
	Token      string // for the REST catalog
	Warehouse  string // file:///path, s3://bucket/prefix?region=…&endpoint=…, or a REST catalog's name for it

	FlushRows int           // that wait before a commit is made; 262,144
	FlushAge  time.Duration // or that the oldest waits; 10 s
	Poll      time.Duration // between looks at the outbox; 1 s
	LeaseTTL  time.Duration // after which a dead committer is replaced; 5 s

	KeepSnapshots time.Duration // those without a tag; 24 h
	KeepTags      time.Duration // 90 days
	KeepTelemetry time.Duration // events of sync.telemetry; two years
	OrphanGrace   time.Duration // before a file that no snapshot has is removed; 72 h
	SmallFiles    int           // that a partition has before they are merged; 8
	CompactRows   int64         // after which a compaction leaves further partitions to the next; 67,108,864
}

func (c Config) withDefaults() Config {
	c.FlushRows = cmp.Or(c.FlushRows, 1<<18)
	c.FlushAge = cmp.Or(c.FlushAge, 10*time.Second)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 5*time.Second)
	c.KeepSnapshots = cmp.Or(c.KeepSnapshots, 24*time.Hour)
	c.KeepTags = cmp.Or(c.KeepTags, 90*24*time.Hour)
	c.KeepTelemetry = cmp.Or(c.KeepTelemetry, 731*24*time.Hour) // with a leap day
	c.OrphanGrace = cmp.Or(c.OrphanGrace, 72*time.Hour)
	c.SmallFiles = cmp.Or(c.SmallFiles, 8)
	c.CompactRows = cmp.Or(c.CompactRows, 1<<26)
	return c
}

// Lake is the lakehouse. It is safe for use by several goroutines, and any
// number of processes may have the same one open.
type Lake struct {
	cfg     Config
	db      *pg.DB
	log     *slog.Logger
	catalog catalog.Catalog
	folder  string // of the warehouse; empty where a REST catalog decides
	closers []io.Closer
	tables  []rows.Table
	reader  *rows.Reader
}

// Open connects to the catalog and makes the tables that are missing. The
// database must be migrated.
func Open(ctx context.Context, c Config) (_ *Lake, err error) {
	defer errs.Wrap(&err, "open the lakehouse")
	c = c.withDefaults()
	l := &Lake{cfg: c, db: c.DB, log: c.Log, tables: rows.Tables(), reader: rows.NewReader()}
	if l.log == nil {
		l.log = slog.Default()
	}
	w, err := parseWarehouse(c.Warehouse, c.CatalogURL != "")
	if err != nil {
		return nil, err
	}
	if c.CatalogURL == "" {
		l.folder = w.location
		err = l.openSQL(ctx, w)
	} else {
		err = l.openREST(ctx, w)
	}
	if err == nil {
		err = l.createTables(ctx)
	}
	if err != nil {
		l.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return l, nil
}

// Close frees the connections to the catalog.
func (l *Lake) Close() error {
	var first error
	for _, c := range l.closers {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Tables returns the tables that the lakehouse has.
func (l *Lake) Tables() []rows.Table { return l.tables }

func (l *Lake) table(name string) (rows.Table, error) {
	for _, t := range l.tables {
		if t.Name == name {
			return t, nil
		}
	}
	return rows.Table{}, fmt.Errorf("the lakehouse has no table %.80q: %w", name, errs.NotFound)
}

// load reads the table as it is now.
func (l *Lake) load(ctx context.Context, name string) (*table.Table, error) {
	return loadTable(ctx, l.catalog, catalog.ToIdentifier(name))
}

// OpenFile opens a data file that a plan names, for reading.
func (l *Lake) OpenFile(ctx context.Context, name, path string) (_ io.ReadCloser, err error) {
	defer errs.Wrap(&err, "open a file of %s", name)
	tbl, err := l.load(ctx, name)
	if err != nil {
		return nil, err
	}
	fs, err := tbl.FS(ctx)
	if err != nil {
		return nil, kind(err)
	}
	f, err := fs.Open(path)
	return f, kind(err)
}
