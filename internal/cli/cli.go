// Package cli is the command line: one file for each command.
//
// Data go to standard output and everything else to standard error. Every
// command takes --json. The exit code is 0 for done, 1 for failed, 2 for wrong
// use and 3 where a check found a fault.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/obs"
)

// Exit codes.
const (
	done   = 0
	failed = 1
	misuse = 2
	fault  = 3
)

// errFault is a check that found something: the command itself worked.
var errFault = errors.New("a check found a fault")

// errUsage marks a command line that can't be understood.
var errUsage = errors.New("wrong use")

// Main runs the command that args name and returns its exit code. Interrupt
// and SIGTERM end it in order; a second one ends it at once.
func Main(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	env := &env{environ: environ, stdout: stdout, stderr: stderr}
	root := env.root()
	root.SetArgs(args)
	return env.report(root.ExecuteContext(ctx))
}

// env is what commands share.
type env struct {
	environ        []string
	stdout, stderr io.Writer
	json           bool
}

func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "macrodata",
		Short:         "The operations platform of a Shopify brand",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		e.devCommand(), e.demoCommand(), e.serveCommand(), e.syncCommand(), e.replayCommand(), e.runsCommand(), e.metricsCommand(), e.tagsCommand(), e.designersCommand(), e.fulfillmentCommand(), e.ordersCommand(), e.migrateCommand(),
		e.openapiCommand(), e.sandboxCommand(), e.benchCommand(), e.lakeCommand(), e.configCommand(), e.doctorCommand(), e.versionCommand(),
	)
	for _, c := range root.Commands() {
		c.Args = usage(c.Args)
	}
	return root
}

// usage gives a wrong number of arguments its exit code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.NoArgs
	}
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return nil
	}
}

// report says what went wrong and what to do, and returns the exit code.
func (e *env) report(err error) int {
	switch {
	case err == nil:
		return done
	case errors.Is(err, errFault):
		return fault
	}
	fmt.Fprintf(e.stderr, "macrodata: %v\n", err)
	if remedy := errs.Remedy(err); remedy != "" {
		fmt.Fprintf(e.stderr, "  → %s\n", remedy)
	}
	if errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command") {
		fmt.Fprintln(e.stderr, "  → see `macrodata help`")
		return misuse
	}
	if errs.Kind(err) == "invalid" {
		return misuse
	}
	return failed
}

// print writes v as JSON where that was asked for, and else calls text.
func (e *env) print(v any, text func(w io.Writer)) error {
	if !e.json {
		text(e.stdout)
		return nil
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say tells people something that is no result.
func (e *env) say(line string) { fmt.Fprintln(e.stderr, line) }

func (e *env) config() (app.Config, *slog.Logger, error) {
	c, err := app.Load(e.environ)
	if err != nil {
		return c, nil, err
	}
	return c, obs.Logger(e.stderr, c.LogFormat, c.LogLevel), nil
}

// platform connects to the configured database.
func (e *env) platform(ctx context.Context) (*app.Platform, error) {
	c, log, err := e.config()
	if err != nil {
		return nil, err
	}
	return app.OpenPlatform(ctx, c, app.Options{Log: log, Say: e.say})
}

// withPlatform runs fn on the configured database and closes it.
func (e *env) withPlatform(ctx context.Context, fn func(*app.Platform) error) error {
	p, err := e.platform(ctx)
	if err != nil {
		return err
	}
	return closeAfter(fn(p), p.Close)
}

// closeAfter closes and returns the first error.
func closeAfter(err error, closing func() error) error {
	if closeErr := closing(); err == nil {
		return closeErr
	}
	return err
}
