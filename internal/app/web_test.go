package app

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// ask sends a request as a member of staff, with headers in pairs of name and
// value.
func (s served) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cf-Access-Jwt-Assertion", s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

var assetPath = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)

func TestThePageIsForStaffAndRunsNothingButItsOwnFiles(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	for _, path := range []string{"/", "/runs/0198c0de-0000-7000-8000-000000000001", "/assets/app.js"} {
		if status, body := get(t, s.URL()+path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s without a token is answered %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/", "/runs/0198c0de-0000-7000-8000-000000000001", "/?status=failed"} {
		page, body := s.ask(t, http.MethodGet, path, "")
		policy := page.Header.Get("Content-Security-Policy")
		if page.StatusCode != http.StatusOK || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
			page.Header.Get("X-Content-Type-Options") != "nosniff" || page.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s is answered %d with %v", path, page.StatusCode, page.Header)
		}
		if strings.Contains(body, "style=") || strings.Contains(body, "<script>") || strings.Contains(body, "onclick") {
			t.Errorf("%s has what its policy forbids", path)
		}
		if again, _ := s.ask(t, http.MethodGet, path, "", "If-None-Match", page.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s is answered %d where the browser has it", path, again.StatusCode)
		}
		assets := assetPath.FindAllStringSubmatch(body, -1)
		if len(assets) != 3 {
			t.Errorf("%s loads %v", path, assets)
		}
		for _, m := range assets {
			asset, _ := s.ask(t, http.MethodGet, m[1], "")
			if asset.StatusCode != http.StatusOK || !strings.Contains(asset.Header.Get("Cache-Control"), "immutable") || asset.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s is answered %d with %v", m[1], asset.StatusCode, asset.Header)
			}
		}
	}
}

func TestUnknownPathsAreProblemsBelowAPIAndPagesElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	for path, want := range map[string]string{
		"/api/nothing":   "application/problem+json",
		"/api/":          "application/problem+json",
		"/nothing":       "text/html; charset=utf-8",
		"/runs/":         "text/html; charset=utf-8",
		"/assets/app.js": "text/html; charset=utf-8", // without its hash
	} {
		if got, _ := s.ask(t, http.MethodGet, path, ""); got.StatusCode != http.StatusNotFound || got.Header.Get("Content-Type") != want {
			t.Errorf("%s is answered %d as %s", path, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
	if got, _ := s.ask(t, http.MethodPost, "/", "x"); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / is answered %d", got.StatusCode)
	}
}

// TestOtherSitesCantMakeABrowserWrite: the session is a cookie at the edge, so
// a page of another site could have a browser send anything with it.
func TestOtherSitesCantMakeABrowserWrite(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	const sync, body = "/api/performance-metrics/sync", `{"mode":"no mode"}`
	for name, c := range map[string]struct {
		headers []string
		want    int
	}{
		"from another site":                      {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"from another host of the same site":     {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.brand.example"}, 403},
		"from another origin, in an old browser": {[]string{"Origin", "https://evil.example"}, 403},
		"from nowhere, as a sandboxed frame":     {[]string{"Origin", "null"}, 403},
		"from the page itself":                   {[]string{"Sec-Fetch-Site", "same-origin", "Origin", s.URL()}, 422},
		"from a program":                         {nil, 422},
		"as a form would":                        {[]string{"Content-Type", "text/plain"}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			headers := append([]string{"Content-Type", "application/json"}, c.headers...)
			got, text := s.ask(t, http.MethodPost, sync, body, headers...)
			if got.StatusCode != c.want || got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("it is answered %d %s, want %d", got.StatusCode, text, c.want)
			}
		})
	}
	if got, _ := s.ask(t, http.MethodGet, "/", "", "Sec-Fetch-Site", "cross-site"); got.StatusCode != http.StatusOK {
		t.Errorf("a link from another site is answered %d", got.StatusCode)
	}
}
