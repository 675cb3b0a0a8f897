package orderlookup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/orderlookup"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// statements counts those that are sent.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

type door struct {
	apitest.Door
	sent *statements
}

func open(t *testing.T) door {
	t.Helper()
	sent := &statements{}
	db := pgtest.Open(t, pg.Config{URL: pgtest.URL(t), Tracer: sent})
	return door{apitest.Open(t, db, orderlookup.New(db).Scenario().Endpoints), sent}
}

// order stores an order of a name.
func (d door) order(id int64, name, email string) {
	d.Helper()
	d.Exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included,
			subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, email, tags, is_test, is_edited,
			refund_count, content_hash, run_id)
		VALUES ($1::bigint, $2, timestamptz '2026-01-01' + ($1::bigint % 20000) * interval '1 hour', now(), now(), 'USD', false,
			25, 1.5, 5, 2, 30.5, 0, 'EUR', 28, nullif($3::text, ''), '{}', false, false, 0, 0, gen_random_uuid())`, id, name, email)
}

func (d door) lookUp(queries ...string) orderlookup.Lookup {
	d.Helper()
	body, err := json.Marshal(map[string]any{"queries": queries})
	if err != nil {
		d.Fatal(err)
	}
	return apitest.Data[orderlookup.Lookup](d.Send("POST", "/api/orders/lookup", string(body)), 200)
}

// tell is what a query found, in a line.
func tell(r orderlookup.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s as %s:", r.Match, strings.Join(r.TakenFor, ", "))
	for _, o := range r.Orders {
		b.WriteString(" " + o.Name)
	}
	if r.More {
		b.WriteString(" and more")
	}
	return b.String()
}

func TestOrdersAreFoundExactlyOrByTheBeginningOfTheirName(t *testing.T) {
	t.Parallel()
	d := open(t)
	for id, name := range map[int64]string{1: "#1", 9: "#9", 10: "#10", 1001: "#1001", 1002: "#1002", 10010: "#10010", 777: "EN-55-Us", 5123456789012: "#2000", 2000: "#1003"} {
		d.order(id, name, "")
	}
	d.order(3, "#twin", "Ann@Example.com")
	d.order(4, "#Twin", "ann@example.COM")
	for query, want := range map[string]string{
		"#1001":                             "exact as name: #1001",
		" ＃１００１ ":                           "exact as name: #1001",
		"#100":                              "prefix as name: #1001 #1002 #1003 #10010",
		"100":                               "prefix as name, orderId: #1001 #1002 #1003 #10010",
		"en-5":                              "prefix as name: EN-55-Us",
		"EN-55-US":                          "exact as name: EN-55-Us",
		"2000":                              "exact as name, orderId: #2000 #1003",
		"5123456789012":                     "exact as name, orderId: #2000",
		"gid://shopify/Order/5123456789012": "exact as orderId: #2000",
		"gid://shopify/Customer/1001":       "none as :",
		"https://brand.myshopify.com/admin/orders/1001": "exact as orderId: #1001",
		"#TWIN":           "exact as name: #Twin #twin",
		"ANN@example.com": "exact as email: #Twin #twin",
		"ann@":            "none as email:",
		"100%":            "none as name:",
		"_001":            "none as name:",
		"nonsense":        "none as name:",
		"#":               "prefix as name: #1 #9 #10 #1001 #1002 #1003 #2000 #Twin #twin #10010",
	} {
		if got := d.lookUp(query); tell(got.Results[0]) != want && (query != "#" || !strings.HasPrefix(tell(got.Results[0]), "prefix as name: #1 #9 #10 #1001")) {
			t.Errorf("%q: %s, want %s", query, tell(got.Results[0]), want)
		}
	}
	got := d.lookUp("#1002", "nothing", "#1001", "#1002")
	if got.Found != 3 || len(got.Results) != 4 || got.Results[0].Orders[0].Name != "#1002" || got.Results[1].Match != "none" ||
		got.Results[2].Orders[0].Name != "#1001" || got.Results[3].Orders[0].Name != "#1002" || got.Results[1].Query != "nothing" {
		t.Errorf("several queries are answered %+v", got)
	}
}

func TestAnOrderComesWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'UTC')`)
	d.Exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, product_line, status, created_at, source_updated_at, content_hash, run_id, archived_at)
		VALUES (7, 'Luna Moth', 'luna-moth', '', '', 'IPH', 'ARCHIVED', now(), now(), 0, gen_random_uuid(), '2026-02-01T00:00:00Z')`)
	d.order(1, "#1", "ann@example.com")
	d.order(2, "#2", "")
	d.Exec(`UPDATE order_header SET cancelled_at = now(), deleted_at = now(), is_test = true, refund_count = 2, refunds_read_at = now(), customer_id = 5, tags = '{vip}' WHERE order_id = 1`)
	d.Exec(`UPDATE order_header SET refund_count = 1 WHERE order_id = 2`)
	d.Exec(`INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, refunded_quantity, unit_price, discount, refunded_subtotal, included_tax, is_gift_card, content_hash, run_id)
		VALUES (12, 1, 2, NULL, 'Gone', 1, 1, 0, 5, 0, 0, 0, false, 0, gen_random_uuid()), (11, 1, 1, 7, 'Moth', 2, 1, 1, 10, 1.5, 9.25, 0, false, 0, gen_random_uuid()),
			(13, 1, 3, 8, 'Unknown', 1, 1, 0, 5, 0, 0, 0, false, 0, gen_random_uuid())`)
	d.Exec(`INSERT INTO order_fulfillment (fulfillment_id, order_id, status, display_status, created_at, updated_at, tracking_number, run_id)
		VALUES (21, 1, 'SUCCESS', 'DELIVERED', '2026-01-03T00:00:00Z', now(), 'T1', gen_random_uuid()), (20, 1, 'CANCELLED', NULL, '2026-01-02T00:00:00Z', now(), NULL, gen_random_uuid())`)
	d.Exec(`INSERT INTO order_refund_line (refund_id, line_item_id, order_id, quantity, subtotal, tax, created_at, run_id)
		VALUES (31, 11, 1, 1, 9.25, 0.5, '2026-01-04T00:00:00Z', gen_random_uuid()), (31, 12, 1, 1, 1, 0, '2026-01-04T00:00:00Z', gen_random_uuid()), (30, 11, 1, 1, 2, 0, '2026-01-03T00:00:00Z', gen_random_uuid())`)

	got := d.lookUp("#1", "#2")
	o := got.Results[0].Orders[0]
	if !slices.Equal(o.Marks, []string{"deleted", "cancelled", "test"}) || o.Email != "ann@example.com" || o.CustomerID != 5 || o.RefundsPending ||
		o.AdminURL != "https://brand.myshopify.com/admin/orders/1" || o.Total.Amount.String() != "30.50" || o.PresentmentTotal.Currency != "EUR" {
		t.Errorf("the order is %+v", o)
	}
	if len(o.Lines) != 3 || o.Lines[0].LineItemID != 11 || o.Lines[0].NetSales.Amount.String() != "9.25" || o.Lines[1].Product != nil {
		t.Fatalf("its lines are %+v", o.Lines)
	}
	if p := o.Lines[0].Product; p.ProductID != 7 || p.Title != "Luna Moth" || p.Handle != "luna-moth" || p.ProductLine != "IPH" || p.GoneAt == nil || p.AdminURL != "https://brand.myshopify.com/admin/products/7" {
		t.Errorf("the product is %+v", p)
	}
	if p := o.Lines[2].Product; p == nil || p.ProductID != 8 || p.Title != "" {
		t.Errorf("a product that isn't stored is %+v", p)
	}
	if len(o.Fulfillments) != 2 || o.Fulfillments[0].FulfillmentID != 20 || o.Fulfillments[1].TrackingNumber != "T1" {
		t.Errorf("its fulfillments are %+v", o.Fulfillments)
	}
	if len(o.Refunds) != 2 || o.Refunds[0].RefundID != 30 || len(o.Refunds[1].Lines) != 2 || o.Refunds[1].Lines[0].Subtotal.Amount.String() != "9.25" {
		t.Errorf("its refunds are %+v", o.Refunds)
	}
	if two := got.Results[1].Orders[0]; !two.RefundsPending || two.Email != "" || two.Lines == nil || two.Fulfillments == nil || two.Refunds == nil || len(two.Marks) != 0 {
		t.Errorf("an order with little is %+v", two)
	}
}

func TestALookupTakesSixStatementsHoweverManyQueriesThereAre(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included,
			subtotal, discount, shipping, tax, total, refunded, presentment_currency, presentment_total, email, tags, is_test, is_edited, refund_count, content_hash, run_id)
		SELECT n, '#' || n, now(), now(), now(), 'USD', false, 0, 0, 0, 0, 0, 0, 'USD', 0, 'many@example.com', '{}', false, false, 0, 0, gen_random_uuid() FROM generate_series(1, 2000) n`)
	queries := []string{"many@example.com"}
	for n := range orderlookup.MaxQueries - 1 {
		queries = append(queries, fmt.Sprintf("#%d", 10*n+10), fmt.Sprintf("#x%d", n))
	}
	before := d.sent.n.Load()
	got := d.lookUp(queries[:orderlookup.MaxQueries]...)
	if n := d.sent.n.Load() - before; n > 6 {
		t.Errorf("%d statements were sent", n)
	}
	if r := got.Results[0]; len(r.Orders) != 5 || !r.More || got.Found != 101 {
		t.Errorf("%d queries found orders, the first %d", got.Found, len(r.Orders))
	}
	if r := d.lookUp("#1").Results[0]; r.Match != "exact" || len(r.Orders) != 1 || r.More {
		t.Errorf("#1 is %s", tell(r))
	}
	if r := d.lookUp("#").Results[0]; len(r.Orders) != 20 || !r.More || r.Orders[9].Name != "#10" || r.Orders[19].Name != "#20" {
		t.Errorf("the first are %s", tell(r))
	}
}

func TestQueriesThatCannotBeMeantAreRefusedInTheirPlaces(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, c := range map[string]struct{ body, place string }{
		"an empty query":       {`{"queries": ["#1", " "]}`, "body.queries[1]"},
		"no query":             {`{"queries": []}`, "body.queries"},
		"too many queries":     {`{"queries": [` + strings.Repeat(`"1", `, 200) + `"1"]}`, "body.queries"},
		"a query without end":  {`{"queries": ["` + strings.Repeat("1", 501) + `"]}`, "body.queries[0]"},
		"queries of no text":   {`{"queries": [1001]}`, "body.queries[0]"},
		"something else there": {`{"queries": ["1"], "limit": 5}`, "body.limit"},
	} {
		if a := d.Send("POST", "/api/orders/lookup", c.body).Want(422); !strings.Contains(a.Body, `"`+c.place+`"`) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}
