package shopify

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed queries/*.graphql
var queries embed.FS

// Document names a GraphQL document of the folder queries.
type Document string

// The documents that [Client.StartBulk] takes.
const (
	BulkOrders     Document = "bulk_orders"      // orders with their lines as children
	BulkOrderIDs   Document = "bulk_order_ids"   // id and updatedAt of orders
	BulkProducts   Document = "bulk_products"    // products
	BulkProductIDs Document = "bulk_product_ids" // id and updatedAt of products
)

const (
	docBulkStart       Document = "bulk_start"
	docBulkPoll        Document = "bulk_poll"
	docBulkList        Document = "bulk_list"
	docBulkCancel      Document = "bulk_cancel"
	docCounts          Document = "counts"
	docDeletions       Document = "deletions"
	docOrderLinesPage  Document = "order_lines_page"
	docOrderRefunds    Document = "order_refunds"
	docOrdersByID      Document = "orders_by_id"
	docPreflight       Document = "preflight"
	docProductsByID    Document = "products_by_id"
	docRefundLinesPage Document = "refund_lines_page"
	docTagsAdd         Document = "tags_add"
)

func loadDocuments() (map[Document]string, error) {
	const folder = "queries"
	entries, err := queries.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("embedded documents: %w", err)
	}
	documents := make(map[Document]string, len(entries))
	for _, e := range entries {
		text, err := queries.ReadFile(path.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("embedded documents: %w", err)
		}
		documents[Document(strings.TrimSuffix(e.Name(), ".graphql"))] = string(text)
	}
	return documents, nil
}

// A line that ends with this comment and a scope is sent only where the shop
// granted that scope: one that is missing fails a whole bulk operation.
const scopeMark = "# scope:"

// assemble returns a document as it is sent: without comments, empty lines,
// and the lines whose scope isn't granted. No string of ours holds a "#"; a
// test of the documents would fail if one did.
func assemble(text string, granted func(scope string) bool) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if scope, marked := lineScope(line); marked && !granted(scope) {
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func lineScope(line string) (scope string, marked bool) {
	content, scope, marked := strings.Cut(line, scopeMark)
	return strings.TrimSpace(scope), marked && strings.TrimSpace(content) != ""
}

// scopedFields returns the fields that documents ask for under a scope only,
// by scope, in alphabetical order.
func scopedFields(documents map[Document]string) map[string][]string {
	fields := map[string][]string{}
	for _, text := range documents {
		for line := range strings.Lines(text) {
			scope, marked := lineScope(line)
			if !marked {
				continue
			}
			name := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t({", r) })[0]
			if at, found := slices.BinarySearch(fields[scope], name); !found {
				fields[scope] = slices.Insert(fields[scope], at, name)
			}
		}
	}
	return fields
}
