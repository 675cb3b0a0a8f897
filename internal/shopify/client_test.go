package shopify

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

const (
	testToken = "shpat_0123456789abcdef"
	okCounts  = `{"data":{"ordersCount":{"count":7,"precision":"EXACT"},"productsCount":{"count":3,"precision":"EXACT"}}}`
)

var quick = Retry{Attempts: 4, Base: time.Millisecond, Max: 4 * time.Millisecond, Timeout: 10 * time.Second}

// journal is a log that a test can read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// clientOf returns a client of a server, and its log.
func clientOf(t *testing.T, h http.Handler, retry Retry) (*Client, *journal) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	log := &journal{}
	c, err := New(Config{
		Shop: "brand.myshopify.com", Token: testToken, URL: srv.URL, Retry: retry,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

// script answers the nth request with its nth step, and later ones with the
// last.
type script struct {
	steps []http.HandlerFunc
	asked atomic.Int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.asked.Add(1))
	s.steps[min(n, len(s.steps))-1](w, r)
}

func text(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func throttled(requested, available, restore int) http.HandlerFunc {
	return text(200, fmt.Sprintf(`{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],
		"extensions":{"cost":{"requestedQueryCost":%d,"actualQueryCost":null,
		"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":%d,"restoreRate":%d}}}}`, requested, available, restore))
}

func coded(code string) http.HandlerFunc {
	return text(200, `{"errors":[{"message":"because of `+code+`","extensions":{"code":"`+code+`"}}]}`)
}

func TestAnswersAreUnderstood(t *testing.T) {
	t.Parallel()
	good := text(200, okCounts)
	for name, test := range map[string]struct {
		steps    []http.HandlerFunc
		requests int64
		kind     string        // "" where the call goes through
		wait     time.Duration // that the error asks for
		says     string
	}{
		"a token that isn't valid is for a person":      {steps: []http.HandlerFunc{text(401, `{"errors":"[API] Invalid API key or access token"}`)}, requests: 1, kind: "denied", says: "Invalid API key"},
		"a frozen shop is for a person":                 {steps: []http.HandlerFunc{text(402, `{"errors":"Unavailable Shop"}`)}, requests: 1, kind: "denied", says: "402"},
		"a forbidden request is for a person":           {steps: []http.HandlerFunc{text(403, `{"errors":"Non-expiring access tokens are no longer accepted"}`)}, requests: 1, kind: "denied", says: "Non-expiring"},
		"a shop that isn't there is for a person":       {steps: []http.HandlerFunc{text(404, `{"errors":"Not Found"}`, "X-Request-Id", "r-1")}, requests: 1, kind: "denied", says: "r-1"},
		"a redirect is not followed with the token":     {steps: []http.HandlerFunc{text(301, "", "Location", "/elsewhere")}, requests: 1, kind: "denied"},
		"a locked shop is for a person":                 {steps: []http.HandlerFunc{text(423, `{"errors":{"shop":"locked"}}`)}, requests: 1, kind: "denied", says: "locked"},
		"a scope that is missing is for a person":       {steps: []http.HandlerFunc{coded("ACCESS_DENIED")}, requests: 1, kind: "denied"},
		"a bad request is not repeated":                 {steps: []http.HandlerFunc{text(400, `{"errors":{"query":"Required parameter missing"}}`)}, requests: 1, kind: "invalid", says: "Required parameter"},
		"a document with an error is not repeated":      {steps: []http.HandlerFunc{coded("undefinedField")}, requests: 1, kind: "invalid"},
		"data beside errors is an error":                {steps: []http.HandlerFunc{text(200, strings.TrimSuffix(okCounts, "}")+`,"errors":[{"message":"half"}]}`)}, requests: 1, kind: "invalid", says: "half"},
		"errors may be a string":                        {steps: []http.HandlerFunc{text(200, `{"errors":"no"}`)}, requests: 1, kind: "invalid", says: "no"},
		"too costly a request is not repeated":          {steps: []http.HandlerFunc{coded("MAX_COST_EXCEEDED")}, requests: 1, kind: "too_large"},
		"an ignored search term is fatal":               {steps: []http.HandlerFunc{text(200, strings.TrimSuffix(okCounts, "}")+`,"extensions":{"search":[{"warnings":[{"field":"updated","message":"Invalid field","code":"invalid_field"}]}]}}`)}, requests: 1, kind: "invalid", says: `"updated"`},
		"429 with seconds is waited for":                {steps: []http.HandlerFunc{text(429, "<html>", "Retry-After", "0.01"), text(429, "", "Retry-After", "0"), text(429, ""), good}, requests: 4},
		"429 with minutes is left to the caller":        {steps: []http.HandlerFunc{text(429, "", "Retry-After", "120.0")}, requests: 1, kind: "unavailable", wait: 2 * time.Minute},
		"429 with a date goes by Shopify's clock":       {steps: []http.HandlerFunc{text(429, "", "Date", "Mon, 02 Nov 2026 10:00:00 GMT", "Retry-After", "Mon, 02 Nov 2026 10:05:00 GMT")}, requests: 1, kind: "unavailable", wait: 5 * time.Minute},
		"a security rejection is repeated":              {steps: []http.HandlerFunc{text(430, "<html>no</html>"), good}, requests: 2},
		"failures of the server are repeated":           {steps: []http.HandlerFunc{text(500, ""), text(503, "<html>"), text(540, ""), good}, requests: 4},
		"failures that stay are given up":               {steps: []http.HandlerFunc{text(502, "")}, requests: 4, kind: "unavailable", says: "502"},
		"a failure inside status 200 is repeated":       {steps: []http.HandlerFunc{coded("INTERNAL_SERVER_ERROR"), good}, requests: 2},
		"an answer that isn't JSON is repeated":         {steps: []http.HandlerFunc{text(200, "<html>"), text(200, `{"data":{"ord`), good}, requests: 3},
		"an answer that never is JSON is given up":      {steps: []http.HandlerFunc{text(200, "<html>")}, requests: 4, kind: "unavailable"},
		"an answer without data is repeated":            {steps: []http.HandlerFunc{text(200, `{"data":null}`), text(200, `{}`), good}, requests: 3},
		"data of another shape is not repeated":         {steps: []http.HandlerFunc{text(200, `{"data":{"ordersCount":[]}}`)}, requests: 1, kind: "corrupt"},
		"a connection that ends early is made again":    {steps: []http.HandlerFunc{hangUp, text(200, okCounts, "Content-Length", "9999"), good}, requests: 3},
		"throttled requests wait for the bucket":        {steps: []http.HandlerFunc{throttled(12, 10, 1000), good}, requests: 2},
		"throttling is no failure, however often":       {steps: []http.HandlerFunc{throttled(1, 1, 100), throttled(1, 1, 100), throttled(1, 1, 100), throttled(1, 1, 100), throttled(1, 1, 100), throttled(1, 1, 100), good}, requests: 7},
		"a bucket empty for minutes is left to callers": {steps: []http.HandlerFunc{throttled(1000, 700, 1)}, requests: 1, kind: "unavailable", wait: 300 * time.Second},
		"a count that stopped early is no count":        {steps: []http.HandlerFunc{text(200, strings.ReplaceAll(okCounts, "EXACT", "AT_LEAST"))}, requests: 1, kind: "corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{steps: test.steps}
			c, _ := clientOf(t, s, quick)
			n, err := c.Counts(t.Context(), "", "")
			if asked := s.asked.Load(); asked != test.requests {
				t.Errorf("%d requests, want %d", asked, test.requests)
			}
			if test.kind == "" {
				if err != nil || n != (Counts{7, 3}) {
					t.Fatalf("Counts = %v, %v, want 7 and 3", n, err)
				}
				return
			}
			if err == nil || errs.Kind(err) != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error is %v (%s), want one of kind %s that says %q", err, errs.Kind(err), test.kind, test.says)
			}
			if test.kind == "denied" && errs.Remedy(err) == "" {
				t.Errorf("%v doesn't say what to do", err)
			}
			var later interface{ RetryAfter() time.Duration }
			if test.wait != 0 && (!errors.As(err, &later) || later.RetryAfter() != test.wait) {
				t.Errorf("%v doesn't ask for %v", err, test.wait)
			}
		})
	}
}

func TestAnswerIsBoundedAfterDecompression(t *testing.T) {
	t.Parallel()
	c, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		z.Write(bytes.Repeat([]byte(" "), 2<<20))
	}), quick)
	c.maxAnswer = 1 << 20
	if _, err := c.Counts(t.Context(), "", ""); errs.Kind(err) != "too_large" {
		t.Errorf("error is %v, want one of kind too_large", err)
	}
}

func TestSilenceIsGivenUp(t *testing.T) {
	t.Parallel()
	retry := quick
	retry.Attempts, retry.Timeout = 2, 20*time.Millisecond
	s := &script{steps: []http.HandlerFunc{func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}}}
	c, _ := clientOf(t, s, retry)
	_, err := c.Counts(t.Context(), "", "")
	if errs.Kind(err) != "unavailable" || !strings.Contains(err.Error(), "no answer in time") || s.asked.Load() != 2 {
		t.Errorf("after %d requests: %v", s.asked.Load(), err)
	}
}

func TestCancelEndsWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := fmt.Errorf("the run was cancelled: %w", errs.Canceled)
	c, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text(429, "", "Retry-After", "50")(w, r)
		cancel(stop)
	}), quick)
	if _, err := c.Counts(ctx, "", ""); !errors.Is(err, stop) {
		t.Errorf("error is %v, want the cause of the cancel", err)
	}
}

func TestTokenStaysSecret(t *testing.T) {
	t.Parallel()
	c, log := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Shopify-Access-Token") != testToken {
			t.Error("the API did not get the token")
		}
		text(500, `{"errors":"you sent `+testToken+`"}`)(w, r)
	}), quick)
	_, err := c.Counts(t.Context(), "", "")
	if err == nil || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "[token]") {
		t.Errorf("error is %v, want one without the token", err)
	}
	if s := log.String(); s == "" || strings.Contains(s, testToken) {
		t.Errorf("log is %q, want one without the token", s)
	}
}

func TestRetiredVersionIsReportedOnce(t *testing.T) {
	t.Parallel()
	c, log := clientOf(t, text(200, okCounts, "X-Shopify-API-Version", "2027-01"), quick)
	for range 3 {
		if _, err := c.Counts(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.VersionAnswered(); got != "2027-01" {
		t.Errorf("VersionAnswered = %q", got)
	}
	if n := strings.Count(log.String(), "answered=2027-01"); n != 1 {
		t.Errorf("reported %d times, want once:\n%s", n, log)
	}
}

// A server with a real bucket, of which each request takes a tenth: the client
// must never ask for more than is there, with twenty callers at once.
func TestRequestsStayWithinTheBucket(t *testing.T) {
	t.Parallel()
	const size, restore, price = 1000.0, 4000.0, 100.0
	var mu sync.Mutex
	level, at, refused := size, time.Now(), 0
	c, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		level, at = min(size, level+restore*now.Sub(at).Seconds()), now
		if level < price {
			refused++
			throttled(price, int(level), restore)(w, r)
			return
		}
		level -= price
		text(200, fmt.Sprintf(`%s,"extensions":{"cost":{"requestedQueryCost":%v,"actualQueryCost":%[2]v,
			"throttleStatus":{"maximumAvailable":%v,"currentlyAvailable":%v,"restoreRate":%v}}}}`,
			strings.TrimSuffix(okCounts, "}"), price, size, int(level), restore))(w, r)
	}), quick)
	if _, err := c.Counts(t.Context(), "", ""); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Counts(t.Context(), "", ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if refused > 0 {
		t.Errorf("%d requests were throttled, want none", refused)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := Config{Shop: "brand.myshopify.com", Token: testToken}
	for name, change := range map[string]func(*Config){
		"a shop with a scheme":             func(c *Config) { c.Shop = "https://brand.myshopify.com" },
		"a shop that only begins well":     func(c *Config) { c.Shop = "brand.myshopify.com.example.org" },
		"no shop":                          func(c *Config) { c.Shop = "" },
		"no token":                         func(c *Config) { c.Token = "" },
		"a token with a line break":        func(c *Config) { c.Token += "\n" },
		"a url without a host":             func(c *Config) { c.URL = "http:///x" },
		"a url of another scheme":          func(c *Config) { c.URL = "ftp://localhost" },
		"a url with a password in the url": func(c *Config) { c.URL = "https://u:p@localhost" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := good
			change(&cfg)
			_, err := New(cfg)
			if errs.Kind(err) != "invalid" || errs.Remedy(err) == "" || strings.Contains(err.Error(), testToken) {
				t.Errorf("error is %v (%s), want an invalid with a remedy", err, errs.Remedy(err))
			}
		})
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
