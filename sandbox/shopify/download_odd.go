package shopify

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// odd says whether the body is none that a good host would send.
func (f DownloadFault) odd() bool { return f.Empty || f.Gzip || f.Longer != 0 || f.Trickle > 0 }

// sendOddly sends a file, or what its ranges have left, as a broken host or
// proxy does.
func sendOddly(w http.ResponseWriter, r *http.Request, fault DownloadFault, file io.ReadSeeker, size int64) {
	var from int64
	status := http.StatusOK
	if n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 && err == nil && from < size {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		storageError(w, http.StatusInternalServerError, "InternalError")
		return
	}
	var out io.Writer = w
	switch {
	case fault.Empty:
		w.Header().Set("Content-Length", "0")
		file = bytes.NewReader(nil)
	case fault.Gzip:
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		defer packed.Close() //nolint:errcheck // a client that went away needs no end
		out = packed
	default:
		w.Header().Set("Content-Length", strconv.FormatInt(size-from+fault.Longer, 10))
	}
	w.WriteHeader(status)
	if fault.Trickle > 0 {
		trickle(w, r, file, fault.Trickle)
		return
	}
	io.Copy(out, file) //nolint:errcheck // a client that went away needs no body
}

// trickle sends byte by byte until the client has enough of it.
func trickle(w http.ResponseWriter, r *http.Request, file io.Reader, every time.Duration) {
	out := http.NewResponseController(w)
	for b := make([]byte, 1); r.Context().Err() == nil; pause(r, every) {
		if _, err := io.ReadFull(file, b); err != nil {
			return
		}
		if _, err := w.Write(b); err != nil || out.Flush() != nil {
			return
		}
	}
}
