package shopify

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tokenHeader carries the access token, and must never reach the download host.
const tokenHeader = "X-Shopify-Access-Token"

// accessible are the API versions that are served, oldest first; a request for
// an older one falls forward to the first.
func accessible() []string {
	return []string{"2025-10", "2026-01", "2026-04", "2026-07", "2026-10", "2027-01", "unstable"}
}

// supported reports whether a version is a stable one within its support.
func supported(version string) bool { return version >= "2026-01" && version <= "2026-10" }

// path is that of the endpoint, in any version.
var path = regexp.MustCompile(`^/admin/api/(\d{4}-(?:01|04|07|10)|unstable)/graphql\.json$`)

// document is the body of a request.
type document struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// ServeHTTP answers the Admin API. Bulk results need Listen.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.stats.enter()()
	h := w.Header()
	h.Set("Date", s.now().Format(http.TimeFormat))
	h.Set("X-Request-Id", strings.ToLower(rand.Text()))
	h.Set("Content-Type", "application/json; charset=utf-8")
	match := path.FindStringSubmatch(r.URL.Path)
	if match == nil {
		plainError(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		plainError(w, http.StatusRequestEntityTooLarge, "Payload Too Large")
		return
	}
	fault := s.faults.request(string(body))
	h.Set("X-Shopify-API-Version", answeredVersion(match[1], fault))
	pause(r, fault.Delay)
	switch {
	case fault.Hang:
		<-r.Context().Done()
	case fault.Status != 0:
		failRequest(w, fault)
	case r.Method != http.MethodPost:
		plainError(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case r.Header.Get(tokenHeader) != s.config.Token:
		plainError(w, http.StatusUnauthorized, "[API] Invalid API key or access token (unrecognized login or wrong password)")
	default:
		s.answer(w, r, body, fault)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, body []byte, fault RequestFault) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		plainError(w, http.StatusUnsupportedMediaType, "Unsupported Media Type")
		return
	}
	var doc document
	if err := json.Unmarshal(body, &doc); err != nil {
		plainError(w, http.StatusBadRequest, "Bad Request: the body is no JSON")
		return
	}
	b := s.execute(doc, fault)
	if fault.Lose {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	if fault.CutAfter > 0 && fault.CutAfter < len(b) {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b[:fault.CutAfter])
		_ = http.NewResponseController(w).Flush() // what is written comes through before the cut
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(b) // a client that went away needs no answer
}

// pause waits in real time, and no longer than the client does.
func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func answeredVersion(asked string, fault RequestFault) string {
	versions := accessible()
	switch {
	case fault.Version != "":
		return fault.Version
	case slices.Contains(versions, asked):
		return asked
	case asked > versions[0]: // not out yet
		return "unstable"
	}
	return versions[0]
}

// plainError answers as Shopify does outside of GraphQL: errors is a string.
func plainError(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	b, _ := json.Marshal(map[string]string{"errors": message})
	_, _ = w.Write(b)
}

func failRequest(w http.ResponseWriter, fault RequestFault) {
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	if fault.Body != "" {
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, fault.Body)
		return
	}
	switch fault.Status {
	case http.StatusPaymentRequired:
		plainError(w, fault.Status, "This shop's plan does not have access to this feature")
	case http.StatusForbidden:
		plainError(w, fault.Status, "[API] This action requires merchant approval for the necessary scope.")
	case http.StatusLocked:
		plainError(w, fault.Status, "This shop is unavailable")
	case http.StatusTooManyRequests:
		plainError(w, fault.Status, "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.")
	case 430: // a security rejection comes as a page, not as JSON
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, "<html><body>Request blocked.</body></html>")
	default:
		plainError(w, fault.Status, fmt.Sprintf("%d %s", fault.Status, http.StatusText(fault.Status)))
	}
}
