package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

// drainTime is how long steps under way may take to finish when the program
// ends. A step that is cut runs again.
const drainTime = 5 * time.Second

func (e *env) syncCommand() *cobra.Command {
	var full bool
	var since string
	var resources []string
	c := &cobra.Command{
		Use:   "sync",
		Short: "Bring orders and products in from Shopify, and prove that nothing is missing",
		Long: `Reads what changed since the watermark, or everything with --full, stores it,
and moves the watermark when it is proved complete. A sync that is under way,
also one that a killed process left, is followed instead of starting another.

Exit code 3 means that the proof failed: the run is incomplete, the watermark
stays, and the next sync reads the same again.`,
		RunE: func(c *cobra.Command, _ []string) error {
			p := bulksync.Params{Mode: bulksync.Incremental, Resources: resources}
			if full {
				p.Mode = bulksync.Full
			}
			if since != "" {
				at, err := time.Parse(time.RFC3339, since)
				if err != nil {
					return errs.WithRemedy(fmt.Errorf("--since is no RFC 3339 time: %w", errs.Invalid), "write it like 2026-11-22T00:00:00Z")
				}
				p.Since = &at
			}
			return e.withApp(c.Context(), func(a *app.App) error { return e.sync(c.Context(), a, p) })
		},
	}
	c.Flags().BoolVar(&full, "full", false, "read everything instead of what changed")
	c.Flags().StringVar(&since, "since", "", "read from this time on instead of from the watermark")
	c.Flags().StringSliceVar(&resources, "resources", nil, "orders, products; both where left out")
	return c
}

// withApp runs fn with the launched program and closes it.
func (e *env) withApp(ctx context.Context, fn func(*app.App) error) error {
	c, _, err := e.config()
	if err == nil {
		err = c.CheckShopify() // before a database is started in vain
	}
	if err != nil {
		return err
	}
	return e.withPlatform(ctx, func(p *app.Platform) error { return launched(ctx, p, fn) })
}

// launched runs fn with the program launched on a platform, and closes it.
func launched(ctx context.Context, p *app.Platform, fn func(*app.App) error) error {
	return opened(ctx, p, func(a *app.App) error {
		if err := a.Launch(ctx); err != nil {
			return err
		}
		return fn(a)
	})
}

// opened runs fn with the program on a platform, and closes it, giving steps
// under way a little time to finish.
func opened(ctx context.Context, p *app.Platform, fn func(*app.App) error) error {
	a, err := app.Open(ctx, p)
	if err != nil {
		return err
	}
	return closeAfter(fn(a), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		return a.Close(ctx)
	})
}

// sync starts a run, or follows the one under way, and prints how it ended.
func (e *env) sync(ctx context.Context, a *app.App, p bulksync.Params) error {
	run, err := e.follow(ctx, a, p)
	if err != nil {
		return err
	}
	return e.ended(run)
}

// ended prints how a run ended. One whose proof failed is a fault.
func (e *env) ended(run runs.Run) error {
	if err := e.print(run, func(w io.Writer) { printRun(w, run) }); err != nil {
		return err
	}
	switch run.Status {
	case runs.Incomplete:
		return errFault
	case runs.Failed:
		return errs.WithRemedy(errors.New(run.ErrorText), run.Remedy)
	case runs.Cancelled:
		return fmt.Errorf("run %s was cancelled: %w", run.ID, errs.Canceled)
	}
	return nil
}

// follow starts a run, or takes the one under way, and shows its progress
// until it has ended.
func (e *env) follow(ctx context.Context, a *app.App, p bulksync.Params) (runs.Run, error) {
	p.Trigger, p.RequestedBy = runs.CLI, requester()
	id, err := a.Scenarios.BulkSync.Start(ctx, p)
	if errors.Is(err, errs.Conflict) && id != uuid.Nil {
		e.say("A sync is under way already: following run " + id.String())
		err = nil
	}
	if err != nil {
		return runs.Run{}, err
	}
	return e.followRun(ctx, a, id)
}

// followRun shows a run's progress until it has ended.
func (e *env) followRun(ctx context.Context, a *app.App, id uuid.UUID) (runs.Run, error) {
	watched, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		a.Scenarios.BulkSync.Wait(watched, id) //nolint:errcheck // the run's row tells how it ended
		stop()
	}()
	e.watch(watched, a.Runs, id)
	if ctx.Err() != nil {
		return runs.Run{}, errs.WithRemedy(fmt.Errorf("stopped while run %s was under way: %w", id, errs.Canceled),
			"the run goes on where it was at the next start")
	}
	return a.Runs.Get(ctx, id)
}

func requester() string {
	if u, err := user.Current(); err == nil {
		return "cli:" + u.Username
	}
	return "cli"
}
