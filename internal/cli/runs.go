package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

func (e *env) runsCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "runs [RUN]",
		Short: "List the latest runs, or show one with its proof and rejected records",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.listRuns(c.Context(), limit)
			}
			id, err := parseRun(args[0])
			if err != nil {
				return err
			}
			return e.withPlatform(c.Context(), func(p *app.Platform) error { return e.showRun(c.Context(), p, id) })
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "how many runs to list, at most 500")
	for _, control := range []struct {
		use, short string
		do         func(context.Context, *bulksync.Service, uuid.UUID) (uuid.UUID, error)
	}{
		{"cancel RUN", "Stop a run; its finished steps stay", func(ctx context.Context, s *bulksync.Service, id uuid.UUID) (uuid.UUID, error) {
			return id, s.Cancel(ctx, id)
		}},
		{"resume RUN", "Go on with a cancelled or failed run where it was", func(ctx context.Context, s *bulksync.Service, id uuid.UUID) (uuid.UUID, error) {
			return id, s.Resume(ctx, id)
		}},
		{"restart RUN", "Start a new run with what an earlier one was asked for", func(ctx context.Context, s *bulksync.Service, id uuid.UUID) (uuid.UUID, error) {
			return s.Restart(ctx, id, runs.CLI, requester())
		}},
	} {
		c.AddCommand(&cobra.Command{
			Use: control.use, Short: control.short, Args: usage(cobra.ExactArgs(1)),
			RunE: func(c *cobra.Command, args []string) error {
				id, err := parseRun(args[0])
				if err != nil {
					return err
				}
				return e.withApp(c.Context(), func(a *app.App) error { return e.control(c.Context(), a, id, control.do) })
			},
		})
	}
	return c
}

// control does something to a run and shows how it stands, once it has ended. A
// run that did not end well is what it is after a sync.
func (e *env) control(ctx context.Context, a *app.App, id uuid.UUID, do func(context.Context, *bulksync.Service, uuid.UUID) (uuid.UUID, error)) error {
	if _, err := a.Runs.Get(ctx, id); err != nil {
		return err
	}
	id, err := do(ctx, a.Scenarios.BulkSync, id)
	if err != nil {
		return err
	}
	run, err := e.followRun(ctx, a, id)
	if err != nil {
		return err
	}
	if err := e.ended(run); !errors.Is(err, errs.Canceled) {
		return err
	}
	return nil // that is what was asked for, here or elsewhere
}

func parseRun(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return id, errs.WithRemedy(fmt.Errorf("RUN is no run id: %w", errs.Invalid), "take one from `macrodata runs`")
	}
	return id, nil
}

func (e *env) listRuns(ctx context.Context, limit int) error {
	if limit < 1 || limit > 500 {
		return errs.WithRemedy(fmt.Errorf("--limit is not between 1 and 500: %w", errs.Invalid), "leave it out for the latest 20")
	}
	var list []runs.Run
	err := e.withPlatform(ctx, func(p *app.Platform) (err error) {
		list, err = p.Runs.List(ctx, "", limit)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		rows := [][]string{{"RUN", "SCENARIO", "STATUS", "STARTED", "TOOK", "WINDOW"}}
		for _, r := range list {
			rows = append(rows, []string{r.ID.String(), r.Scenario, r.Status, instant(r.StartedAt), took(r), windowOf(r)})
		}
		table(w, rows)
	})
}

// shownRejects of a run are printed; the table rejected_record has them all.
const shownRejects = 100

func (e *env) showRun(ctx context.Context, p *app.Platform, id uuid.UUID) error {
	run, err := p.Runs.Get(ctx, id)
	if err != nil {
		return err
	}
	rejects, err := pgdb.New(p.DB).ListRejects(ctx, pgdb.ListRejectsParams{RunID: id, RowLimit: shownRejects})
	if err != nil {
		return err
	}
	shown := struct {
		runs.Run
		Rejects []rejected `json:"rejects"`
	}{run, make([]rejected, len(rejects))}
	for i, r := range rejects {
		shown.Rejects[i] = rejected{r.Source, r.LineNo, r.SubjectType, r.SubjectID, r.Reason, r.Record, r.ResolvedRunID}
	}
	return e.print(shown, func(w io.Writer) {
		printRun(w, run)
		for _, r := range shown.Rejects {
			fmt.Fprintf(w, "rejected  %s line %d: %s\n", r.Source, r.Line, r.Reason)
		}
	})
}

// rejected is a record that could not be stored.
type rejected struct {
	Source      string     `json:"source"` // the file, or by_id
	Line        int64      `json:"line"`   // from 1
	SubjectType string     `json:"subjectType"`
	SubjectID   *int64     `json:"subjectId"` // null where it can't be read
	Reason      string     `json:"reason"`
	Record      string     `json:"record"`        // its beginning
	ResolvedBy  *uuid.UUID `json:"resolvedRunId"` // null while it is open
}

// printRun describes a run for people.
func printRun(w io.Writer, r runs.Run) {
	fmt.Fprintf(w, "Run %s: %s\n", r.ID, r.Status)
	if r.ErrorText != "" {
		fmt.Fprintf(w, "  error    %s\n", r.ErrorText)
	}
	if r.Remedy != "" {
		fmt.Fprintf(w, "  →        %s\n", r.Remedy)
	}
	fmt.Fprintf(w, "  window   %s\n  took     %s, %s archived\n", windowOf(r), took(r), quantity(r.Bytes, ""))
	var counts bulksync.Counts
	if json.Unmarshal(r.Counts, &counts) == nil {
		printCounts(w, "products", counts.Products)
		printCounts(w, "orders", counts.Orders)
	}
	for _, d := range counts.Degraded {
		fmt.Fprintf(w, "  degraded %s\n", d)
	}
	var proof bulksync.Proof
	if json.Unmarshal(r.Proof, &proof) != nil || len(proof.Checks) == 0 {
		return
	}
	verdict := "holds"
	if !proof.Holds {
		verdict = "FAILS"
	}
	fmt.Fprintf(w, "  proof    %s: %d checks\n", verdict, len(proof.Checks))
	rows := [][]string{}
	for _, c := range proof.Checks {
		mark, want := "✓", ""
		if !c.OK {
			mark, want = "✗", "  (want "+c.Want+")"
		}
		rows = append(rows, []string{"    " + mark + " " + c.Stream, c.Name, c.Got + want})
	}
	table(w, rows)
}

func printCounts(w io.Writer, name string, c *bulksync.StreamCounts) {
	if c == nil {
		return
	}
	fmt.Fprintf(w, "  %-8s %s read", name, thousands(c.Roots))
	if c.Children > 0 {
		fmt.Fprintf(w, ", %s lines", thousands(c.Children))
	}
	fmt.Fprintf(w, "; %s rows written", thousands(c.Written))
	for _, n := range []struct {
		n    int64
		what string
	}{
		{c.RefundsRead, "with refunds"}, {c.Deleted, "deleted"}, {c.Missing, "found missing"},
		{c.Uneven, "read whole"}, {c.Retried, "retried"}, {c.Duplicates, "delivered twice"},
	} {
		if n.n > 0 {
			fmt.Fprintf(w, ", %s %s", thousands(n.n), n.what)
		}
	}
	if !c.Advanced {
		fmt.Fprint(w, "; watermark stays")
	}
	fmt.Fprintln(w)
}

func instant(t *time.Time) string {
	if t == nil {
		return "–"
	}
	return t.UTC().Format(time.RFC3339)
}

func took(r runs.Run) string {
	if r.StartedAt == nil || r.FinishedAt == nil {
		return "–"
	}
	return r.FinishedAt.Sub(*r.StartedAt).Round(10 * time.Millisecond).String()
}

func windowOf(r runs.Run) string {
	if r.Until == nil {
		return "–"
	}
	since := "the beginning"
	if r.Since != nil {
		since = instant(r.Since)
	}
	return since + " to " + instant(r.Until)
}
