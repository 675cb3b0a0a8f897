// Package blob is object storage: a folder, memory or S3, behind one
// interface. Keys are slash-separated paths that this program chooses; names
// that come from outside never become keys.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/memblob"  // mem://
	_ "gocloud.dev/blob/s3blob"   // s3://
	"gocloud.dev/gcerrors"

	"github.com/macrodata-dev/macrodata/internal/disk"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Store is one bucket.
type Store struct{ bucket *blob.Bucket }

// Open opens a bucket by URL: "file:///path", "mem://" or "s3://bucket?…". The
// folder of a file URL is made where it is missing.
func Open(ctx context.Context, rawURL string) (_ *Store, err error) {
	defer errs.Wrap(&err, "open object storage")
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errs.WithRemedy(fmt.Errorf("the URL can't be parsed: %w", errs.Invalid),
			"set MACRODATA_BLOB_URL to file:///path or s3://bucket?region=…")
	}
	if u.Scheme == "file" {
		if err := os.MkdirAll(u.Path, 0o750); err != nil {
			return nil, err
		}
		q := u.Query()
		// Files are renamed into place within the folder itself, and carry no sidecars.
		q.Set("no_tmp_dir", "true")
		q.Set("metadata", "skip")
		u.RawQuery = q.Encode()
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Invalid),
			"set MACRODATA_BLOB_URL to file:///path or s3://bucket?region=…")
	}
	return &Store{b}, nil
}

// Close frees the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

// Put writes an object with what write writes. It appears whole or not at all.
func (s *Store) Put(ctx context.Context, key string, write func(io.Writer) error) (err error) {
	defer errs.Wrap(&err, "put %s", key)
	// Closing a writer whose context is cancelled drops what was written.
	ctx, drop := context.WithCancel(ctx)
	defer drop()
	w, err := s.bucket.NewWriter(ctx, key, nil)
	if err != nil {
		return kind(err)
	}
	if err := write(writer{w}); err != nil {
		drop()
		w.Close() //nolint:errcheck // the first error counts
		return err
	}
	return kind(w.Close())
}

// writer gives errors of the storage their kind before they are among those of
// who writes.
type writer struct{ to io.Writer }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	return n, kind(err)
}

// Open reads an object from offset on; length < 0 means to the end.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, kind(err))
	}
	return r, nil
}

// Size returns an object's length in bytes, or errs.NotFound.
func (s *Store) Size(ctx context.Context, key string) (int64, error) {
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w", key, kind(err))
	}
	return a.Size, nil
}

// unfinished ends the name of a file that is being written. A killed process
// leaves it behind; no key of ours ends so.
const unfinished = ".tmp"

// List calls fn with each key under a prefix, in order.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, size int64) error) error {
	it := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, kind(err))
		}
		if strings.HasSuffix(o.Key, unfinished) {
			continue
		}
		if err := fn(o.Key, o.Size); err != nil {
			return err
		}
	}
}

// Delete removes an object; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	err := s.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return kind(err)
}

func kind(err error) error {
	if err == nil || errs.Kind(err) != "internal" {
		return err
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("%w: %w", err, errs.NotFound)
	case gcerrors.PermissionDenied:
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Denied), "check the rights of MACRODATA_BLOB_URL")
	case gcerrors.Canceled:
		return err
	}
	if full := disk.Full(err); errors.Is(full, errs.Unavailable) {
		return full
	}
	return fmt.Errorf("%w: %w", err, errs.Unavailable)
}
