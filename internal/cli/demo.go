package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func (e *env) demoCommand() *cobra.Command {
	var orders int
	c := &cobra.Command{
		Use:   "demo",
		Short: "Prove a full and an incremental sync on a shop of its own, in a temporary folder",
		Long: `The smoke test that anyone can run: a private PostgreSQL and a sandbox shop in a
temporary folder, one full sync; then a day and a half of new orders, refunds,
cancellations, edits and deletions, and one incremental sync; then everything
once more, though nothing is new. After each, counts and money of the shop are
held against those of PostgreSQL and of the lakehouse. Exit code 3 where they
differ or a proof doesn't hold. Settings in the environment don't count here.`,
		RunE: func(c *cobra.Command, _ []string) error { return e.demo(c.Context(), orders) },
	}
	c.Flags().IntVar(&orders, "orders", 2000, "orders of the shop")
	return c
}

// demoResult is what demo prints.
type demoResult struct {
	OK          bool       `json:"ok"`
	Full        demoSync   `json:"full"`
	Happened    happenings `json:"happened"` // beside what the shop sold meanwhile
	Incremental demoSync   `json:"incremental"`
	Again       demoSync   `json:"again"`
	Seconds     float64    `json:"seconds"`
	PeakBytes   int64      `json:"peakBytes"` // of this process, the simulator included
}

type demoSync struct {
	OK       bool            `json:"ok"`
	Status   string          `json:"status"`
	Counts   bulksync.Counts `json:"counts"`
	Proof    bulksync.Proof  `json:"proof"`
	Source   figures         `json:"source"`
	Postgres figures         `json:"postgres"`
	// Lakehouse is as of the run. It has products only in so far as they sell.
	Lakehouse salesFigures `json:"lakehouse"`
}

func (e *env) demo(ctx context.Context, orders int) (err error) {
	if err := checkOrders(orders); err != nil {
		return err
	}
	begun := time.Now()
	dir, err := os.MkdirTemp("", "macrodata-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	// Where root runs this, the server's user must reach the folder.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	cfg, err := app.Load([]string{"MACRODATA_DATA_DIR=" + dir, "MACRODATA_SYNC_POLL_MIN=50ms", "MACRODATA_RETRY_DELAY=1s"})
	if err != nil {
		return err
	}
	d := &demo{env: e}
	anchor := time.Now().UTC().Truncate(time.Hour)
	generated, err := shops.Generate(shops.Options{
		Seed: 7, Orders: orders, Products: max(100, orders/20), Anchor: anchor, From: anchor.AddDate(-1, 0, 0),
	})
	if err != nil {
		return err
	}
	d.shop, d.anchor = shops.Edit(generated, func() time.Time { return *d.now.Load() }), generated.Anchor()
	p, err := app.OpenPlatform(ctx, cfg, app.Options{Say: e.say})
	if err != nil {
		return err
	}
	result, err := d.run(ctx, p)
	if err = closeAfter(err, p.Close); err != nil {
		return err
	}
	result.Seconds, result.PeakBytes = time.Since(begun).Seconds(), peakBytes()
	if err := e.print(result, func(w io.Writer) { result.print(w) }); err != nil {
		return err
	}
	if !result.OK {
		return errFault
	}
	return nil
}

// demo is a shop whose clock the demonstration moves.
type demo struct {
	*env
	shop   *shops.Edited
	anchor time.Time // until when it has its orders; more come later
	now    atomic.Pointer[time.Time]
}

func (d *demo) run(ctx context.Context, p *app.Platform) (r demoResult, err error) {
	if _, err := p.Migrate(ctx); err != nil {
		return r, err
	}
	d.setClock(d.anchor, p.Config.SyncLag)
	token := "shpat_" + rand.Text()
	server, err := serveShop(shopify.Config{Shop: d.shop, Token: token, Clock: func() time.Time { return *d.now.Load() }}, "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	defer server.Close() //nolint:errcheck // it keeps nothing
	p.Config.ShopifyShop, p.Config.ShopifyToken, p.Config.ShopifyURL = d.shop.Info().Domain, app.Secret(token), server.URL()
	err = launched(ctx, p, func(a *app.App) (err error) {
		if r.Full, err = d.sync(ctx, a, bulksync.Full); err != nil {
			return err
		}
		if r.Happened, err = happen(d.shop, *d.now.Load()); err != nil {
			return err
		}
		d.setClock(d.now.Load().Add(36*time.Hour), p.Config.SyncLag)
		if r.Incremental, err = d.sync(ctx, a, bulksync.Incremental); err != nil {
			return err
		}
		if r.Again, err = d.sync(ctx, a, bulksync.Full); err != nil {
			return err
		}
		r.Again.OK = r.Again.OK && r.Again.Counts.Orders.Written == 0 && r.Again.Counts.Products.Written == 0
		return nil
	})
	r.OK = r.Full.OK && r.Incremental.OK && r.Again.OK
	return r, err
}

// setClock moves the shop's clock to the first instant from t on before which
// nothing happened for a sync's lag: what happens within the lag is left to
// the next sync, and would show here as a difference.
func (d *demo) setClock(t time.Time, lag time.Duration) {
	t = t.Truncate(time.Second)
	for {
		latest := time.Time{}
		for o := range d.shop.Orders(t) {
			if o.UpdatedAt.After(latest) {
				latest = o.UpdatedAt
			}
		}
		for p := range d.shop.Products(t) {
			if p.UpdatedAt.After(latest) {
				latest = p.UpdatedAt
			}
		}
		if quiet := latest.Add(lag + time.Second); quiet.After(t) {
			t = quiet
			continue
		}
		d.now.Store(&t)
		return
	}
}

// sync runs one sync and compares both sides.
func (d *demo) sync(ctx context.Context, a *app.App, mode string) (s demoSync, err error) {
	run, err := d.follow(ctx, a, bulksync.Params{Mode: mode})
	if err != nil {
		return s, err
	}
	if run.Status == runs.Failed {
		return s, fmt.Errorf("%s sync failed: %s", mode, run.ErrorText)
	}
	s.Status = run.Status
	if err := json.Unmarshal(run.Counts, &s.Counts); err != nil {
		return s, err
	}
	if err := json.Unmarshal(run.Proof, &s.Proof); err != nil {
		return s, err
	}
	s.Source = sourceFigures(d.shop, *d.now.Load())
	if s.Postgres, err = readFigures(ctx, a); err != nil {
		return s, err
	}
	s.Lakehouse, err = a.Sales(ctx, run.ID.String())
	s.OK = s.Status == runs.Completed && s.Proof.Holds &&
		reflect.DeepEqual(s.Source, s.Postgres) && reflect.DeepEqual(s.Source.Sales, s.Lakehouse)
	return s, err
}

// peakBytes is the most memory that this process has held.
func peakBytes() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss << 10
}

func (r demoResult) print(w io.Writer) {
	for _, s := range []struct {
		name string
		demoSync
	}{{"full", r.Full}, {"incremental", r.Incremental}, {"again", r.Again}} {
		verdict := "source = PostgreSQL = lakehouse"
		if !s.OK {
			verdict = "DIFFERENT"
		}
		fmt.Fprintf(w, "%-12s %s, proof of %d checks holds: %v, %s\n", s.name, s.Status, len(s.Proof.Checks), s.Proof.Holds, verdict)
		fmt.Fprint(w, "  source    ")
		s.Source.print(w)
		fmt.Fprint(w, "  postgres  ")
		s.Postgres.print(w)
		fmt.Fprintln(w, "  lakehouse")
		s.Lakehouse.print(w)
	}
	fmt.Fprintf(w, "%.1f s, at most %s of memory\n", r.Seconds, quantity(r.PeakBytes, ""))
}
