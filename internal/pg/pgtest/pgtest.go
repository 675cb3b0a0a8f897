// Package pgtest gives tests a real PostgreSQL.
//
// One private server, shared by all test binaries of a user, lives in the
// temporary folder; it trades durability for speed, which tests of durability
// must not use. A package that uses it has in its tests
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
)

var settings = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
	"autovacuum":         "off",
	"max_connections":    "200",
	"shared_buffers":     "256MB",
}

// server is started by the first test that needs it and stopped by Main.
var server = sync.OnceValues(func() (*cluster.Cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("macrodata-pgtest-%d", os.Getuid()))
	return cluster.Start(ctx, cluster.Config{Dir: dir, Settings: settings})
})

var started sync.Once

// Main runs a package's tests and leaves the server, which stops when nobody
// uses it any more.
func Main(m *testing.M) {
	code := m.Run()
	used := true
	started.Do(func() { used = false })
	if c, err := server(); used && err == nil {
		if err := c.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "stop the test server:", err)
		}
	}
	os.Exit(code)
}

// URL returns the address of a fresh, migrated database that is dropped when
// the test ends.
func URL(t testing.TB) string {
	t.Helper()
	c := start(t)
	template, err := prepare(context.Background(), c.URL())
	if err != nil {
		t.Fatalf("prepare the template database: %v", err)
	}
	return create(t, c, fmt.Sprintf("TEMPLATE %q STRATEGY FILE_COPY", template))
}

// EmptyURL is URL without the migrations.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return create(t, start(t), "")
}

func start(t testing.TB) *cluster.Cluster {
	t.Helper()
	started.Do(func() {})
	c, err := server()
	if errors.Is(err, errs.NotFound) {
		t.Skipf("no PostgreSQL programs: %v", err)
	}
	if err != nil {
		t.Fatalf("start the test server: %v", err)
	}
	return c
}

func create(t testing.TB, c *cluster.Cluster, how string) string {
	t.Helper()
	name := "t_" + rand.Text()
	exec(t, c.URL(), fmt.Sprintf("CREATE DATABASE %q %s", name, how))
	t.Cleanup(func() { exec(t, c.URL(), fmt.Sprintf("DROP DATABASE %q", name)) })
	return withDatabase(c.URL(), name)
}

// DB returns a pool on a fresh, migrated database.
func DB(t testing.TB) *pg.DB {
	t.Helper()
	return Open(t, pg.Config{URL: URL(t)})
}

// Open opens a pool that closes with the test.
func Open(t testing.TB, c pg.Config) *pg.DB {
	t.Helper()
	d, err := pg.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

var preparing sync.Mutex

// prepare returns the name of a template with all migrations, made where it is
// missing: by this process, while others wait.
func prepare(ctx context.Context, serverURL string) (string, error) {
	preparing.Lock()
	defer preparing.Unlock()
	name, err := templateName()
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to lose
	// Ends with the connection.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(7305)"); err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	draft := name + "_draft"
	if _, err := conn.Exec(ctx, fmt.Sprintf("DROP DATABASE IF EXISTS %q WITH (FORCE)", draft)); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %q", draft)); err != nil {
		return "", err
	}
	if err := migrate(ctx, withDatabase(serverURL, draft)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %q RENAME TO %q", draft, name))
	return name, err
}

func migrate(ctx context.Context, databaseURL string) error {
	d, err := pg.Open(ctx, pg.Config{URL: databaseURL, MaxConns: 2})
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Migrate(ctx, db.Migrations())
	return err
}

// templateName changes with any migration.
func templateName() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(db.Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(db.Migrations(), path)
		fmt.Fprintf(sum, "%s\n%s\n", path, text) //nolint:errcheck // a hash takes everything
		return err
	})
	return "template_" + hex.EncodeToString(sum.Sum(nil))[:16], err
}

func exec(t testing.TB, serverURL, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		t.Errorf("connect to the test server: %v", err)
		return
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to lose
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

func withDatabase(rawURL, name string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		panic(err) // the cluster made it
	}
	u.Path = "/" + name
	return u.String()
}
