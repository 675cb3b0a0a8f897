package shopify

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

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
	happened  int
}

type armed[T any] struct {
	left  int
	match string
	share float64 // of what it matches; 0 is all
	seed  uint64
	met   uint64 // what it matched so far
	fault T
}

// RequestFault is what happens to a request of the Admin API. Match limits it
// to requests whose document contains that text.
type RequestFault struct {
	Match string
	// Share is how many of the requests that match it happens to, from 0 to 1,
	// chosen by Seed. 0 is all of them.
	Share float64
	Seed  uint64

	Delay      time.Duration // before anything else, in real time
	Status     int           // answered with Body instead of doing anything
	RetryAfter string        // header of the same name
	Body       string        // default is Shopify's for the status
	Throttled  bool          // answered THROTTLED, whatever the bucket holds
	Code       string        // answered as a GraphQL error of this code, in HTTP 200
	Beside     string        // done, with a GraphQL error of this code beside the data
	Hang       bool          // never answered
	Lose       bool          // done, but the connection is cut instead of an answer
	CutAfter   int           // done, but the connection is cut after so many bytes of the answer
	Version    string        // answered in this API version, as for a retired one
}

// BulkFault is what happens to a bulk operation. Match limits it to operations
// whose query contains that text.
type BulkFault struct {
	Match string

	ErrorCode string // it ends FAILED with this code, after Roots roots
	Roots     int
	Partial   bool          // with ErrorCode: partialDataUrl leads to what was written
	Late      int           // with Partial: so many looks tell of the failure and not yet of the partial data
	Cancel    bool          // it ends CANCELED by itself, after Roots roots
	Canceling time.Duration // it is CANCELING for so long before it ends CANCELED
	Jump      bool          // nobody sees it RUNNING
	Expire    bool          // its result is gone when it is asked for first, and the operation EXPIRED

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
	// Twice writes each nth object's line a second time, uncounted; 0 none.
	Twice int
	// Change, if not nil, returns what stands in the file instead of a line,
	// without its newline.
	Change func(line []byte) []byte
}

// DownloadFault is what happens to a request of the download host.
type DownloadFault struct {
	Status      int   // answered without the file
	CutAfter    int64 // the connection breaks after so many bytes of the body
	IgnoreRange bool  // the whole file is sent with 200
	OtherETag   bool  // as if the file had been changed
	Empty       bool  // answered 200 without a byte
	Stall       bool  // after CutAfter bytes nothing comes any more, and the connection stays
	Gzip        bool  // sent compressed, whether that is accepted or not
	Longer      int64 // the length that is told is by so much too long

	// Trickle sends byte by byte, with such a pause after each.
	Trickle time.Duration
}

// Request arms a fault for the next n requests that it matches.
func (f *Faults) Request(n int, fault RequestFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, &armed[RequestFault]{
		left: n, match: fault.Match, share: fault.Share, seed: fault.Seed, fault: fault,
	})
}

// Bulk arms a fault for the next n bulk operations that it matches.
func (f *Faults) Bulk(n int, fault BulkFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bulk = append(f.bulk, &armed[BulkFault]{left: n, match: fault.Match, fault: fault})
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
	return use(&f.happened, f.requests, document)
}

func (f *Faults) operation(query string) BulkFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return use(&f.happened, f.bulk, query)
}

func (f *Faults) download() DownloadFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return use(&f.happened, f.downloads, "")
}

// Happened returns how many faults have happened so far, also before
// [Faults.Clear].
func (f *Faults) Happened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.happened
}

// use returns the first armed fault that matches text and counts it, or none.
func use[T any](count *int, all []*armed[T], text string) (none T) {
	for _, a := range all {
		if a.left == 0 || !strings.Contains(text, a.match) || !a.chosen() {
			continue
		}
		if a.left > 0 {
			a.left--
		}
		*count++
		return a.fault
	}
	return none
}

// chosen says whether what was matched just now is of the share that the fault
// happens to: the same ones for a seed, whatever else is asked meanwhile.
func (a *armed[T]) chosen() bool {
	if a.share == 0 {
		return true
	}
	a.met++
	return rand.New(rand.NewPCG(a.seed, a.met)).Float64() < a.share
}
