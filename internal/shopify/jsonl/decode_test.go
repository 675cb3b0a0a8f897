package jsonl

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func wantOrder() shop.Order {
	return shop.Order{
		ID: 1001, Name: "#1001",
		CreatedAt: at("2026-11-20T08:00:00Z"), UpdatedAt: at("2026-11-22T09:30:01Z"), ProcessedAt: at("2026-11-20T08:00:00Z"),
		Edited: true, SourceName: "web", Tags: []string{"vip", "Gift"}, TaxesIncluded: true,
		Currency: "USD", PresentmentCurrency: "EUR",
		FinancialStatus: "PARTIALLY_REFUNDED", FulfillmentStatus: "FULFILLED", LineQuantity: 3,
		CustomerID: 77, Email: "ada@example.com", Country: "DE",
		Subtotal: 300000, Discount: 25000, Shipping: 49000, Tax: 55700, Total: 349000, PresentmentTotal: 321100, Refunded: 100000,
		FulfillmentCount: 1, RefundCount: 1,
		Fulfillments: []shop.Fulfillment{{
			ID: 5, Status: "SUCCESS", Display: "DELIVERED", TrackingCompany: "DHL", TrackingNumber: "JJD1",
			CreatedAt: at("2026-11-21T08:00:00Z"), UpdatedAt: at("2026-11-21T08:00:00Z"), DeliveredAt: at("2026-11-22T08:00:00Z"),
		}},
	}
}

func wantLine() shop.Line {
	return shop.Line{
		ID: 2001, OrderID: 1001, ProductID: 301, VariantID: 401, SKU: "WAVE-16",
		Title: "Blue \"Wave\" café 🌊", VariantTitle: "iPhone 16", Vendor: "Tide",
		Quantity: 3, CurrentQuantity: 2, UnitPrice: 100000, Discount: 25000, Tax: 19500,
	}
}

var (
	emptyIsNil = cmpopts.EquateEmpty()
	noHashes   = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Hash" }, cmp.Ignore())
)

func TestDecodeOrder(t *testing.T) {
	t.Parallel()
	// What an earlier order left must not show through.
	o := shop.Order{Tags: []string{"old", "older", "oldest"}, Email: "old", Refunds: make([]shop.Refund, 2), Hash: 1}
	if err := DecodeOrder([]byte(orderLine), &o); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wantOrder(), o, emptyIsNil, noHashes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if o.Hash <= 1 {
		t.Error("the order has no hash")
	}
}

func TestDecodeOrderOfAnswer(t *testing.T) {
	t.Parallel()
	want := wantOrder()
	want.Lines = []shop.Line{wantLine()}
	want.Refunds = []shop.Refund{{
		ID: 9, CreatedAt: at("2026-11-22T09:00:00Z"), Total: 100000,
		Lines: []shop.RefundLine{{LineID: 2001, Quantity: 1, Subtotal: 91700, Tax: 6500}},
	}}
	var o shop.Order
	if err := DecodeOrder([]byte(nodeLine(false)), &o); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, o, emptyIsNil, noHashes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}

	pages, err := DecodeNode([]byte(nodeLine(true)), &o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Pages{Lines: "next", Refunds: map[shop.ID]string{9: "next"}}, pages); d != "" {
		t.Errorf("pages: -want +got\n%s", d)
	}
	if err := DecodeOrder([]byte(nodeLine(true)), &o); !errors.Is(err, errs.Invalid) {
		t.Errorf("DecodeOrder of an order that was cut: %v", err)
	}
}

func TestDecodeRefunds(t *testing.T) {
	t.Parallel()
	raw := `{"__typename":"Order","id":"gid://shopify/Order/1","updatedAt":"2026-11-22T09:30:01Z","refunds":[` +
		`{"id":"gid://shopify/Refund/9","createdAt":null,"totalRefundedSet":{"shopMoney":{"amount":"3"}},` +
		`"refundLineItems":{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}}]}`
	var o shop.Order
	pages, err := DecodeRefunds([]byte(raw), &o)
	if err != nil || pages.Refunds != nil {
		t.Fatal(pages, err)
	}
	want := shop.Order{
		ID: 1, UpdatedAt: at("2026-11-22T09:30:01Z"), RefundCount: 1,
		Refunds: []shop.Refund{{ID: 9, Total: 30000}},
	}
	if d := cmp.Diff(want, o, emptyIsNil, noHashes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestDecodePages(t *testing.T) {
	t.Parallel()
	lines, cursor, err := DecodeLines([]byte(`{"nodes":[{`+lineBody+`}],"pageInfo":{"hasNextPage":true,"endCursor":"c2"}}`), 1001)
	if err != nil || cursor != "c2" {
		t.Fatal(cursor, err)
	}
	if d := cmp.Diff([]shop.Line{wantLine()}, lines, noHashes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	refunded, cursor, err := DecodeRefundLines([]byte(`{"nodes":[{"quantity":2,"lineItem":{"id":"gid://shopify/LineItem/7"},` +
		`"subtotalSet":{"shopMoney":{"amount":"1"}},"totalTaxSet":{"shopMoney":{"amount":"0"}}}],"pageInfo":{"hasNextPage":false,"endCursor":"c"}}`))
	if err != nil || cursor != "" {
		t.Fatal(cursor, err)
	}
	if d := cmp.Diff([]shop.RefundLine{{LineID: 7, Quantity: 2, Subtotal: 10000}}, refunded); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	_, _, err = DecodeRefundLines([]byte(`{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}`))
	if err == nil || !strings.Contains(err.Error(), "pageInfo.endCursor: is missing") {
		t.Errorf("a next page without a cursor: %v", err)
	}
}

func TestDecodeProduct(t *testing.T) {
	t.Parallel()
	p := shop.Product{Tags: []string{"old"}, PublishedAt: time.Now()}
	if err := DecodeProduct([]byte(productLine), &p); err != nil {
		t.Fatal(err)
	}
	want := shop.Product{
		ID: 301, Title: "Wave", Handle: "wave", Status: "ACTIVE", Vendor: "Tide", ProductType: "Case", Tags: []string{"wave", "Blue"},
		CreatedAt: at("2026-01-02T03:04:05Z"), UpdatedAt: at("2026-11-22T08:30:01Z"), ImageURL: "https://cdn.shopify.com/wave.png?v=1",
	}
	if d := cmp.Diff(want, p, noHashes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestDecodeID(t *testing.T) {
	t.Parallel()
	id, updated, err := DecodeID([]byte(`{"__typename":"Product","id":"gid:\/\/shopify\/Product\/12","updatedAt":"2026-11-22T00:00:00.5Z"}`))
	if err != nil || id != 12 || !updated.Equal(at("2026-11-22T00:00:00.5Z")) {
		t.Error(id, updated, err)
	}
}

func TestDecodeLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		old, new string // what differs from lineLine
		want     func(*shop.Line)
	}{
		{"a line as Shopify writes it", ``, ``, func(*shop.Line) {}},
		{"the product was deleted", `{"id":"gid:\/\/shopify\/Product\/301"}`, `null`, func(l *shop.Line) { l.ProductID = 0 }},
		{"a nullable field is missing", `"sku":"WAVE-16",`, ``, func(l *shop.Line) { l.SKU = "" }},
		{"a nullable field is null", `"Tide"`, `null`, func(l *shop.Line) { l.Vendor = "" }},
		{"an unknown field holds anything", `"sku"`, `"x":[{"quantity":[-1.5e+9,true,null,"\n"]},{}],"sku"`, func(*shop.Line) {}},
		{"an unknown field appears twice", `"sku"`, `"x":1,"x":2,"sku"`, func(*shop.Line) {}},
		{"a key in another case is another field", `"sku"`, `"SKU":"other","sku"`, func(*shop.Line) {}},
		{"a key is written with escapes", `"sku"`, `"s\u006bu"`, func(*shop.Line) {}},
		{"text has an escaped key in it", `WAVE-16`, `\",\"__parentId\":\"gid:\/\/shopify\/Order\/666\"}`, func(l *shop.Line) {
			l.SKU = `","__parentId":"gid://shopify/Order/666"}`
		}},
		{"text has every escape", `WAVE-16`, `\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00`, func(l *shop.Line) { l.SKU = "\"\\/\b\f\n\r\té😀" }},
		{"text has U+2028 and U+FFFD", `WAVE-16`, "\u2028\ufffd\\ufffd", func(l *shop.Line) { l.SKU = "\u2028\ufffd\ufffd" }},
		{"an amount has four decimals", `"10.0"`, `"-0.0625"`, func(l *shop.Line) { l.UnitPrice = -625 }},
		{"an amount is written with an escape", `"10.0"`, `"1\u0030.0"`, func(*shop.Line) {}},
		{"the largest id", `\/2001`, `\/9223372036854775807`, func(l *shop.Line) { l.ID = 1<<63 - 1 }},
		{"an id in digits", `"gid:\/\/shopify\/LineItem\/2001"`, `"2001"`, func(*shop.Line) {}},
		{"no discounts", `{"allocatedAmountSet":{"shopMoney":{"amount":"1.5"}}},{"allocatedAmountSet":{"shopMoney":{"amount":"1.0"}}}`, ``,
			func(l *shop.Line) { l.Discount = 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := wantLine()
			c.want(&want)
			var got shop.Line
			if err := DecodeLine([]byte(strings.Replace(lineLine, c.old, c.new, 1)), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, noHashes); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestDecodeLineRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", lineLine, ``, `is no object`},
		{"a list", lineLine, `[]`, `is no object`},
		{"two values", `Order\/1001"}`, `Order\/1001"}{}`, `more than one JSON value`},
		{"a cut line", lineLine[strings.Index(lineLine, `alse,"product"`):], ``, `isGiftCard: is neither true nor false`},
		{"a comma too many", `"quantity":3,`, `"quantity":3,,`, `is no JSON at byte`},
		{"a comma before the end", `Order\/1001"}`, `Order\/1001",}`, `is no JSON at byte`},
		{"no quotes around a key", `"sku"`, `sku`, `is no JSON at byte`},
		{"a number with a leading zero", `"quantity":3`, `"quantity":03`, `quantity: is no JSON`},
		{"a number cut in an unknown field", `"sku"`, `"x":1.,"sku"`, `x: is no JSON`},
		{"a huge number as quantity", `"quantity":3`, `"quantity":1e400`, `quantity: is no integer of 32 bits`},
		{"half a quantity", `"quantity":3`, `"quantity":3.5`, `quantity: is no integer`},
		{"a quantity beyond 32 bits", `"quantity":3`, `"quantity":2147483648`, `quantity: is no integer of 32 bits`},
		{"a quantity in quotes", `"quantity":3`, `"quantity":"3"`, `quantity: is no number`},
		{"a number for text", `"WAVE-16"`, `16`, `sku: is no string`},
		{"text for a boolean", `false`, `"false"`, `isGiftCard: is neither true nor false`},
		{"text for an object", `{"shopMoney":{"amount":"10.0"}}`, `"10.0"`, `originalUnitPriceSet: is no object`},
		{"an object for a list", `[{"allocatedAmountSet"`, `{"allocatedAmountSet"`, `discountAllocations: is no list`},
		{"a number for an amount", `"10.0"`, `10.0`, `originalUnitPriceSet.shopMoney.amount: is no string`},
		{"an amount with five decimals", `"1.0"`, `"0.00001"`, `discountAllocations[1].allocatedAmountSet.shopMoney.amount: amount "0.00001" has more than 4 decimals`},
		{"an amount beyond range", `"10.0"`, `"1000000000000000"`, `originalUnitPriceSet.shopMoney.amount: amount`},
		{"discounts beyond range together", `"1.5"}}},{"allocatedAmountSet":{"shopMoney":{"amount":"1.0"}}}`,
			`"922337203685476"}}},{"allocatedAmountSet":{"shopMoney":{"amount":"922337203685476"}}}`, `sum of amounts is beyond range`},
		{"an exponent in an amount", `"10.0"`, `"1e400"`, `originalUnitPriceSet.shopMoney.amount: amount`},
		{"a field twice", `"sku"`, `"sku":"A","sku"`, `sku: appears twice`},
		{"a field twice, once as null", `"product"`, `"product":null,"product"`, `product: appears twice`},
		{"a field twice inside another", `"amount":"10.0"`, `"amount":"1","amount":"10.0"`, `originalUnitPriceSet.shopMoney.amount: appears twice`},
		{"no id", `"id":"gid:\/\/shopify\/LineItem\/2001",`, ``, `id: is missing`},
		{"no parent", `,"__parentId":"gid:\/\/shopify\/Order\/1001"`, ``, `__parentId: is missing`},
		{"a required field is null", `"currentQuantity":2`, `"currentQuantity":null`, `currentQuantity: is null`},
		{"a required field is missing within", `"amount":"1.0"`, ``, `discountAllocations[1].allocatedAmountSet.shopMoney.amount: is missing`},
		{"an id of another type", `LineItem\/2001`, `Order\/2001`, `id: is the id of another type than LineItem`},
		{"an id of 0", `LineItem\/2001`, `LineItem\/0`, `id: is no gid`},
		{"an id beyond 63 bits", `LineItem\/2001`, `LineItem\/9223372036854775808`, `id: is no gid`},
		{"another type", `"LineItem"`, `"Order"`, `__typename: is not LineItem`},
		{"invalid UTF-8", `WAVE-16`, "\xff", `sku: text is not valid UTF-8`},
		{"a surrogate in UTF-8", `WAVE-16`, "\xed\xa0\x80", `sku: text is not valid UTF-8`},
		{"U+0000 escaped", `WAVE-16`, `a\u0000b`, `sku: text holds U+0000, which PostgreSQL can't store`},
		{"U+0000 bare", `WAVE-16`, "a\x00b", `sku: text holds a control character`},
		{"the first half of a pair", `WAVE-16`, `\ud83d`, `sku: text holds half of a surrogate pair`},
		{"the second half of a pair", `WAVE-16`, `\ude00\ud83d`, `sku: text holds half of a surrogate pair`},
		{"half a pair in an unknown field", `"sku"`, `"x":"\ud83dx","sku"`, `x: text holds half`},
		{"a newline in text", `WAVE-16`, "a\nb", `sku: text holds a control character`},
		{"an unknown escape", `WAVE-16`, `\x41`, `sku: text holds an unknown escape`},
		{"an escape cut short", `WAVE-16`, `\u12`, `sku: text holds an unknown escape`},
		{"text without an end", `Order\/1001"}`, `Order\/1001`, `__parentId: text is not closed`},
		{"too deep", `"sku"`, `"x":` + strings.Repeat("[", MaxDepth) + `,"sku"`, `lies deeper than 64 levels`},
		{"a key that isn't ours", `"sku"`, `"a b":tru,"sku"`, `"a b": is no JSON at byte`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := DecodeLine([]byte(strings.Replace(lineLine, c.old, c.new, 1)), new(shop.Line))
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errs.Invalid) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestDecodeOrderRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, want string }{
		{"a day for a time", `"2026-11-22T09:30:01Z"`, `"2026-11-22"`, `updatedAt: is no time such as`},
		{"the 31st of November", `2026-11-22T09:30:01Z`, `2026-11-31T09:30:01Z`, `updatedAt: is no time`},
		{"hour 24", `2026-11-22T09:30:01Z`, `2026-11-22T24:30:01Z`, `updatedAt: is no time`},
		{"no zone", `2026-11-22T09:30:01Z`, `2026-11-22T09:30:01`, `updatedAt: is no time`},
		{"no currency", `"USD"`, `"usd"`, `currencyCode: is no currency code`},
		{"no presentment money", `,"presentmentMoney":{"amount":"32.11"}`, ``, `totalPriceSet.presentmentMoney: is missing`},
		{"a tag that is no text", `"vip"`, `7`, `tags[0]: is no string`},
		{"null as a tag", `"vip"`, `null`, `tags[0]: is no string`},
		{"a fulfillment without status", `"status":"SUCCESS",`, ``, `fulfillments[0].status: is missing`},
		{"a bad time within", `"deliveredAt":"2026-11-22T08:00:00Z"`, `"deliveredAt":""`, `fulfillments[0].deliveredAt: is no time`},
		{"a parent", `"refunds"`, `"__parentId":"gid:\/\/shopify\/Order\/1","refunds"`, `__parentId: is set`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := DecodeOrder([]byte(strings.Replace(orderLine, c.old, c.new, 1)), new(shop.Order))
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errs.Invalid) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestTooManyTags(t *testing.T) {
	t.Parallel()
	var tags []string
	for i := range maxTags + 1 {
		tags = append(tags, strconv.Itoa(i))
	}
	raw := strings.Replace(productLine, `"wave","Blue"`, `"`+strings.Join(tags, `","`)+`"`, 1)
	if err := DecodeProduct([]byte(raw), new(shop.Product)); err == nil || !strings.Contains(err.Error(), "tags[1000]") {
		t.Error(err)
	}
}

func TestFulfillmentsAreCountedWhereShopifyDoesNot(t *testing.T) {
	t.Parallel()
	for count, want := range map[string]int{`{"count":4}`: 4, `null`: 1} {
		var o shop.Order
		err := DecodeOrder([]byte(strings.Replace(orderLine, `{"count":1}`, count, 1)), &o)
		if err != nil || o.FulfillmentCount != want {
			t.Errorf("%s: got %d, %v, want %d", count, o.FulfillmentCount, err, want)
		}
	}
}

// The bulk file and an answer must agree, or each repair by id would look like
// a change.
func TestHashesAgreeOnBothRoutes(t *testing.T) {
	t.Parallel()
	var bulk, node shop.Order
	var line shop.Line
	if err := errors.Join(
		DecodeOrder([]byte(orderLine), &bulk), DecodeLine([]byte(lineLine), &line), DecodeOrder([]byte(nodeLine(false)), &node),
	); err != nil {
		t.Fatal(err)
	}
	if bulk.Hash != node.Hash || line.Hash != node.Lines[0].Hash {
		t.Errorf("order %x and %x, line %x and %x", bulk.Hash, node.Hash, line.Hash, node.Lines[0].Hash)
	}
}

// Every value of a line must count in its hash. Each case changes one.
func TestHashesDiffer(t *testing.T) {
	t.Parallel()
	differ := func(t *testing.T, line string, hash func(string) (uint64, error), changes [][2]string) {
		seen := map[uint64]string{}
		for _, c := range append(changes, [2]string{}) {
			h, err := hash(strings.Replace(line, c[0], c[1], 1))
			if err != nil {
				t.Fatalf("%s: %v", c[1], err)
			}
			if other, ok := seen[h]; ok {
				t.Errorf("%q and %q have the same hash", c[1], other)
			}
			seen[h] = c[1]
		}
	}
	differ(t, orderLine, func(raw string) (uint64, error) {
		var o shop.Order
		err := DecodeOrder([]byte(raw), &o)
		return o.Hash, err
	}, [][2]string{
		{`Order\/1001`, `Order\/1002`}, {`"#1001"`, `"#1002"`}, {`"2026-11-20T08:00:00Z"`, `"2026-11-20T08:00:01Z"`},
		{`:01Z`, `:02Z`}, {`"processedAt":"2026`, `"processedAt":"2025`}, {`"closedAt":null`, `"closedAt":"2026-11-20T08:00:00Z"`},
		{`"cancelledAt":null`, `"cancelledAt":"2026-11-20T08:00:00Z"`}, {`"test":false`, `"test":true`}, {`"edited":true`, `"edited":false`},
		{`"web"`, `"pos"`}, {`"vip"`, `"VIP"`}, {`"taxesIncluded":true`, `"taxesIncluded":false`}, {`USD`, `CAD`}, {`EUR`, `CAD`},
		{`PARTIALLY_REFUNDED`, `PAID`}, {`FULFILLED`, `UNFULFILLED`}, {`"subtotalLineItemsQuantity":3`, `"subtotalLineItemsQuantity":4`},
		{`\/77`, `\/78`}, {`ada@`, `bob@`}, {`"DE"`, `null`}, {`"30.0"`, `"31"`}, {`"2.5"`, `"2.6"`}, {`"4.9"`, `"5"`}, {`"5.57"`, `"5.58"`},
		{`"34.9"`, `"35"`}, {`"32.11"`, `"32.12"`}, {`"amount":"10.0"`, `"amount":"11"`}, {`"count":1`, `"count":2`},
		{`Fulfillment\/5`, `Fulfillment\/6`}, {`SUCCESS`, `CANCELLED`}, {`DELIVERED`, `IN_TRANSIT`}, {`"createdAt":"2026-11-21`, `"createdAt":"2026-11-19`},
		{`"updatedAt":"2026-11-21`, `"updatedAt":"2026-11-19`}, {`"deliveredAt":"2026-11-22`, `"deliveredAt":"2026-11-23`}, {`"DHL"`, `"UPS"`}, {`JJD1`, `JJD3`},
		{`{"id":"gid:\/\/shopify\/Refund\/9"}`, ``},
	})
	differ(t, lineLine, func(raw string) (uint64, error) {
		var l shop.Line
		err := DecodeLine([]byte(raw), &l)
		return l.Hash, err
	}, [][2]string{
		{`\/2001`, `\/2002`}, {`Order\/1001`, `Order\/1002`}, {`\/301`, `\/302`}, {`\/401`, `\/402`}, {`Blue`, `Red`}, {`iPhone 16`, `iPhone 17`},
		{`WAVE-16`, `WAVE-17`}, {`Tide`, `Ebb`}, {`"quantity":3`, `"quantity":4`}, {`"currentQuantity":2`, `"currentQuantity":3`},
		{`false`, `true`}, {`"10.0"`, `"11"`}, {`"1.5"`, `"1.6"`}, {`"0.05"`, `"0.06"`},
	})
	differ(t, productLine, func(raw string) (uint64, error) {
		var p shop.Product
		err := DecodeProduct([]byte(raw), &p)
		return p.Hash, err
	}, [][2]string{
		{`\/301`, `\/302`}, {`"Wave"`, `"Moss"`}, {`"wave"`, `"moss"`}, {`ACTIVE`, `DRAFT`}, {`Tide`, `Ebb`}, {`Case`, `Cover`}, {`"wave","Blue"`, `"waveBlue"`},
		{`04:05Z`, `04:06Z`}, {`09:30:01`, `09:30:02`}, {`"publishedAt":null`, `"publishedAt":"2026-01-02T03:04:05Z"`}, {`v=1`, `v=2`},
	})
}
