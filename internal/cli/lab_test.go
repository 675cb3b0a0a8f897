package cli

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// asProgram in the environment makes the test binary the program itself, for
// tests of signals.
const asProgram = "CLI_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	pgtest.Main(m)
}

// output is what a command came to.
type output struct {
	code           int
	stdout, stderr string
}

// run runs a command in this process.
func run(environ []string, args ...string) output {
	var stdout, stderr bytes.Buffer
	code := Main(args, environ, &stdout, &stderr)
	return output{code, stdout.String(), stderr.String()}
}

// want fails the test where the command ended with another exit code.
func (o output) want(t *testing.T, code int) output {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.stdout, o.stderr)
	}
	return o
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

const token = "shpat_of_the_sandbox"

// sandbox serves a small shop and returns the settings for a database, an
// archive and this shop.
func sandbox(t *testing.T) (*shopify.Server, []string) {
	t.Helper()
	shop, err := shops.Generate(shops.Options{Orders: 60, Products: 40})
	if err != nil {
		t.Fatal(err)
	}
	server, err := shopify.New(shopify.Config{Shop: shop, Token: token, Clock: shop.Anchor, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() }) //nolint:errcheck // it keeps nothing
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return server, []string{
		"MACRODATA_DATABASE_URL=" + pgtest.URL(t), "MACRODATA_BLOB_URL=file://" + t.TempDir(), "MACRODATA_DATA_DIR=" + t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP=" + shop.Info().Domain, "MACRODATA_SHOPIFY_TOKEN=" + token,
		"MACRODATA_SHOPIFY_URL=" + server.URL(),
		"MACRODATA_SYNC_POLL_MIN=10ms", "MACRODATA_RETRY_DELAY=10ms",
	}
}

// dataDir is a folder for a private PostgreSQL, which where root runs the
// tests another user must reach.
func dataDir(t *testing.T) string {
	t.Helper()
	if _, err := cluster.Find(); err != nil {
		t.Skipf("no PostgreSQL programs: %v", err)
	}
	dir, err := os.MkdirTemp("", "macrodata-cli-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // a temporary folder
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// program is the command line as a process of its own.
type program struct {
	*exec.Cmd
	stdout, stderr log
}

func start(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(environ, asProgram+"=1", "PATH="+os.Getenv("PATH"), "TMPDIR="+os.TempDir())
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	ownGroup(p.Cmd)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill() //nolint:errcheck // it may have ended
		p.Wait()         //nolint:errcheck // it was waited for already, or is killed now
	})
	return p
}

// says waits until the program has written a text to standard error.
func (p *program) says(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.stderr.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in a minute the program didn't say %q but %q", text, p.stderr.String())
		}
	}
}
