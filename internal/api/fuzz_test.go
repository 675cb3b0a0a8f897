package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// memory serves a list of 100 rows without a database.
func memory(t testing.TB) http.Handler {
	t.Helper()
	rows := make([]gadget, 100)
	for i := range rows {
		rows[i] = gadget{ID: 1, Name: names(100)[i], Keywords: []string{}}
	}
	a, err := api.New(api.Config{Title: "t", Version: "1"},
		api.ListOf("/api/gadgets", "listGadgets", "Lists gadgets.",
			func(_ context.Context, req *listRequest, after *gadgetPosition, limit int) ([]gadget, error) {
				for i, r := range rows {
					if after == nil || r.Name > after.Name {
						return rows[i:min(i+limit, len(rows))], nil
					}
				}
				return nil, nil
			}, gadget.position),
		api.Query("/api/gadgets/lookup", "lookUpGadgets", "Finds gadgets.", new(shelf).lookUp))
	if err != nil {
		t.Fatal(err)
	}
	h := a.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), ops)))
	})
}

// FuzzCursor: whatever stands for a cursor, the list goes on or says 400, and
// what it gives as the next cursor it takes.
func FuzzCursor(f *testing.F) {
	h := memory(f)
	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest("GET", "/api/gadgets?limit=2", nil))
	f.Add("")
	f.Add("bnVsbA")
	f.Add(first.Body.String()[len(first.Body.String())-140:])
	f.Fuzz(func(t *testing.T, cursor string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/gadgets?limit=2&cursor="+url.QueryEscape(cursor), nil))
		if w.Code != 200 && w.Code != 400 && w.Code != 422 {
			t.Errorf("%q: %d %s", cursor, w.Code, w.Body)
		}
	})
}

// FuzzFilters: whatever stands in a query, the answer is a page or names the
// faults.
func FuzzFilters(f *testing.F) {
	h := memory(f)
	f.Add("name=a&name=b&productId=gid%3A%2F%2Fshopify%2FProduct%2F1&since=2026-11-23&active=true")
	f.Add("name=%00&name;limit=1&&=&%zz&limit=1&limit=2&productId=-1&active=ja")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/api/gadgets", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 422 {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

// FuzzBody: whatever is sent, the answer is one or names the faults.
func FuzzBody(f *testing.F) {
	h := memory(f)
	f.Add(`{"queries":["#1001"]}`)
	f.Add(`{"queries":["\u0000\\u0000"],"queries":[[[[]]]],"x":"\ud800"}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/api/gadgets/lookup", http.NoBody)
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 422 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}

// FuzzGuard: a guarded text comes back, and no spreadsheet runs it.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{"=1", "'", "''=", "-1", "-", "＝", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := api.Unguard(api.Guard(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}
