package bulksync_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func TestTheArchiveHoldsTheExactFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{PartBytes: 1 << 16}})
	r := w.run(full(), runs.Completed)
	total := 0
	for i, name := range []string{"products", "orders", "products.ids", "orders.ids"} {
		want, got := w.exported(i+1), w.archived(r.ID, name)
		if total += len(want); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes are archived, of %d, or other ones", name, len(got), len(want))
		}
	}
	if r.Run.Bytes != int64(total) {
		t.Errorf("the run counts %d bytes, of %d", r.Run.Bytes, total)
	}
	parts := w.stored(`SELECT ARRAY[output->>'key', output->>'bytes', output->>'sha256']
		FROM step_done WHERE run_id = $1 AND step LIKE 'download-%'`, r.ID)
	want := table{}
	must(t, w.blobs.List(t.Context(), "archives/", func(key string, size int64) error {
		if strings.HasSuffix(key, ".json") {
			return nil // the manifest of an export
		}
		hash := sha256.Sum256(w.object(key))
		length, err := json.Marshal(size)
		want.put(key, string(length), hex.EncodeToString(hash[:]))
		return err
	}))
	w.equal("recorded parts", want, parts)
	if len(want) < 10 {
		t.Errorf("there are only %d parts", len(want))
	}
}

func TestADownloadThatIsInterruptedEndsWithTheExactFile(t *testing.T) {
	t.Parallel()
	ref := newWorld(t, setup{})
	ref.run(params(bulksync.Full, bulksync.Orders), runs.Completed)
	file, ids := ref.exported(1), ref.exported(2)
	lineEnd := int64(bytes.IndexByte(file[len(file)/2:], '\n') + len(file)/2 + 1)
	for _, c := range []struct {
		name   string
		faults []simulator.DownloadFault // of one request after the other
		again  bool                      // bytes are sent that were sent before
	}{
		{"cut in the middle of a line", []simulator.DownloadFault{{CutAfter: lineEnd + 40}}, false},
		{"cut at the end of a line", []simulator.DownloadFault{{CutAfter: lineEnd}}, false},
		{"cut after its first byte", []simulator.DownloadFault{{CutAfter: 1}}, false},
		{"cut before its last byte", []simulator.DownloadFault{{CutAfter: int64(len(file)) - 1}}, false},
		{"cut three times", []simulator.DownloadFault{{CutAfter: lineEnd}, {CutAfter: 100}, {CutAfter: 1000}}, false},
		{"cut, and then sent from its beginning", []simulator.DownloadFault{{CutAfter: lineEnd}, {IgnoreRange: true}}, true},
		{"cut, and then another file", []simulator.DownloadFault{{CutAfter: lineEnd}, {OtherETag: true}}, true},
		{"refused while the host is down", []simulator.DownloadFault{{Status: 503}, {Status: 500}}, false},
		{"refused for its address has expired", []simulator.DownloadFault{{Status: 403}}, false},
		{"cut, and then refused for its address has expired", []simulator.DownloadFault{{CutAfter: lineEnd}, {Status: 403}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ref.in(t)
			for _, f := range c.faults {
				w.api.Faults().Download(1, f)
			}
			before := w.api.Stats().DownloadedBytes
			r := w.run(params(bulksync.Full, bulksync.Orders), runs.Completed)
			w.api.Faults().Clear()
			if got := w.archived(r.ID, "orders"); !bytes.Equal(got, file) {
				t.Errorf("%d bytes are archived, of %d, or other ones", len(got), len(file))
			}
			sent := w.api.Stats().DownloadedBytes - before
			if want := int64(len(file) + len(ids)); !c.again && sent != want || sent < want {
				t.Errorf("%d bytes were sent, of files of %d", sent, want)
			}
		})
	}
	t.Run("an address that stays refused fails the run", func(t *testing.T) {
		w := ref.in(t)
		w.api.Faults().Download(simulator.Forever, simulator.DownloadFault{Status: 403})
		r := w.run(params(bulksync.Full, bulksync.Orders), runs.Failed)
		if r.Run.ErrorCode != "not_found" {
			t.Errorf("the run says %s: %s", r.Run.ErrorCode, r.Run.ErrorText)
		}
	})
}
