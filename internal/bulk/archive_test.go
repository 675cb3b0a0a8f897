package bulk_test

import (
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/bulk"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestAFileIsReadFromAnyByteOn(t *testing.T) {
	t.Parallel()
	archive := open(t, "one\n", "", "two\nthree\n")
	whole := "one\ntwo\nthree\n"
	f := bulk.File{Parts: []bulk.Part{{Key: "0", Bytes: 4}, {Key: "1"}, {Key: "2", Bytes: 10}}}
	for offset := range int64(len(whole) + 2) {
		in := bulk.Open(t.Context(), archive, f, offset)
		got, err := io.ReadAll(in)
		if err != nil || string(got) != whole[min(offset, int64(len(whole))):] {
			t.Errorf("from %d on: %q, %v", offset, got, err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPartOfAnotherLengthIsCorrupt(t *testing.T) {
	t.Parallel()
	archive := open(t, "four")
	for _, length := range []int64{3, 5} {
		in := bulk.Open(t.Context(), archive, bulk.File{Parts: []bulk.Part{{Key: "0", Bytes: length}}}, 0)
		if got, err := io.ReadAll(in); !errors.Is(err, errs.Corrupt) {
			t.Errorf("written with %d bytes: %q, %v", length, got, err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// open returns an archive with an object for each text, named by number.
func open(t *testing.T, texts ...string) *blob.Store {
	t.Helper()
	archive, err := blob.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := archive.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, text := range texts {
		put(t, archive, strconv.Itoa(i), text)
	}
	return archive
}

func put(t *testing.T, archive *blob.Store, key, text string) {
	t.Helper()
	err := archive.Put(t.Context(), key, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
