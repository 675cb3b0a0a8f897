package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func (e *env) devCommand() *cobra.Command {
	var orders int
	var once bool
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: private PostgreSQL, sandbox shop, first sync, API",
		Long: `Starts a private PostgreSQL and a sandbox shop, brings the schema up to date and
syncs: all at first, later what is new. The sandbox shop goes on selling while
nobody looks, so a later start finds new orders.

The page of runs and the API are at MACRODATA_LISTEN, behind a simulator of
Cloudflare Access that asks who you are. Ctrl-C stops everything.`,
		RunE: func(c *cobra.Command, _ []string) error { return e.dev(c.Context(), orders, once) },
	}
	c.Flags().IntVar(&orders, "orders", 5000, "orders of a new sandbox shop")
	c.Flags().BoolVar(&once, "once", false, "end after the sync instead of waiting for Ctrl-C")
	return c
}

func (e *env) dev(ctx context.Context, orders int, once bool) error {
	if err := checkOrders(orders); err != nil {
		return err
	}
	begun := time.Now()
	cfg, log, err := e.config()
	if err != nil {
		return err
	}
	if cfg.ShopifyShop != "" || cfg.ShopifyToken != "" || cfg.ShopifyURL != "" || cfg.ShopifyClientSecret != "" {
		return errs.WithRemedy(fmt.Errorf("a Shopify shop is configured, and dev brings its own: %w", errs.Invalid),
			"unset MACRODATA_SHOPIFY_*, or use `macrodata sync` with that shop")
	}
	if cfg.AccessTeam != "" || cfg.AccessAudience != "" || cfg.AccessCertsURL != "" || cfg.Role != app.RoleAll {
		return errs.WithRemedy(fmt.Errorf("a team of Cloudflare Access or a role is configured, and dev brings its own: %w", errs.Invalid),
			"unset MACRODATA_ACCESS_* and MACRODATA_ROLE, or use `macrodata serve`")
	}
	// A laptop's sandbox answers at once, so there is no use in waiting long.
	cfg.SyncPollMin, cfg.SyncPollMax, cfg.RetryDelay = 50*time.Millisecond, time.Second, time.Second
	p, err := app.OpenPlatform(ctx, cfg, app.Options{Log: log, Say: e.say})
	if err != nil {
		return err
	}
	err = e.devOn(ctx, p, orders, once, begun)
	return closeAfter(err, p.Close)
}

func (e *env) devOn(ctx context.Context, p *app.Platform, orders int, once bool, begun time.Time) error {
	if _, err := p.Migrate(ctx); err != nil {
		return err
	}
	box, err := openBox(filepath.Join(p.DataDir, "sandbox.json"), orders)
	if err != nil {
		return err
	}
	secret := rand.Text()
	server, err := serveShop(shopify.Config{Shop: box.shop, Token: box.Token, Secret: secret, TagsFile: filepath.Join(p.DataDir, "sandbox-tags.json")}, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // it keeps nothing
	p.Config.ShopifyShop, p.Config.ShopifyToken, p.Config.ShopifyURL = box.shop.Info().Domain, app.Secret(box.Token), server.URL()
	p.Config.ShopifyClientSecret, p.Config.WebhookListen = app.Secret(secret), "127.0.0.1:0"
	return opened(ctx, p, func(a *app.App) error {
		if err := a.Schedule(); err != nil {
			return err
		}
		if err := a.Launch(ctx); err != nil {
			return err
		}
		e.say(fmt.Sprintf("macrodata: %s, sandbox shop %s, ready after %s", p.Database(), box.shop.Info().Domain,
			time.Since(begun).Round(10*time.Millisecond)))
		if once {
			return e.devSync(ctx, a)
		}
		return e.devServe(ctx, a, server)
	})
}

// devServe syncs and serves until Ctrl-C.
func (e *env) devServe(ctx context.Context, a *app.App, shopify *shopify.Server) error {
	door, err := openDevDoor(a)
	if err != nil {
		return err
	}
	defer door.close()
	shopify.Subscribe(door.server.WebhookURL())
	return beside(ctx, door.server, func(ctx context.Context) error {
		e.say("Open " + door.edge.URL() + " and sign in as whoever you like.")
		if err := e.devSync(ctx, a); err != nil {
			return err
		}
		e.say("The sandbox's Admin API is at " + shopify.URL() + ". Ctrl-C stops everything.")
		<-ctx.Done()
		return nil
	})
}

// devSync syncs and prints what is stored.
func (e *env) devSync(ctx context.Context, a *app.App) error {
	mode := bulksync.Full
	if marks, err := pgdb.New(a.DB).ListWatermarks(ctx); err != nil {
		return err
	} else if len(marks) > 0 {
		mode = bulksync.Incremental
	}
	run, err := e.follow(ctx, a, bulksync.Params{Mode: mode})
	if err != nil {
		return err
	}
	stored, err := readFigures(ctx, a)
	if err != nil {
		return err
	}
	type result struct {
		Run     runs.Run `json:"run"`
		Figures figures  `json:"stored"`
	}
	if err := e.print(result{run, stored}, func(w io.Writer) {
		printRun(w, run)
		fmt.Fprint(w, "Stored: ")
		stored.print(w)
	}); err != nil {
		return err
	}
	if run.Status == runs.Failed || run.Status == runs.Incomplete {
		return errFault
	}
	return nil
}

// box is the sandbox shop of a data folder: it stays the same shop from start
// to start, and time passes for it.
type box struct {
	Seed   uint64    `json:"seed"`
	Anchor time.Time `json:"anchor"` // until when it has Orders orders; more come later
	Orders int       `json:"orders"`
	Token  string    `json:"token"`

	shop *shops.Generated
}

func openBox(path string, orders int) (*box, error) {
	b := &box{Seed: 1, Orders: orders, Anchor: time.Now().UTC().Truncate(time.Hour), Token: "shpat_" + rand.Text()}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text, err = json.Marshal(b)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
	case err == nil:
		err = json.Unmarshal(text, b)
	}
	if err != nil {
		return nil, errs.WithRemedy(fmt.Errorf("sandbox shop: %w", err), "delete "+path+" and the database beside it for a new shop")
	}
	b.shop, err = madeUpShop(b.Seed, b.Orders, b.Anchor)
	return b, err
}

// madeUpShop has its orders in the year and a half before an instant.
func madeUpShop(seed uint64, orders int, anchor time.Time) (*shops.Generated, error) {
	return shops.Generate(shops.Options{
		Seed: seed, Orders: orders, Products: max(200, orders/20), Anchor: anchor, From: anchor.AddDate(-1, -6, 0),
	})
}

func serveShop(c shopify.Config, addr string) (*shopify.Server, error) {
	server, err := shopify.New(c)
	if err != nil {
		return nil, err
	}
	return server, server.Listen(addr)
}
