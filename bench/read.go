package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// runRead measures how a list over all orders is read, page by page.
func runRead(ctx context.Context, b *bench) (Result, error) {
	return b.inquire(ctx, inquiry{"read", "each page of the shop's days of a year and a half in turn, 50 days a page", askRead})
}

// daysAPage is the size of a page where a request says nothing.
const daysAPage = 50

// askRead makes requests for the pages of the list. It follows the program's
// cursors once; the bare handler is told the days.
func askRead(_ context.Context, _ int, send func(question) ([]byte, error)) (func(i int) question, error) {
	first, last := time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)
	var pages []question
	for ; !last.Before(first.AddDate(0, 0, daysAPage)); last = last.AddDate(0, 0, -daysAPage) {
		day := last.Format(time.DateOnly)
		pages = append(pages, question{theirs: "/?to=" + day, want: `"` + day})
	}
	for i, cursor := 0, ""; i < len(pages) && send != nil; i++ {
		pages[i].ours = "/api/fulfillment-daily-summary?from=2025-05-01&to=2026-10-31&limit=50" + cursor
		body, err := send(pages[i])
		if err != nil {
			return nil, err
		}
		var page struct{ Pagination struct{ NextCursor string } }
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, err
		}
		cursor = "&cursor=" + url.QueryEscape(page.Pagination.NextCursor)
	}
	return func(i int) question { return pages[i%len(pages)] }, nil
}

// bareRead answers with the days of a page.
func bareRead(r *http.Request, q *pgdb.Queries) (any, error) {
	to, err := time.Parse(time.DateOnly, r.URL.Query().Get("to"))
	if err != nil {
		return nil, fmt.Errorf("to: %w: %w", err, errs.Invalid)
	}
	if _, err := q.ReadShop(r.Context()); err != nil {
		return nil, err
	}
	days, err := q.ListFulfillmentDays(r.Context(), pgdb.ListFulfillmentDaysParams{LastDay: to, Days: daysAPage + 1})
	if err != nil {
		return nil, err
	}
	return map[string]any{"data": days[:daysAPage]}, nil
}
