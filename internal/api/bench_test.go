package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// BenchmarkList measures a page of 50 rows against a handler that does nothing
// but encode the same.
func BenchmarkList(b *testing.B) {
	full := memory(b)
	var page api.List[gadget]
	first := httptest.NewRecorder()
	full.ServeHTTP(first, httptest.NewRequest("GET", "/api/gadgets?limit=50&since=2026-11-01", nil))
	if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil || len(page.Data) != 50 {
		b.Fatalf("%d rows, %v", len(page.Data), err)
	}
	bare := http.NewServeMux()
	bare.HandleFunc("GET /api/gadgets", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		_, _ = q.Get("limit"), q.Get("since")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page) // a recorder takes all
	})
	for name, h := range map[string]http.Handler{"api": full, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/api/gadgets?limit=50&since=2026-11-01", nil))
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
