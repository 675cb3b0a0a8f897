package cli

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func readRun(t *testing.T, text string) (r runs.Run) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

func TestSyncExitCodes(t *testing.T) {
	t.Parallel()
	t.Run("0 when the run is complete", func(t *testing.T) {
		t.Parallel()
		_, environ := sandbox(t)
		r := readRun(t, run(environ, "sync", "--full", "--json").want(t, done).stdout)
		if r.Status != runs.Completed {
			t.Errorf("the run is %s", r.Status)
		}
	})
	t.Run("3 when the proof fails", func(t *testing.T) {
		t.Parallel()
		server, environ := sandbox(t)
		lost := func(id shop.ID) bool { return id%5 == 0 }
		server.Faults().Bulk(1, shopify.BulkFault{Match: "lineItems", Drop: lost})
		r := readRun(t, run(environ, "sync", "--full", "--json").want(t, fault).stdout)
		if r.Status != runs.Incomplete {
			t.Errorf("the run is %s", r.Status)
		}
	})
	t.Run("1 when the run fails, and the error says what to do", func(t *testing.T) {
		t.Parallel()
		server, environ := sandbox(t)
		server.Faults().Request(shopify.Forever, shopify.RequestFault{Status: 402})
		got := run(environ, "sync", "--full").want(t, failed)
		if !strings.Contains(got.stderr, "macrodata: ") || !strings.Contains(got.stderr, "  → ") {
			t.Errorf("the error is %q", got.stderr)
		}
	})
	t.Run("1 when the database is away, and its password isn't told", func(t *testing.T) {
		t.Parallel()
		got := run([]string{"MACRODATA_DATABASE_URL=postgres://me:hunter2@127.0.0.1:1/x"}, "runs").want(t, failed)
		if strings.Contains(got.stderr, "hunter2") || !strings.Contains(got.stderr, "  → see that the server of MACRODATA_DATABASE_URL runs") {
			t.Errorf("the error is %q", got.stderr)
		}
	})
	t.Run("2 when a stream is none", func(t *testing.T) {
		t.Parallel()
		_, environ := sandbox(t)
		got := run(environ, "sync", "--resources", "customers").want(t, misuse)
		if !strings.Contains(got.stderr, "resources") || !strings.Contains(got.stderr, "products") {
			t.Errorf("the error is %q", got.stderr)
		}
	})
	t.Run("doctor: 0 when all is well, 3 when something is to be mended", func(t *testing.T) {
		t.Parallel()
		server, environ := sandbox(t)
		run(environ, "doctor").want(t, done)
		server.Faults().Request(shopify.Forever, shopify.RequestFault{Status: 401})
		got := run(environ, "doctor", "--json").want(t, fault)
		if !strings.Contains(got.stdout, `"part":"shopify","ok":false`) || !strings.Contains(got.stdout, `"remedy"`) {
			t.Errorf("the doctor said %s", got.stdout)
		}
	})
}

func TestSecretsNeverShow(t *testing.T) {
	t.Parallel()
	server, environ := sandbox(t)
	environ = append(environ, "MACRODATA_LOG_LEVEL=DEBUG", "MACRODATA_LOG_FORMAT=json")
	// Whatever goes wrong is logged too.
	faults := server.Faults()
	faults.Request(1, shopify.RequestFault{Status: 500})
	faults.Request(1, shopify.RequestFault{Match: "BulkStart", Lose: true})
	faults.Request(1, shopify.RequestFault{Match: "OrderRefunds", Throttled: true})
	faults.Download(1, shopify.DownloadFault{CutAfter: 100})
	faults.Download(1, shopify.DownloadFault{Status: 403})
	u, err := url.Parse(strings.TrimPrefix(environ[0], "MACRODATA_DATABASE_URL="))
	if err != nil {
		t.Fatal(err)
	}
	password, given := u.User.Password()
	if !given {
		t.Fatal("the test's database has no password to look for")
	}
	written := map[string]output{
		"sync":   run(environ, "sync", "--full").want(t, done),
		"config": run(environ, "config").want(t, done),
		"doctor": run(environ, "doctor").want(t, done),
		"runs":   run(environ, "runs", "--json").want(t, done),
	}
	faults.Request(shopify.Forever, shopify.RequestFault{Status: 401})
	written["a refused sync"] = run(environ, "sync").want(t, failed)
	for command, got := range written {
		for secret, value := range map[string]string{"the token": token, "the database's password": password, "a signature": "signature="} {
			if strings.Contains(got.stderr, value) || strings.Contains(got.stdout, value) {
				t.Errorf("%s shows %s", command, secret)
			}
		}
	}
	if lines := strings.Count(written["sync"].stderr, "\n"); lines < 10 {
		t.Errorf("only %d lines were logged, so there was nothing to look at: %s", lines, written["sync"].stderr)
	}
}
