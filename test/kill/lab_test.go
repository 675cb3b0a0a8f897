package kill

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/test/proof"
)

const token = "shpat_of_the_sandbox"

// built returns the program's path. It is built once for all tests.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "macrodata")
	out, err := exec.Command("go", "build", "-o", path, "github.com/macrodata-dev/macrodata/cmd/macrodata").CombinedOutput()
	if err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}

// world is what all labs of a sync have in common.
type world struct {
	binary string
	shop   shopify.Shop
	clock  func() time.Time // of the shop
	args   []string         // of the program
	lines  int              // of an order that the file holds at most; 0: all
	before *world           // whose sync comes first; nil: none
}

// lab is a shop, a database, an archive and a lakehouse of their own, for one
// program at a time.
type lab struct {
	world
	url     string // of the database
	db      *pg.DB
	server  *shopify.Server
	front   *front
	archive string
	data    string
	env     []string
	earlier int                 // runs before the one that is killed
	left    map[string][]string // the sales that a run left in PostgreSQL
}

// lab makes one. A lakehouse can't be copied, for its files name each other by
// their whole paths: what is to be there before is brought in anew.
func (w world) lab(t *testing.T, bulkDelay time.Duration) *lab {
	t.Helper()
	l := &lab{url: pgtest.URL(t), archive: t.TempDir(), data: t.TempDir(), left: map[string][]string{}}
	l.db = pgtest.Open(t, pg.Config{URL: l.url, MaxConns: 2})
	if w.before != nil {
		l.serve(t, *w.before, 0)
		l.finish(t)
		l.recordByHand(t)
		l.earlier = 1
	}
	l.serve(t, w, bulkDelay)
	return l
}

// recordByHand records a metric as a member of staff does.
func (l *lab) recordByHand(t *testing.T) {
	t.Helper()
	_, err := l.db.Exec(t.Context(), `INSERT INTO performance_metric (metric_id, product_id, as_of, source, units_total, recorded_by, recorded_at, version)
		SELECT gen_random_uuid(), min(product_id), '2020-01-01', 'manual', 7, 'ops@example.com', now(), 1 FROM product`)
	if err != nil {
		t.Fatal(err)
	}
}

// serve opens the shop, and has the program go there.
func (l *lab) serve(t *testing.T, w world, bulkDelay time.Duration) {
	t.Helper()
	l.world = w
	server, err := shopify.New(shopify.Config{
		Shop: w.shop, Token: token, Clock: w.clock, BulkDelay: bulkDelay, Dir: t.TempDir(),
		Plan: 100_000, // no time is to be spent on the rate limit
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() }) //nolint:errcheck // it keeps nothing
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	// The first files lack what the sync then has to read by id, so that these
	// steps have work to do: some roots, and the last lines of long orders.
	lacks := func(id shop.ID) bool { return id%7 == 0 }
	server.Faults().Bulk(1, shopify.BulkFault{Match: "lineItems", Drop: lacks, Uncounted: true, MaxChildren: l.lines})
	server.Faults().Bulk(1, shopify.BulkFault{Match: "featuredMedia", Drop: lacks, Uncounted: true})

	l.server, l.front = server, &front{server: server}
	api := httptest.NewServer(l.front)
	t.Cleanup(api.Close)
	l.env = []string{
		"MACRODATA_DATABASE_URL=" + l.url,
		"MACRODATA_BLOB_URL=file://" + l.archive,
		"MACRODATA_DATA_DIR=" + l.data,
		"MACRODATA_SHOPIFY_SHOP=" + l.shop.Info().Domain,
		"MACRODATA_SHOPIFY_TOKEN=" + token,
		"MACRODATA_SHOPIFY_URL=" + api.URL,
		"MACRODATA_SYNC_CHUNK_ROWS=200",
		"MACRODATA_SYNC_PART_BYTES=262144",
		"MACRODATA_SYNC_POLL_MIN=20ms",
		"MACRODATA_RETRY_DELAY=20ms",
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(),
	}
}

// program is a sync under way.
type program struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
}

// start begins a sync, with further settings.
func (l *lab) start(t *testing.T, settings ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	p := &program{Cmd: exec.CommandContext(ctx, l.binary, l.args...), ended: make(chan struct{})}
	p.Env = append(l.env, settings...)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait() //nolint:errcheck // its state tells
		close(p.ended)
	}()
	t.Cleanup(func() { cancel(); <-p.ended })
	return p
}

// wait waits for the end and returns what killed the program, or 0.
func (p *program) wait() syscall.Signal {
	<-p.ended
	if status := p.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return status.Signal()
	}
	return 0
}

// finish runs a sync to its end, where it must succeed.
func (l *lab) finish(t *testing.T) {
	t.Helper()
	l.succeeded(t, l.start(t))
}

// succeeded waits for a program that must not fail, and notes what its run left.
func (l *lab) succeeded(t *testing.T, p *program) {
	t.Helper()
	if sig := p.wait(); sig != 0 || p.ProcessState.ExitCode() != 0 {
		t.Fatalf("the sync ended with %v: %s%s", p.ProcessState, p.stderr.String(), p.stdout.String())
	}
	if !strings.Contains(p.stdout.String(), `"status":"completed"`) {
		t.Fatalf("the sync printed %s", p.stdout.String())
	}
	l.left[l.lastRun(t)] = proof.Sales(t, l.db)
}
