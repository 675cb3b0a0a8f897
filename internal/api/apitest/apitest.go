// Package apitest serves endpoints to tests over real HTTP, on a database of
// their own.
package apitest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// Staff is who sends the requests of a test, unless it says otherwise.
const Staff = "ops@example.com"

// Door is what a test asks.
type Door struct {
	testing.TB
	DB  *pg.DB
	URL string
}

// Open serves endpoints, and the changes that undoers undo, until the test ends.
func Open(t testing.TB, db *pg.DB, endpoints []api.Endpoint, undoers ...api.Undoer) Door {
	t.Helper()
	a, err := api.New(api.Config{Title: "test", Version: "1", DB: db}, append(endpoints, api.Changes(db, undoers...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := api.Principal{Kind: "user", Name: Staff}
		if service := r.Header.Get(serviceHeader); service != "" {
			who = api.Principal{Kind: "service", Name: service}
		}
		a.Handler().ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), who)))
	}))
	t.Cleanup(server.Close)
	return Door{t, db, server.URL}
}

const serviceHeader = "Test-Service"

// Service is a header of Send that has a service token of this name ask.
func Service(name string) string { return serviceHeader + ": " + name }

// Exec runs a statement.
func (d Door) Exec(sql string, args ...any) {
	d.Helper()
	if _, err := d.DB.Exec(d.Context(), sql, args...); err != nil {
		d.Fatal(err)
	}
}

// One reads the one value that a query answers.
func One[T any](d Door, sql string, args ...any) (v T) {
	d.Helper()
	if err := d.DB.QueryRow(d.Context(), sql, args...).Scan(&v); err != nil {
		d.Fatal(err)
	}
	return v
}

// Answer is what a request is answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string

	door Door
	what string
}

// Send sends a request. A body is JSON unless a header says otherwise; headers
// are written as "Name: value".
func (d Door) Send(method, path, body string, headers ...string) Answer {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.URL+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer got.Body.Close() //nolint:errcheck // only read
	all, err := io.ReadAll(got.Body)
	if err != nil {
		d.Fatal(err)
	}
	return Answer{got.StatusCode, got.Header, string(all), d, method + " " + path}
}

// Want fails the test unless the answer has this status.
func (a Answer) Want(status int) Answer {
	a.door.Helper()
	if a.Status != status {
		a.door.Fatalf("%s is answered %d, want %d: %.2000s", a.what, a.Status, status, a.Body)
	}
	return a
}

// Data reads what stands under "data" in an answer that is expected to have
// this status.
func Data[T any](a Answer, status int) T {
	a.door.Helper()
	var v struct{ Data T }
	a.Want(status).JSON(&v)
	return v.Data
}

// JSON reads the whole answer.
func (a Answer) JSON(v any) {
	a.door.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		a.door.Fatalf("%s is answered %d with no such JSON: %v: %.2000s", a.what, a.Status, err, a.Body)
	}
}

// Undo undoes the change that an answer names.
func (a Answer) Undo(headers ...string) Answer {
	a.door.Helper()
	return a.door.Send(http.MethodPost, "/api/changes/"+a.Header.Get("X-Change-Id")+"/undo", "", headers...)
}
