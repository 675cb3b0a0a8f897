package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	server, environ := sandbox(t)
	run(environ, "sync", "--full").want(t, done)
	id := latestRun(t, environ)
	started := server.Stats().Requests["BulkOperationRunQuery"]
	t.Run("a run is loaded again from its archive", func(t *testing.T) {
		r := readRun(t, run(environ, "replay", id, "--json").want(t, done).stdout)
		var p bulksync.Params
		if err := json.Unmarshal(r.Params, &p); err != nil {
			t.Fatal(err)
		}
		if r.Status != runs.Completed || p.Mode != bulksync.Replay || p.Replay == nil || p.Replay.String() != id {
			t.Errorf("it is %s, of %s", r.Status, r.Params)
		}
		if n := server.Stats().Requests["BulkOperationRunQuery"] - started; n != 0 {
			t.Errorf("%d operations were started", n)
		}
	})
	t.Run("how it ended is told, with its proof", func(t *testing.T) {
		got := run(environ, "replay", id).want(t, done)
		if !strings.Contains(got.stdout, ": completed\n") || !strings.Contains(got.stdout, "proof    holds") {
			t.Errorf("it said %q", got.stdout)
		}
	})
	t.Run("an archive that was changed is refused, and named", func(t *testing.T) {
		folder := ""
		for _, setting := range environ {
			if dir, ok := strings.CutPrefix(setting, "MACRODATA_BLOB_URL=file://"); ok {
				folder = filepath.Join(dir, "archives", "ingest", id)
			}
		}
		part := filepath.Join(folder, "orders-00001.jsonl")
		whole, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		whole[len(whole)/2] ^= 1
		if err := os.WriteFile(part, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		got := run(environ, "replay", id).want(t, failed)
		if !strings.Contains(got.stderr, "orders-00001.jsonl") || !strings.Contains(got.stderr, "  → the archive was changed") {
			t.Errorf("it said %q", got.stderr)
		}
	})
}
