package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// BulkQuery is what a bulk operation is to export.
type BulkQuery struct {
	Document Document // one of the Bulk… constants
	Filter   string   // search filter such as [Window] returns; "" for all

	// Name tells this operation from all others of the shop, such as
	// "orders_" and the id of the run: letters, digits, "-" and "_", at most
	// 100. It becomes the name of the query, so it is part of the text that
	// Shopify keeps, and an operation is adopted by its text.
	Name string

	// Since bounds the search for an operation to adopt: none of this name
	// was started before. Zero searches them all.
	Since time.Time
}

var bulkName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

const (
	maxBulkText  = 65_535 // bytes, Shopify's limit
	slotWait     = 2 * time.Minute
	bulkPageSize = 50
	bulkPages    = 20
)

// StartBulk returns the bulk operation of a query: one that an earlier call
// started, whose answer may have been lost, or else a new one. Calling it
// again with the same query is therefore safe, and starts another operation
// only where the earlier one failed, was cancelled or expired.
//
// Where Shopify runs as many operations as it allows, the error is
// errs.Unavailable and says how long to wait.
func (c *Client) StartBulk(ctx context.Context, q BulkQuery) (b Bulk, err error) {
	defer errs.Wrap(&err, "shopify: start of %s", q.Document)
	text, err := c.bulkText(ctx, q)
	if err != nil {
		return b, err
	}
	for failures := 1; ; failures++ {
		b, found, err := c.findBulk(ctx, text, q.Since)
		if err != nil || found {
			return b, err
		}
		b, err = c.submitBulk(ctx, text)
		var lost *failure
		if !errors.As(err, &lost) || lost.undone {
			return b, err
		}
		// The answer is lost, and the operation may run: look before another.
		if err := c.pause(ctx, lost, failures, "looking for a bulk operation", "document", string(q.Document)); err != nil {
			return b, err
		}
	}
}

// bulkText returns the text of a bulk operation, which takes no variables.
func (c *Client) bulkText(ctx context.Context, q BulkQuery) (string, error) {
	const filterArgument = `(query: "FILTER")`
	source := c.documents[q.Document]
	if !strings.Contains(source, filterArgument) {
		return "", fmt.Errorf("document %q is not one for bulk operations: %w", clip(string(q.Document)), errs.Invalid)
	}
	if !bulkName.MatchString(q.Name) {
		return "", fmt.Errorf("name %q is not 1 to 100 letters, digits, - and _: %w", clip(q.Name), errs.Invalid)
	}
	text, err := c.text(ctx, source)
	if err != nil {
		return "", err
	}
	argument := ""
	if q.Filter != "" {
		argument = "(query: " + stringLiteral(q.Filter) + ")"
	}
	text = strings.Replace(text, filterArgument, argument, 1)
	text = "query macrodata_" + strings.ReplaceAll(q.Name, "-", "_") + " " + text
	if len(text) > maxBulkText {
		return "", fmt.Errorf("filter makes the query %d bytes long, Shopify takes %d: %w", len(text), maxBulkText, errs.TooLarge)
	}
	return text, nil
}

// stringLiteral writes s as GraphQL does, which for what it escapes is as JSON
// does.
func stringLiteral(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// findBulk looks for the operation of a text, that has a result or may get
// one, among those created since a time.
func (c *Client) findBulk(ctx context.Context, text string, since time.Time) (b Bulk, found bool, err error) {
	want := squeeze(text)
	filter := "operation_type:query"
	if !since.IsZero() {
		filter += " AND created_at:>=" + quoted(since)
	}
	vars := map[string]any{"first": bulkPageSize, "query": filter}
	for range bulkPages {
		var data struct {
			BulkOperations struct {
				Nodes    []bulkNode `json:"nodes"`
				PageInfo pageInfo   `json:"pageInfo"`
			} `json:"bulkOperations"`
		}
		if _, err := c.do(ctx, request{doc: docBulkList, vars: vars}, &data); err != nil {
			return b, false, err
		}
		for _, n := range data.BulkOperations.Nodes {
			if squeeze(n.Query) != want {
				continue
			}
			if n.Status == Created || n.Status == Running || n.Status == Completed {
				b, err := n.bulk()
				return b, err == nil, err
			}
		}
		if !data.BulkOperations.PageInfo.HasNextPage {
			break
		}
		vars["after"] = data.BulkOperations.PageInfo.EndCursor
	}
	return b, false, nil
}

func (c *Client) submitBulk(ctx context.Context, text string) (b Bulk, err error) {
	var data struct {
		BulkOperationRunQuery struct {
			BulkOperation *struct {
				ID        string    `json:"id"`
				Status    Status    `json:"status"`
				CreatedAt time.Time `json:"createdAt"`
			} `json:"bulkOperation"`
			UserErrors []userError `json:"userErrors"`
		} `json:"bulkOperationRunQuery"`
	}
	req := request{doc: docBulkStart, vars: map[string]any{"query": text}, once: true}
	if _, err := c.do(ctx, req, &data); err != nil {
		return b, err
	}
	if refusals := data.BulkOperationRunQuery.UserErrors; len(refusals) > 0 {
		u := refusals[0]
		if u.Code == "OPERATION_IN_PROGRESS" || u.Code == "LIMIT_REACHED" {
			f := unavailable("as many bulk operations run as Shopify allows (five for an app and shop): %s", c.clean(u.Message))
			f.wait, f.undone = slotWait, true
			return b, f
		}
		return b, fmt.Errorf("query refused by Shopify: %s: %w", c.clean(u.Message), errs.Invalid)
	}
	started := data.BulkOperationRunQuery.BulkOperation
	if started == nil {
		return b, unavailable("answer has neither an operation nor an error")
	}
	return Bulk{ID: started.ID, Status: started.Status, CreatedAt: started.CreatedAt.UTC()}, nil
}

// squeeze takes out of a GraphQL text the white space that has no meaning, so
// that texts can be compared. Strings stay as they are.
func squeeze(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	inString, escaped, gap := false, false, false
	last := byte('{')
	for i := range len(text) {
		ch := text[i]
		if !inString && strings.IndexByte(" \t\r\n,", ch) >= 0 {
			gap = true
			continue
		}
		if gap && nameByte(last) && nameByte(ch) {
			b.WriteByte(' ')
		}
		gap, last = false, ch
		b.WriteByte(ch)
		if ch == '"' && !escaped {
			inString = !inString
		}
		escaped = inString && ch == '\\' && !escaped
	}
	return b.String()
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
