package kill

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"

	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// front stands before the simulator. It can kill the program when Shopify has
// done what a request asks for and the answer is still on its way: the moment
// at which a step's effect and its record differ.
type front struct {
	server *shopify.Server

	mu    sync.Mutex
	asked map[string]bool // operations that were asked for, answered or not
	seen  map[request]bool
	at    request
	kill  func() // nil where nothing is to be killed, or no more
}

// request tells requests apart: the nth of an operation, from 1.
type request struct {
	operation string
	n         int
}

var operationName = regexp.MustCompile(`(?:query|mutation) (\w+)`)

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.hear(operationOf(body))
	answer := httptest.NewRecorder()
	f.server.ServeHTTP(answer, r)
	if kill := f.note(body); kill != nil {
		kill()
		panic(http.ErrAbortHandler) // there is nobody to answer
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func operationOf(body []byte) string {
	if m := operationName.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return ""
}

func (f *front) hear(operation string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]bool{}
	}
	f.asked[operation] = true
}

// heard reports whether an operation was asked for.
func (f *front) heard(operation string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[operation]
}

// note counts a request and returns what is to be done instead of answering.
func (f *front) note(body []byte) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[request]bool{}
	}
	q := request{operationOf(body), 1}
	for f.seen[q] {
		q.n++
	}
	f.seen[q] = true
	if f.kill == nil || q != f.at {
		return nil
	}
	defer func() { f.kill = nil }()
	return f.kill
}

// killAt arranges for kill to be called, once.
func (f *front) killAt(at request, kill func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.kill = at, kill
}

// requests lists what was asked so far.
func (f *front) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []request{}
	for q := range maps.Keys(f.seen) {
		list = append(list, q)
	}
	return list
}
