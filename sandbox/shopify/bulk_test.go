package shopify_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// bulk is what a poll tells.
type bulk struct {
	ID, Status, ErrorCode        string
	ObjectCount, RootObjectCount string
	FileSize, URL                string
	PartialDataURL, CompletedAt  string
}

// run starts a bulk query and returns its answer.
func (c *client) run(query string) (id string, fault string) {
	c.t.Helper()
	var answer struct {
		BulkOperationRunQuery struct {
			BulkOperation *struct{ ID string }
			UserErrors    []struct{ Message string }
		}
	}
	c.into(&answer, document(c.t, "bulk_start"), map[string]any{"query": query})
	if errs := answer.BulkOperationRunQuery.UserErrors; len(errs) > 0 {
		return "", errs[0].Message
	}
	return answer.BulkOperationRunQuery.BulkOperation.ID, ""
}

func (c *client) poll(id string) bulk {
	c.t.Helper()
	var answer struct{ BulkOperation bulk }
	c.into(&answer, document(c.t, "bulk_poll"), map[string]any{"id": id})
	return answer.BulkOperation
}

// await polls until the operation is in one of the states.
func (c *client) await(id string, states ...string) bulk {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		b := c.poll(id)
		for _, state := range states {
			if b.Status == state {
				return b
			}
		}
		time.Sleep(time.Millisecond)
	}
	c.t.Fatalf("operation %s is %s, never %v", id, c.poll(id).Status, states)
	return bulk{}
}

// export runs a bulk query to its end and returns its rows.
func (c *client) export(query string) (bulk, []byte) {
	c.t.Helper()
	id, fault := c.run(query)
	if fault != "" {
		c.t.Fatal(fault)
	}
	b := c.await(id, "COMPLETED")
	if b.URL == "" {
		return b, nil
	}
	_, body := c.get(b.URL, nil)
	return b, body
}

func (c *client) get(url string, header http.Header) (*http.Response, []byte) {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !c.t.Failed() {
		body = append(body, "!cut"...)
	}
	return resp, body
}

// filtered is one of the client's bulk documents with a filter.
func filtered(t *testing.T, name, filter string) string {
	t.Helper()
	return strings.ReplaceAll(document(t, name), "FILTER", filter)
}

// row is a line of a bulk file.
type row struct {
	Typename string `json:"__typename"`
	ID       string
	ParentID string `json:"__parentId"`
	Quantity int
	Name     string
}

func decode(t *testing.T, file []byte) (rows []row) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		rows = append(rows, r)
	}
	return rows
}

func TestBulkOrdersHoldTheShop(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	b, file := c.export(filtered(t, "bulk_orders", ""))
	rows := decode(t, file)
	if strconv.Itoa(len(rows)) != b.ObjectCount || strconv.Itoa(len(file)) != b.FileSize || b.CompletedAt == "" {
		t.Errorf("%d rows, %d bytes: %+v", len(rows), len(file), b)
	}
	place, lines, last := map[string]int{}, map[string][]string{}, map[string]int{}
	for i, r := range rows {
		if r.ParentID == "" {
			place[r.ID] = i
			continue
		}
		lines[r.ParentID] = append(lines[r.ParentID], r.ID)
		last[r.ParentID] = i
	}
	early, far, orders := 0, 0, 0
	for o := range c.shop.Orders(c.shop.Anchor()) {
		orders++
		id := o.ID.GID("Order")
		at, ok := place[id]
		if !ok || len(lines[id]) != len(o.Lines) {
			t.Fatalf("order %s: in the file %t, %d lines of %d", id, ok, len(lines[id]), len(o.Lines))
		}
		for i := range o.Lines {
			if lines[id][i] != o.Lines[i].ID.GID("LineItem") {
				t.Fatalf("lines of order %s are not in their order", id)
			}
		}
		if last[id] < at {
			early++
		}
		if last[id] > at+100+len(o.Lines) {
			far++
		}
	}
	if strconv.Itoa(orders) != b.RootObjectCount || early == 0 || far == 0 {
		t.Errorf("%d orders, %d after all of their lines, %d far from some: %+v", orders, early, far, b)
	}
	if !bytes.Contains(file, []byte(`"id":"gid:\/\/shopify\/Order\/`)) {
		t.Error("slashes are not escaped")
	}
	if _, again := c.export(filtered(t, "bulk_orders", "")); !bytes.Equal(file, again) {
		t.Error("the same export came out differently")
	}
	if s := c.server.Stats(); s.Bulk["orders"] != 2 || s.Downloads != 2 || s.DownloadedBytes != int64(2*len(file)) {
		t.Errorf("stats are %+v", s)
	}
}

func TestBulkKinds(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for _, name := range []string{"bulk_products", "bulk_order_ids", "bulk_product_ids"} {
		b, file := c.export(filtered(t, name, ""))
		if rows := decode(t, file); len(rows) == 0 || b.ObjectCount != b.RootObjectCount || strconv.Itoa(len(rows)) != b.ObjectCount {
			t.Errorf("%s: %d rows, %+v", name, len(rows), b)
		}
	}
	if got := fmt.Sprint(c.server.Stats().Bulk); got != "map[order ids:1 product ids:1 products:1]" {
		t.Errorf("counted %s", got)
	}
	if b, _ := c.export(filtered(t, "bulk_orders", "id:<5")); b.URL != "" || b.ObjectCount != "0" {
		t.Errorf("an empty result is %+v", b)
	}
}

func TestBulkRules(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	nested := "lineItems{edges{node{id}}}"
	for name, tc := range map[string]struct{ query, want string }{
		"no connection":               {"{shop{id}}", "Bulk queries must contain at least one connection."},
		"nodes of a connection":       {"{orders{nodes{id}}}", "Selecting via 'nodes' is not supported"},
		"text of 65,536 bytes":        {"{orders{edges{node{id}}}}" + strings.Repeat(" ", 65_536-25), "Query is too large (65536 bytes; maximum is 65535 bytes)"},
		"connection in a list":        {"{orders{edges{node{id refunds{refundLineItems{edges{node{quantity}}}}}}}}", "Queries that contain a connection field within a list field are not currently supported."},
		"parent without id":           {"{orders{edges{node{name " + nested + "}}}}", "must select the 'id' field"},
		"parent with id by alias":     {"{orders{edges{node{key: id " + nested + "}}}}", "must select the 'id' field"},
		"six connections":             {"{orders{edges{node{id " + aliases(5) + "}}}}", "more than 5 connections"},
		"variables":                   {"query($q: String){orders(query: $q){edges{node{id}}}}", "cannot contain variables"},
		"nodes by id":                 {`{nodes(ids: ["gid://shopify/Order/1"]){id} orders{edges{node{id}}}}`, "top-level field 'nodes'"},
		"pageInfo":                    {"{orders{edges{node{id}} pageInfo{hasNextPage}}}", "via 'edges' and nothing else"},
		"field that does not exist":   {"{orders{edges{node{id colour}}}}", `Cannot query field "colour"`},
		"malformed date in a filter":  {`{orders(query: "updated_at:>'x'"){edges{node{id}}}}`, "invalid timestamp"},
		"mutation":                    {`mutation{bulkOperationCancel(id: "gid://shopify/BulkOperation/1"){userErrors{message}}}`, "exactly one query operation"},
		"(five connections are fine)": {"{orders{edges{node{id " + aliases(4) + "}}}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := c.run(tc.query); !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// aliases asks n times for lines.
func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "l%d: lineItems{edges{node{id}}} ", i)
	}
	return b.String()
}

func TestFiveAtATimeAndCancel(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.BulkDelay = time.Hour })
	query := filtered(t, "bulk_order_ids", "")
	var ids []string
	for range 5 {
		id, fault := c.run(query)
		if fault != "" {
			t.Fatal(fault)
		}
		ids = append(ids, id)
	}
	want := "A bulk query operation for this app and shop is already in progress: " + strings.Join(ids, ", ")
	if _, fault := c.run(query); fault != want {
		t.Errorf("the sixth is answered %q, not %q", fault, want)
	}
	contains(t, c.query(document(t, "bulk_cancel"), map[string]any{"id": ids[0]}), `"status":"CANCELING"`, `"userErrors":[]`)
	if b := c.await(ids[0], "CANCELED"); b.URL != "" || b.CompletedAt != "" {
		t.Errorf("a cancelled operation is %+v", b)
	}
	contains(t, c.query(document(t, "bulk_cancel"), map[string]any{"id": ids[0]}), "A bulk operation cannot be canceled when it is canceled")
	contains(t, c.query(document(t, "bulk_cancel"), map[string]any{"id": "gid://shopify/BulkOperation/9"}),
		`"field":["id"]`, "Bulk operation does not exist")
	if _, fault := c.run(query); fault != "" {
		t.Errorf("a slot came free, but: %s", fault)
	}
}

func TestListOfOperations(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	b, _ := c.export("{orders{edges{node{id}}}}")
	list := func(filter string) string {
		return c.query(document(t, "bulk_list"), map[string]any{"first": 10, "query": filter})
	}
	for _, filter := range []string{"operation_type:query", "status:completed", "created_at:>='2026-11-01T00:00:00Z'"} {
		contains(t, list(filter), b.ID, `"query":"{orders{edges{node{id}}}}"`)
	}
	contains(t, list("status:running"), `"nodes":[]`)
	contains(t, list("type:mutation"), b.ID, `"code":"invalid_field"`) // ignored, so all come back
	contains(t, list("status:expired"), `"nodes":[]`, `"code":"invalid_value"`)
}

func TestBulkWithoutAScopeIsDenied(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.Scopes = []string{"read_orders", "read_all_orders"} })
	for _, query := range []string{filtered(t, "bulk_orders", ""), filtered(t, "bulk_products", "")} {
		id, fault := c.run(query)
		if b := c.await(id, "FAILED"); fault != "" || b.ErrorCode != "ACCESS_DENIED" || b.URL != "" {
			t.Errorf("%q, %+v", fault, b)
		}
	}
	c.export(filtered(t, "bulk_order_ids", ""))
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	b, whole := c.export(filtered(t, "bulk_order_ids", ""))
	if strings.HasPrefix(b.URL, c.server.URL()) {
		t.Errorf("%s is at the API's origin", b.URL)
	}
	resp, part := c.get(b.URL, http.Header{"Range": {"bytes=100-199"}})
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(part, whole[100:200]) {
		t.Errorf("a range is answered %d with %d bytes", resp.StatusCode, len(part))
	}
	etag := resp.Header.Get("ETag")
	resp, _ = c.get(b.URL, http.Header{"Range": {"bytes=100-"}, "If-Range": {etag}})
	if resp.StatusCode != http.StatusPartialContent {
		t.Errorf("a range of the same file is answered %d", resp.StatusCode)
	}
	resp, all := c.get(b.URL, http.Header{"Range": {"bytes=100-"}, "If-Range": {`"another"`}})
	if resp.StatusCode != http.StatusOK || !bytes.Equal(all, whole) {
		t.Errorf("a range of another file is answered %d with %d bytes", resp.StatusCode, len(all))
	}
	if resp, _ := c.get(b.URL, http.Header{"X-Shopify-Access-Token": {"secret"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a request with the token is answered %d", resp.StatusCode)
	}
	if resp, _ := c.get(b.URL+"0", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a wrong signature is answered %d", resp.StatusCode)
	}
}

func TestResultsExpireAfterAWeek(t *testing.T) {
	t.Parallel()
	clock := make(chan time.Time, 1)
	c := start(t, func(c *shopify.Config) {
		clock <- c.Clock()
		c.Clock = func() time.Time {
			now := <-clock
			clock <- now
			return now
		}
	})
	b, _ := c.export(filtered(t, "bulk_order_ids", ""))
	clock <- (<-clock).Add(7*24*time.Hour + time.Second)
	if resp, _ := c.get(b.URL, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("after a week the address is answered %d", resp.StatusCode)
	}
	if b := c.poll(b.ID); b.Status != "EXPIRED" || b.URL != "" {
		t.Errorf("after a week the operation is %+v", b)
	}
}

func TestPreparedFilesAnswerAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	file := filepath.Join(t.TempDir(), "ready.jsonl")
	content := `{"id":"gid:\/\/shopify\/Order\/1"}` + "\n" + `{"id":"gid:\/\/shopify\/LineItem\/2","__parentId":"gid:\/\/shopify\/Order\/1"}` + "\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.server.Prepare("lineItems", file); err != nil {
		t.Fatal(err)
	}
	b, got := c.export(filtered(t, "bulk_orders", ""))
	if string(got) != content || b.ObjectCount != "2" || b.RootObjectCount != "1" || b.FileSize != strconv.Itoa(len(content)) {
		t.Errorf("%+v: %s", b, got)
	}
	if b, _ := c.export(filtered(t, "bulk_order_ids", "")); b.ObjectCount == "2" {
		t.Error("another query was answered with the file")
	}
}

func BenchmarkExport100kOrders(b *testing.B) {
	g, err := shops.Generate(shops.Options{Orders: 100_000, Products: 2_000})
	if err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile("../../internal/shopify/queries/bulk_orders.graphql")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		done, err := shopify.Export(g, g.Anchor(), strings.ReplaceAll(string(text), "FILTER", ""), io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(done.Bytes)
		b.ReportMetric(float64(done.Bytes)/float64(done.Roots), "bytes/order")
		b.ReportMetric(float64(done.Objects)/float64(done.Roots)-1, "lines/order")
	}
}
