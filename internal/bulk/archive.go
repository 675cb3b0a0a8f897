package bulk

import (
	"context"
	"fmt"
	"io"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Open reads an archived file from a byte on. A part that has not the length
// that it was written with is errs.Corrupt.
func Open(ctx context.Context, archive *blob.Store, f File, offset int64) io.ReadCloser {
	return &reader{ctx: ctx, archive: archive, parts: f.Parts, skip: offset}
}

// reader reads the parts of a file as one stream, opening each when the one
// before has ended.
type reader struct {
	ctx     context.Context
	archive *blob.Store
	parts   []Part
	skip    int64
	left    int64 // of the open part
	in      io.ReadCloser
}

func (r *reader) Read(p []byte) (int, error) {
	for r.in == nil {
		if len(r.parts) == 0 {
			return 0, io.EOF
		}
		next := r.parts[0]
		r.parts = r.parts[1:]
		if r.skip >= next.Bytes {
			r.skip -= next.Bytes
			continue
		}
		in, err := r.archive.Open(r.ctx, next.Key, r.skip, -1)
		if err != nil {
			return 0, err
		}
		r.in, r.left, r.skip = in, next.Bytes-r.skip, 0
	}
	n, err := r.in.Read(p)
	if r.left -= int64(n); r.left < 0 || err == io.EOF && r.left > 0 {
		return n, fmt.Errorf("a part of the archive has not the length that it was written with: %w", errs.Corrupt)
	}
	if err == io.EOF {
		err = r.in.Close()
		r.in = nil
	}
	return n, err
}

func (r *reader) Close() error {
	if r.in == nil {
		return nil
	}
	return r.in.Close()
}
