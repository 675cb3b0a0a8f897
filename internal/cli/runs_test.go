package cli

import (
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// latestRun is the id of the run that was created last.
func latestRun(t *testing.T, environ []string) string {
	t.Helper()
	text := run(environ, "runs", "--limit", "1", "--json").want(t, done).stdout
	return readRun(t, strings.Trim(strings.TrimSpace(text), "[]")).ID.String()
}

func TestControlOfRunsFailsWhereTheRunDoes(t *testing.T) {
	t.Parallel()
	t.Run("a run that fails again, and then doesn't", func(t *testing.T) {
		t.Parallel()
		server, environ := sandbox(t)
		server.Faults().Request(shopify.Forever, shopify.RequestFault{Status: 402})
		run(environ, "sync", "--full").want(t, failed)
		id := latestRun(t, environ)
		got := run(environ, "runs", "resume", id).want(t, failed)
		if !strings.Contains(got.stdout, "Run "+id+": failed") || !strings.Contains(got.stderr, "  → ") {
			t.Errorf("resume said %q and %q", got.stdout, got.stderr)
		}
		server.Faults().Clear()
		r := readRun(t, run(environ, "runs", "resume", id, "--json").want(t, done).stdout)
		if r.ID.String() != id || r.Status != runs.Completed {
			t.Errorf("resumed, run %s is %s", r.ID, r.Status)
		}
	})
	t.Run("a run that is restarted and stays incomplete", func(t *testing.T) {
		t.Parallel()
		server, environ := sandbox(t)
		lost := func(id shop.ID) bool { return id%5 == 0 }
		server.Faults().Bulk(2, shopify.BulkFault{Match: "lineItems", Drop: lost})
		run(environ, "sync", "--full").want(t, fault)
		id := latestRun(t, environ)
		got := run(environ, "runs", "restart", id).want(t, fault)
		if !strings.Contains(got.stdout, ": incomplete") {
			t.Errorf("restart said %q", got.stdout)
		}
		r := readRun(t, run(environ, "runs", "restart", id, "--json").want(t, done).stdout)
		if r.RestartOf == nil || r.RestartOf.String() != id || r.Status != runs.Completed {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a run that has ended can't be cancelled", func(t *testing.T) {
		t.Parallel()
		_, environ := sandbox(t)
		run(environ, "sync", "--full").want(t, done)
		run(environ, "runs", "cancel", latestRun(t, environ)).want(t, failed)
	})
}
