package bulksync_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// replay loads again what a run has archived, and expects how that ends. No bulk
// operation may be started for it.
func (w *world) replay(id uuid.UUID, status string) report {
	w.Helper()
	before := w.operations()
	again, err := w.sync.Replay(w.Context(), id, runs.CLI, "test")
	must(w, err)
	r, err := w.wait(again)
	if (err != nil) != (status == runs.Failed) || r.Run.Status != status {
		w.Fatalf("the replay ended %s (%v), want %s\n%s", r.Run.Status, err, status, r.broken())
	}
	if n := w.operations() - before; n != 0 {
		w.Errorf("%d bulk operations were started for a replay", n)
	}
	return r
}

// operations counts the bulk operations that were started.
func (w *world) operations() (n int) {
	for _, of := range w.api.Stats().Bulk {
		n += of
	}
	return n
}

// lose deletes orders from the store, as nobody should be able to.
func (w *world) lose(ids []shop.ID) {
	w.Helper()
	for _, table := range []string{"order_refund_line", "order_fulfillment", "order_line_item", "order_header"} {
		w.exec("DELETE FROM "+table+" WHERE order_id = ANY($1)", ids)
	}
}

func TestAReplayOfAnIntactStoreWritesNoRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 6}, settings: bulksync.Settings{PartBytes: 1 << 16}})
	first := w.run(full(), runs.Completed)
	// What has changed since is newer than the archive, also where that doesn't show.
	orders := w.ids(isPlain)
	w.shop.Change(orders[0], func(o *simulator.Order) { refund(o, 0, 1, 0, 0) })
	w.shop.Change(orders[1], func(o *simulator.Order) { o.Tags = []string{"later"} })
	at := w.order(orders[2]).UpdatedAt
	w.shop.Change(orders[2], func(o *simulator.Order) { o.Tags, o.UpdatedAt = []string{"later"}, at.Add(time.Hour) })
	w.shop.Change(orders[2], func(o *simulator.Order) { o.UpdatedAt = at })
	w.shop.Delete(orders[3], w.clock.now().Add(time.Hour))
	w.shop.DeleteProduct(w.order(orders[4]).Lines[0].ProductID, w.clock.now().Add(time.Hour))
	w.clock.advance(3 * time.Hour)
	w.run(full(), runs.Completed)
	w.same()

	before, began, told := w.prints(), w.transaction(), w.lake.at
	value, version := w.mark("orders")
	for range 2 {
		r := w.replay(first.ID, runs.Completed)
		if r.Counts.Orders.Written+r.Counts.Products.Written != 0 || r.Counts.Orders.Roots == 0 {
			t.Errorf("%d and %d rows were counted as written, of %d orders", r.Counts.Orders.Written, r.Counts.Products.Written, r.Counts.Orders.Roots)
		}
	}
	for name, print := range w.prints() {
		if print != before[name] {
			t.Errorf("%s has changed: %s, then %s", name, before[name], print)
		}
	}
	if n := w.written(began); n != 0 || w.lake.at != told {
		t.Errorf("%d rows were written, and %d batches told of", n, w.lake.at-told)
	}
	if v, n := w.mark("orders"); !v.Equal(value) || n != version {
		t.Errorf("the watermark stands at %s (%d) after %s (%d)", v, n, value, version)
	}
	w.same()
}

func TestAReplayBringsBackWhatTheStoreHasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Seed: 7, TaxesIncluded: true}})
	first := w.run(full(), runs.Completed)
	returned := w.ids(func(o *simulator.Order) bool { return len(o.Refunds) > 0 })
	others := w.ids(func(o *simulator.Order) bool { return len(o.Refunds) == 0 })
	lost := slices.Concat(returned[:10], others[:40])
	w.lose(lost)
	// And parts of what is still there.
	kept := w.order(w.ids(isPlain)[30]).Lines
	w.exec("DELETE FROM order_line_item WHERE line_item_id = $1", kept[len(kept)-1].ID)
	w.exec("DELETE FROM order_fulfillment WHERE fulfillment_id = (SELECT min(fulfillment_id) FROM order_fulfillment)")
	w.exec("DELETE FROM link_product_product_tag WHERE product_id IN (SELECT min(product_id) FROM link_product_product_tag)")

	r := w.replay(first.ID, runs.Completed)
	if r.Counts.Orders.Written < int64(len(lost)) || r.Counts.Orders.RefundsRead < 10 {
		t.Errorf("%d rows were written, the refunds of %d orders read", r.Counts.Orders.Written, r.Counts.Orders.RefundsRead)
	}
	w.same()
	w.checkTold(t)
	if r.Run.Bytes != 0 {
		t.Errorf("it counts %d bytes as archived", r.Run.Bytes)
	}
	t.Run("a replay of the replay is one of its run", func(t *testing.T) {
		w := w.in(t)
		w.lose(lost[:5])
		again := w.replay(r.ID, runs.Completed)
		var p bulksync.Params
		must(t, json.Unmarshal(again.Run.Params, &p))
		if p.Replay == nil || *p.Replay != first.ID {
			t.Errorf("its parameters are %s", again.Run.Params)
		}
		w.same()
	})
	t.Run("a sync goes on from the watermark that it left", func(t *testing.T) {
		w := w.in(t)
		w.clock.advance(time.Hour)
		w.run(incremental(), runs.Completed)
		w.same()
	})
}

func TestAnArchiveThatIsNotAsItWasWrittenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{PartBytes: 1 << 16}})
	first := w.run(full(), runs.Completed)
	w.lose(w.ids(isPlain)[:5])
	folder := "archives/ingest/" + first.ID.String() + "/"
	for _, c := range []struct {
		name, object string
		spoil        func(whole []byte) []byte // nil: it is gone
		kind         string
	}{
		{"a part of which a byte is another", "orders-00002.jsonl", func(b []byte) []byte { b[100] ^= 1; return b }, "corrupt"},
		{"a part that is shorter", "orders-00001.jsonl", func(b []byte) []byte { return b[:len(b)-1] }, "corrupt"},
		{"a part that is gone", "products-00001.jsonl", nil, "not_found"},
		{"a manifest that is gone", "orders.json", nil, "not_found"},
		{"a manifest that is none", "products.json", func([]byte) []byte { return []byte("{") }, "corrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			whole, before := w.object(folder+c.object), w.transaction()
			if c.spoil == nil {
				must(t, w.blobs.Delete(t.Context(), folder+c.object))
			} else {
				w.store(folder+c.object, c.spoil(slices.Clone(whole)))
			}
			r := w.replay(first.ID, runs.Failed)
			if r.Run.ErrorCode != c.kind || !strings.Contains(r.Run.ErrorText, folder+c.object) || r.Run.Remedy == "" && c.kind == "corrupt" {
				t.Errorf("the run says %s: %s (%s)", r.Run.ErrorCode, r.Run.ErrorText, r.Run.Remedy)
			}
			if n := w.written(before); n > 1 { // the shop's row may be
				t.Errorf("%d rows were written nevertheless", n)
			}
			w.store(folder+c.object, whole)
		})
	}
	w.replay(first.ID, runs.Completed)
	w.same()
}

func (w *world) store(key string, content []byte) {
	w.Helper()
	must(w, w.blobs.Put(w.Context(), key, func(out io.Writer) error {
		_, err := out.Write(content)
		return err
	}))
}

func TestAManifestSaysWhatAnExportHasComeTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{PartBytes: 1 << 16}})
	w.api.Faults().Bulk(1, simulator.BulkFault{Match: "lineItems", ErrorCode: "TIMEOUT"})
	r := w.run(full(), runs.Completed)
	folder := "archives/ingest/" + r.ID.String() + "/"
	var m bulk.Manifest
	must(t, json.Unmarshal(w.object(folder+"orders.json"), &m))
	if m.Export != "orders" || !m.Window.Until.Equal(w.clock.now().Add(-lag)) || len(m.Files) != 2 {
		t.Errorf("%+v", m)
	}
	var roots int64
	for _, f := range m.Files {
		var bytes int64
		for _, p := range f.Parts {
			size, err := w.blobs.Size(t.Context(), p.Key)
			must(t, err)
			if bytes += size; size != p.Bytes || len(p.SHA256) != 64 {
				t.Errorf("%s has %d bytes: %+v", p.Key, size, p)
			}
		}
		if bytes != f.Bytes || f.Bytes != f.Size || f.Objects < f.Roots {
			t.Errorf("%d bytes: %+v", bytes, f)
		}
		roots += f.Roots
	}
	if roots != r.Counts.Orders.Roots || roots == 0 {
		t.Errorf("they have %d orders, the run %d", roots, r.Counts.Orders.Roots)
	}
}

func TestReplaysThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{api: func(c *simulator.Config) { c.BulkDelay = 300 * time.Millisecond }})
	if _, err := w.sync.Replay(t.Context(), uuid.New(), runs.CLI, "test"); !errors.Is(err, errs.NotFound) {
		t.Errorf("a run that isn't there: %v", err)
	}
	id, err := w.sync.Start(t.Context(), params(bulksync.Full, bulksync.Products))
	must(t, err)
	if _, err := w.sync.Replay(t.Context(), id, runs.CLI, "test"); !errors.Is(err, errs.Conflict) || errs.Remedy(err) == "" {
		t.Errorf("a run that is under way: %v", err)
	}
	_, err = w.wait(id)
	must(t, err)
	if r := w.replay(id, runs.Completed); r.Counts.Orders != nil || r.Counts.Products.Roots == 0 {
		t.Errorf("a replay of products alone counts %+v and %+v", r.Counts.Orders, r.Counts.Products)
	}
	other := uuid.New()
	must(t, w.runs.Create(t.Context(), runs.Request{ID: other, Scenario: "tags", Trigger: runs.CLI, RequestedBy: "test", Params: struct{}{}}))
	if _, err := w.sync.Replay(t.Context(), other, runs.CLI, "test"); !errors.Is(err, errs.Conflict) {
		t.Errorf("a run of another scenario: %v", err)
	}
	for name, p := range map[string]bulksync.Params{
		"a replay of nothing":           {Mode: bulksync.Replay},
		"a replay since":                {Mode: bulksync.Replay, Replay: &id, Since: &time.Time{}},
		"a full sync of an earlier run": {Mode: bulksync.Full, Replay: &id},
	} {
		if _, err := w.sync.Start(t.Context(), p); !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
