package duck_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// far makes the files of a lakehouse remote, and counts how often they are
// fetched.
type far struct {
	duck.Lake
	opened atomic.Int64
	cut    atomic.Bool // files come short
}

const bucket = "s3://bucket"

func (f *far) PlanBetween(ctx context.Context, table, asOf string, from, until time.Time) (lake.Plan, error) {
	p, err := f.Lake.PlanBetween(ctx, table, asOf, from, until)
	for i := range p.Files {
		p.Files[i].Path = bucket + p.Files[i].Path
	}
	return p, err
}

func (f *far) OpenFile(_ context.Context, _, path string) (io.ReadCloser, error) {
	f.opened.Add(1)
	file, err := os.Open(strings.TrimPrefix(path, bucket))
	if err == nil && f.cut.Load() {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(file, 100), file}, nil
	}
	return file, err
}

// newFar returns a lab with remote files: one for each of four months.
func newFar(t *testing.T) (*lab, *far) {
	t.Helper()
	l := newLab(t)
	var sales []rows.Sale
	for line := range 200 {
		sales = append(sales, sale(line+1, 0))
	}
	l.add(t, sales...)
	f := &far{Lake: l.Lake}
	l.cfg.Lake, l.cfg.Warehouse = f, "s3://bucket/warehouse"
	return l, f
}

func count(t *testing.T, d *duck.DB) (n int64, err error) {
	got, err := d.Table(t.Context(), duck.Request{Name: "table_rows", Table: rows.TableSales})
	if err == nil {
		n = got.Rows[0][0].(int64)
	}
	return n, err
}

func TestRemoteFilesAreFetchedOnce(t *testing.T) {
	t.Parallel()
	l, f := newFar(t)
	first := l.engine(t, func(c *duck.Config) { c.Running = 4 })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if n, err := count(t, first); n != 200 || err != nil {
				t.Errorf("counted %d, %v", n, err)
			}
		})
	}
	all.Wait()
	p, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil || len(p.Files) < 4 || f.opened.Load() != int64(len(p.Files)) {
		t.Errorf("%d files were fetched %d times, %v", len(p.Files), f.opened.Load(), err)
	}
	if n, err := count(t, l.engine(t)); n != 200 || err != nil || f.opened.Load() != int64(len(p.Files)) {
		t.Errorf("the next process counts %d, %v, and files were fetched %d times", n, err, f.opened.Load())
	}
}

func TestOnlyFilesOfTheRangeAreFetched(t *testing.T) {
	t.Parallel()
	l, f := newFar(t)
	salesTotals(t, l.engine(t), "", start, start.AddDate(0, 0, 2))
	if n := f.opened.Load(); n != 1 {
		t.Errorf("%d files were fetched for two days of one month", n)
	}
}

func TestShortCopiesAreNotRead(t *testing.T) {
	t.Parallel()
	l, f := newFar(t)
	d := l.engine(t)
	f.cut.Store(true)
	if n, err := count(t, d); !errors.Is(err, errs.Unavailable) {
		t.Errorf("counted %d, %v, of files that came short", n, err)
	}
	f.cut.Store(false)
	if n, err := count(t, d); n != 200 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	copies, err := filepath.Glob(filepath.Join(l.cfg.Dir, "files", "*"))
	if err != nil || len(copies) < 4 {
		t.Fatalf("the cache has %v, %v", copies, err)
	}
	if err := os.Truncate(copies[0], 10); err != nil { // as a crash of the machine might
		t.Fatal(err)
	}
	spilled := filepath.Join(l.cfg.Dir, "spill", "duckdb_temp_storage-0.tmp")
	leftovers := []string{copies[1] + ".part", spilled}
	for _, path := range leftovers {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := count(t, l.engine(t)); n != 200 || err != nil {
		t.Errorf("after a crash: counted %d, %v", n, err)
	}
	for _, path := range leftovers {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

func TestTheCacheStaysWithinItsLimit(t *testing.T) {
	t.Parallel()
	l, f := newFar(t)
	p, err := l.Plan(t.Context(), rows.TableSales, "")
	if err != nil {
		t.Fatal(err)
	}
	var all, largest int64
	for _, file := range p.Files {
		all += file.Bytes
		largest = max(largest, file.Bytes)
	}
	d := l.engine(t, func(c *duck.Config) { c.CacheLimit = largest + 1 })
	if _, err := count(t, d); !errors.Is(err, errs.TooLarge) || errs.Remedy(err) == "" {
		t.Errorf("all files don't fit: %v, want too large, with a remedy", err)
	}
	for range 2 {
		for month := range 4 {
			from := start.AddDate(0, month, 1)
			salesTotals(t, d, "", from, from.AddDate(0, 0, 1))
			var size int64
			copies, err := filepath.Glob(filepath.Join(l.cfg.Dir, "files", "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range copies {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				size += info.Size()
			}
			if size == 0 || size > largest+1 {
				t.Errorf("the cache has %d bytes, %d are allowed", size, largest+1)
			}
		}
	}
	if n := f.opened.Load(); n != 8 {
		t.Errorf("files were fetched %d times, want each time, for only one fits", n)
	}
}
