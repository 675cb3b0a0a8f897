package performance_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// BenchmarkList answers from 100,000 products: a page by a filter and an order,
// the summary, and a preview of thresholds; the first page after something was
// written, and after all is measured anew.
func BenchmarkList(b *testing.B) {
	l := newLabOf(b)
	l.fill(100_000, 20_000)
	began := time.Now()
	l.measure(asOf, time.Time{})
	b.Logf("100,000 products were measured in %s", time.Since(began).Round(time.Millisecond))
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	spec := `{"measure": "units", "topRiser7Day": 3, "topRiser14Day": 5, "winner30Day": 4, "bananaCount": 100}`
	for name, ask := range map[string]func() answer{
		"page":    func() answer { return l.send(http.MethodGet, path+"?tier=winner&sort=-netSalesTotal", "", "") },
		"summary": func() answer { return l.send(http.MethodGet, path+"/stats/summary", "", "") },
		"preview": func() answer {
			return l.send(http.MethodPut, path+"/settings/classification?preview=true", "", spec)
		},
		"after a product was written": func() answer {
			l.exec(`UPDATE product SET title = title || '.' WHERE product_id = 77`)
			return l.send(http.MethodGet, path, "", "")
		},
		"after a metric by hand": func() answer {
			day = day.AddDate(0, 0, -1)
			l.send(http.MethodPost, path, "", fmt.Sprintf(`{"productId": "5", "asOf": "%s", "units": {"total": 3}}`, day.Format(time.DateOnly))).into(http.StatusOK, nil)
			return l.send(http.MethodGet, path, "", "")
		},
		"read": func() answer {
			l.service.Forget()
			return l.send(http.MethodGet, path, "", "")
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask().into(http.StatusOK, nil)
			}
		})
	}
}
