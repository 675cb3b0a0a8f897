package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// File is what an endpoint of [Content] sends.
type File struct {
	Name      string // that the browser keeps it under
	MediaType string
	Size      int64
	ETag      string    // without quotes, such as a hash; may be ""
	Modified  time.Time // may be zero
	Inline    bool      // shown, and not kept: only what can't run in a browser

	// Open reads the file from an offset on, up to its end where length < 0.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Content returns an endpoint that sends a file, or the range of it that the
// client asks for. Whatever the file is, the browser runs nothing of it.
func Content[I any](path, id, summary string, find func(context.Context, *I) (*File, error), opts ...Option) Endpoint {
	e := newEndpoint(http.MethodGet, path, id, summary, opts)
	e.register = func(a *API, e Endpoint) {
		registerStream(a, e, "application/octet-stream", stringSchema, func(hc huma.Context, req *I) (func(), error) {
			f, err := find(hc.Context(), req)
			if err != nil {
				return nil, err
			}
			r, w := humago.Unwrap(hc)
			return func() { f.send(w, r) }, nil
		})
	}
	return e
}

func (f *File) send(w http.ResponseWriter, r *http.Request) {
	disposition := "attachment"
	if f.Inline {
		disposition = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", f.MediaType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.Name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if f.ETag != "" {
		h.Set("ETag", `"`+f.ETag+`"`)
	}
	body := &seeker{ctx: r.Context(), file: f, w: http.NewResponseController(w)}
	defer body.Close()
	http.ServeContent(w, r, "", f.Modified, body)
	if body.err != nil {
		cut(r.Context(), body.err)
	}
}

// seeker reads a file where http.ServeContent wants it. It opens it once for
// each place.
type seeker struct {
	ctx    context.Context
	file   *File
	w      *http.ResponseController
	offset int64
	open   io.ReadCloser
	err    error // that cut the response; what is sent is then shorter than was said
}

// Read reads on, and gives the client time for what is read.
func (s *seeker) Read(p []byte) (n int, err error) {
	if s.open == nil {
		if s.open, err = s.file.Open(s.ctx, s.offset, -1); err != nil {
			s.err = err
			return 0, err
		}
	}
	_ = s.w.SetWriteDeadline(time.Now().Add(writeTimeout)) // as in readBody
	n, err = s.open.Read(p)
	s.offset += int64(n)
	if err == io.EOF && s.offset < s.file.Size { //nolint:errorlint // a Read returns io.EOF itself
		err = fmt.Errorf("the file ended at %d of %d bytes", s.offset, s.file.Size)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Seek moves to another place.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.offset
	case io.SeekEnd:
		offset += s.file.Size
	}
	if offset != s.offset {
		s.Close()
		s.offset = offset
	}
	return offset, nil
}

// Close ends what is open.
func (s *seeker) Close() {
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
}
