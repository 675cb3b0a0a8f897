package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

func (e *env) lakeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lake",
		Short: "Look into the lakehouse, ask it, and keep it tidy",
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(e.lakeStatusCommand(), e.lakeCompactCommand(), e.lakeExpireCommand(), e.lakeQueryCommand())
	for _, sub := range c.Commands() {
		sub.Args = usage(sub.Args)
	}
	return c
}

// withLakehouse runs fn with the lakehouse of the configured database and
// closes it. It takes no shop, and drains no outbox.
func (e *env) withLakehouse(ctx context.Context, fn func(*app.Platform, *app.Lakehouse) error) error {
	return e.withPlatform(ctx, func(p *app.Platform) error {
		h, err := p.OpenLakehouse(ctx)
		if err != nil {
			return err
		}
		return closeAfter(fn(p, h), h.Close)
	})
}

// tableNames returns the table of a flag, or all tables where it is empty.
func tableNames(name string) (names []string, err error) {
	for _, t := range rows.Tables() {
		names = append(names, t.Name)
	}
	switch {
	case name == "":
		return names, nil
	case slices.Contains(names, name):
		return []string{name}, nil
	}
	return nil, errs.WithRemedy(fmt.Errorf("--table names no table of the lakehouse: %w", errs.Invalid),
		"the tables are "+strings.Join(names, ", "))
}

func (e *env) lakeStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how large the tables are, and what waits to get into them",
		Long: `BATCH is the last batch of facts that a table has, of those that were ever written
for it. Rows count all versions of a line.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.withLakehouse(c.Context(), func(_ *app.Platform, h *app.Lakehouse) error {
				list, err := h.Lake.Status(c.Context())
				if err != nil {
					return err
				}
				return e.print(list, func(w io.Writer) { printTables(w, list) })
			})
		},
	}
}

func printTables(w io.Writer, list []lake.TableStatus) {
	lines := [][]string{{"TABLE", "ROWS", "FILES", "SIZE", "SNAPSHOTS", "RUNS", "LAST COMMIT", "BATCH", "WAITING"}}
	for _, t := range list {
		at := &t.At
		if t.Snapshot == 0 {
			at = nil
		}
		waiting := "nothing"
		if t.WaitingRows > 0 {
			waiting = fmt.Sprintf("%s for %s", plural(t.WaitingRows, "row"), seconds(t.WaitingFor))
		}
		lines = append(lines, []string{
			t.Table, thousands(t.Rows), thousands(int64(t.Files)), quantity(t.Bytes, ""), thousands(int64(t.Snapshots)),
			thousands(int64(t.Tags)), instant(at), fmt.Sprintf("%d of %d", t.Committed, t.Last), waiting,
		})
	}
	table(w, lines)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond)
}

// compacted is what `lake compact` did to a table.
type compacted struct {
	Table string `json:"table"`
	lake.Compacted
	Manifests int `json:"manifests"` // merged
}

func (e *env) lakeCompactCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "compact",
		Short: "Merge small files, and leave out lines that newer ones supersede",
		Long: `Merges files of months or days that have many small ones, and the lists of files
that commits left. The old files stay until nothing refers to them and
macrodata lake expire sweeps them. A table that another process compacts is left
to it.`,
		RunE: func(c *cobra.Command, _ []string) error {
			names, err := tableNames(name)
			if err != nil {
				return err
			}
			return e.withLakehouse(c.Context(), func(_ *app.Platform, h *app.Lakehouse) error {
				return e.compact(c.Context(), h.Lake, names)
			})
		},
	}
	c.Flags().StringVar(&name, "table", "", "only this table, such as measurement.sales")
	return c
}

func (e *env) compact(ctx context.Context, l *lake.Lake, names []string) error {
	list := []compacted{}
	for _, name := range names {
		begun := time.Now()
		e.say("Compacting " + name + " …")
		c := compacted{Table: name}
		var err error
		if c.Compacted, err = l.Compact(ctx, name); err != nil {
			return err
		}
		if c.Manifests, err = l.RewriteManifests(ctx, name); err != nil {
			return err
		}
		e.say("  done after " + time.Since(begun).Round(10*time.Millisecond).String())
		list = append(list, c)
	}
	return e.print(list, func(w io.Writer) {
		for _, c := range list {
			merged := "no files to merge"
			if c.FilesBefore > 0 {
				merged = fmt.Sprintf("%s became %s, %s left out", plural(int64(c.FilesBefore), "file"),
					thousands(int64(c.FilesAfter)), plural(c.RowsBefore-c.RowsAfter, "superseded row"))
			}
			if c.Left > 0 {
				merged += "; " + plural(int64(c.Left), "partition") + " left to the next compaction"
			}
			fmt.Fprintf(w, "%s: %s\n", c.Table, merged)
		}
	})
}

// expired is what `lake expire` did to a table.
type expired struct {
	Table     string     `json:"table"`
	Forgotten int        `json:"forgotten"` // snapshots
	Swept     lake.Swept `json:"swept"`
}

func (e *env) lakeExpireCommand() *cobra.Command {
	var name string
	var dryRun bool
	c := &cobra.Command{
		Use:   "expire",
		Short: "Forget old snapshots, and remove files that none refers to",
		Long: `Forgets snapshots that are older than MACRODATA_LAKE_KEEP_SNAPSHOTS, or where a run
left them MACRODATA_LAKE_KEEP_TAGS, and removes files that no snapshot refers to
and that are older than 72 hours: a younger one may be about to be committed.`,
		RunE: func(c *cobra.Command, _ []string) error {
			names, err := tableNames(name)
			if err != nil {
				return err
			}
			return e.withLakehouse(c.Context(), func(_ *app.Platform, h *app.Lakehouse) error {
				return e.expire(c.Context(), h.Lake, names, dryRun)
			})
		},
	}
	c.Flags().StringVar(&name, "table", "", "only this table, such as measurement.sales")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing; list the files that could be removed now")
	return c
}

func (e *env) expire(ctx context.Context, l *lake.Lake, names []string, dryRun bool) (err error) {
	list := []expired{}
	for _, name := range names {
		x := expired{Table: name}
		if !dryRun {
			if x.Forgotten, err = l.Expire(ctx, name); err != nil {
				return err
			}
		}
		if x.Swept, err = l.Sweep(ctx, name, dryRun); err != nil {
			return err
		}
		x.Swept.Files = append([]string{}, x.Swept.Files...)
		list = append(list, x)
	}
	return e.print(list, func(w io.Writer) {
		for _, x := range list {
			x.print(w, dryRun)
		}
	})
}

func (x expired) print(w io.Writer, dryRun bool) {
	files := plural(int64(len(x.Swept.Files)), "file")
	if x.Swept.Bytes > 0 {
		files += " of " + quantity(x.Swept.Bytes, "")
	}
	if !dryRun {
		fmt.Fprintf(w, "%s: %s forgotten, %s removed\n", x.Table, plural(int64(x.Forgotten), "snapshot"), files)
		return
	}
	fmt.Fprintf(w, "%s: %s would be removed\n", x.Table, files)
	for _, f := range x.Swept.Files {
		fmt.Fprintln(w, "  "+f)
	}
}

// plural writes how many there are of something.
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}
