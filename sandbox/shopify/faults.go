package shopify

import (
	"strings"
	"sync"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Forever as the count of a fault keeps it until [Faults.Clear].
const Forever = -1

// Faults are the switches of a simulator. Each holds for the next n requests,
// bulk operations or downloads that it matches; of several that match, the one
// set first is used up first. The zero value has no faults.
type Faults struct {
	mu        sync.Mutex
	requests  []*armed[RequestFault]
	bulk      []*armed[BulkFault]
	downloads []*armed[DownloadFault]
}

type armed[T any] struct {
	left  int
	match string
	fault T
}

// RequestFault is what happens to a request of the Admin API. Match limits it
// to requests whose document contains that text.
type RequestFault struct {
	Match string

	Status     int    // answered with Body instead of doing anything
	RetryAfter string // header of the same name
	Body       string // default is Shopify's for the status
	Throttled  bool   // answered THROTTLED, whatever the bucket holds
	Code       string // answered as a GraphQL error of this code, in HTTP 200
	Hang       bool   // never answered
	Lose       bool   // done, but the connection is cut instead of an answer
	Version    string // answered in this API version, as for a retired one
}

// BulkFault is what happens to a bulk operation. Match limits it to operations
// whose query contains that text.
type BulkFault struct {
	Match string

	ErrorCode string // it ends FAILED with this code, after Roots roots
	Roots     int
	Partial   bool // with ErrorCode: partialDataUrl leads to what was written
	Cancel    bool // it ends CANCELED by itself, after Roots roots

	// Lines are put into the file as they are, the first one after the first
	// root, the next after the second and so on. They are not counted.
	Lines []string
	// Drop leaves roots out of the file, with their children. The counters
	// tell of them, unless Uncounted: then the index itself lacks them.
	Drop      func(root shop.ID) bool
	Uncounted bool
	// MaxChildren cuts nested connections silently; 0 leaves them whole.
	MaxChildren int
	// NoFinalNewline leaves out the last byte of the file.
	NoFinalNewline bool
}

// DownloadFault is what happens to a request of the download host.
type DownloadFault struct {
	Status      int   // answered without the file
	CutAfter    int64 // the connection breaks after so many bytes of the body
	IgnoreRange bool  // the whole file is sent with 200
	OtherETag   bool  // as if the file had been changed
}

// Request arms a fault for the next n requests that it matches.
func (f *Faults) Request(n int, fault RequestFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, &armed[RequestFault]{n, fault.Match, fault})
}

// Bulk arms a fault for the next n bulk operations that it matches.
func (f *Faults) Bulk(n int, fault BulkFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bulk = append(f.bulk, &armed[BulkFault]{n, fault.Match, fault})
}

// Download arms a fault for the next n downloads.
func (f *Faults) Download(n int, fault DownloadFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.downloads = append(f.downloads, &armed[DownloadFault]{left: n, fault: fault})
}

// Clear disarms everything.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.bulk, f.downloads = nil, nil, nil
}

func (f *Faults) request(document string) RequestFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return use(f.requests, document)
}

func (f *Faults) operation(query string) BulkFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return use(f.bulk, query)
}

func (f *Faults) download() DownloadFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return use(f.downloads, "")
}

// use returns the first armed fault that matches text, or none.
func use[T any](all []*armed[T], text string) (none T) {
	for _, a := range all {
		if a.left == 0 || !strings.Contains(text, a.match) {
			continue
		}
		if a.left > 0 {
			a.left--
		}
		return a.fault
	}
	return none
}
