package shopify

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Window returns the search filter of what was updated in [since, until), to
// the second. A zero time leaves that end open, two give "", which is all.
func Window(since, until time.Time) string {
	var terms []string
	if !since.IsZero() {
		terms = append(terms, "updated_at:>="+quoted(since))
	}
	if !until.IsZero() {
		terms = append(terms, "updated_at:<"+quoted(until))
	}
	return strings.Join(terms, " AND ")
}

// quoted returns an instant as the search syntax takes it. Without the quotes
// the first colon would end the value.
func quoted(t time.Time) string { return "'" + t.UTC().Format(time.RFC3339) + "'" }

// Counts are exact numbers of what search filters match.
type Counts struct {
	Orders, Products int64
}

// Counts counts what filters match; "" matches all. A filter that Shopify
// doesn't understand is errs.Invalid, which a bulk operation would not tell:
// it would export everything.
func (c *Client) Counts(ctx context.Context, orders, products string) (n Counts, err error) {
	defer errs.Wrap(&err, "shopify: counts")
	type count struct {
		Count     int64  `json:"count"`
		Precision string `json:"precision"`
	}
	var data struct {
		OrdersCount   *count `json:"ordersCount"`
		ProductsCount *count `json:"productsCount"`
	}
	vars := map[string]any{}
	if orders != "" {
		vars["orders"] = orders
	}
	if products != "" {
		vars["products"] = products
	}
	if _, err := c.do(ctx, request{doc: docCounts, vars: vars}, &data); err != nil {
		return n, err
	}
	for _, one := range []*count{data.OrdersCount, data.ProductsCount} {
		if one == nil || one.Precision != "EXACT" {
			return n, fmt.Errorf("counted up to a limit, not exactly: %w", errs.Corrupt)
		}
	}
	return Counts{data.OrdersCount.Count, data.ProductsCount.Count}, nil
}

// Deletion tells that an order or a product was deleted.
type Deletion struct {
	ID shop.ID
	At time.Time // UTC
}

const (
	deletionsPage = 250

	// Shopify ends every list at 25,000 entries; we start a new one before.
	longestList = 24_000
)

// Deletions yields what was deleted since a time, oldest first. The subject is
// "ORDER" or "PRODUCT". Shopify remembers deletions for a year. The same one
// may come twice. The sequence ends at the first error, which is yielded.
func (c *Client) Deletions(ctx context.Context, since time.Time, subject string) iter.Seq2[Deletion, error] {
	return func(yield func(Deletion, error) bool) {
		for {
			last, more, err := c.deletions(ctx, since, subject, func(d Deletion) bool { return yield(d, nil) })
			if err == nil && more && !last.After(since) {
				err = fmt.Errorf("more than %d deletions in one second: %w", longestList, errs.TooLarge)
			}
			if err != nil {
				errs.Wrap(&err, "shopify: deletions")
				yield(Deletion{}, err)
				return
			}
			if !more {
				return
			}
			since = last
		}
	}
}

type destroyEvent struct {
	Action      string    `json:"action"`
	CreatedAt   time.Time `json:"createdAt"`
	SubjectID   shop.ID   `json:"subjectId"`
	SubjectType string    `json:"subjectType"`
}

// deletions visits one list of events. It returns the time of the last one,
// and whether the list was left before its end because it grew too long.
func (c *Client) deletions(ctx context.Context, since time.Time, subject string, visit func(Deletion) bool) (last time.Time, more bool, err error) {
	vars := map[string]any{
		"first": deletionsPage,
		"query": "action:destroy AND subject_type:" + subject + " AND created_at:>=" + quoted(since),
	}
	for range longestList / deletionsPage {
		var data struct {
			Events struct {
				Nodes    []destroyEvent `json:"nodes"`
				PageInfo pageInfo       `json:"pageInfo"`
			} `json:"events"`
		}
		if _, err := c.do(ctx, request{doc: docDeletions, vars: vars}, &data); err != nil {
			return last, false, err
		}
		for _, e := range data.Events.Nodes {
			last = e.CreatedAt.UTC()
			if e.Action != "destroy" || e.SubjectType != subject || e.SubjectID == 0 {
				continue
			}
			if !visit(Deletion{e.SubjectID, last}) {
				return last, false, nil
			}
		}
		if !data.Events.PageInfo.HasNextPage {
			return last, false, nil
		}
		vars["after"] = data.Events.PageInfo.EndCursor
	}
	return last, true, nil
}
