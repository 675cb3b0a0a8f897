package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/macrodata-dev/macrodata/internal/runs"
)

const (
	lookEvery  = 300 * time.Millisecond
	printEvery = 5 * time.Second // where lines can't be overwritten
)

// watch shows a run's progress until ctx ends: on a terminal in one line that
// changes, elsewhere as a line now and then.
func (e *env) watch(ctx context.Context, store *runs.Store, id uuid.UUID) {
	out, isFile := e.stderr.(*os.File)
	live := isFile && term.IsTerminal(int(out.Fd()))
	meter := runs.Meter{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	printed, last := time.Now(), ""
	for {
		select {
		case <-ctx.Done():
			if live {
				fmt.Fprint(e.stderr, "\r\x1b[K")
			}
			return
		case <-tick.C:
		}
		run, err := store.Get(ctx, id)
		if err != nil || !run.Live() {
			continue
		}
		line := progressLine(meter.Look(run, time.Now()))
		switch {
		case live:
			fmt.Fprint(e.stderr, "\r\x1b[K", line)
		case line != last && time.Since(printed) >= printEvery:
			fmt.Fprintln(e.stderr, line)
			printed, last = time.Now(), line
		}
	}
}

// progressLine describes a run's progress: done of total, rate, time left.
func progressLine(run runs.Sight) string {
	if run.Step == "" {
		return "  " + run.Status
	}
	line := fmt.Sprintf("  %-24s", run.Step)
	if run.Unit == "" {
		return line
	}
	line += quantity(run.Done, run.Unit)
	if run.Total > 0 {
		line = fmt.Sprintf("  %-24s%s of %s, %d %%", run.Step, quantity(run.Done, ""), quantity(run.Total, run.Unit), run.Done*100/run.Total)
	}
	if run.Rate > 0 {
		line += fmt.Sprintf(", %s/s", quantity(int64(run.Rate), run.Unit))
	}
	if run.Left > 0 {
		line += ", " + run.Left.Round(time.Second).String() + " left"
	}
	return line
}

// quantity writes bytes in units that people read, and anything else as it is.
func quantity(n int64, unit string) string {
	if unit != "bytes" && unit != "" {
		return fmt.Sprintf("%s %s", thousands(n), unit)
	}
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// thousands writes a number with separators.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// table writes rows in columns of equal width.
func table(w io.Writer, rows [][]string) {
	widths := map[int]int{}
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, r := range rows {
		for i, cell := range r {
			if i == len(r)-1 {
				fmt.Fprintln(w, cell)
				break
			}
			fmt.Fprintf(w, "%-*s  ", widths[i], cell)
		}
	}
}
