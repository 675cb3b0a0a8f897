package duck

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
)

// reading is what a query stands on while it runs.
type reading struct {
	snapshots map[string]int64 // by table
	releases  []func()         // of files in the cache
}

func (r *reading) release() {
	for _, f := range r.releases {
		f()
	}
}

// prepare makes the views and macros that a query reads. The caller releases
// the reading, also after an error.
func (d *DB) prepare(ctx context.Context, conn *sql.Conn, q *query, r Request, into *reading) error {
	for _, s := range q.reads {
		name := view(s.table)
		if s.table == anyTable {
			s.table, name = r.Table, "planned"
		}
		plan, err := d.plan(ctx, s, r)
		if err != nil {
			return err
		}
		into.snapshots[s.table] = plan.Snapshot
		paths, release, err := d.local(ctx, plan)
		if err != nil {
			return err
		}
		into.releases = append(into.releases, release)
		if err := d.define(ctx, conn, name, plan, paths); err != nil {
			return err
		}
	}
	return nil
}

// define makes a view of a plan, and the macros of its table with the views that
// these choose from: <name>_settled and <name>_unsettled, which share its files.
func (d *DB) define(ctx context.Context, conn *sql.Conn, name string, p lake.Plan, paths []string) error {
	if err := makeView(ctx, conn, name, p, paths); err != nil {
		return err
	}
	for _, m := range d.macros {
		if m.table != p.Table || name != view(p.Table) {
			continue
		}
		var settled, unsettled []string
		for i, f := range p.Files {
			if f.Settled {
				settled = append(settled, paths[i])
			} else {
				unsettled = append(unsettled, paths[i])
			}
		}
		if err := makeView(ctx, conn, name+"_settled", p, settled); err != nil {
			return err
		}
		if err := makeView(ctx, conn, name+"_unsettled", p, unsettled); err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("make the macros of %s: %w", name, kind(err))
		}
	}
	return nil
}

// makeView makes a view of some files of a plan.
func makeView(ctx context.Context, conn *sql.Conn, name string, p lake.Plan, paths []string) error {
	text, err := viewOf(name, p, paths)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("make the view %s: %w", name, kind(err))
	}
	return nil
}

// plan asks for the files of a table within the times that the query bounds it
// by.
func (d *DB) plan(ctx context.Context, s source, r Request) (lake.Plan, error) {
	var since, until time.Time
	if s.since != "" {
		var ok1, ok2 bool
		since, ok1 = r.Args[s.since].(time.Time)
		until, ok2 = r.Args[s.until].(time.Time)
		if !ok1 || !ok2 {
			return lake.Plan{}, fmt.Errorf("query %s needs the instants %s and %s: %w", r.Name, s.since, s.until, errs.Invalid)
		}
		if until.Before(since) {
			return lake.Plan{}, fmt.Errorf("%s is before %s: %w", s.until, s.since, errs.Invalid)
		}
	}
	plan, err := d.cfg.Lake.PlanBetween(ctx, s.table, r.AsOf, since, until)
	if err != nil {
		return plan, err
	}
	if plan.HasDeletes {
		return plan, errs.WithRemedy(
			fmt.Errorf("%s has rows that are deleted in separate files, which can't be read here: %w", s.table, errs.Conflict),
			"this program never writes such files: find out which other one does, and compact the table with it")
	}
	return plan, nil
}

// local returns where the files of a plan are on this machine, having fetched
// those that weren't.
func (d *DB) local(ctx context.Context, p lake.Plan) (paths []string, release func(), err error) {
	remote := len(p.Files) > 0 && isURL(p.Files[0].Path)
	if remote {
		return d.cache.fetch(ctx, p.Table, p.Files)
	}
	for _, f := range p.Files {
		paths = append(paths, f.Path)
	}
	return paths, func() {}, nil
}

func isURL(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Scheme != "" && u.Host != ""
}

// viewOf writes a view of a plan. Columns are found by their ids, so that files
// from before a column was renamed, added or widened are read right. No files
// is no error.
func viewOf(name string, p lake.Plan, paths []string) (string, error) {
	var columns, nothing []string
	for _, c := range p.Columns {
		t, err := typeOf(c)
		if err != nil {
			return "", err
		}
		columns = append(columns, fmt.Sprintf("%d: {name: %s, type: %s, default_value: NULL}", c.ID, literal(c.Name), literal(t)))
		nothing = append(nothing, fmt.Sprintf(`NULL::%s AS "%s"`, t, c.Name))
	}
	begin := `CREATE OR REPLACE TEMP VIEW "` + name + `" AS `
	if len(paths) == 0 {
		return begin + "SELECT " + strings.Join(nothing, ", ") + " WHERE false", nil
	}
	return begin + "SELECT * FROM read_parquet(" + list(paths) + ", schema = MAP {" + strings.Join(columns, ", ") + "})", nil
}

// types are DuckDB's names of the types that tables of the lakehouse have.
var types = map[string]string{
	"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "string": "VARCHAR",
	"date": "DATE", "timestamptz": "TIMESTAMP WITH TIME ZONE", "uuid": "UUID",
}

func typeOf(c lake.Column) (string, error) {
	if t, ok := types[c.Type]; ok {
		return t, nil
	}
	var precision, scale int
	if n, err := fmt.Sscanf(c.Type, "decimal(%d, %d)", &precision, &scale); err == nil && n == 2 {
		return fmt.Sprintf("DECIMAL(%d, %d)", precision, scale), nil
	}
	return "", fmt.Errorf("column %s has the type %s, which queries don't know: %w", c.Name, c.Type, errs.Invalid)
}
