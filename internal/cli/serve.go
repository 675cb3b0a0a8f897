package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/macrodata-dev/macrodata/internal/app"
)

func (e *env) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API behind Cloudflare Access, and run what is started and what is due",
		Long: `Brings the database schema up to date. Stays until Ctrl-C or SIGTERM, and then
lets requests under way finish. What runs goes on in another process, or at the
next start.

The API is at MACRODATA_LISTEN, for requests that Cloudflare Access has signed;
/healthz, /readyz and /metrics are at MACRODATA_OPS_LISTEN, Shopify's webhooks
come in at MACRODATA_WEBHOOK_LISTEN. With MACRODATA_ROLE several processes share
one database: web answers requests, worker does the runs.`,
		RunE: func(c *cobra.Command, _ []string) error { return e.serve(c.Context()) },
	}
}

func (e *env) serve(ctx context.Context) error {
	c, _, err := e.config()
	if err == nil {
		err = c.CheckShopify() // all before a database is started in vain
	}
	if err == nil {
		err = c.CheckAccess()
	}
	if err == nil {
		err = c.CheckWebhooks()
	}
	if err != nil {
		return err
	}
	return e.withPlatform(ctx, func(p *app.Platform) error {
		if _, err := p.Migrate(ctx); err != nil {
			return err
		}
		return opened(ctx, p, func(a *app.App) error {
			server, err := app.NewServer(a)
			if err != nil {
				return err
			}
			defer server.Close()
			if err := a.Schedule(); err != nil {
				return err
			}
			if err := a.Launch(ctx); err != nil {
				return err
			}
			e.say(doors(p, server))
			return server.Run(ctx)
		})
	})
}

// doors says where a server is.
func doors(p *app.Platform, s *app.Server) string {
	parts := []string{"macrodata: " + p.Database()}
	if url := s.URL(); url != "" {
		parts = append(parts, "API at "+url)
	}
	if url := s.WebhookURL(); url != "" {
		parts = append(parts, "webhooks at "+url)
	}
	if url := s.OpsURL(); url != "" {
		parts = append(parts, "health at "+url)
	}
	return strings.Join(parts, ", ") + ". Ctrl-C stops everything."
}

// beside runs fn while the server answers, and ends the server when fn has
// ended; where the server fails, it ends fn.
func beside(ctx context.Context, server *app.Server, fn func(context.Context) error) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	g, working := errgroup.WithContext(serving)
	g.Go(func() error { return server.Run(working) })
	g.Go(func() error { defer stop(); return fn(working) })
	return g.Wait()
}
