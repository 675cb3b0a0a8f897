package access

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/access"
)

func TestHandlersSeeNoHeaderOfAccess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = bearing(l.user())
	r.Header.Set("Cf-Access-Authenticated-User-Email", "root@brand.example")
	r.Header.Set("Accept", "text/csv")
	called := false
	l.verifier.Protect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		if p, ok := From(r.Context()); !ok || p.Name != "ops@brand.example" {
			t.Errorf("the sender is %+v", p)
		}
		if len(r.Header) != 1 || r.Header.Get("Accept") != "text/csv" {
			t.Errorf("the handler sees %v", r.Header)
		}
	}), refuse).ServeHTTP(httptest.NewRecorder(), r)
	if !called {
		t.Fatal("the handler wasn't called")
	}
	if r.Header.Get(tokenHeader) == "" {
		t.Error("the request of who called was changed")
	}
}

func TestFromSaysThatThereIsNobody(t *testing.T) {
	t.Parallel()
	if p, ok := From(t.Context()); ok {
		t.Errorf("the sender is %+v", p)
	}
}

func TestRefusalsHaveKindsAndRemedies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		kind error
	}{
		"401": {unauthenticated(), errs.Denied},
		"403": {forbidden("No.", "Ask."), errs.Denied},
		"503": {unavailable(), errs.Unavailable},
	} {
		if !errors.Is(c.err, c.kind) || errs.Remedy(c.err) == "" {
			t.Errorf("%s is %s with the remedy %q", name, errs.Kind(c.err), errs.Remedy(c.err))
		}
	}
}

// TestOtherSitesChangeNothing: a browser adds the session's cookie to what any
// site makes it send, so a good token alone doesn't say that a person meant it.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		header http.Header
		want   int
	}{
		"the dashboard posts":                    {"POST", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://ops.internal"}}, http.StatusOK},
		"the dashboard posts, by an old browser": {"POST", http.Header{"Origin": {"http://ops.internal"}}, http.StatusOK},
		"the dashboard posts, and a proxy changed the host": {"POST",
			http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://ops.brand.example"}}, http.StatusOK},
		"a program posts":                       {"POST", nil, http.StatusOK},
		"another site posts":                    {"POST", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, http.StatusForbidden},
		"another site posts, by an old browser": {"POST", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"a sibling of the domain posts":         {"POST", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://shop.internal"}}, http.StatusForbidden},
		"a page without an origin posts":        {"POST", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}}, http.StatusForbidden},
		"another site deletes":                  {"DELETE", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"another site puts":                     {"PUT", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"another site links to a page":          {"GET", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if err := l.verifier.origin.AddTrustedOrigin("https://ops.brand.example"); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(c.method, "http://ops.internal/api/x", nil)
			for name, values := range c.header {
				r.Header[name] = values
			}
			r.Header.Set(tokenHeader, l.user())
			if got := l.do(r).StatusCode; got != c.want {
				t.Errorf("answered %d, want %d: %s", got, c.want, l.log)
			}
		})
	}
}

// TestThroughTheEdge puts the whole together: browser, edge, verifier.
func TestThroughTheEdge(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	origin := httptest.NewServer(l.verifier.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := From(r.Context())
		io.WriteString(w, string(p.Kind)+" "+p.Name)
	}), refuse))
	t.Cleanup(origin.Close)
	edge, err := sandbox.NewEdge(sandbox.EdgeConfig{Issuer: l.issuer, Origin: origin.URL, Visitor: "fulfillment@brand.example"})
	if err != nil {
		t.Fatal(err)
	}
	service := l.issuer.NewService()
	for name, c := range map[string]struct {
		handler http.Handler
		header  http.Header
		status  int
		want    string
	}{
		"a visitor":          {edge, nil, http.StatusOK, "user fulfillment@brand.example"},
		"a service":          {edge, http.Header{"Cf-Access-Client-Id": {service.ClientID}, "Cf-Access-Client-Secret": {service.Secret}}, http.StatusOK, "service " + service.ClientID},
		"a forger":           {edge, bearing("a.b.c"), http.StatusOK, "user fulfillment@brand.example"},
		"around the edge":    {origin.Config.Handler, nil, http.StatusUnauthorized, "not signed in"},
		"a forger around it": {origin.Config.Handler, bearing("a.b.c"), http.StatusUnauthorized, "not signed in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if c.header != nil {
				r.Header = c.header
			}
			w := httptest.NewRecorder()
			c.handler.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, c.status, c.want)
			}
		})
	}
}
