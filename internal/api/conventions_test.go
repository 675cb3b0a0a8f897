package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestConventions(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	d.fill("anvil", "bellows")
	deep := strings.Repeat(`[`, 100_000)
	long := strings.Repeat("x", 2<<20)
	for _, test := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     string
		faults                   string // locations, in order
	}{
		{name: "a thing is under data", method: "GET", path: "/api/gadgets/1", status: 200},
		{name: "a gid is an id", method: "GET", path: "/api/gadgets/gid:%2F%2Fshopify%2FProduct%2F1", status: 200},
		{name: "an id that is none is a fault of the path", method: "GET", path: "/api/gadgets/anvil", status: 422, code: "invalid", faults: "path.gadgetId"},
		{name: "a thing that isn't there is not found", method: "GET", path: "/api/gadgets/99", status: 404, code: "not_found"},
		{name: "a path that nobody serves is not found", method: "GET", path: "/api/nothing", status: 404, code: "not_found"},
		{name: "a method that nobody serves is not allowed", method: "PATCH", path: "/api/gadgets/1", status: 405, code: "method_not_allowed"},
		{name: "all faults of a query come at once", method: "GET", path: "/api/gadgets?limit=501&since=yesterday&active=perhaps&colour=crimson&productId=x&limit=3", status: 422, code: "invalid",
			faults: "query.colour query.limit query.active query.limit query.productId query.since"},
		{name: "a filter with a NUL is a fault", method: "GET", path: "/api/gadgets?name=a%00b", status: 422, code: "invalid", faults: "query.name"},
		{name: "a filter that is no UTF-8 is a fault", method: "GET", path: "/api/gadgets?name=%ff", status: 422, code: "invalid", faults: "query.name"},
		{name: "a query that can't be decoded is a fault", method: "GET", path: "/api/gadgets?name=%zz", status: 422, code: "invalid", faults: "query"},
		{name: "a filter is compared, not executed", method: "GET", path: "/api/gadgets?name=%27%3B+DROP+TABLE+gadget%3B--", status: 200},
		{name: "100,000 parameters are a fault", method: "GET", path: "/api/gadgets?" + strings.Repeat("a&", 100_000), status: 422, code: "invalid", faults: "query"},
		{name: "a cursor that is none can't be read", method: "GET", path: "/api/gadgets?cursor=abc", status: 400, code: "malformed"},
		{name: "all faults of a body come at once, and those of the query", method: "POST", path: "/api/gadgets?x=1", status: 422, code: "invalid",
			body:   `{"name":"","colour":"crimson","tags":["a","b","c","d"],"price":{"amount":12.3,"currency":"USD"}}`,
			faults: "query.x body.colour body.name body.price.amount body.tags"},
		{name: "names are compared with regard to case", method: "POST", path: "/api/gadgets", body: `{"Name":"a"}`, status: 422, code: "invalid", faults: "body body.Name"},
		{name: "money has at most four decimals", method: "POST", path: "/api/gadgets", body: `{"name":"a","price":{"amount":"1.23456","currency":"USD"}}`, status: 422, code: "invalid", faults: "body.price.amount"},
		{name: "null is a fault where there is none", method: "POST", path: "/api/gadgets", body: `{"name":null,"tags":[null],"price":{"amount":null,"currency":"USD"}}`, status: 422, code: "invalid", faults: "body.name body.price.amount body.tags[0]"},
		{name: "null is no value of a member that may be left out", method: "POST", path: "/api/gadgets", body: `{"name":"a","tags":null}`, status: 422, code: "invalid", faults: "body.tags"},
		{name: "an id is no number", method: "POST", path: "/api/gadgets", body: `{"name":"a","ownerId":12}`, status: 422, code: "invalid", faults: "body.ownerId"},
		{name: "rules of the scenario are faults, too", method: "POST", path: "/api/gadgets", body: `{"name":"impossible"}`, status: 422, code: "invalid", faults: "body.name body.tags"},
		{name: "a body that is no JSON can't be read", method: "POST", path: "/api/gadgets", body: `{"name":`, status: 400, code: "malformed", faults: "body"},
		{name: "a body that isn't there can't be read", method: "POST", path: "/api/gadgets", status: 400, code: "malformed"},
		{name: "a body nested 100,000 deep can't be read", method: "POST", path: "/api/gadgets", body: deep, status: 400, code: "malformed"},
		{name: "a body with a NUL can't be stored", method: "POST", path: "/api/gadgets", body: `{"name":"a\u0000"}`, status: 422, code: "invalid", faults: "body"},
		{name: "a backslash before u0000 is no NUL", method: "POST", path: "/api/gadgets", body: `{"name":"a\\u0000"}`, status: 201},
		{name: "a body of 2 MiB is too large", method: "POST", path: "/api/gadgets", body: `{"name":"` + long + `"}`, status: 413, code: "too_large"},
		{name: "a compressed body is not read", method: "POST", path: "/api/gadgets", body: `{}`, headers: []string{"Content-Encoding: gzip"}, status: 415, code: "unsupported_media_type"},
		{name: "a body that isn't said to be JSON is not read", method: "POST", path: "/api/gadgets", body: `{"name":"a"}`, headers: []string{"Content-Type: text/plain"}, status: 415, code: "unsupported_media_type"},
		{name: "what takes no body says so", method: "POST", path: "/api/gadgets/sync", body: `{"mode":"full"}`, status: 422, code: "invalid", faults: "body"},
		{name: "what takes no body takes an empty one", method: "POST", path: "/api/gadgets/sync", body: `{}`, status: 202},
		{name: "a key of 256 characters is a fault", method: "POST", path: "/api/gadgets/sync", headers: []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, status: 422, code: "invalid", faults: "header.Idempotency-Key"},
		{name: "If-Match that is no version is a fault", method: "PUT", path: "/api/gadgets/1", body: `{"name":"a"}`, headers: []string{`If-Match: "a"`}, status: 422, code: "invalid", faults: "header.If-Match"},
		{name: "what is removed answers with nothing", method: "DELETE", path: "/api/gadgets/2", status: 204},
		{name: "the document is served", method: "GET", path: "/api/openapi.json", status: 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := d.send(test.method, test.path, test.body, test.headers...)
			if r.status != test.status {
				t.Fatalf("status %d, want %d: %s", r.status, test.status, r.body)
			}
			if r.header.Get("X-Request-Id") == "" || r.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", r.header)
			}
			if test.code == "" {
				return
			}
			p := r.problem(t)
			if p.Code != test.code || p.Status != r.status || p.RequestID != r.header.Get("X-Request-Id") || p.Detail == "" || p.Title == "" {
				t.Errorf("%+v", p)
			}
			var where []string
			for _, f := range p.Errors {
				where = append(where, f.Location)
				if f.Message == "" {
					t.Errorf("%s has no message", f.Location)
				}
			}
			if got := strings.Join(where, " "); got != test.faults {
				t.Errorf("faults at %q, want %q", got, test.faults)
			}
			for _, value := range []string{"yesterday", "perhaps", "crimson", "1.23456", "anvil"} {
				if strings.Contains(r.body, value) {
					t.Errorf("the problem repeats %q: %s", value, r.body)
				}
			}
		})
	}
}

func TestAPathTakesItsOwnMethodsAlone(t *testing.T) {
	t.Parallel()
	d := open(t, waits)
	d.fill("anvil")
	for _, test := range []struct{ name, path, takes string }{
		{"a thing", "/api/gadgets/1", "DELETE, GET, PUT, HEAD"},
		{"things", "/api/gadgets", "GET, POST, HEAD"},
		{"a word where things have their id", "/api/gadgets/sync", "POST"},
		{"another word, of a POST that reads", "/api/gadgets/lookup", "POST"},
		{"a file beside a list", "/api/gadgets.csv", "GET, HEAD"},
		{"a stream", "/api/gadgets/1/events", "GET, HEAD"},
		{"the document", "/api/openapi.json", "GET, HEAD"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
				if slices.Contains(strings.Split(test.takes, ", "), method) {
					if r := d.send(method, test.path+"?nosuch=1", ""); r.status == 405 {
						t.Errorf("%s: %s", method, r.body)
					}
					continue
				}
				r := d.send(method, test.path, `{"name":"a"}`)
				if r.status != 405 || r.header.Get("Allow") != test.takes {
					t.Errorf("%s: %d, Allow %q: %s", method, r.status, r.header.Get("Allow"), r.body)
				} else if method != "HEAD" && r.problem(t).Code != "method_not_allowed" {
					t.Errorf("%s: %s", method, r.body)
				}
			}
		})
	}
	if n := d.effects.Load(); n != 0 {
		t.Errorf("%d effects", n)
	}
}

func TestAHeadIsAGetWithoutItsBody(t *testing.T) {
	t.Parallel()
	d := open(t, waits) // a stream that is read ends with its client, and this one waits
	d.fill("anvil")
	for path, media := range map[string]string{
		"/api/gadgets/1": "application/json", "/api/gadgets.csv": "text/csv", "/api/gadgets/1/events": "text/event-stream",
	} {
		if r := d.send("HEAD", path, ""); r.status != 200 || r.body != "" || !strings.HasPrefix(r.header.Get("Content-Type"), media) {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
	if r := d.send("HEAD", "/api/gadgets/1", "", `If-None-Match: "1"`); r.status != 304 {
		t.Errorf("the same version again: %d", r.status)
	}
}

func TestErrorsBecomeProblemsByTheirKinds(t *testing.T) {
	t.Parallel()
	secret := "postgres://admin:hunter2@db"
	for _, test := range []struct {
		name   string
		err    error
		status int
		code   string
		detail string
		tells  bool // the error's own words
	}{
		{"what is invalid says why", fmt.Errorf("since is after until: %w", errs.Invalid), 422, "invalid", "since is after until", true},
		{"a conflict says with what", fmt.Errorf("run 7 is in progress: %w", errs.Conflict), 409, "conflict", "run 7 is in progress", true},
		{"what is stale is a failed precondition", fmt.Errorf("changed: %w", errs.Stale), 412, "stale", "changed", true},
		{"what is denied says who must act", fmt.Errorf("the scope is missing: %w", errs.Denied), 403, "denied", "the scope is missing", true},
		{"what is too large is refused", fmt.Errorf("a million: %w", errs.TooLarge), 413, "too_large", "a million", true},
		{"what is away may be back soon", fmt.Errorf("dial %s: %w", secret, errs.Unavailable), 503, "unavailable", "", false},
		{"corrupt data are ours to mend", fmt.Errorf("%s: %w", secret, errs.Corrupt), 500, "corrupt", "", false},
		{"an error without a kind is a defect", errors.New(secret), 500, "internal", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, func(context.Context, string) error { return errs.WithRemedy(test.err, "do this") })
			r := d.send("GET", "/api/gadgets", "")
			p := r.problem(t)
			if r.status != test.status || p.Code != test.code || p.Remedy != "do this" || p.Type != "urn:macrodata:problem:"+test.code {
				t.Errorf("%d %+v", r.status, p)
			}
			if test.tells && p.Detail != test.detail || strings.Contains(r.body, "hunter2") {
				t.Errorf("detail %q", p.Detail)
			}
			if wait := r.header.Get("Retry-After"); (wait != "") != (r.status == 503) {
				t.Errorf("Retry-After %q", wait)
			}
			if log := d.log.String(); !strings.Contains(log, p.RequestID) || strings.Contains(log, "level=ERROR") != (r.status >= 500) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestAPanicIsAProblemThatTellsNothing(t *testing.T) {
	t.Parallel()
	d := open(t, func(context.Context, string) error { panic("hunter2") })
	r := d.send("GET", "/api/gadgets", "")
	if p := r.problem(t); r.status != 500 || p.Code != "internal" || strings.Contains(r.body, "hunter2") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if log := d.log.String(); !strings.Contains(log, "hunter2") || !strings.Contains(log, "example_test.go") {
		t.Errorf("the log doesn't tell where: %s", log)
	}
}

func TestTheDatabaseAwayIs503AndNoEmptyList(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	d.fill("anvil")
	away := relay(t, d)
	if r := d.send("GET", "/api/gadgets", ""); r.status != 200 {
		t.Fatalf("through the relay: %d %s", r.status, r.body)
	}
	away()
	for _, path := range []string{"/api/gadgets", "/api/gadgets.csv", "/api/gadgets/1"} {
		if r := d.send("GET", path, ""); r.status != 503 || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// relay puts a relay between the shelf and its database, and returns what
// breaks it.
func relay(t *testing.T, d *door) (breakIt func()) {
	t.Helper()
	config := d.db.Pool().Config().ConnConfig
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			go io.Copy(in, out) //nolint:errcheck // it is broken on purpose
			go io.Copy(out, in) //nolint:errcheck // as above
		}
	}()
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: l.Addr().String(),
		Path: config.Database, RawQuery: "sslmode=disable",
	}
	d.db = pgtest.Open(t, pg.Config{URL: u.String()})
	return func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}
}

func TestAClientThatWentAwayIsNoError(t *testing.T) {
	t.Parallel()
	arrived, left := make(chan struct{}), make(chan struct{})
	d := open(t, func(ctx context.Context, _ string) error {
		close(arrived)
		<-ctx.Done()
		return ctx.Err()
	}, func(c *api.Config) {
		c.Observe = func(route string, status int, _ time.Duration) {
			if route != "GET /api/gadgets" || status != 499 {
				panic(fmt.Sprint(route, status))
			}
			close(left)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", d.url+"/api/gadgets", nil)
	go func() { <-arrived; cancel() }()
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Fatal("answered")
	}
	<-left
}

func TestWhoWaitsTooLongIsTold(t *testing.T) {
	t.Parallel()
	d := open(t, func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return errs.WithRemedy(fmt.Errorf("3 of 5 parts: %w: %w", ctx.Err(), errs.Canceled), "ask again: the parts are kept")
	}, func(c *api.Config) { c.AnswerWithin = 20 * time.Millisecond })
	for _, test := range []struct{ method, path, body, header string }{
		{"GET", "/api/gadgets", "", "Accept: */*"},
		{"POST", "/api/gadgets", `{"name":"anvil"}`, "Accept: */*"},
		{"POST", "/api/gadgets", `{"name":"anvil"}`, "Idempotency-Key: once"},
		{"POST", "/api/gadgets", `{"name":"anvil"}`, "Idempotency-Key: once"}, // nothing was kept of it
	} {
		r := d.send(test.method, test.path, test.body, test.header)
		p := r.problem(t)
		if r.status != 503 || p.Code != "slow" || p.Remedy != "ask again: the parts are kept" || r.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", test.method, test.path, r.status, r.body)
		}
	}
}

func TestWithoutAPrincipalNothingIsServed(t *testing.T) {
	t.Parallel()
	a, err := api.New(api.Config{Title: "t", Version: "1"}, new(shelf).endpoints()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/gadgets", "/api/openapi.yaml", "/api/nothing", "/api/changes.csv"} {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 401 || !strings.Contains(w.Body.String(), "unauthenticated") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestWhoIsNotLetInIsToldWhy(t *testing.T) {
	t.Parallel()
	a, err := api.New(api.Config{Title: "t", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for status, code := range map[int]string{401: "unauthenticated", 403: "denied", 503: "unavailable"} {
		w := httptest.NewRecorder()
		w.Header().Set("Cache-Control", "no-store")
		a.Refuse(w, httptest.NewRequest("GET", "/api/gadgets", nil), status, errs.WithRemedy(errors.New("no token"), "sign in"))
		var p api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != status || p.Code != code || p.Detail != "no token" || p.Remedy != "sign in" || p.RequestID == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestABodyWithoutALengthIsReadUpToItsLimit(t *testing.T) {
	t.Parallel()
	body := &endless{}
	r := httptest.NewRequest("POST", "/api/gadgets/lookup", body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if memory(t).ServeHTTP(w, r); w.Code != 413 || body.read > 2<<20 {
		t.Errorf("%d after %d bytes", w.Code, body.read)
	}
}

// endless is a body of spaces.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestVersionsTellConcurrentEditsApart(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	d.fill("anvil")
	read := d.send("GET", "/api/gadgets/1", "")
	if read.header.Get("ETag") != `"1"` {
		t.Fatalf("ETag %q", read.header.Get("ETag"))
	}
	if r := d.send("GET", "/api/gadgets/1", "", `If-None-Match: W/"1"`); r.status != 304 || r.body != "" {
		t.Errorf("the same version again: %d %s", r.status, r.body)
	}
	first := d.send("PUT", "/api/gadgets/1", `{"name":"mine"}`, "If-Match: W/"+read.header.Get("ETag"))
	if first.status != 200 || first.header.Get("ETag") != `"2"` {
		t.Errorf("%d %s", first.status, first.body)
	}
	second := d.send("PUT", "/api/gadgets/1", `{"name":"yours"}`, "If-Match: "+read.header.Get("ETag"))
	if p := second.problem(t); second.status != 412 || p.Code != "stale" || p.Remedy == "" {
		t.Errorf("%d %s", second.status, second.body)
	}
	if r := d.send("PUT", "/api/gadgets/1", `{"name":"ours"}`); r.status != 200 {
		t.Errorf("without If-Match: %d %s", r.status, r.body)
	}
	if r := d.send("PUT", "/api/gadgets/1", `{"name":"ours"}`, "If-Match: *"); r.status != 200 {
		t.Errorf("with any version: %d %s", r.status, r.body)
	}
}

func TestARequestKeepsTheIDOfItsProxy(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for given, kept := range map[string]bool{"0192-abc_DEF.9": true, "x": false, "forged\tline=1": false, strings.Repeat("a", 65): false} {
		if r := d.send("GET", "/api/gadgets", "", "X-Request-Id: "+given); (r.header.Get("X-Request-Id") == given) != kept {
			t.Errorf("%q became %q", given, r.header.Get("X-Request-Id"))
		}
	}
}
