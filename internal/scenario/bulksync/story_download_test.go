package bulksync_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// brokenDownloads are what happens to requests of the download host, one after
// the other, from that for the first part of the orders on.
var brokenDownloads = []struct {
	name   string
	faults []simulator.DownloadFault
	bulk   simulator.BulkFault
	starts int // operations for the orders, 1 unless said
}{
	{name: "cut in the middle of a line", faults: []simulator.DownloadFault{{CutAfter: 70_001}}},
	{name: "cut, and going on from another file", faults: []simulator.DownloadFault{{CutAfter: 70_001}, {OtherETag: true}}},
	{name: "a length that is too long", faults: []simulator.DownloadFault{{Longer: 1000}}},
	{name: "a length that is too short, of the whole file", faults: []simulator.DownloadFault{{IgnoreRange: true, Longer: -1000}}},
	{name: "a length that is too short, of a part", faults: []simulator.DownloadFault{{Longer: -1000}}},
	{name: "compressed, though nobody asked for it", faults: []simulator.DownloadFault{{Gzip: true}}},
	{name: "compressed whatever is asked for", faults: []simulator.DownloadFault{{Gzip: true}, {IgnoreRange: true, Gzip: true}}},
	{name: "compressed, and cut", faults: []simulator.DownloadFault{{Gzip: true}, {IgnoreRange: true, Gzip: true, CutAfter: 20_000}}},
	{name: "nothing at all", faults: []simulator.DownloadFault{{Empty: true}, {Empty: true}}},
	{name: "silence after a while", faults: []simulator.DownloadFault{{CutAfter: 30_000, Stall: true}}},
	{name: "byte by byte", faults: []simulator.DownloadFault{{Trickle: 5 * time.Millisecond}}},
	{name: "an address that has expired", faults: []simulator.DownloadFault{{Status: 403}}},
	{name: "an address that has expired on the way", faults: []simulator.DownloadFault{{CutAfter: 70_001}, {Status: 400}}},
	{name: "an address that is refused for good", faults: []simulator.DownloadFault{{Status: 403}, {Status: 403}}, starts: 2},
	{name: "a result that has expired", bulk: simulator.BulkFault{Match: "lineItems", Expire: true}, starts: 2},
}

func TestBrokenDownloadsEndWithTheExactFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{timeout: 300 * time.Millisecond, settings: bulksync.Settings{PartBytes: 100_000}})
	w.run(full(), runs.Completed)
	file := w.exported(2)
	story := proof.Story{Family: 4, Name: "downloads that break and heal"}
	for _, c := range brokenDownloads {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			before := w.api.Faults().Happened()
			w.lose(w.ids(isPlain)[:5])
			// The products come first, in one part.
			w.api.Faults().Download(1, simulator.DownloadFault{CutAfter: 1})
			w.api.Faults().Download(1, simulator.DownloadFault{IgnoreRange: true})
			for _, f := range c.faults {
				w.api.Faults().Download(1, f)
			}
			if c.bulk.Expire {
				w.api.Faults().Bulk(1, c.bulk)
			}
			r, took := w.heals(max(c.starts, 1))
			if got := w.archived(r.ID, "orders"); c.starts == 0 && !bytes.Equal(got, file) {
				t.Errorf("%d bytes are archived, of %d, or other ones", len(got), len(file))
			}
			w.api.Faults().Clear()
			w.same()
			story.Faults += w.api.Faults().Happened() - before
			story.Runs++
			story.Recovery = append(story.Recovery, took)
		})
	}
	w.ends(t, story)
}

// attempts of a download, after which a file that is too short is taken.
const downloadAttempts = 6

// Whatever comes of it is loaded, and the watermark waits for the rest.
func TestADownloadThatStaysShortIsNeverTakenForComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(params(bulksync.Full, bulksync.Orders), runs.Completed)
	file := w.exported(1)
	lineEnd := int64(bytes.LastIndexByte(file[:len(file)*2/3], '\n') + 1)
	_, version := w.mark("orders")
	story := proof.Story{Family: 4, Name: "downloads that stay broken"}
	for _, c := range []struct {
		name  string
		fault simulator.DownloadFault
	}{
		{"exactly at a line end", simulator.DownloadFault{IgnoreRange: true, Longer: lineEnd - int64(len(file))}},
		{"in the middle of a line", simulator.DownloadFault{IgnoreRange: true, Longer: lineEnd - int64(len(file)) - 20}},
		{"before anything came", simulator.DownloadFault{IgnoreRange: true, Empty: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			before := w.api.Faults().Happened()
			w.api.Faults().Download(downloadAttempts, c.fault)
			r := w.run(params(bulksync.Full, bulksync.Orders), runs.Incomplete)
			for _, check := range []string{"bytes", "lines"} {
				if !r.breaks("orders", check) {
					t.Errorf("the check %s holds; broken are\n%s", check, r.broken())
				}
			}
			if got := w.archived(r.ID, "orders"); len(got) >= len(file) || !bytes.HasPrefix(file, got) {
				t.Errorf("%d bytes are archived, of %d", len(got), len(file))
			}
			if _, v := w.mark("orders"); v != version {
				t.Error("the watermark moved")
			}
			story.Faults += w.api.Faults().Happened() - before
			story.Runs++
		})
	}
	w.api.Faults().Clear()
	w.run(full(), runs.Completed)
	w.ends(t, story)
}
