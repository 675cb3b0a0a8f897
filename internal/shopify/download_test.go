package shopify

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

var file = func() []byte {
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

// serve answers as a host of files does, with ranges.
func serve(content []byte, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// cutAfter serves the range that was asked for and cuts the connection after n
// bytes of it.
func cutAfter(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		serve(file, `"a"`)(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes()[:n])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func ignoreRange(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("ETag", `"a"`)
	w.Write(file)
}

func zipped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	z.Write(file)
	z.Close()
}

// zippedPart answers as if the parts of the compressed file were the file's.
func zippedPart(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(file)-1, len(file)))
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(http.StatusPartialContent)
	z := gzip.NewWriter(w)
	z.Write(file)
	z.Close()
}

func zippedCut(w http.ResponseWriter, _ *http.Request) {
	var all bytes.Buffer
	z := gzip.NewWriter(&all)
	z.Write(file)
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(all.Bytes()[:100_000])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// trickle sends so little that no download would end.
func trickle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"a"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(file)))
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for i := range file {
		if _, err := w.Write(file[i : i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-every.C:
		case <-r.Context().Done():
			return
		}
	}
}

func stall(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(file)))
	w.Write(file[:5000])
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// resultOn returns a client and an operation whose result is at a host, and
// how often the client asked for its address.
func resultOn(t *testing.T, host http.Handler, status Status) (*Client, Bulk, *atomic.Int64) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.Contains(name, "Shopify") {
				t.Errorf("the download host was sent %s", name)
			}
		}
		host.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	polls := &atomic.Int64{}
	const id = "gid://shopify/BulkOperation/1"
	retry := quick
	retry.Timeout = 200 * time.Millisecond
	c, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := polls.Add(1)
		url := `"` + srv.URL + fmt.Sprintf("/result?Signature=secret%d", n) + `"`
		if status != Completed {
			url = "null"
		}
		fmt.Fprintf(w, `{"data":{"bulkOperation":{"id":%q,"status":%q,"type":"QUERY","createdAt":"2026-11-22T00:00:00Z",
			"completedAt":"2026-11-22T00:01:00Z","objectCount":"5","rootObjectCount":"2","fileSize":"%d","url":%s,"partialDataUrl":null}}}`,
			id, status, len(file), url)
	}), retry)
	return c, Bulk{ID: id}, polls
}

func TestDownload(t *testing.T) {
	t.Parallel()
	whole := serve(file, `"a"`)
	expired := text(403, "<Error><Code>ExpiredToken</Code></Error>")
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		r     Range
		want  []byte
		polls int64  // 1 unless said
		kind  string // "" where it goes through
	}{
		"the whole file":                                  {steps: []http.HandlerFunc{whole}, want: file},
		"a part":                                          {steps: []http.HandlerFunc{whole}, r: Range{Offset: 1000, Length: 5000, ETag: `"a"`}, want: file[1000:6000]},
		"a part that the file's end shortens":             {steps: []http.HandlerFunc{whole}, r: Range{Offset: 299_000, Length: 5000}, want: file[299_000:]},
		"a part that begins at the end":                   {steps: []http.HandlerFunc{whole}, r: Range{Offset: 300_000, Length: 5000}},
		"a part that begins after the end":                {steps: []http.HandlerFunc{whole}, r: Range{Offset: 300_001, Length: 5000}, kind: "corrupt"},
		"an empty file":                                   {steps: []http.HandlerFunc{serve(nil, `"a"`)}},
		"a host that ignores ranges":                      {steps: []http.HandlerFunc{ignoreRange}, r: Range{Offset: 200_000, Length: 70_000, ETag: `"a"`}, want: file[200_000:270_000]},
		"a host that compresses unasked":                  {steps: []http.HandlerFunc{zipped}, r: Range{Offset: 10}, want: file[10:]},
		"a weak etag is compared":                         {steps: []http.HandlerFunc{serve(file, `W/"a"`)}, r: Range{Offset: 10, ETag: `W/"b"`}, kind: "corrupt"},
		"a file that changed between parts":               {steps: []http.HandlerFunc{serve(file, `"b"`)}, r: Range{Offset: 10, ETag: `"a"`}, kind: "corrupt"},
		"a file that changed after a cut":                 {steps: []http.HandlerFunc{cutAfter(100), serve(file, `"b"`)}, want: file[:100], kind: "corrupt"},
		"a file that grew after a cut":                    {steps: []http.HandlerFunc{cutAfter(100), serve(append(file, 1), `"a"`)}, want: file[:100], kind: "corrupt"},
		"a cut is gone on from":                           {steps: []http.HandlerFunc{cutAfter(100), cutAfter(0), cutAfter(70_000), whole}, want: file},
		"more cuts than attempts, each with progress":     {steps: []http.HandlerFunc{cutAfter(0), cutAfter(0), cutAfter(70_000), cutAfter(0), cutAfter(70_000), cutAfter(0), whole}, want: file},
		"cuts without progress are given up":              {steps: []http.HandlerFunc{cutAfter(0)}, kind: "unavailable"},
		"cuts after a few bytes each are given up":        {steps: []http.HandlerFunc{cutAfter(9)}, want: file[:9*quick.Attempts], kind: "unavailable"},
		"a trickle is gone on from":                       {steps: []http.HandlerFunc{trickle, whole}, want: file},
		"a file that ends early is asked for again":       {steps: []http.HandlerFunc{serve(file[:70_000], `"a"`), whole}, want: file},
		"an empty answer is no file":                      {steps: []http.HandlerFunc{serve(nil, `"a"`), whole}, want: file},
		"a file that is shorter than told is taken":       {steps: []http.HandlerFunc{serve(file[:70_000], `"a"`)}, want: file[:70_000]},
		"a host that compresses parts is asked for all":   {steps: []http.HandlerFunc{zippedPart, zipped}, want: file},
		"a cut in what is compressed":                     {steps: []http.HandlerFunc{zippedPart, zippedCut, zipped}, want: file},
		"a stalled answer is gone on from":                {steps: []http.HandlerFunc{stall, whole}, want: file},
		"a busy host is asked again":                      {steps: []http.HandlerFunc{text(503, ""), text(429, "", "Retry-After", "0"), whole}, want: file},
		"a host that asks for minutes is left to callers": {steps: []http.HandlerFunc{text(503, "", "Retry-After", "90")}, kind: "unavailable"},
		"an expired address is asked for anew":            {steps: []http.HandlerFunc{expired, whole}, want: file, polls: 2},
		"an address that expires on the way":              {steps: []http.HandlerFunc{cutAfter(100), text(400, "<Error/>"), whole}, want: file, polls: 2},
		"a new address that is refused too":               {steps: []http.HandlerFunc{expired}, polls: 2, kind: "not_found"},
		"another part than asked for":                     {steps: []http.HandlerFunc{text(206, "xyz", "Content-Range", "bytes 7-9/300000")}, kind: "corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, b, polls := resultOn(t, &script{steps: test.steps}, Completed)
			var got bytes.Buffer
			part, err := c.Download(t.Context(), b, test.r, &got)
			if test.kind != "" {
				if err == nil || errs.Kind(err) != test.kind || strings.Contains(err.Error(), "secret") {
					t.Errorf("error is %v, want one of kind %s without the address", err, test.kind)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if part.Bytes != int64(got.Len()) || !bytes.Equal(got.Bytes(), test.want) {
				t.Errorf("%d bytes written, %d told, want the %d of the range", got.Len(), part.Bytes, len(test.want))
			}
			if n, want := polls.Load(), max(test.polls, 1); n != want {
				t.Errorf("address asked for %d times, want %d", n, want)
			}
		})
	}
}

func TestDownloadTellsWhatLaterPartsNeed(t *testing.T) {
	t.Parallel()
	c, b, _ := resultOn(t, serve(file, `"a"`), Completed)
	part, err := c.Download(t.Context(), b, Range{Length: 1000}, io.Discard)
	if want := (Part{Bytes: 1000, ETag: `"a"`, Total: 300_000}); err != nil || part != want {
		t.Errorf("Download = %v, %v, want %v", part, err, want)
	}
}

func TestDownloadReturnsTheWritersErrorAtOnce(t *testing.T) {
	t.Parallel()
	s := &script{steps: []http.HandlerFunc{serve(file, `"a"`)}}
	c, b, _ := resultOn(t, s, Completed)
	full := errors.New("no space left on device")
	_, err := c.Download(t.Context(), b, Range{}, writerFunc(func([]byte) (int, error) { return 0, full }))
	if !errors.Is(err, full) || s.asked.Load() != 1 {
		t.Errorf("after %d requests: %v, want the writer's error after one", s.asked.Load(), err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDownloadOfWhatHasNoResult(t *testing.T) {
	t.Parallel()
	for status, kind := range map[Status]string{
		Running: "conflict", Expired: "not_found", Failed: "unavailable", Canceled: "unavailable",
	} {
		c, b, _ := resultOn(t, http.NotFoundHandler(), status)
		if _, err := c.Download(t.Context(), b, Range{}, io.Discard); errs.Kind(err) != kind {
			t.Errorf("%s: error is %v, want one of kind %s", status, err, kind)
		}
	}
}
