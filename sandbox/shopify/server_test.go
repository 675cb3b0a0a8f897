package shopify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// client is a bare HTTP client of a simulator.
type client struct {
	t      *testing.T
	server *shopify.Server
	shop   *shops.Generated
}

// start runs a simulator of a generated shop of 300 orders.
func start(t *testing.T, change func(*shopify.Config)) *client {
	t.Helper()
	generated, err := shops.Generate(shops.Options{Orders: 300, Products: 60})
	if err != nil {
		t.Fatal(err)
	}
	config := shopify.Config{Shop: generated, Token: "secret", Clock: generated.Anchor}
	if change != nil {
		change(&config)
	}
	server, err := shopify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return &client{t, server, generated}
}

// post sends a document and returns the response with its body read.
func (c *client) post(version, token, document string, variables map[string]any) (*http.Response, string) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, c.server.URL()+"/admin/api/"+version+"/graphql.json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(b)
}

// query sends a document and returns the whole body.
func (c *client) query(document string, variables map[string]any) string {
	c.t.Helper()
	resp, body := c.post("2026-10", "secret", document, variables)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	return body
}

// into sends a document and decodes its data, which must come without errors.
func (c *client) into(v any, document string, variables map[string]any) {
	c.t.Helper()
	body := c.query(document, variables)
	answer := struct {
		Data   any
		Errors []any
	}{Data: v}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Errors) > 0 {
		c.t.Fatalf("%v: %s", err, body)
	}
}

// document reads one of the client's documents.
func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../internal/shopify/queries/" + name + ".graphql")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in %.600s", part, body)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.Scopes = []string{"read_orders"} })
	resp, body := c.post("2026-10", "secret", document(t, "preflight"), nil)
	contains(t, body, `"myshopifyDomain":"paper-moth.myshopify.com"`, `"ianaTimezone":"America/New_York"`,
		`"accessScopes":[{"handle":"read_orders"}]`, `{"handle":"2026-10","supported":true}`)
	if got := resp.Header.Get("Date"); got != "Sun, 01 Nov 2026 00:00:00 GMT" {
		t.Errorf("Date is %q, not the shop's clock", got)
	}
	if resp.Header.Get("X-Request-Id") == "" {
		t.Error("X-Request-Id is missing")
	}
}

func TestRequestsThatNeverReachGraphQL(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for name, tc := range map[string]struct {
		version, token, document string
		status                   int
		answered, body           string
	}{
		"a wrong token is refused with errors as a string": {"2026-10", "wrong", "{shop{id}}", 401, "2026-10", `{"errors":"[API] Invalid API key`},
		"a retired version falls forward to the oldest":    {"2024-01", "secret", "{shop{id}}", 200, "2025-10", `"data"`},
		"a version that is served is answered as itself":   {"2026-07", "secret", "{shop{id}}", 200, "2026-07", `"data"`},
		"a version that never was is not found":            {"2026-11", "secret", "{shop{id}}", 404, "", `{"errors":"Not Found"}`},
		"an unknown field is a GraphQL error":              {"2026-10", "secret", "{shop{idd}}", 200, "2026-10", `Cannot query field \"idd\" on type \"Shop\"`},
		"a document that can't be parsed is one too":       {"2026-10", "secret", "{shop{", 200, "2026-10", `"errors":[{"message":"Expected`},
		"a connection without first is refused":            {"2026-10", "secret", "{orders{nodes{id}}}", 200, "2026-10", `you must provide one of first or last`},
		"a page of more than 250 is refused":               {"2026-10", "secret", "{orders(first:251){nodes{id}}}", 200, "2026-10", `first is 251`},
		"a malformed timestamp in a search is refused":     {"2026-10", "secret", `{ordersCount(query:"updated_at:>='yesterday'"){count}}`, 200, "2026-10", `"code":"BAD_REQUEST"`},
		"a global id of another type is refused":           {"2026-10", "secret", `{order(id:"gid://shopify/Product/1"){id}}`, 200, "2026-10", `Invalid id`},
		"what is not there is null, and no error":          {"2026-10", "secret", `{order(id:"gid://shopify/Order/1"){id}}`, 200, "2026-10", `{"data":{"order":null}`},
		"a query that may cost over 1,000 points is refused": {"2026-10", "secret", "{orders(first:250){nodes{id totalPriceSet{shopMoney{amount}} totalTaxSet{shopMoney{amount}}}}}", 200, "2026-10",
			`"code":"MAX_COST_EXCEEDED","cost":1251`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := c.post(tc.version, tc.token, tc.document, nil)
			if resp.StatusCode != tc.status || resp.Header.Get("X-Shopify-API-Version") != tc.answered {
				t.Errorf("status %d in version %q", resp.StatusCode, resp.Header.Get("X-Shopify-API-Version"))
			}
			contains(t, body, tc.body)
		})
	}
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.Plan = 10 }) // a bucket of 200
	const costly = "{orders(first:150){nodes{id}}}"        // 151
	contains(t, c.query(costly, nil), `"requestedQueryCost":151,"actualQueryCost":151`)
	contains(t, c.query(costly, nil), `"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"`,
		`"requestedQueryCost":151,"actualQueryCost":null`, `"restoreRate":10`)
	if n := c.server.Stats().Throttled; n != 1 {
		t.Errorf("%d throttled requests were counted, not 1", n)
	}
	contains(t, c.query("{shop{id}}", nil), `"data"`) // a cheap one still fits
}

func TestSearch(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	now := c.shop.Anchor()
	count := func(match func(*shopify.Order) bool) int {
		n := 0
		for o := range c.shop.Orders(now) {
			if match(o) {
				n++
			}
		}
		return n
	}
	at := now.AddDate(0, 0, -20).Add(7*time.Hour + 13*time.Minute)
	stamp := at.Format(time.RFC3339)
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, must(time.LoadLocation("America/New_York")))
	ids := []shop.ID{}
	for o := range c.shop.Orders(now) {
		ids = append(ids, o.ID)
	}
	all := count(func(*shopify.Order) bool { return true })
	for name, tc := range map[string]struct {
		query string
		want  int
	}{
		"nothing matches everything": {"", all},
		"a quoted instant is exact":  {"updated_at:>='" + stamp + "'", count(func(o *shopify.Order) bool { return !o.UpdatedAt.Before(at) })},
		"a window is half-open": {"created_at:>='2026-03-01T00:00:00Z' AND created_at:<'" + stamp + "'", count(func(o *shopify.Order) bool {
			return o.CreatedAt.Month() >= 3 && o.CreatedAt.Before(at) && o.CreatedAt.Year() == 2026
		})},
		"an unquoted instant loses its time":     {"updated_at:>=" + stamp, count(func(o *shopify.Order) bool { return !o.UpdatedAt.Before(day) })},
		"an id is a number":                      {"id:>" + ids[99].String(), all - 100},
		"or joins what matches either":           {"id:" + ids[3].String() + " OR id:" + ids[5].String(), 2},
		"not and a minus turn a term around":     {"-test:true AND NOT financial_status:paid", count(func(o *shopify.Order) bool { return !o.Test && o.FinancialStatus != "PAID" })},
		"parentheses group":                      {"id:<=" + ids[9].String() + " (id:" + ids[1].String() + " OR id:>" + ids[200].String() + ")", 1},
		"a name is found with and without its #": {"name:1005 OR name:#1006", 2},
		"an unknown field is ignored":            {"updatedat:>='" + stamp + "'", all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := c.query(document(t, "counts"), map[string]any{"orders": tc.query})
			contains(t, body, fmt.Sprintf(`"ordersCount":{"count":%d,"precision":"EXACT"}`, tc.want))
			warned := strings.Contains(body, `"search":[{"path":["ordersCount"]`) && strings.Contains(body, `"field":"updatedat","code":"invalid_field"`)
			if unknown := strings.HasPrefix(tc.query, "updatedat"); warned != unknown {
				t.Errorf("a warning was given: %t, should be %t: %s", warned, unknown, body)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCountsStopAtTheirLimit(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	contains(t, c.query("{a: ordersCount(limit: 5){count precision} b: ordersCount{count precision}}", nil),
		`"a":{"count":5,"precision":"AT_LEAST"}`, `"precision":"EXACT"`)
}

func TestPagesReachEveryOrderOnce(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	var want int
	for range c.shop.Orders(c.shop.Anchor()) {
		want++
	}
	for _, args := range []string{"sortKey: ID", "sortKey: UPDATED_AT", "sortKey: CREATED_AT, reverse: true"} {
		seen := map[string]bool{}
		for after := any(nil); ; {
			var page struct {
				Orders struct {
					Nodes    []struct{ ID string }
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
			c.into(&page, "query($a: String){orders(first: 37, after: $a, "+args+"){nodes{id} pageInfo{hasNextPage endCursor}}}", map[string]any{"a": after})
			for _, n := range page.Orders.Nodes {
				seen[n.ID] = true
			}
			if !page.Orders.PageInfo.HasNextPage {
				break
			}
			after = page.Orders.PageInfo.EndCursor
		}
		if len(seen) != want {
			t.Errorf("%s: %d orders, want %d", args, len(seen), want)
		}
	}
}

func TestHorizonOfSixtyDays(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.Scopes = []string{"read_orders", "read_products"} })
	n, first := 0, ""
	for o := range c.shop.Orders(c.shop.Anchor()) {
		if first == "" {
			first = o.ID.GID("Order")
		}
		if !o.CreatedAt.Before(c.shop.Anchor().AddDate(0, 0, -60)) {
			n++
		}
	}
	contains(t, c.query("{ordersCount{count}}", nil), fmt.Sprintf(`{"count":%d}`, n))
	contains(t, c.query(`query($id: ID!){order(id: $id){id}}`, map[string]any{"id": first}), `"order":null`)
}

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *shopify.Config) { c.Scopes = []string{"read_orders", "read_all_orders"} })
	contains(t, c.query("{orders(first: 1){nodes{id email}}}", nil), `"email":null`, `"code":"ACCESS_DENIED"`, "`read_customers`")
	contains(t, c.query("{products(first: 1){nodes{id}}}", nil), `"data":null`, `"code":"ACCESS_DENIED"`)
}

func TestNodesWithLinesAndRefunds(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	var refunded *shopify.Order
	for o := range c.shop.Orders(c.shop.Anchor()) {
		if len(o.Refunds) > 0 && len(o.Refunds[0].Lines) > 2 {
			refunded, _ = c.shop.Order(o.ID, c.shop.Anchor())
			break
		}
	}
	if refunded == nil {
		t.Fatal("the shop has no refund with lines")
	}
	ids := []string{refunded.ID.GID("Order"), "gid://shopify/Order/1"}
	body := c.query(document(t, "orders_by_id"), map[string]any{"ids": ids, "lines": 2, "refundLines": 2})
	r := refunded.Refunds[0]
	contains(t, body, `},null]`, `"id":"`+r.ID.GID("Refund")+`"`, `"lineItem":{"id":"`+r.Lines[1].LineID.GID("LineItem")+`"}`, `"hasNextPage":true`)
	if n := c.server.Stats().Fetched; n != 1 {
		t.Errorf("%d objects fetched, not 1", n)
	}

	var page struct {
		Refund struct {
			RefundLineItems struct {
				Nodes []struct{ LineItem struct{ ID string } }
			}
		}
	}
	c.into(&page, document(t, "refund_lines_page"), map[string]any{"id": r.ID.GID("Refund"), "first": 50, "after": "eyJvZmZzZXQiOjF9"})
	if got, want := len(page.Refund.RefundLineItems.Nodes), min(50, len(r.Lines)-2); got != want {
		t.Errorf("%d refund lines after the second, want %d", got, want)
	}
}

func TestDeletionsLeaveEvents(t *testing.T) {
	t.Parallel()
	var overlay *shops.Edited
	c := start(t, func(c *shopify.Config) {
		overlay = shops.Edit(c.Shop, c.Clock)
		c.Shop = overlay
	})
	id := shop.ID(5_120_000_000_000)
	at := c.shop.Anchor().Add(-time.Hour)
	overlay.Delete(id, at)
	filter := "action:destroy AND subject_type:ORDER AND created_at:>='" + at.Format(time.RFC3339) + "'"
	contains(t, c.query(document(t, "deletions"), map[string]any{"first": 10, "query": filter}),
		`"action":"destroy"`, `"subjectId":"`+id.GID("Order")+`","subjectType":"ORDER"`, `"hasNextPage":false`)
}
