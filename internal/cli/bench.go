package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/bench"
)

func (e *env) benchCommand() *cobra.Command {
	var size string
	long := `Measures the program against the best that this machine can do by other means,
both sides in turn, on a private PostgreSQL and a simulated shop in a temporary
folder. Without a NAME all are measured. Exit code 3 where a goal is missed.
Settings in the environment don't count here.

`
	for _, b := range bench.All() {
		long += fmt.Sprintf("  %-11s %s\n", b.Name, b.What)
	}
	c := &cobra.Command{
		Use:   "bench [NAME...]",
		Short: "Measure how fast the program is, against something",
		Long:  long,
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, names []string) error {
			chosen := bench.All()
			if len(names) > 0 {
				chosen = chosen[:0]
			}
			for _, name := range names {
				b, err := bench.Find(name)
				if err != nil {
					return err
				}
				chosen = append(chosen, b)
			}
			return e.bench(c.Context(), chosen, bench.Size(size))
		},
	}
	c.Flags().StringVar(&size, "size", string(bench.Small), "small, medium or full: 10,000, 100,000 or 1,000,000 orders")
	c.AddCommand(e.sideCommand())
	return c
}

func (e *env) bench(ctx context.Context, chosen []bench.Benchmark, size bench.Size) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	missed := false
	for _, b := range chosen {
		r, err := b.Run(ctx, bench.Options{Program: program, Size: size, Say: e.say})
		if err != nil {
			return err
		}
		missed = missed || !r.OK
		if err := e.print(r, func(w io.Writer) { printResult(w, r) }); err != nil {
			return err
		}
	}
	if missed {
		return errFault
	}
	return nil
}

func printResult(w io.Writer, r bench.Result) {
	relation := "at most"
	if r.AtLeast {
		relation = "at least"
	}
	fmt.Fprintf(w, "%s %-11s %s  %.2f (goal: %s %g), %.2f s, %.2f CPU s, peak %s\n", mark(r.OK), r.Name, r.Size,
		r.Ratio, relation, r.Goal, r.WallSeconds, r.CPUSeconds, quantity(r.PeakBytes, ""))
	fmt.Fprintf(w, "  against %s\n", r.Against)
	for _, c := range r.Checks {
		fmt.Fprintf(w, "  %s %s: %.2f %s (goal: at most %g)\n", mark(c.OK), c.Name, c.Value, c.Unit, c.Goal)
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// sideCommand is one side of a benchmark, for a process of its own.
func (e *env) sideCommand() *cobra.Command {
	return &cobra.Command{
		Use: "side NAME FOLDER", Hidden: true, Args: usage(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, _, err := e.config()
			if err != nil {
				return err
			}
			s, err := bench.Side(c.Context(), args[0], string(cfg.DatabaseURL), args[1])
			if err != nil {
				return err
			}
			return e.print(s, func(w io.Writer) { fmt.Fprintln(w, s.Until.Sub(s.From)) })
		},
	}
}
