// Package bench measures the program against the best that the same machine
// can do by other means, side by side in one run. Machines are noisy, so every
// figure that has a goal is a ratio; wall time, CPU time and memory are told
// beside it. RESULTS.md keeps what was measured.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Size is how much a benchmark works on.
type Size string

// The sizes, for what is counted in orders.
const (
	Small  Size = "small"  // 10,000 orders
	Medium Size = "medium" // 100,000
	Full   Size = "full"   // 1,000,000
	Huge   Size = "huge"   // 10,000,000, for tag-analytics alone

	tiny Size = "tiny" // 500: shows that a benchmark works, and measures nothing
)

// Result is what a benchmark came to.
type Result struct {
	Name string `json:"name"`
	Size Size   `json:"size"`

	// Ratio is what has to be at most Goal, or at least where AtLeast.
	Ratio   float64 `json:"ratio"`
	Goal    float64 `json:"goal"`
	AtLeast bool    `json:"atLeast,omitempty"`
	OK      bool    `json:"ok"` // the goal is met, and those of Checks

	WallSeconds float64 `json:"wallSeconds"` // of our side
	CPUSeconds  float64 `json:"cpuSeconds"`  // of our process, and of the database where it has one
	PeakBytes   int64   `json:"peakBytes"`   // of our process, without a simulator
	Against     string  `json:"against"`     // the other side, with its figures

	Checks []Check `json:"checks,omitempty"`
}

// Check is a further figure with a goal: at most Goal.
type Check struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Goal  float64 `json:"goal"`
	Unit  string  `json:"unit"`
	OK    bool    `json:"ok"`
}

func (r *Result) check(name string, value, goal float64, unit string) {
	r.Checks = append(r.Checks, Check{name, value, goal, unit, value <= goal})
}

func (r *Result) judge() {
	r.OK = r.Ratio <= r.Goal
	if r.AtLeast {
		r.OK = r.Ratio >= r.Goal
	}
	for _, c := range r.Checks {
		r.OK = r.OK && c.OK
	}
}

// Options say how to measure.
type Options struct {
	Program string       // path of the program, which benchmarks start as a process of its own
	Size    Size         // Small where empty
	Say     func(string) // told what is done, a line at a time; nil for nobody
}

// Benchmark is something that can be measured.
type Benchmark struct {
	Name string
	What string // in a line

	run func(context.Context, *bench) (Result, error)
}

// All returns the benchmarks, in the order in which they are run.
func All() []Benchmark {
	return []Benchmark{
		{"sync", "load step of a full sync, against psql loading the same rows from CSV", runSync},
		{"resync", "load step of the same file again, against the first time", runResync},
		{"parse", "bulk file to structs on one core, against encoding/json", runParse},
		{"lake-append", "draining sales rows into the lakehouse, against DuckDB copying them into Parquet files", runAppend},
		{"tag-analytics", "all tags over six months through the API, against plain DuckDB and PostgreSQL", runTags},
		{"metrics", "pages, summary and preview of metrics through the API, against 200 ms and DuckDB", runMetrics},
		{"steps", "durable steps with events, against DBOS's own", runSteps},
		{"lookup", "orders looked up, 200 requests a second, against a bare handler with the same SQL", runLookup},
		{"read", "pages of a list, 200 requests a second, against a bare handler with the same SQL", runRead},
		{"start", "`serve` from its start to ready, binary, idle memory, against fixed limits", runStart},
	}
}

// Find returns the benchmark of a name. One that doesn't exist is
// [errs.Invalid].
func Find(name string) (Benchmark, error) {
	var names []string
	for _, b := range All() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Benchmark{}, errs.WithRemedy(fmt.Errorf("NAME %q is no benchmark: %w", name, errs.Invalid),
		"choose from "+strings.Join(names, ", "))
}

// Run measures. A size that doesn't exist is [errs.Invalid].
func (m Benchmark) Run(ctx context.Context, o Options) (r Result, err error) {
	defer errs.Wrap(&err, "bench %s", m.Name)
	b, err := newBench(o)
	if err != nil {
		return r, err
	}
	if b.Size == Huge && m.Name != "tag-analytics" {
		return r, errs.WithRemedy(fmt.Errorf("--size huge is too much: %w", errs.Invalid), "choose from small, medium, full")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if r, err = m.run(ctx, b); err != nil {
		return r, err
	}
	r.Name, r.Size = m.Name, b.Size
	r.judge()
	return r, nil
}

// bench is one benchmark under way.
type bench struct {
	Options
	dir string // temporary

	orders int // of the shop
	rounds int // of both sides in turn; the best of each counts
}

func newBench(o Options) (*bench, error) {
	b := &bench{Options: o}
	if b.Size == "" {
		b.Size = Small
	}
	if b.Say == nil {
		b.Say = func(string) {}
	}
	switch b.Size {
	case tiny:
		b.orders, b.rounds = 500, 1
	case Small:
		b.orders, b.rounds = 10_000, 5
	case Medium:
		b.orders, b.rounds = 100_000, 3
	case Full:
		b.orders, b.rounds = 1_000_000, 1
	case Huge:
		b.orders, b.rounds = 10_000_000, 1
	default:
		return nil, errs.WithRemedy(fmt.Errorf("--size %q is no size: %w", b.Size, errs.Invalid), "choose from small, medium, full")
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "macrodata-bench-"); err != nil {
		return nil, err
	}
	// Where root runs this, the server's user must reach the folder.
	return b, os.Chmod(b.dir, 0o755)
}

// round is both sides, measured one after the other.
type round struct{ ours, theirs usage }

func (r round) ratio() float64 { return r.ours.wall.Seconds() / r.theirs.wall.Seconds() }

// best pairs the fastest of each side. What else the machine does can only
// slow a round down, so the fastest is nearest to what the work costs.
func best(rounds []round) round {
	r := rounds[0]
	for _, next := range rounds[1:] {
		if next.ours.wall < r.ours.wall {
			r.ours = next.ours
		}
		if next.theirs.wall < r.theirs.wall {
			r.theirs = next.theirs
		}
	}
	return r
}
