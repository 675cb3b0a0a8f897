package jsonl

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The lines below are written as Shopify writes them: keys in the order of the
// document, slashes escaped, no space.

const orderLine = `{"__typename":"Order","id":"gid:\/\/shopify\/Order\/1001","name":"#1001",` +
	`"createdAt":"2026-11-20T08:00:00Z","updatedAt":"2026-11-22T09:30:01Z","processedAt":"2026-11-20T08:00:00Z",` +
	`"closedAt":null,"cancelledAt":null,"test":false,"edited":true,"sourceName":"web",` +
	`"tags":["vip"," Gift ","gift",""],"taxesIncluded":true,"currencyCode":"USD","presentmentCurrencyCode":"EUR",` +
	`"displayFinancialStatus":"PARTIALLY_REFUNDED","displayFulfillmentStatus":"FULFILLED","subtotalLineItemsQuantity":3,` +
	`"customer":{"id":"gid:\/\/shopify\/Customer\/77"},"email":"ada@example.com","shippingAddress":{"countryCodeV2":"DE"},` +
	`"subtotalPriceSet":{"shopMoney":{"amount":"30.0"}},"totalDiscountsSet":{"shopMoney":{"amount":"2.5"}},` +
	`"totalShippingPriceSet":{"shopMoney":{"amount":"4.9"}},"totalTaxSet":{"shopMoney":{"amount":"5.57"}},` +
	`"totalPriceSet":{"shopMoney":{"amount":"34.9"},"presentmentMoney":{"amount":"32.11"}},` +
	`"totalRefundedSet":{"shopMoney":{"amount":"10.0"}},"fulfillmentsCount":{"count":1},` +
	`"fulfillments":[{"id":"gid:\/\/shopify\/Fulfillment\/5","status":"SUCCESS","displayStatus":"DELIVERED",` +
	`"createdAt":"2026-11-21T08:00:00Z","updatedAt":"2026-11-21T08:00:00Z","deliveredAt":"2026-11-22T08:00:00Z",` +
	`"trackingInfo":[{"company":"DHL","number":"JJD1"},{"company":"DHL","number":"JJD2"}]}],"refunds":[{"id":"gid:\/\/shopify\/Refund\/9"}]}`

const lineBody = `"__typename":"LineItem","id":"gid:\/\/shopify\/LineItem\/2001","title":"Blue \"Wave\" caf\u00e9 \ud83c\udf0a",` +
	`"variantTitle":"iPhone 16","sku":"WAVE-16","vendor":"Tide","quantity":3,"currentQuantity":2,"isGiftCard":false,` +
	`"product":{"id":"gid:\/\/shopify\/Product\/301"},"variant":{"id":"gid:\/\/shopify\/ProductVariant\/401"},` +
	`"originalUnitPriceSet":{"shopMoney":{"amount":"10.0"}},` +
	`"discountAllocations":[{"allocatedAmountSet":{"shopMoney":{"amount":"1.5"}}},{"allocatedAmountSet":{"shopMoney":{"amount":"1.0"}}}],` +
	`"taxLines":[{"priceSet":{"shopMoney":{"amount":"1.9"}}},{"priceSet":{"shopMoney":{"amount":"0.05"}}}]`

const lineLine = `{` + lineBody + `,"__parentId":"gid:\/\/shopify\/Order\/1001"}`

const productLine = `{"__typename":"Product","id":"gid:\/\/shopify\/Product\/301","title":"Wave","handle":"wave","status":"ACTIVE",` +
	`"vendor":"Tide","productType":"Case","tags":["wave","Blue"],"createdAt":"2026-01-02T03:04:05Z",` +
	`"updatedAt":"2026-11-22T09:30:01+01:00","publishedAt":null,` +
	`"featuredMedia":{"preview":{"image":{"url":"https:\/\/cdn.shopify.com\/wave.png?v=1"}}}}`

// answered returns a line as an answer of the Admin API has it: the slashes
// bare, the keys in another order, space between them.
func answered(line string) string {
	line = strings.ReplaceAll(line, `\/`, `/`)
	line = strings.Replace(line, `"name":"#1001",`, ``, 1)
	return strings.Replace(line, `"test":false`, `"name" : "#1001" , "test": false`, 1)
}

// nodeLine is orderLine as orders_by_id.graphql asks for it.
func nodeLine(morePages bool) string {
	info := fmt.Sprintf(`"pageInfo":{"hasNextPage":%t,"endCursor":"next"}`, morePages)
	refunds := `"refunds":[{"id":"gid://shopify/Refund/9","createdAt":"2026-11-22T09:00:00Z",` +
		`"totalRefundedSet":{"shopMoney":{"amount":"10.0"}},"refundLineItems":{"nodes":[{"quantity":1,` +
		`"lineItem":{"id":"gid://shopify/LineItem/2001"},"subtotalSet":{"shopMoney":{"amount":"9.17"}},` +
		`"totalTaxSet":{"shopMoney":{"amount":"0.65"}}}],` + info + `}}]`
	lines := `,"lineItems":{"nodes":[{` + strings.ReplaceAll(lineBody, `\/`, `/`) + `}],` + info + `}}`
	node := strings.Replace(answered(orderLine), `"refunds":[{"id":"gid://shopify/Refund/9"}]`, refunds, 1)
	return strings.TrimSuffix(node, "}") + lines
}

// generate returns the lines of n orders with three items each, varied as a
// shop's are, and the products.
func generate(n int) (orders, lines, products [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("Wave Café Neon Moss Tiger Koi Lunar Peach Retro Bloom 花 Frost Ember")
	vary := func(line string, id int) []byte {
		word := words[r.IntN(len(words))]
		return []byte(strings.NewReplacer(
			`1001`, fmt.Sprint(5_000_000_000+id), `\/2001`, fmt.Sprint(`\/`, 15_000_000_000+id), `\/301`, fmt.Sprint(`\/`, 8_000_000_000+r.IntN(5000)),
			`Blue \"Wave\" caf\u00e9 \ud83c\udf0a`, word+" phone case, tough, with MagSafe", `WAVE-16`, fmt.Sprint(strings.ToUpper(word), "-", r.IntN(900)),
			`"10.0"`, fmt.Sprintf(`"%d.%02d"`, r.IntN(90), r.IntN(100)), `["vip"," Gift ","gift",""]`, `["vip","gift"]`,
			`ada@`, fmt.Sprintf("customer%d@", id), `"JJD1"},{"company":"DHL","number":"JJD2"}`, fmt.Sprintf(`"JJD%d"}`, r.IntN(1e9)),
			`,"discountAllocations":[{"allocatedAmountSet":{"shopMoney":{"amount":"1.5"}}},`, `,"discountAllocations":[`,
		).Replace(line))
	}
	for i := range n {
		orders = append(orders, vary(orderLine, i))
		for j := range 3 {
			lines = append(lines, vary(lineLine, i*3+j))
		}
		products = append(products, vary(productLine, i))
	}
	return orders, lines, products
}
