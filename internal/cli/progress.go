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
	meter := rate{}
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
		line := meter.line(run, time.Now())
		switch {
		case live:
			fmt.Fprint(e.stderr, "\r\x1b[K", line)
		case line != last && time.Since(printed) >= printEvery:
			fmt.Fprintln(e.stderr, line)
			printed, last = time.Now(), line
		}
	}
}

// rate measures how fast a step goes.
type rate struct {
	step  string
	since time.Time
	from  int64
}

// line describes a run's progress: done of total, rate, time left.
func (r *rate) line(run runs.Run, now time.Time) string {
	if run.Step == "" {
		return "  " + run.Status
	}
	if run.Step != r.step {
		*r = rate{run.Step, now, run.Done}
	}
	line := fmt.Sprintf("  %-24s", run.Step)
	if run.Unit == "" {
		return line
	}
	line += quantity(run.Done, run.Unit)
	if run.Total > 0 {
		line = fmt.Sprintf("  %-24s%s of %s, %d %%", run.Step, quantity(run.Done, ""), quantity(run.Total, run.Unit), run.Done*100/run.Total)
	}
	seconds := now.Sub(r.since).Seconds()
	if seconds < 1 || run.Done <= r.from {
		return line
	}
	perSecond := float64(run.Done-r.from) / seconds
	line += fmt.Sprintf(", %s/s", quantity(int64(perSecond), run.Unit))
	if run.Total > run.Done {
		left := time.Duration(float64(run.Total-run.Done) / perSecond * float64(time.Second))
		line += ", " + left.Round(time.Second).String() + " left"
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
