package bulksync_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// token is what the simulator asks for.
const token = "shpat_of_the_sandbox"

// anchor is when the generated shops have the orders of their options; clocks
// begin there. It lies in the past, as since has to.
var anchor = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// clock is the time of a shop, moved by its test.
type clock struct{ atomic.Int64 }

func clockAt(t time.Time) *clock {
	c := &clock{}
	c.Store(t.Unix())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.Load(), 0).UTC() }
func (c *clock) advance(d time.Duration) { c.Add(int64(d / time.Second)) }

// setup says what differs from the usual world. Its zero value is a generated
// shop of 300 orders, a fresh database, all scopes, and an engine that waits
// milliseconds where the product waits minutes.
type setup struct {
	options     shops.Options
	shop        simulator.Shop // instead of a generated one
	databaseURL string         // instead of a fresh database
	settings    bulksync.Settings
	api         func(*simulator.Config)
	timeout     time.Duration            // of the client; what is asked of Shopify is answered in this time
	archive     string                   // URL of the object store, instead of memory
	fault       func(step, where string) // called around each step
}

// world is a shop, the simulator that serves it, and the sync that reads it.
type world struct {
	*testing.T
	clock    *clock
	shop     *shops.Edited
	api      *simulator.Server
	files    string // where the simulator keeps the results of bulk operations
	db       *pg.DB
	look     *pgxpool.Pool // the test's own, without limits
	blobs    *blob.Store
	lake     *ledger
	measured *measurer
	runs     *runs.Store
	engine   *workflow.Engine
	sync     *bulksync.Service
	limits   *limits
	client   *shopify.Client
	begun    *attempts
	others   int // bulk operations that are none of the sync's
}

// in returns the world for a subtest.
func (w world) in(t *testing.T) *world {
	w.T = t
	return &w
}

// attempts counts those that began, by run and step.
type attempts struct {
	mu sync.Mutex
	of map[string]int
}

func (a *attempts) note(e workflow.Event) {
	if e.Name == workflow.AttemptStarted && !e.Rebuilt {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.of[e.RunID+" "+e.Step]++
	}
}

func (a *attempts) count(id uuid.UUID, step string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of[id.String()+" "+step]
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	w := &world{T: t, clock: clockAt(anchor), limits: newLimits(), files: t.TempDir(), begun: &attempts{of: map[string]int{}}}
	w.open(s)
	w.serve(s)
	w.launch(s)
	t.Cleanup(func() {
		w.limits.check(t)
		w.checkTold(t)
	})
	return w
}

// open makes the shop and the stores.
func (w *world) open(s setup) {
	w.Helper()
	base := s.shop
	if base == nil {
		o := s.options
		if o.Anchor = anchor; o.Orders == 0 {
			o.Orders = 300
		}
		if o.Products == 0 {
			o.Products = 60
		}
		g, err := shops.Generate(o)
		must(w, err)
		base = g
	}
	w.shop = shops.Edit(base, w.clock.now)
	if s.databaseURL == "" {
		s.databaseURL = pgtest.URL(w)
	}
	w.db = pgtest.Open(w, pg.Config{URL: s.databaseURL, Tracer: w.limits})
	w.look = pgtest.Open(w, pg.Config{URL: s.databaseURL, MaxConns: 2}).Pool()
	w.lake = &ledger{db: w.db}
	w.measured = &measurer{}
	w.runs = runs.New(w.db)
	var err error
	w.blobs, err = blob.Open(w.Context(), cmp.Or(s.archive, "mem://"))
	must(w, err)
	w.Cleanup(func() { must(w, w.blobs.Close()) })
}

// serve starts the simulator and a client of it.
func (w *world) serve(s setup) {
	w.Helper()
	cfg := simulator.Config{Shop: w.shop, Token: token, Clock: w.clock.now, Dir: w.files}
	if s.api != nil {
		s.api(&cfg)
	}
	var err error
	w.api, err = simulator.New(cfg)
	must(w, err)
	must(w, w.api.Listen("127.0.0.1:0"))
	w.Cleanup(func() { must(w, w.api.Close()) })
	w.client, err = shopify.New(shopify.Config{
		Shop: w.shop.Info().Domain, Token: token, URL: w.api.URL(),
		Retry: shopify.Retry{Base: time.Millisecond, Max: 10 * time.Millisecond, Timeout: s.timeout},
	})
	must(w, err)
}

// launch starts the engine with the sync in it.
func (w *world) launch(s setup) {
	w.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var err error
	w.engine, err = workflow.New(w.Context(), workflow.Config{
		DB: w.db, Log: quiet, Poll: 10 * time.Millisecond, Fault: s.fault, Events: w.begun.note,
		Retry: workflow.Retry{Limit: 3, Delay: 2 * time.Millisecond, Max: 10 * time.Millisecond, Timeout: 30 * time.Second},
	})
	must(w, err)
	if s.settings.PollMin == 0 {
		s.settings.PollMin, s.settings.PollMax = 2*time.Millisecond, 20*time.Millisecond
	}
	w.sync = bulksync.New(w.engine, w.db, w.runs, w.blobs, w.client, w.lake, w.measured, s.settings, quiet)
	must(w, w.engine.Launch(w.Context()))
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		must(w, w.engine.Close(ctx))
	})
}

// archived returns what a run archived under a name, its parts in one.
func (w *world) archived(id uuid.UUID, name string) []byte {
	w.Helper()
	var all []byte
	must(w, w.blobs.List(w.Context(), "archives/ingest/"+id.String()+"/"+name+"-", func(key string, _ int64) error {
		all = append(all, w.object(key)...)
		return nil
	}))
	return all
}

// object returns an object of the archive.
func (w *world) object(key string) []byte {
	w.Helper()
	in, err := w.blobs.Open(w.Context(), key, 0, -1)
	must(w, err)
	defer in.Close()
	all, err := io.ReadAll(in)
	must(w, err)
	return all
}

// exported returns the nth result file of the simulator, from 1.
func (w *world) exported(n int) []byte {
	w.Helper()
	b, err := os.ReadFile(fmt.Sprintf("%s/bulk-%d.jsonl", w.files, 4_800_000_000_000+n))
	must(w, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s; %s)", err, errs.Kind(err), errs.Remedy(err))
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 20 s it was not so that %s", what)
		}
	}
}

// occupy starts bulk operations that are none of the sync's.
func (w *world) occupy(n int) {
	w.Helper()
	for i := range n {
		_, err := w.client.StartBulk(w.Context(), shopify.BulkQuery{
			Document: shopify.BulkOrderIDs, Name: fmt.Sprintf("elsewhere_%d", i), Since: w.clock.now(),
		})
		must(w, err)
	}
	w.others = n
}

// underWay returns how many of them are not done.
func (w *world) underWay() (n int) {
	w.Helper()
	for i := range w.others {
		b, err := w.client.PollBulk(w.Context(), fmt.Sprintf("gid://shopify/BulkOperation/%d", 4_800_000_000_001+i))
		must(w, err)
		if !b.Done() {
			n++
		}
	}
	return n
}
