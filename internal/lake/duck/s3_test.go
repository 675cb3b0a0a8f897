package duck_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

// objectStore starts an S3-compatible server with an empty bucket and returns
// the warehouse's URL in it. Building the server takes minutes, so the program
// is taken from VERSITYGW or from the path.
func objectStore(t *testing.T) (warehouse string) {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv("VERSITYGW"), "versitygw"))
	if err != nil {
		t.Skip("no versitygw on the path: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	const key, secret = "macrodata", "macrodata-secret"
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, program, "--port", address, "--quiet", "posix", "--sidecar", t.TempDir(), folder)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+key, "ROOT_SECRET_KEY="+secret)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		server.Wait() //nolint:errcheck // it was killed
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + address)
		if err == nil {
			answer.Body.Close() //nolint:errcheck // nothing was sent
			return "s3://bucket/warehouse?region=us-east-1&endpoint=http://" + address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it only served to find a port
	return l.Addr().String()
}

// TestTheSameFromObjectStorage is what the other tests check, once more with a
// warehouse in a bucket.
func TestTheSameFromObjectStorage(t *testing.T) {
	l := &lab{db: pgtest.DB(t)}
	warehouse := objectStore(t)
	opened, err := lake.Open(t.Context(), lake.Config{
		DB: l.db, Warehouse: warehouse, Poll: 5 * time.Millisecond, SmallFiles: 2,
		KeepSnapshots: time.Nanosecond, OrphanGrace: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() }) //nolint:errcheck // nothing is left to lose
	l.Lake = opened
	l.cfg = duck.Config{Lake: opened, Warehouse: warehouse, Dir: t.TempDir(), Threads: 2}
	d := l.engine(t)
	delivered := l.deliver(t, rand.New(rand.NewPCG(5, 6)), 3, 300)
	want := totals(counted(delivered, start, end), byCurrency)
	check := func(when, asOf string) {
		t.Helper()
		if diff := gocmp.Diff(want, salesTotals(t, d, asOf, start, end)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("after appends", "")
	if err := l.Tag(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	if c, err := l.Compact(t.Context(), rows.TableSales); err != nil || c.RowsAfter == c.RowsBefore {
		t.Fatalf("compacted %+v, %v", c, err)
	}
	check("after compaction", "")
	if _, err := l.Expire(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context(), rows.TableSales, false); err != nil {
		t.Fatal(err)
	}
	d = l.engine(t, func(c *duck.Config) { c.Dir = t.TempDir() })
	check("after expiry, from an empty cache", "")
	check("as of a run, after expiry", lake.TagOf("r"))
}
