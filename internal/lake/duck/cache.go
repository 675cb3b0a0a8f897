package duck

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
)

// fetchers is how many files are fetched at once for a query.
const fetchers = 4

// cache keeps copies of remote data files in a folder. Data files never change,
// so a copy is never out of date; those that weren't read for longest go first
// when the folder is full.
type cache struct {
	dir   string
	limit int64 // bytes
	open  func(ctx context.Context, table, path string) (io.ReadCloser, error)

	mu      sync.Mutex
	bytes   int64
	entries map[string]*entry // by name in dir
}

// entry is a copy, or one that is being made.
type entry struct {
	bytes int64
	users int // queries that read it: it stays
	last  time.Time
	lock  chan struct{} // held by whoever looks for the file or fetches it
}

// openCache takes over what an earlier process left in the folder.
func openCache(dir string, limit int64, open func(ctx context.Context, table, path string) (io.ReadCloser, error)) (*cache, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	c := &cache{dir: dir, limit: limit, open: open, entries: map[string]*entry{}}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(f.Name(), ".parquet") {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil { // a fetch that was cut off
				return nil, err
			}
			continue
		}
		c.entries[f.Name()] = &entry{bytes: info.Size(), last: info.ModTime(), lock: make(chan struct{}, 1)}
		c.bytes += info.Size()
	}
	return c, nil
}

// fetch returns where the files are, having copied those that weren't there.
// They stay until they are released.
func (c *cache) fetch(ctx context.Context, table string, files []lake.File) (paths []string, release func(), err error) {
	names, err := c.reserve(files)
	if err != nil {
		return nil, nil, err
	}
	release = func() { c.release(names) }
	if err := c.ensureAll(ctx, table, files, names); err != nil {
		release()
		return nil, nil, err
	}
	for _, name := range names {
		paths = append(paths, filepath.Join(c.dir, name))
	}
	return paths, release, nil
}

// ensureAll copies several files at once. The first error ends it.
func (c *cache) ensureAll(ctx context.Context, table string, files []lake.File, names []string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(fetchers, len(files)) {
		workers.Go(func() {
			for i := range next {
				if err := c.ensure(ctx, table, files[i], names[i]); err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range files {
		next <- i // workers that have failed before do nothing and come back soon
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// reserve makes room for the files and keeps them from being removed.
func (c *cache) reserve(files []lake.File) (names []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wanted int64
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.Path))
		name := hex.EncodeToString(sum[:]) + ".parquet"
		names = append(names, name)
		e := c.entries[name]
		if e == nil {
			e = &entry{lock: make(chan struct{}, 1)}
			c.entries[name] = e
		}
		c.bytes += f.Bytes - e.bytes // which differ where a copy is short
		e.bytes = f.Bytes
		e.users++
		wanted += f.Bytes
	}
	err = c.evict()
	if err == nil && c.bytes > c.limit {
		err = errs.WithRemedy(
			fmt.Errorf("the query reads %d MiB of files, beside others that are being read; the cache holds %d MiB: %w",
				wanted>>20, c.limit>>20, errs.TooLarge),
			"ask for a shorter range, or give the cache more room")
	}
	if err != nil {
		for _, name := range names {
			c.entries[name].users--
		}
		return nil, errors.Join(err, c.evict())
	}
	return names, nil
}

// evict removes copies that nobody reads until the rest fits.
func (c *cache) evict() error {
	if c.bytes <= c.limit {
		return nil
	}
	var idle []string
	for name, e := range c.entries {
		if e.users == 0 {
			idle = append(idle, name)
		}
	}
	slices.SortFunc(idle, func(a, b string) int {
		return cmp.Or(c.entries[a].last.Compare(c.entries[b].last), strings.Compare(a, b))
	})
	for _, name := range idle {
		if c.bytes <= c.limit {
			break
		}
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		c.bytes -= c.entries[name].bytes
		delete(c.entries, name)
	}
	return nil
}

func (c *cache) release(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.entries[name].users--
		c.entries[name].last = time.Now()
	}
}

// ensure copies a file unless a whole copy is there. Of several queries that
// want it at once, one copies and the rest wait.
func (c *cache) ensure(ctx context.Context, table string, f lake.File, name string) error {
	c.mu.Lock()
	lock := c.entries[name].lock
	c.mu.Unlock()
	select {
	case lock <- struct{}{}:
		defer func() { <-lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	path := filepath.Join(c.dir, name)
	if info, err := os.Stat(path); err == nil && info.Size() == f.Bytes {
		return nil
	}
	return c.copy(ctx, table, f, path)
}

func (c *cache) copy(ctx context.Context, table string, f lake.File, path string) (err error) {
	defer errs.Wrap(&err, "fetch %s", f.Path)
	from, err := c.open(ctx, table, f.Path)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	part := path + ".part"
	to, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, &reader{ctx, from})
	if err == nil && n != f.Bytes {
		err = fmt.Errorf("it has %d bytes instead of %d: %w", n, f.Bytes, errs.Unavailable)
	}
	if err == nil {
		err = to.Sync() // a copy whose size is right is taken for whole
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

// reader stops when its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
