package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

func (e *env) replayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay RUN",
		Short: "Load a run again from what it has archived, without exporting anew",
		Long: `Loads the files that an earlier sync has archived, as long as archives are kept,
after it has checked their lengths and hashes. What is stored stays, unless the
archive has it newer, and what the store has lost is back: orders, lines and
fulfillments, products and their tags. Lines of refunds are no part of an export;
they are read from Shopify by id. Watermarks don't move, and nothing is deleted.

Where several runs brought what is lost, replay them from the oldest on.

Exit code 3 means that the proof failed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := parseRun(args[0])
			if err != nil {
				return err
			}
			return e.withApp(c.Context(), func(a *app.App) error { return e.replay(c.Context(), a, id) })
		},
	}
}

func (e *env) replay(ctx context.Context, a *app.App, id uuid.UUID) error {
	id, err := a.Scenarios.BulkSync.Replay(ctx, id, runs.CLI, requester())
	if err != nil {
		return err
	}
	run, err := e.followRun(ctx, a, id)
	if err != nil {
		return err
	}
	return e.ended(run)
}
