package performance_test

import (
	"net/http"
	"testing"
	"time"
)

// BenchmarkList answers from 100,000 products: a page by a filter and an order,
// the summary, and a preview of thresholds; and reads them all into memory.
func BenchmarkList(b *testing.B) {
	l := newLabOf(b)
	l.fill(100_000, 20_000)
	began := time.Now()
	l.measure(asOf, time.Time{})
	b.Logf("100,000 products were measured in %s", time.Since(began).Round(time.Millisecond))
	spec := `{"measure": "units", "topRiser7Day": 3, "topRiser14Day": 5, "winner30Day": 4, "bananaCount": 100}`
	for name, ask := range map[string]func() answer{
		"page":    func() answer { return l.send(http.MethodGet, path+"?tier=winner&sort=-netSalesTotal", "", "") },
		"summary": func() answer { return l.send(http.MethodGet, path+"/stats/summary", "", "") },
		"preview": func() answer {
			return l.send(http.MethodPut, path+"/settings/classification?preview=true", "", spec)
		},
		"read": func() answer {
			l.exec(`UPDATE performance_state SET revision = revision + 1`)
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
