package lab

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// Front stands before the simulator and can keep an answer back: what was asked
// for is done, and who asked doesn't know yet.
type Front struct {
	server *shopify.Server

	mu      sync.Mutex
	keep    string        // the operation whose next answer is kept back; empty: none
	reached chan struct{} // closed when one is
	release chan struct{}
}

// Hold keeps back the answer to the next request of an operation, until LetGo.
// The channel is closed when somebody waits for it.
func (f *Front) Hold(operation string) (reached <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep, f.reached, f.release = operation, make(chan struct{}), make(chan struct{})
	return f.reached
}

// LetGo gives the answer that is kept back.
func (f *Front) LetGo() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep = ""
	if f.release != nil {
		close(f.release)
		f.release = nil
	}
}

// kept says until when an answer is to be kept back; nil where it isn't.
func (f *Front) kept(document []byte) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keep == "" || !bytes.Contains(document, []byte(" "+f.keep)) {
		return nil
	}
	f.keep = ""
	close(f.reached)
	return f.release
}

// ServeHTTP passes a request on, and its answer back.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	document, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(document))
	answer := httptest.NewRecorder()
	f.server.ServeHTTP(answer, r)
	if release := f.kept(document); release != nil {
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
