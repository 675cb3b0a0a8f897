// Package app is the program as a value: a configuration becomes a platform,
// the platform's parts become scenarios, and the whole is launched and closed.
// The command line runs one; a test can run many.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/upkeep"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/scenario/combotemplates"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/telemetry"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Options are what the surroundings give beside the configuration.
type Options struct {
	Log *slog.Logger
	// Say tells people what they might not expect, a line at a time.
	Say func(string)
	// ClusterSettings go to the private cluster; tests trade its durability for speed.
	ClusterSettings map[string]string
}

// Platform is what the scenarios stand on.
type Platform struct {
	Config  Config
	DataDir string // where it really is
	Log     *slog.Logger
	DB      *pg.DB
	Runs    *runs.Store

	cluster *cluster.Cluster // nil where the database is somebody else's
}

// OpenPlatform connects to the database, or starts the private one. It changes
// nothing in it.
func OpenPlatform(ctx context.Context, c Config, o Options) (_ *Platform, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Platform{Config: c, DataDir: c.DataDir, Log: o.Log}
	defer func() {
		if err != nil {
			p.Close() //nolint:errcheck // the first error counts
		}
	}()
	url := string(c.DatabaseURL)
	if url == "" {
		p.cluster, err = cluster.Start(ctx, cluster.Config{
			Dir: c.DataDir, DirIsDefault: c.DataDir == defaultDataDir(), Say: o.Say, Settings: o.ClusterSettings,
		})
		if err != nil {
			return nil, err
		}
		url, p.DataDir = p.cluster.URL(), p.cluster.Dir()
	}
	if p.DB, err = pg.Open(ctx, pg.Config{URL: url, MaxConns: domainConns}); err != nil {
		if p.cluster == nil && errs.Remedy(err) == "" {
			err = errs.WithRemedy(err, "see that the server of MACRODATA_DATABASE_URL runs, can be reached from here and lets this user in")
		}
		return nil, err
	}
	p.Runs = runs.New(p.DB)
	return p, nil
}

// domainConns is the size of the pool that all but two share: the workflow
// engine opens 4 connections beside it and the lakehouse's catalog 2, which
// makes 12 a process.
const domainConns = 6

func defaultDataDir() string {
	for _, s := range (Config{}).Settings() {
		if s.Name == envPrefix+"DATA_DIR" {
			return s.Default
		}
	}
	return ""
}

// Migrate brings the database up to date.
func (p *Platform) Migrate(ctx context.Context) ([]pg.Migration, error) {
	return p.DB.Migrate(ctx, db.Migrations())
}

// Database describes the database for people, without its password.
func (p *Platform) Database() string {
	if p.cluster != nil {
		return "private PostgreSQL in " + p.cluster.Dir()
	}
	return "MACRODATA_DATABASE_URL"
}

// OpenBlob opens the configured object storage.
func (p *Platform) OpenBlob(ctx context.Context) (*blob.Store, error) {
	url, err := p.Config.blobURL(p.DataDir)
	if err != nil {
		return nil, err
	}
	return blob.Open(ctx, url)
}

// NewShopify returns a client of the configured shop.
func (p *Platform) NewShopify() (*shopify.Client, error) {
	return p.Config.newShopify(p.Log)
}

// Close disconnects, and stops the private cluster where nobody else uses it.
func (p *Platform) Close() error {
	if p.DB != nil {
		p.DB.Close()
	}
	if p.cluster == nil {
		return nil
	}
	// Whatever ended the program must not keep the server from a clean stop.
	return p.cluster.Stop(context.Background())
}

// App is the running program.
type App struct {
	*Platform
	*Lakehouse
	Blob      *blob.Store
	Shopify   *shopify.Client
	Engine    *workflow.Engine
	Upkeep    *upkeep.Service
	Scenarios Scenarios

	retention *retention
	events    *telemetry.Recorder

	stopBackground context.CancelFunc // nil before Launch
	background     sync.WaitGroup
}

// Open makes the program on a platform whose database is migrated. Nothing
// runs before Launch.
func Open(ctx context.Context, p *Platform) (_ *App, err error) {
	a := &App{Platform: p}
	defer func() {
		if err != nil {
			a.Close(ctx) //nolint:errcheck // the first error counts
		}
	}()
	if err := p.checkSchema(ctx); err != nil {
		return nil, err
	}
	if err := p.checkShop(ctx); err != nil {
		return nil, err
	}
	if a.Blob, err = p.OpenBlob(ctx); err != nil {
		return nil, err
	}
	if a.Shopify, err = p.NewShopify(); err != nil {
		return nil, err
	}
	if a.Lakehouse, err = p.openLakehouse(ctx); err != nil {
		return nil, err
	}
	a.events = telemetry.New(p.DB, p.Log, telemetry.Options{Secrets: p.Config.secrets()})
	a.Engine, err = workflow.New(ctx, workflow.Config{
		DB: p.DB, Log: p.Log, Events: a.events.Note, Flush: a.events.Flush, Beat: p.Runs.Beat, Fault: faultPoint(p.Config.FaultPoint),
		Passive: p.Config.Role == RoleWeb,
		Retry:   workflow.Retry{Limit: p.Config.RetryLimit, Delay: p.Config.RetryDelay, Max: p.Config.RetryMax},
	})
	if err != nil {
		return nil, err
	}
	a.Upkeep = upkeep.New(a.Engine, a.Lake, a.Runs, a.Log)
	a.retention = newRetention(a)
	a.Scenarios = scenarios(a)
	return a, nil
}

// checkSchema refuses to start on a database that isn't migrated.
func (p *Platform) checkSchema(ctx context.Context) error {
	pending, err := p.DB.Pending(ctx, db.Migrations())
	if err == nil && len(pending) > 0 {
		err = errs.WithRemedy(fmt.Errorf("the database lacks %d migrations: %w", len(pending), errs.Conflict),
			"run `macrodata migrate`")
	}
	return err
}

// checkShop refuses to start for another shop than the one whose data are
// stored. The first sync holds Shopify's own answer against it too.
func (p *Platform) checkShop(ctx context.Context) error {
	stored, err := catalog.Shop(ctx, p.DB)
	if errs.Kind(err) == "not_found" {
		return nil
	}
	if err == nil && stored.Domain != p.Config.ShopifyShop {
		err = errs.WithRemedy(
			fmt.Errorf("the database holds the data of %s, configured is %s: %w", stored.Domain, p.Config.ShopifyShop, errs.Conflict),
			"set MACRODATA_SHOPIFY_SHOP to the stored shop, or another MACRODATA_DATABASE_URL or MACRODATA_DATA_DIR")
	}
	return err
}

// Schedule has the program start by itself what is due, from Launch on. It is
// for processes that stay.
func (a *App) Schedule() error {
	for _, s := range []struct {
		name, spec, setting string
		start               func(context.Context, time.Time) error
	}{
		{bulksync.Name, a.Config.SyncSchedule, "SYNC_SCHEDULE", a.Scenarios.BulkSync.StartSlot},
		{upkeep.Name, a.Config.LakeSchedule, "LAKE_SCHEDULE", a.Upkeep.StartSlot},
		{combotemplates.Name, "* * * * *", "", a.Scenarios.Templates.StartWaiting},
		{retentionName, a.Config.RetentionSchedule, "RETENTION_SCHEDULE", a.retention.StartSlot},
	} {
		if s.spec == off {
			continue
		}
		if err := a.Engine.Schedule(s.name, s.spec, s.start); err != nil {
			return fmt.Errorf("%s%s: %w", envPrefix, s.setting, err)
		}
	}
	return nil
}

// Launch starts to work, beginning with what a process that died left. With
// [RoleWeb] it only gets ready to start and watch runs, and tells people what
// is wrong, for somebody has to when all workers are gone.
func (a *App) Launch(ctx context.Context) error {
	// The sink and who tells alerts end with Close, not with what ends the command.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopBackground = stop
	a.background.Go(func() { a.tellAlerts(working) })
	if a.Config.Role != RoleWeb {
		a.background.Go(func() { a.Lake.Run(working) })
	}
	return a.Engine.Launch(ctx)
}

// Close lets the steps under way finish until ctx is done, and stops what Open
// started. Runs go on at the next launch, and what waits in the outbox waits
// for it. The platform is left to its opener.
func (a *App) Close(ctx context.Context) error {
	var all []error
	if a.Engine != nil {
		all = append(all, a.Engine.Close(ctx)) // its steps use all the rest
	}
	if a.events != nil {
		all = append(all, a.events.Close(ctx))
	}
	if a.stopBackground != nil {
		a.stopBackground()
		a.background.Wait()
	}
	if a.Lakehouse != nil {
		all = append(all, a.Lakehouse.Close())
	}
	if a.Blob != nil {
		all = append(all, a.Blob.Close())
	}
	return errors.Join(all...)
}
