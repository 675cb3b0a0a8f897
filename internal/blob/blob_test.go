package blob_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

// each runs a test on every kind of store that needs no server.
func each(t *testing.T, test func(t *testing.T, s *blob.Store)) {
	for name, url := range map[string]string{"a folder": "file://" + filepath.Join(t.TempDir(), "new", "folder"), "memory": "mem://"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := blob.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, s)
		})
	}
}

func put(t *testing.T, s *blob.Store, key, text string) {
	t.Helper()
	err := s.Put(t.Context(), key, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *blob.Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatIsPutCanBeReadListedAndDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		put(t, s, "a/2.txt", "hello")
		put(t, s, "a/1.txt", "first")
		put(t, s, "b/1.txt", "other")
		put(t, s, "a/2.txt", "hello again")
		if got := read(t, s, "a/2.txt", 6, 3); got != "aga" {
			t.Errorf("a range is %q", got)
		}
		if got := read(t, s, "a/2.txt", 0, -1); got != "hello again" {
			t.Errorf("the whole is %q", got)
		}
		if n, err := s.Size(t.Context(), "a/1.txt"); n != 5 || err != nil {
			t.Errorf("size %d, %v", n, err)
		}
		var keys []string
		err := s.List(t.Context(), "a/", func(key string, _ int64) error { keys = append(keys, key); return nil })
		if d := cmp.Diff([]string{"a/1.txt", "a/2.txt"}, keys); err != nil || d != "" {
			t.Errorf("%v %s", err, d)
		}
		for range 2 { // the second time there is nothing to delete
			if err := s.Delete(t.Context(), "a/1.txt"); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Open(t.Context(), "a/1.txt", 0, -1); !errors.Is(err, errs.NotFound) {
			t.Errorf("a deleted object: %v", err)
		}
	})
}

func TestAnObjectAppearsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		put(t, s, "kept", "before")
		boom := errors.New("boom")
		for _, key := range []string{"kept", "new"} {
			err := s.Put(t.Context(), key, func(w io.Writer) error {
				if _, err := io.WriteString(w, strings.Repeat("half ", 1<<16)); err != nil {
					return err
				}
				return boom
			})
			if !errors.Is(err, boom) {
				t.Errorf("got %v, want the writer's own error", err)
			}
		}
		if got := read(t, s, "kept", 0, -1); got != "before" {
			t.Errorf("the object was changed to %.20q", got)
		}
		if _, err := s.Size(t.Context(), "new"); !errors.Is(err, errs.NotFound) {
			t.Errorf("half an object exists: %v", err)
		}
	})
}

func TestAFolderIsLeftClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := blob.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	put(t, s, "x/whole", "text")
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Put(ctx, "x/half", func(w io.Writer) error { cancel(); return ctx.Err() })
	if err == nil {
		t.Error("a cancelled write succeeded")
	}
	entries, err := os.ReadDir(filepath.Join(dir, "x"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "whole" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestABadAddressIsRefusedWithARemedy(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "ftp://x", "://", "nonsense"} {
		_, err := blob.Open(t.Context(), url)
		if !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" {
			t.Errorf("Open(%q): %v", url, err)
		}
	}
}
