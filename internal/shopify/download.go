package shopify

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Range is the part of a result to download.
type Range struct {
	Offset int64
	Length int64  // 0: to the end
	ETag   string // of the parts before; "" for the first
}

// Part is what was downloaded.
type Part struct {
	Bytes int64  // written; less than asked for only where the file ends
	ETag  string // of the file, "" where the server has none
	Total int64  // size of the file, -1 where the server didn't tell
}

// Download writes a part of an operation's result, or of its partial result
// where it failed, to w. Where the connection ends early it goes on from
// there, and where the address has expired it asks for another, once. A file
// that ends before Shopify says it does is asked for again, and in the end taken
// as it is: whoever counts sees that it is short.
//
// A file that changed since the parts before is errs.Corrupt: the download has
// to start over. A result that can't be had any more is errs.NotFound: the
// operation has to. An error of w is returned as it is. After any error,
// Part.Bytes of the part are written nevertheless.
func (c *Client) Download(ctx context.Context, b Bulk, r Range, w io.Writer) (part Part, err error) {
	defer errs.Wrap(&err, "shopify: download of %s", b.ID)
	if r.Offset < 0 || r.Length < 0 {
		return part, fmt.Errorf("range is negative: %w", errs.Invalid)
	}
	d := &download{c: c, b: b, r: r, w: w, part: Part{ETag: r.ETag, Total: -1}}
	if d.b.url == nil {
		if err := d.refresh(ctx); err != nil {
			return part, err
		}
	}
	for failures, asked := 0, false; ; {
		before := d.part.Bytes
		err := d.fetch(ctx)
		short := err == nil && d.short()
		if short {
			err = d.shortage()
		}
		var f *failure
		switch {
		case err == nil:
			return d.part, nil
		case ctx.Err() != nil:
			return d.part, context.Cause(ctx)
		case errors.Is(err, errRefused) && !asked:
			asked, err = true, d.refresh(ctx)
		case errors.As(err, &f):
			if d.part.Bytes-before >= progress {
				failures = 0
			}
			failures++
			err = c.pause(ctx, f, failures, "going on with a download", "operation", b.ID, "offset", r.Offset+d.part.Bytes)
			if err != nil && short && ctx.Err() == nil {
				return d.part, nil
			}
		}
		if err != nil {
			return d.part, err
		}
	}
}

// progress is how much a request has to bring so that the failures before it
// are forgotten. A connection that is cut after a few bytes each time never ends
// otherwise.
const progress = 64 << 10

// short reports whether the file has ended before Shopify says it does.
func (d *download) short() bool {
	end := d.r.Offset + d.part.Bytes
	ended := d.r.Length == 0 || d.part.Bytes < d.r.Length || d.part.Total >= 0 && end >= d.part.Total
	return ended && end < d.b.Bytes
}

// shortage is the failure that a short file is. Its size is to be learned anew:
// it may have been a broken answer's.
func (d *download) shortage() error {
	d.part.Total = -1
	return unavailable("the file ended at byte %d, Shopify says that it has %d", d.r.Offset+d.part.Bytes, d.b.Bytes)
}

// refresh asks for the operation anew, which has to have a result.
func (d *download) refresh(ctx context.Context) error {
	b, err := d.c.PollBulk(ctx, d.b.ID)
	d.b = b
	switch {
	case err != nil:
		return err
	case b.url != nil:
		return nil
	case b.Err() != nil:
		return b.Err()
	case b.Done():
		return fmt.Errorf("the operation has no result: nothing matched its filter: %w", errs.NotFound)
	}
	return fmt.Errorf("the operation is %s, there is no result yet: %w", b.Status, errs.Conflict)
}

// errRefused is the answer of the download host to an address that expired.
var errRefused = fmt.Errorf("the download host refuses the result's address, even a new one: %w", errs.NotFound)

// download is one call of Download.
type download struct {
	c     *Client
	b     Bulk
	r     Range
	w     io.Writer
	part  Part
	whole bool // no part is asked for: the host compresses, and its parts would be those of the compressed file
}

// slowest is how many bytes a second a download has to bring.
const slowest = 1 << 10

// fetch makes one request for what is missing, and returns nil once nothing
// is. Silence for longer than Retry.Timeout ends it, and so does a trickle.
func (d *download) fetch(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(d.c.retry.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()

	from := d.r.Offset + d.part.Bytes
	req, err := d.request(ctx, from)
	if err != nil {
		return err
	}
	resp, err := d.c.files.Do(req)
	if err != nil {
		return networkFailure(stalled(ctx, err))
	}
	defer resp.Body.Close()
	skip, total, err := d.accept(resp, from)
	if err != nil {
		return err
	}
	if total >= 0 && from >= total {
		return d.atEnd(from, total)
	}
	body := io.Reader(&watched{r: resp.Body, timer: timer, timeout: d.c.retry.Timeout})
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return networkFailure(stalled(ctx, err))
		}
	}
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return networkFailure(stalled(ctx, err))
	}
	return d.copy(ctx, body)
}

func (d *download) request(ctx context.Context, from int64) (*http.Request, error) {
	u, err := url.Parse(*d.b.url)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(d.c.plain && u.Scheme == "http") {
		return nil, fmt.Errorf("address of the result is no https address: %w", errs.Corrupt)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("address of the result is no https address: %w", errs.Corrupt)
	}
	span := fmt.Sprintf("bytes=%d-", from)
	if d.r.Length > 0 {
		span += strconv.FormatInt(d.r.Offset+d.r.Length-1, 10)
	}
	if !d.whole {
		req.Header.Set("Range", span)
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "macrodata")
	if etag := d.part.ETag; etag != "" && !strings.HasPrefix(etag, "W/") {
		req.Header.Set("If-Range", etag)
	}
	return req, nil
}

// accept judges an answer by its header: how many bytes of its body come
// before the ones asked for, and how large the file is, -1 where that isn't
// told.
func (d *download) accept(resp *http.Response, from int64) (skip, total int64, err error) {
	h := resp.Header
	switch status := resp.StatusCode; status {
	case http.StatusOK:
		// The server ignores ranges, or the file isn't the one of the ETag.
		skip, total = from, resp.ContentLength
		if h.Get("Content-Encoding") != "" {
			total = -1
		}
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		start, size, ok := contentRange(h.Get("Content-Range"))
		if h.Get("Content-Encoding") != "" && !d.whole {
			d.whole = true
			return 0, 0, unavailable("the download host sent a part of a compressed file")
		}
		if status == http.StatusPartialContent && (!ok || start != from || h.Get("Content-Encoding") != "") {
			return 0, 0, fmt.Errorf("the download host sent another part than asked for: %w", errs.Corrupt)
		}
		if status == http.StatusRequestedRangeNotSatisfiable && size < 0 {
			return 0, 0, fmt.Errorf("the file has no byte %d: %w", from, errs.Corrupt)
		}
		total = size
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return 0, 0, errRefused
	default:
		f := unavailable("the download host answers with status %d", status)
		f.wait = retryAfter(h)
		return 0, 0, f
	}
	etag := h.Get("ETag")
	if d.part.ETag != "" && etag != "" && etag != d.part.ETag ||
		d.part.Total >= 0 && total >= 0 && total != d.part.Total {
		return 0, 0, fmt.Errorf("the file changed while it was downloaded: %w", errs.Corrupt)
	}
	if etag != "" {
		d.part.ETag = etag
	}
	d.part.Total = max(d.part.Total, total)
	return skip, total, nil
}

// atEnd judges a request that began at or after the end of the file.
func (d *download) atEnd(from, total int64) error {
	if from == total {
		return nil
	}
	return fmt.Errorf("the file has %d bytes, byte %d was asked for: %w", total, from, errs.Corrupt)
}

// copy writes the body until the range or the file ends.
func (d *download) copy(ctx context.Context, body io.Reader) error {
	buf := make([]byte, 128<<10)
	for d.r.Length == 0 || d.part.Bytes < d.r.Length {
		b := buf
		if d.r.Length > 0 {
			b = buf[:min(int64(len(buf)), d.r.Length-d.part.Bytes)]
		}
		n, err := body.Read(b)
		if n > 0 {
			written, err := d.w.Write(b[:n])
			d.part.Bytes += int64(written)
			if err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return networkFailure(stalled(ctx, err))
		}
	}
	end := d.r.Offset + d.part.Bytes
	if d.part.Total >= 0 && end < d.part.Total && (d.r.Length == 0 || d.part.Bytes < d.r.Length) {
		return unavailable("the answer ended at byte %d of %d", end, d.part.Total)
	}
	return nil
}

// stalled returns the reason that a request was given up for, or else err.
func stalled(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// contentRange reads "bytes 5-9/20" and "bytes */20"; a size of "*" is -1.
func contentRange(s string) (start, size int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, all, found := strings.Cut(s, "/")
	size, err := strconv.ParseInt(all, 10, 64)
	if err != nil {
		size = -1
	}
	first, _, _ := strings.Cut(span, "-")
	start, err = strconv.ParseInt(first, 10, 64)
	return start, size, ok && found && err == nil
}

// watched restarts a timer each time that enough has come for its time.
type watched struct {
	r       io.Reader
	timer   *time.Timer
	timeout time.Duration
	came    int // since the timer was restarted
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.came += n; float64(w.came) >= slowest*w.timeout.Seconds() {
		w.timer.Reset(w.timeout)
		w.came = 0
	}
	return n, err
}
