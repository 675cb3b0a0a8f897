package bulksync_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/shop"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// badLine is a line of an order that can't be stored. Each case takes an order
// of one line, so that its file has two lines of it.
type badLine struct {
	name    string
	child   bool // the line item is bad, and not the order
	fresh   bool // the order is not stored yet
	spoil   func(line string) string
	reason  string // part of it
	unknown bool   // the line doesn't say whose it is
}

func swap(old, fresh string) func(string) string {
	return func(line string) string {
		if !strings.Contains(line, old) {
			panic("no " + old + " in " + line)
		}
		return strings.Replace(line, old, fresh, 1)
	}
}

func whole(line string) func(string) string { return func(string) string { return line } }

var badLines = []badLine{
	{name: "no JSON", spoil: whole(`<html>Service Unavailable</html>`), unknown: true},
	{name: "another JSON value", spoil: whole(`[1,2,3]`), unknown: true},
	{name: "an empty line", spoil: whole(``), unknown: true},
	{name: "an order that is cut", spoil: func(line string) string { return line[:len(line)/2] }},
	{name: "an order without an id", spoil: swap(`"id":"gid:`, `"key":"gid:`), reason: "id: is missing", unknown: true},
	{name: "an order without its name", spoil: swap(`"name":`, `"nam":`), reason: "name: is missing"},
	{name: "an order whose time is null", spoil: swap(`"updatedAt":"`, `"updatedAt":null,"x":"`), reason: "updatedAt"},
	{name: "a NUL character", spoil: swap(`"name":"#`, `"name":"\u0000`), reason: "name"},
	{name: "bytes that are no UTF-8", spoil: swap(`"name":"#`, "\"name\":\"\xff\xfe"), reason: "name: text is not valid UTF-8"},
	{name: "half of a surrogate pair", spoil: swap(`"name":"#`, `"name":"\ud800`), reason: "name"},
	{name: "a number beyond all numbers", spoil: swap(`"subtotalLineItemsQuantity":`, `"subtotalLineItemsQuantity":1e400,"x":`), reason: "subtotalLineItemsQuantity"},
	{name: "an unknown type", spoil: swap(`"__typename":"Order"`, `"__typename":"DraftOrder"`), reason: "__typename"},
	{name: "a byte that is NUL", spoil: swap(`"name":"#`, "\"name\":\"\x00"), reason: "name"},
	{name: "a key that comes twice", spoil: swap(`"name":"`, `"name":"#0","name":"`), reason: "name: appears twice"},
	{name: "an amount that is none", spoil: swap(`"totalPriceSet":{"shopMoney":{"amount":"`, `"totalPriceSet":{"shopMoney":{"amount":"1,`), reason: "totalPriceSet"},
	{name: "a line item of an order that is stored", child: true, spoil: swap(`"quantity":`, `"quantity":true,"x":`), reason: "quantity"},
	{name: "a line item without its price", child: true, fresh: true, spoil: swap(`"originalUnitPriceSet":`, `"x":`), reason: "originalUnitPriceSet: is missing"},
	{name: "a line item with a broken quantity", child: true, fresh: true, spoil: swap(`"quantity":`, `"quantity":"1","x":`), reason: "quantity"},
	{name: "a line item without an id", child: true, fresh: true, spoil: swap(`"id":"gid:`, `"key":"gid:`), reason: "id: is missing"},
	{name: "a line item whose keys come twice", child: true, fresh: true, spoil: swap(`"quantity":`, `"quantity":1,"quantity":`), reason: "quantity: appears twice"},
	{name: "a line item that is cut", child: true, fresh: true, spoil: func(line string) string { return line[:len(line)/2] }, unknown: true},
	{name: "a line item with a NUL character", child: true, fresh: true, spoil: swap(`"title":"`, `"title":"\u0000`), reason: "title"},
}

func TestALineThatCannotBeStoredIsListedAndFetchedByTheNextRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{RejectShare: 0.5}})
	w.run(full(), runs.Completed)
	victims := w.ids(func(o *simulator.Order) bool {
		return len(o.Lines) == 1 && !o.Lines[0].IsGiftCard && len(o.Refunds) == 0
	})[:len(badLines)]
	for i, c := range badLines {
		if c.fresh {
			o := w.order(victims[i])
			o.ID, o.CreatedAt, o.UpdatedAt = o.ID+1, time.Time{}, time.Time{}
			o.Lines[0].ID, o.Lines[0].OrderID, o.Fulfillments, o.FulfillmentCount = o.Lines[0].ID+100, o.ID, nil, 0
			w.shop.Add(o)
			victims[i] = o.ID
		}
	}
	w.clock.advance(2 * time.Hour)
	file := w.export()
	put := make([]string, 0, 2*len(badLines))
	for i, c := range badLines {
		lines := linesOf(t, file, victims[i])
		spoilt := 0
		if c.child {
			spoilt = 1
		}
		lines[spoilt] = c.spoil(lines[spoilt])
		put = append(put, lines...)
	}
	w.api.Faults().Bulk(1, simulator.BulkFault{
		Match: "lineItems", Lines: put,
		Drop: func(id shop.ID) bool { return slices.Contains(victims, id) },
	})
	r := w.run(full(), runs.CompletedWithRejects)
	w.wantMarks(w.clock.now().Add(-lag), 2)
	w.same()
	listed := w.rejects(r)
	archived := bytes.Split(w.archived(r.ID, "orders"), []byte("\n"))

	next := w.run(incremental(), runs.Completed)
	w.same()
	resolved := w.rejects(r)
	for i, c := range badLines {
		t.Run(c.name, func(t *testing.T) {
			spoilt, kind := put[2*i], "Order"
			if c.child {
				spoilt, kind = put[2*i+1], "LineItem"
			}
			number := slices.IndexFunc(archived, func(line []byte) bool { return string(line) == spoilt }) + 1
			got, ok := listed[number]
			switch {
			case !ok:
				t.Fatalf("line %d is not listed", number)
			case c.unknown && (got.subject != 0 || got.kind != "" && got.kind != kind):
				t.Errorf("it is listed as %s %d, and says nothing of itself", got.kind, got.subject)
			case !c.unknown && (got.subject != victims[i] || got.kind != kind):
				t.Errorf("it is listed as %s %d, want %s %d", got.kind, got.subject, kind, victims[i])
			}
			if !strings.Contains(got.reason, c.reason) || got.reason == "" {
				t.Errorf("the reason is %q, want %q in it", got.reason, c.reason)
			}
			if start := spoilt[:min(len(spoilt), 20)]; !strings.HasPrefix(got.record, start) {
				t.Errorf("the record is %.40q, want it to begin with %q", got.record, start)
			}
			settled := next.ID.String()
			switch {
			case c.unknown:
				settled = "" // by nobody
			case c.fresh:
				settled = r.ID.String() // its order was found to lack units, and read whole
			}
			if end := resolved[number].resolved; end != settled {
				t.Errorf("resolved by %q, want %q", end, settled)
			}
		})
	}
	t.Run("the lines of an order that can't be stored are orphans", func(t *testing.T) {
		number := slices.IndexFunc(archived, func(line []byte) bool { return string(line) == put[1] }) + 1
		if got := listed[number]; got.kind != "LineItem" || got.subject != victims[0] || got.reason != "its order is not in this file" {
			t.Errorf("line %d is listed as %+v", number, got)
		}
		if got := resolved[number]; got.resolved != next.ID.String() {
			t.Errorf("resolved by %q", got.resolved)
		}
	})
	if next.Counts.Orders.Retried == 0 {
		t.Error("nothing was counted as fetched again")
	}
	w.ends(t, proof.Story{Family: 5, Name: "lines that can't be stored", Faults: len(badLines), Runs: 2})
}

// rejected is a row of rejected_record.
type rejected struct {
	kind, reason, record, resolved string
	subject                        shop.ID
}

// rejects returns what a run rejected of its file of orders, by line.
func (w *world) rejects(r report) map[int]rejected {
	w.Helper()
	rows, err := w.look.Query(w.Context(), `SELECT line_no, subject_type, coalesce(subject_id, 0), reason, record,
		coalesce(resolved_run_id::text, '') FROM rejected_record WHERE run_id = $1 AND source = 'orders'`, r.ID)
	must(w, err)
	defer rows.Close()
	list := map[int]rejected{}
	for rows.Next() {
		var line int
		var one rejected
		must(w, rows.Scan(&line, &one.kind, &one.subject, &one.reason, &one.record, &one.resolved))
		list[line] = one
	}
	must(w, rows.Err())
	return list
}

// linesOf returns the lines of an order in a file, its own first.
func linesOf(t *testing.T, file []byte, id shop.ID) []string {
	t.Helper()
	var root string
	var children []string
	gid := strings.ReplaceAll(id.GID("Order"), "/", `\/`)
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.Contains(line, `"__parentId":"`+gid+`"`):
			children = append(children, line)
		case strings.Contains(line, `"id":"`+gid+`"`):
			root = line
		}
	}
	if root == "" {
		t.Fatalf("order %s is not in the file", id)
	}
	return append([]string{root}, children...)
}

func TestAProductThatCannotBeStoredIsListedAndFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	var last shop.ID
	for p := range w.shop.Products(w.clock.now()) {
		last = p.ID
	}
	bad := fmt.Sprintf(`{"__typename":"Product","id":"%s","title":null}`, last.GID("Product"))
	w.api.Faults().Bulk(1, simulator.BulkFault{
		Match: "featuredMedia", Lines: []string{bad}, Drop: func(id shop.ID) bool { return id == last },
	})
	r := w.run(full(), runs.CompletedWithRejects)
	w.same()
	n := w.count(`SELECT count(*) FROM rejected_record WHERE run_id = $1 AND source = 'products' AND subject_type = 'Product'
		AND subject_id = $2 AND reason LIKE 'title%' AND resolved_run_id = $1`, r.ID, last)
	if n != 1 {
		t.Errorf("%d rows of rejected_record say so", n)
	}
	w.wantMarks(w.clock.now().Add(-lag), 1)
}

func TestAFileThatIsMostlyUnreadableFailsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.api.Faults().Bulk(1, simulator.BulkFault{Match: "lineItems", Lines: slices.Repeat([]string{"garbage"}, 30)})
	r := w.run(full(), runs.Failed)
	if r.Run.ErrorCode != "corrupt" || !strings.Contains(r.Run.ErrorText, "30 of ") || !strings.Contains(r.Run.Remedy, r.ID.String()) {
		t.Errorf("the run says %s, %q, %q", r.Run.ErrorCode, r.Run.ErrorText, r.Run.Remedy)
	}
	w.wantMarks(time.Time{}, 0)
	if n := len(w.rejects(r)); n != 30 {
		t.Errorf("%d lines are listed", n)
	}
	w.run(full(), runs.Completed)
	w.same()
}
