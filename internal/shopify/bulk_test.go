package shopify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func orderShelf(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.orders = append(s.orders, order(shop.ID(i+1), 3, 0))
	}
	return s
}

var allOrders = BulkQuery{Document: BulkOrders, Name: "run-1_orders"}

// finished polls an operation until it has ended.
func finished(t *testing.T, c *Client, id string) Bulk {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		b, err := c.PollBulk(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if b.Done() {
			return b
		}
	}
	t.Fatalf("%s doesn't end", id)
	return Bulk{}
}

func start(t *testing.T, c *Client, q BulkQuery) Bulk {
	t.Helper()
	b, err := c.StartBulk(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBulkFromStartToLastByte(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(20), nil)
	q := BulkQuery{Document: BulkOrders, Name: "run-1_orders", Filter: Window(noon.Add(-10*time.Minute), noon)}
	b := finished(t, c, start(t, c, q).ID)
	if b.Err() != nil || !b.HasResult || b.Roots != 10 || b.Objects != 40 || b.CompletedAt.IsZero() {
		t.Fatalf("operation is %+v, want 10 orders with 30 lines", b)
	}
	var file bytes.Buffer
	r := Range{Length: 7000}
	for int64(file.Len()) < b.Bytes {
		part, err := c.Download(t.Context(), b, r, &file)
		if err != nil {
			t.Fatal(err)
		}
		if part.Total != b.Bytes {
			t.Fatalf("part is %+v, want one of %d bytes", part, b.Bytes)
		}
		r.Offset, r.ETag = r.Offset+part.Bytes, part.ETag
	}
	if n := bytes.Count(file.Bytes(), []byte("\n")); int64(n) != b.Objects {
		t.Errorf("file has %d lines, want %d", n, b.Objects)
	}
	if !strings.Contains(file.String(), "customer@example.org") {
		t.Error("file lacks the fields of a granted scope")
	}
	for line := range bytes.Lines(file.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("line %s is not JSON", line)
		}
	}
}

func TestBulkDoesNotShowItsAddress(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), nil)
	b := finished(t, c, start(t, c, allOrders).ID)
	text, err := json.Marshal(b)
	if printed := fmt.Sprintf("%s %+v %#v", text, b, b); err != nil || strings.Contains(printed, "Signature") {
		t.Fatalf("%s, %v", printed, err)
	}
	var again Bulk
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if part, err := c.Download(t.Context(), again, Range{}, io.Discard); err != nil || part.Bytes != b.Bytes {
		t.Errorf("Download = %+v, %v, want all %d bytes", part, err, b.Bytes)
	}
}

func TestBulkIsStartedOnce(t *testing.T) {
	t.Parallel()
	since := noon.Add(-time.Hour)
	for name, test := range map[string]struct {
		fault sandbox.RequestFault
		count int
	}{
		"without a fault":                      {},
		"when the answer is lost":              {sandbox.RequestFault{Match: "BulkStart", Lose: true}, 1},
		"when two answers are lost":            {sandbox.RequestFault{Match: "BulkStart", Lose: true}, 2},
		"when the request fails before it":     {sandbox.RequestFault{Match: "BulkStart", Status: 500}, 2},
		"when the bucket is empty":             {sandbox.RequestFault{Match: "BulkStart", Throttled: true}, 2},
		"when the answer to a look is lost":    {sandbox.RequestFault{Match: "BulkList", Lose: true}, 2},
		"when Shopify fails inside status 200": {sandbox.RequestFault{Match: "BulkStart", Code: "INTERNAL_SERVER_ERROR"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := simulator(t, orderShelf(3), nil)
			server.Faults().Request(test.count, test.fault)
			q := allOrders
			q.Since = since
			first := start(t, c, q)
			second := start(t, c, q)
			if n := server.Stats().Bulk["orders"]; n != 1 || first.ID != second.ID {
				t.Errorf("%d operations were started, %s and %s; want one", n, first.ID, second.ID)
			}
		})
	}
}

func TestBulkOfAnotherRunIsNotAdopted(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(3), nil)
	first := start(t, c, allOrders)
	other := allOrders
	other.Name = "run-2_orders"
	smaller := allOrders
	smaller.Filter = Window(time.Time{}, noon)
	later := allOrders
	later.Since = noon.Add(time.Second)
	for name, q := range map[string]BulkQuery{"another name": other, "another filter": smaller, "created earlier": later} {
		if b := start(t, c, q); b.ID == first.ID {
			t.Errorf("%s: the operation was adopted", name)
		}
	}
}

func TestBulkThatFailedIsStartedAnew(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]string{"TIMEOUT": "too_large", "INTERNAL_SERVER_ERROR": "unavailable", "ACCESS_DENIED": "denied"} {
		server, c := simulator(t, orderShelf(5), nil)
		server.Faults().Bulk(1, sandbox.BulkFault{ErrorCode: code, Roots: 2, Partial: true})
		failed := finished(t, c, start(t, c, allOrders).ID)
		if errs.Kind(failed.Err()) != kind || !failed.HasPartial || failed.HasResult {
			t.Errorf("%s: operation is %+v with %v, want a partial result and kind %s", code, failed, failed.Err(), kind)
		}
		if part, err := c.Download(t.Context(), failed, Range{}, io.Discard); err != nil || part.Bytes == 0 {
			t.Errorf("%s: partial result: %+v, %v", code, part, err)
		}
		if b := finished(t, c, start(t, c, allOrders).ID); b.ID == failed.ID || b.Err() != nil || b.Roots != 5 {
			t.Errorf("%s: second operation is %+v, want a new one with 5 orders", code, b)
		}
	}
}

func TestMissingOptionalScopeLeavesFieldsOut(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(2), func(cfg *sandbox.Config) { cfg.Scopes = []string{"read_orders", "write_products"} })
	b := finished(t, c, start(t, c, allOrders).ID)
	var file bytes.Buffer
	if _, err := c.Download(t.Context(), b, Range{}, &file); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "email") || b.Objects != 8 {
		t.Errorf("file of %+v is %s, want one without email", b, file.String())
	}
}

func TestSixthBulkWaitsForASlot(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), func(cfg *sandbox.Config) { cfg.BulkDelay = time.Hour })
	var last Bulk
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		last = start(t, c, BulkQuery{Document: BulkOrderIDs, Name: name})
	}
	sixth := BulkQuery{Document: BulkProducts, Name: "f"}
	_, err := c.StartBulk(t.Context(), sixth)
	var later interface{ RetryAfter() time.Duration }
	if errs.Kind(err) != "unavailable" || !errors.As(err, &later) || later.RetryAfter() < time.Minute {
		t.Fatalf("error is %v, want an unavailable that asks for a long wait", err)
	}
	if err := c.CancelBulk(t.Context(), last.ID); err != nil {
		t.Fatal(err)
	}
	canceled := finished(t, c, last.ID)
	if canceled.Status != Canceled || errs.Kind(canceled.Err()) != "unavailable" {
		t.Errorf("operation is %+v with %v, want it cancelled", canceled, canceled.Err())
	}
	start(t, c, sixth)
	if err := c.CancelBulk(t.Context(), last.ID); err != nil {
		t.Errorf("cancel of what has ended: %v", err)
	}
}

func TestUnknownBulkOperation(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), nil)
	const unknown = "gid://shopify/BulkOperation/404"
	if _, err := c.PollBulk(t.Context(), unknown); errs.Kind(err) != "not_found" {
		t.Errorf("poll: %v", err)
	}
	if err := c.CancelBulk(t.Context(), unknown); errs.Kind(err) != "not_found" {
		t.Errorf("cancel: %v", err)
	}
	if _, err := c.PollBulk(t.Context(), "404"); errs.Kind(err) != "invalid" {
		t.Errorf("poll of a bare number: %v", err)
	}
}

func TestEmptyResult(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), nil)
	b := finished(t, c, start(t, c, BulkQuery{Document: BulkProductIDs, Name: "x"}).ID)
	if b.Status != Completed || b.HasResult || b.Objects != 0 || b.Err() != nil {
		t.Errorf("operation is %+v, want a success without a file", b)
	}
	if _, err := c.Download(t.Context(), b, Range{}, io.Discard); errs.Kind(err) != "not_found" {
		t.Errorf("download: %v", err)
	}
}

func TestBulkQueryIsChecked(t *testing.T) {
	t.Parallel()
	server, c := simulator(t, orderShelf(1), nil)
	for name, test := range map[string]struct {
		q    BulkQuery
		kind string
	}{
		"a document that is none for bulk": {BulkQuery{Document: docCounts, Name: "x"}, "invalid"},
		"an unknown document":              {BulkQuery{Document: "x", Name: "x"}, "invalid"},
		"no name":                          {BulkQuery{Document: BulkOrders}, "invalid"},
		"a name that would break out":      {BulkQuery{Document: BulkOrders, Name: "x { shop { id } } query y"}, "invalid"},
		"a filter longer than a query":     {BulkQuery{Document: BulkOrders, Name: "x", Filter: strings.Repeat("id:1 OR ", 9000)}, "too_large"},
	} {
		if _, err := c.StartBulk(t.Context(), test.q); errs.Kind(err) != test.kind {
			t.Errorf("%s: error is %v, want one of kind %s", name, err, test.kind)
		}
	}
	// A filter can't end the string that it stands in.
	quote := BulkQuery{Document: BulkOrderIDs, Name: "x", Filter: `name:"#1001"`}
	if _, err := c.StartBulk(t.Context(), quote); err != nil {
		t.Errorf("a filter with quotes: %v", err)
	}
	if n := server.Stats().Bulk; n["order ids"] != 1 || len(n) != 1 {
		t.Errorf("operations started: %v, want one of order ids", n)
	}
}

func TestSqueezeIgnoresWhatHasNoMeaning(t *testing.T) {
	t.Parallel()
	const text = `query a_1{orders(query:"x  AND \" y, z"){edges{node{id name}}}}`
	for name, same := range map[string]string{
		"itself":                  text,
		"line breaks and indents": "query a_1 {\n  orders (query: \"x  AND \\\" y, z\") {\n    edges { node { id\n name } }\n  }\n}\n",
		"commas":                  `query a_1 { orders(query: "x  AND \" y, z",) { edges { node { id, name } } } }`,
	} {
		if squeeze(same) != text {
			t.Errorf("%s: %s", name, squeeze(same))
		}
	}
	for name, other := range map[string]string{
		"a gap inside a string": `query a_1{orders(query:"x AND \" y, z"){edges{node{id name}}}}`,
		"names run together":    `query a_1{orders(query:"x  AND \" y, z"){edges{node{idname}}}}`,
		"another name":          `query a_2{orders(query:"x  AND \" y, z"){edges{node{id name}}}}`,
	} {
		if squeeze(other) == text {
			t.Errorf("%s makes no difference", name)
		}
	}
}
