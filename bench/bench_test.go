package bench_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/bench"
	"github.com/macrodata-dev/macrodata/internal/cli"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
)

// asProgram makes the test binary the program that benchmarks start.
const asProgram = "BENCH_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Setenv(asProgram, "1") //nolint:errcheck // children see it, and a failure shows in them
	os.Exit(m.Run())
}

// Every benchmark is run once at a size that measures nothing, so only what
// doesn't depend on the machine is looked at.
func TestEachBenchmarkRuns(t *testing.T) {
	t.Parallel()
	if _, err := cluster.Find(); err != nil {
		t.Skipf("no PostgreSQL programs: %v", err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bench.All() {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			r, err := b.Run(t.Context(), bench.Options{Program: program, Size: bench.Tiny, Say: func(s string) { t.Log(s) }})
			if err != nil {
				t.Fatal(err)
			}
			if r.Name != b.Name || r.Ratio <= 0 || r.Goal <= 0 || r.WallSeconds <= 0 || r.Against == "" {
				t.Errorf("result lacks something: %+v", r)
			}
			if r.PeakBytes < 1<<20 {
				t.Errorf("%d bytes are less than a process has", r.PeakBytes)
			}
		})
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		remedy string
	}{
		"a benchmark that doesn't exist, before another is run": {[]string{"parse", "nothing"}, "sync, resync, parse, lake-append, tag-analytics, metrics, steps, lookup, read, start"},
		"a size that doesn't exist":                             {[]string{"parse", "--size", "enormous"}, "small, medium, full"},
		"a size that is too much for a benchmark":               {[]string{"parse", "--size", "huge"}, "small, medium, full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said strings.Builder
			code := cli.Main(append([]string{"bench"}, c.args...), nil, io.Discard, &said)
			if code != 2 || !strings.Contains(said.String(), c.remedy) {
				t.Errorf("exit code %d, said %q", code, said.String())
			}
		})
	}
}

// Goals that are missed must show, whichever they are.
func TestAResultIsGoodWhereEachGoalIsMet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result bench.Result
		want   bool
	}{
		"a ratio at the goal is good":                 {bench.Result{Ratio: 1.3, Goal: 1.3}, true},
		"a ratio above the goal is not":               {bench.Result{Ratio: 1.31, Goal: 1.3}, false},
		"a speed above its goal is good":              {bench.Result{Ratio: 5, Goal: 4, AtLeast: true}, true},
		"a speed below its goal is not":               {bench.Result{Ratio: 3, Goal: 4, AtLeast: true}, false},
		"a check that fails spoils a ratio that fits": {bench.Result{Ratio: 1, Goal: 2, Checks: []bench.Check{{OK: false}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if bench.Judge(&c.result); c.result.OK != c.want {
				t.Errorf("ok is %v", c.result.OK)
			}
		})
	}
}
