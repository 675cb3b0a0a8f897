package kill

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
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
	"github.com/macrodata-dev/macrodata/sandbox/shops"
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
	binary  string
	shop    *shops.Generated
	now     time.Time // by the shop's clock
	args    []string  // of the program
	lines   int       // of an order that the file holds at most; 0: all
	stored  string    // the database to begin with
	earlier int       // runs in it
	admin   *pg.DB    // makes copies of it
}

// lab is a shop, a database and an archive of their own, for one program at a
// time.
type lab struct {
	world
	db      *pg.DB
	server  *shopify.Server
	front   *front
	archive string
	env     []string
}

func (w world) lab(t *testing.T, bulkDelay time.Duration) *lab {
	t.Helper()
	server, err := shopify.New(shopify.Config{
		Shop: w.shop, Token: token, Clock: func() time.Time { return w.now }, BulkDelay: bulkDelay, Dir: t.TempDir(),
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
	server.Faults().Bulk(1, shopify.BulkFault{Match: "lineItems", Drop: lacks, Uncounted: true, MaxChildren: w.lines})
	server.Faults().Bulk(1, shopify.BulkFault{Match: "featuredMedia", Drop: lacks, Uncounted: true})

	l := &lab{world: w, server: server, front: &front{server: server}, archive: t.TempDir()}
	api := httptest.NewServer(l.front)
	t.Cleanup(api.Close)
	url := w.database(t)
	l.db = pgtest.Open(t, pg.Config{URL: url, MaxConns: 2})
	l.env = []string{
		"MACRODATA_DATABASE_URL=" + url,
		"MACRODATA_BLOB_URL=file://" + l.archive,
		"MACRODATA_SHOPIFY_SHOP=" + w.shop.Info().Domain,
		"MACRODATA_SHOPIFY_TOKEN=" + token,
		"MACRODATA_SHOPIFY_URL=" + api.URL,
		"MACRODATA_SYNC_CHUNK_ROWS=200",
		"MACRODATA_SYNC_PART_BYTES=262144",
		"MACRODATA_SYNC_POLL_MIN=20ms",
		"MACRODATA_RETRY_DELAY=20ms",
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(),
	}
	return l
}

// database returns the address of a copy of the database to begin with.
func (w world) database(t *testing.T) string {
	t.Helper()
	address, err := url.Parse(w.stored)
	if err != nil {
		t.Fatal(err)
	}
	template, name := address.Path[1:], "t_"+rand.Text()
	if _, err := w.admin.Pool().Exec(t.Context(), fmt.Sprintf("CREATE DATABASE %q TEMPLATE %q STRATEGY FILE_COPY", name, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Without FORCE, which may not end a vacuum that is under way there.
		if _, err := w.admin.Pool().Exec(context.Background(), fmt.Sprintf("DROP DATABASE %q", name)); err != nil {
			t.Error(err)
		}
	})
	address.Path = "/" + name
	return address.String()
}

// program is a sync under way.
type program struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// start begins a sync, with further settings.
func (l *lab) start(t *testing.T, settings ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	p := &program{Cmd: exec.CommandContext(ctx, l.binary, l.args...)}
	p.Env = append(l.env, settings...)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		p.Wait() //nolint:errcheck // it was waited for already, or is killed now
	})
	return p
}

// wait waits for the end and returns what killed the program, or 0.
func (p *program) wait(t *testing.T) syscall.Signal {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if status := p.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return status.Signal()
	}
	return 0
}

// finish runs a sync to its end, where it must succeed.
func (l *lab) finish(t *testing.T) {
	t.Helper()
	p := l.start(t)
	if sig := p.wait(t); sig != 0 || p.ProcessState.ExitCode() != 0 {
		t.Fatalf("the sync ended with %v: %s%s", p.ProcessState, p.stderr.String(), p.stdout.String())
	}
	if !strings.Contains(p.stdout.String(), `"status":"completed"`) {
		t.Fatalf("the sync printed %s", p.stdout.String())
	}
}
